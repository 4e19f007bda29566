/** The bit filters that let most packets pass that are none of ours. */
import type { IpAddress } from '../../base/index.ts';
import type { Records } from './records.ts';

/** Sets the bits of these addresses, as the packet path hashes them, and clears all others. */
export function writeFilter(settings: Records, field: string, addresses: readonly IpAddress[]): void {
  const bytes = new Uint8Array(settings.sizeOf(field));
  for (const address of addresses) {
    const bit = Math.imul(foldWords(address.bytes), 0x9e3779b1) >>> 20;
    bytes[bit >>> 3] = (bytes[bit >>> 3] as number) | (1 << (bit & 7));
  }
  settings.setBytes(0, field, bytes);
}

/** The address in one word: the exclusive or of its 32-bit words as they lie in packets. */
export function foldWords(address: Uint8Array): number {
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  let folded = 0;
  for (let at = 0; at < address.length; at += 4) folded ^= view.getUint32(at, true);
  return folded;
}
