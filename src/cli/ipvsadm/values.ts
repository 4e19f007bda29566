/** The values of options: numbers, addresses, masks and scheduler flags. */
import { IpAddress } from '../../base/index.ts';
import type { Protocol } from '../../model/index.ts';
import type { Names } from './names.ts';
import { UsageError } from './usage.ts';

/** A decimal number as strtol reads it (blanks and a plus sign in front), within the limits. */
export function parseNumber(text: string, low: number, high: number): number | undefined {
  if (!/^\s*[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= low && value <= high ? value : undefined;
}

export interface Endpoint {
  readonly address: IpAddress;
  /** Undefined when none was said. */
  readonly port: number | undefined;
}

/**
 * `address`, `address:port`, `[v6]:port`, a bare IPv6 address, or a host name in place of an IPv4 address. Without a
 * protocol (no service was named before) a port must be a number. Digits alone are refused: a port was probably meant.
 */
export async function parseEndpoint(text: string, protocol: Protocol | undefined, names: Names): Promise<Endpoint | undefined> {
  if (/^\d*$/.test(text)) return undefined;
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    const address = IpAddress.parse(text.slice(1, close < 0 ? 1 : close));
    if (address?.family !== 6 || text[close + 1] !== ':') return undefined;
    return withPort(address, text.slice(close + 2), protocol, names);
  }
  const bare = IpAddress.parse(text);
  if (bare) return { address: bare, port: undefined };
  const colon = text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  const address = IpAddress.parse(host) ?? (/[a-z]/i.test(host) ? await names.address(host) : undefined);
  if (!address) return undefined;
  return colon < 0 ? { address, port: undefined } : withPort(address, text.slice(colon + 1), protocol, names);
}

async function withPort(address: IpAddress, text: string, protocol: Protocol | undefined, names: Names): Promise<Endpoint | undefined> {
  const port = parseNumber(text, 0, 65535) ?? (protocol && /^[a-z]/i.test(text) ? await names.portNumber(text, protocol) : undefined);
  return port === undefined ? undefined : { address, port };
}

/** An IPv4 netmask as a prefix length. Masks with holes, which ipvsadm takes, are refused: no client network looks like that. */
export function parseMask(text: string): number | undefined {
  if (/^\s*0+$/.test(text)) return 0;
  const mask = IpAddress.parse(text);
  if (mask?.family !== 4) return undefined;
  const inverse = ~mask.toV4Number() >>> 0;
  return (inverse & (inverse + 1)) === 0 ? Math.clz32(inverse) : undefined;
}

/** The flags of a scheduler by their bits, as IPVS numbers them. */
function flagNames(scheduler: string): readonly string[] {
  return scheduler === 'sh' || scheduler === 'mh'
    ? [`${scheduler}-fallback`, `${scheduler}-port`, 'flag-3']
    : ['flag-1', 'flag-2', 'flag-3'];
}

const FLAG_BITS: Readonly<Record<string, number>> = {
  'flag-1': 0,
  'flag-2': 1,
  'flag-3': 2,
  'sh-fallback': 0,
  'sh-port': 1,
  'mh-fallback': 0,
  'mh-port': 1,
};

/** Reads `-b`: comma-separated flags, given back in the order of their bits and under the scheduler's own names. */
export function parseFlags(text: string, scheduler: string): readonly string[] {
  const bits = new Set<number>();
  for (const flag of text.split(',').filter((part) => part !== '')) {
    const bit = FLAG_BITS[flag];
    if (bit === undefined) throw new UsageError(`invalid scheduler flag \`${flag}'`);
    if (!flag.startsWith('flag-') && !flag.startsWith(`${scheduler}-`)) throw new UsageError(`incompatible scheduler flag \`${flag}'`);
    bits.add(bit);
  }
  return flagNames(scheduler).filter((_, bit) => bits.has(bit));
}

/** Flags from the data plane, in the order and spelling that ipvsadm prints. */
export function sortedFlags(flags: readonly string[], scheduler: string): readonly string[] {
  const bits = new Set(flags.map((flag) => FLAG_BITS[flag]));
  return flagNames(scheduler).filter((_, bit) => bits.has(bit));
}
