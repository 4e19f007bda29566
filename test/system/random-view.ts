/** What a test looks at in a frame, ten million times: numbers and places in it, nothing copied. */

const ETHERNET = 14;
const TYPE_IP = 0x0800;
const TYPE_IP6 = 0x86dd;
const IP6_HEADER = 40;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;
/** One's complement arithmetic is arithmetic modulo this. */
const ONES = 0xffff;

export interface View {
  readonly bytes: Uint8Array;
  readonly family: 4 | 6;
  /** Where the IP header is. */
  readonly at: number;
  /** Where the addresses are, and how long one is. */
  readonly addresses: number;
  readonly size: number;
  readonly protocol: number;
  readonly ttl: number;
  /** Where what IP carries begins, and where the packet ends: padding may follow. */
  readonly body: number;
  readonly end: number;
  readonly isFragment: boolean;
  /** It has no ports. */
  readonly isLater: boolean;
}

export const word = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

export const long = (bytes: Uint8Array, at: number): number => word(bytes, at) * 0x1_0000 + word(bytes, at + 2);

/** A frame, or with `at` a packet within one; undefined where it is neither IPv4 nor IPv6 with all its headers. */
export function viewOf(bytes: Uint8Array, at?: number): View | undefined {
  if (at === undefined) {
    const type = bytes.length < ETHERNET ? 0 : word(bytes, 12);
    if (type === TYPE_IP) return view4(bytes, ETHERNET);
    return type === TYPE_IP6 ? view6(bytes, ETHERNET) : undefined;
  }
  return (bytes[at] as number) >> 4 === 4 ? view4(bytes, at) : view6(bytes, at);
}

function view4(bytes: Uint8Array, at: number): View | undefined {
  const header = ((bytes[at] as number) & 15) * 4;
  if ((bytes[at] as number) >> 4 !== 4 || header < 20 || at + header > bytes.length) return undefined;
  const cut = word(bytes, at + 6);
  return {
    bytes,
    family: 4,
    at,
    addresses: at + 12,
    size: 4,
    protocol: bytes[at + 9] as number,
    ttl: bytes[at + 8] as number,
    body: at + header,
    end: Math.min(bytes.length, at + word(bytes, at + 2)),
    isFragment: (cut & 0x3fff) !== 0,
    isLater: (cut & 0x1fff) !== 0,
  };
}

function view6(bytes: Uint8Array, at: number): View | undefined {
  if ((bytes[at] as number) >> 4 !== 6 || at + IP6_HEADER > bytes.length) return undefined;
  let [protocol, body, isFragment, isLater] = [bytes[at + 6] as number, at + IP6_HEADER, false, false];
  while (!isLater && (protocol === HOP_BY_HOP || protocol === ROUTING || protocol === DESTINATION || protocol === FRAGMENT)) {
    if (body + 8 > bytes.length) return undefined;
    if (protocol === FRAGMENT) {
      const cut = word(bytes, body + 2);
      isFragment ||= (cut & 0xfff9) !== 0;
      isLater = cut >= 8;
    }
    const length = protocol === FRAGMENT ? 8 : 8 + 8 * (bytes[body + 1] as number);
    protocol = bytes[body] as number;
    body += length;
  }
  if (body > bytes.length) return undefined;
  const end = Math.min(bytes.length, at + IP6_HEADER + word(bytes, at + 4));
  return { bytes, family: 6, at, addresses: at + 8, size: 16, protocol, ttl: bytes[at + 7] as number, body, end, isFragment, isLater };
}

/** The sum of 16-bit words; an odd byte at the end counts as a word's first. */
export function sum(bytes: Uint8Array, from: number, to: number): number {
  let total = 0;
  let at = from;
  for (; at + 1 < to; at += 2) total += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return at < to ? total + ((bytes[at] as number) << 8) : total;
}

/** By how much the IPv4 header's checksum is wrong. */
export function headerError({ bytes, at, body }: View): number {
  return sum(bytes, at, body) % ONES;
}

/** By how much the checksum of what IP carries is wrong, pseudo header counted or not. */
export function bodyError({ bytes, addresses, size, protocol, body, end }: View, hasPseudoHeader: boolean): number {
  const own = sum(bytes, body, end);
  return (hasPseudoHeader ? own + sum(bytes, addresses, addresses + 2 * size) + protocol + (end - body) : own) % ONES;
}

export function sameBytes(first: Uint8Array, from: number, second: Uint8Array, at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (first[from + i] !== second[at + i]) return false;
  return true;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  return crc;
});

/** Whether the checksum of SCTP is right (RFC 9260, appendix A). */
export function isAssociationRight({ bytes, body, end }: View): boolean {
  let crc = 0xffff_ffff;
  for (let at = body; at < end; at++) {
    const byte = at >= body + 8 && at < body + 12 ? 0 : (bytes[at] as number);
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 255] as number);
  }
  const said = (bytes[body + 8] as number) | ((bytes[body + 9] as number) << 8) | ((bytes[body + 10] as number) << 16);
  return ~crc >>> 0 === (said + (bytes[body + 11] as number) * 0x100_0000) >>> 0;
}
