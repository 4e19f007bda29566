/** The result of reading bytes from the network or the kernel. A decoder never throws: it accepts, or says why not. */

/** Why bytes were refused. The position in this list is the number under which a counter keeps it; retired names stay. */
export const WIRE_REASONS = [
  'truncated',
  'bad-version',
  'bad-header-length',
  'bad-length',
  'bad-checksum',
  'bad-hardware-type',
  'bad-protocol-type',
  'bad-operation',
  'bad-address-family',
] as const;

export type WireReason = (typeof WIRE_REASONS)[number];

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: WireReason };

export function accepted<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

export function refused(reason: WireReason): { readonly ok: false; readonly reason: WireReason } {
  return { ok: false, reason };
}
