/** Frames as a client's router sends them to the director, and what is looked at in the frames that leave it. */
import { IpAddress } from '../../src/base/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';

export const DIRECTOR_MAC = Uint8Array.of(0x02, 0xd1, 0, 0, 0, 1);
export const ROUTER_MAC = Uint8Array.of(0x02, 0xaa, 0x5e, 0x11, 0xc3, 0x01);
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;
/** IPv6 extension headers. */
export const EXTENSION = { hopByHop: 0, routing: 43, fragment: 44, destination: 60 } as const;
const IP6_HEADER = 40;
const ETHERTYPE_IP6 = 0x86dd;
const ETHERNET_HEADER = 14;
const FLAG_BITS: Readonly<Record<string, number>> = { F: 0x01, S: 0x02, R: 0x04, P: 0x08, A: 0x10, U: 0x20 };
/** Its polynomial, bits reflected. */
const CRC32C = 0x82f6_3b78;
const SCTP_DATA = 0;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;

/** What differs from a plain SYN of 10.0.0.1:40000 to 10.9.9.9:80. The packet is of IPv6 where the destination is. */
export interface FrameFields {
  readonly destinationMac?: Uint8Array;
  readonly etherType?: number;
  readonly source?: string;
  readonly destination?: string;
  /** Protocol number; TCP, UDP, ICMP and ICMPv6 get their headers, others only `payload`. */
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Letters of `FSRPAU`. */
  readonly flags?: string;
  /** Types of SCTP's chunks; the payload is in the first. */
  readonly chunks?: readonly number[];
  readonly ttl?: number;
  readonly identification?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In units of eight bytes. A later fragment has only `payload` behind its IP header. */
  readonly fragmentOffset?: number;
  /** IP options; a multiple of four bytes. */
  readonly options?: Uint8Array;
  /** IPv6 extension headers before all others, of eight bytes each: options of nothing but padding, routing headers with no segment left. */
  readonly extensions?: readonly number[];
  readonly icmpType?: number;
  readonly icmpCode?: number;
  /** The second word of the ICMP header. */
  readonly icmpInfo?: number;
  /** IPv4's type of service, IPv6's traffic class. */
  readonly tos?: number;
  readonly flowLabel?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** TCP options; a multiple of four bytes. */
  readonly window?: number;
  readonly tcpOptions?: ArrayLike<number>;
  /** A UDP datagram whose checksum field is 0. */
  readonly noChecksum?: boolean;
  readonly payload?: Uint8Array;
}

export function buildFrame(fields: FrameFields = {}): Uint8Array {
  const ip = buildPacket(fields);
  const { destinationMac = DIRECTOR_MAC, etherType = (ip[0] as number) >> 4 === 6 ? ETHERTYPE_IP6 : 0x0800 } = fields;
  const frame = new Uint8Array(ETHERNET_HEADER + ip.length);
  frame.set(destinationMac, 0);
  frame.set(ROUTER_MAC, 6);
  new DataView(frame.buffer).setUint16(12, etherType);
  frame.set(ip, ETHERNET_HEADER);
  return frame;
}

/** The IP packet alone, with right checksums; ICMP errors quote it. */
export function buildPacket(fields: FrameFields = {}): Uint8Array {
  if (fields.destination?.includes(':')) return buildPacket6(fields, fields.destination);
  const { source = '10.0.0.1', destination = '10.9.9.9', protocol = PROTOCOL.tcp, ttl = 64, options = new Uint8Array() } = fields;
  const header = 20 + options.length;
  const addresses = Uint8Array.of(...bytesOf(source), ...bytesOf(destination));
  const body = fields.fragmentOffset ? (fields.payload ?? new Uint8Array(8)) : transport(fields, protocol, addresses);
  const packet = new Uint8Array(header + body.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x40 | (header / 4);
  packet[1] = fields.tos ?? 0;
  view.setUint16(2, packet.length);
  view.setUint16(4, fields.identification ?? 1);
  view.setUint16(6, (fields.dontFragment ? DONT_FRAGMENT : 0) | (fields.moreFragments ? MORE_FRAGMENTS : 0) | (fields.fragmentOffset ?? 0));
  packet[8] = ttl;
  packet[9] = protocol;
  packet.set(addresses, 12);
  packet.set(options, 20);
  view.setUint16(10, internetChecksum(packet.subarray(0, header)));
  packet.set(body, header);
  return packet;
}

function buildPacket6(fields: FrameFields, destination: string): Uint8Array {
  const { source = 'fd00::1', protocol = PROTOCOL.tcp, ttl = 64, extensions = [], fragmentOffset, moreFragments } = fields;
  const addresses = Uint8Array.of(...bytesOf(source), ...bytesOf(destination));
  const body = fragmentOffset ? (fields.payload ?? new Uint8Array(8)) : transport(fields, protocol, addresses);
  const isFragment = fragmentOffset !== undefined || moreFragments;
  const types = [...extensions, ...(isFragment ? [EXTENSION.fragment] : []), protocol];
  const headers = types.slice(0, -1).map((type, at) => extension(type, types[at + 1] as number, fields));
  const packet = new Uint8Array(IP6_HEADER + 8 * headers.length + body.length);
  new DataView(packet.buffer).setUint32(0, (6 << 28) | ((fields.tos ?? 0) << 20) | (fields.flowLabel ?? 0));
  new DataView(packet.buffer).setUint16(4, packet.length - IP6_HEADER);
  packet[6] = types[0] as number;
  packet[7] = ttl;
  packet.set(addresses, 8);
  for (const [at, header] of headers.entries()) packet.set(header, IP6_HEADER + 8 * at);
  packet.set(body, IP6_HEADER + 8 * headers.length);
  return packet;
}

function extension(type: number, next: number, fields: FrameFields): Uint8Array {
  if (type === EXTENSION.routing) return Uint8Array.of(next, 0, 4, 0, 0, 0, 0, 0);
  // One option, PadN, of four bytes more.
  if (type !== EXTENSION.fragment) return Uint8Array.of(next, 0, 1, 4, 0, 0, 0, 0);
  const header = Uint8Array.of(next, 0, 0, 0, 0, 0, 0, 0);
  new DataView(header.buffer).setUint16(2, ((fields.fragmentOffset ?? 0) << 3) | (fields.moreFragments ? 1 : 0));
  new DataView(header.buffer).setUint32(4, fields.identification ?? 1);
  return header;
}

function transport(fields: FrameFields, protocol: number, addresses: Uint8Array): Uint8Array {
  if (protocol === PROTOCOL.tcp) return segment(fields, addresses);
  if (protocol === PROTOCOL.udp) return datagram(fields, addresses);
  if (protocol === PROTOCOL.sctp) return association(fields);
  const payload = fields.payload ?? new Uint8Array();
  if (protocol !== PROTOCOL.icmp && protocol !== PROTOCOL.icmp6) return payload;
  const bytes = Uint8Array.of(fields.icmpType ?? 8, fields.icmpCode ?? 0, 0, 0, 0, 0, 0, 0, ...payload);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, fields.icmpInfo ?? 0);
  view.setUint16(2, protocol === PROTOCOL.icmp6 ? pseudoChecksum(addresses, protocol, bytes) : internetChecksum(bytes));
  return bytes;
}

function segment(fields: FrameFields, addresses: Uint8Array): Uint8Array {
  const { tcpOptions = new Uint8Array(), payload = new Uint8Array() } = fields;
  const header = 20 + tcpOptions.length;
  const bytes = new Uint8Array(header + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, fields.sourcePort ?? 40_000);
  view.setUint16(2, fields.destinationPort ?? 80);
  view.setUint32(4, fields.sequence ?? 0);
  view.setUint32(8, fields.acknowledgement ?? 0);
  bytes[12] = (header / 4) << 4;
  bytes[13] = [...(fields.flags ?? 'S')].reduce((bits, letter) => bits | (FLAG_BITS[letter] as number), 0);
  view.setUint16(14, fields.window ?? 0xffff);
  bytes.set(tcpOptions, 20);
  bytes.set(payload, header);
  view.setUint16(16, pseudoChecksum(addresses, PROTOCOL.tcp, bytes));
  return bytes;
}

function datagram(fields: FrameFields, addresses: Uint8Array): Uint8Array {
  const { payload = new Uint8Array() } = fields;
  const bytes = new Uint8Array(8 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, fields.sourcePort ?? 40_000);
  view.setUint16(2, fields.destinationPort ?? 80);
  view.setUint16(4, bytes.length);
  bytes.set(payload, 8);
  // A checksum that comes out as 0 is sent as its other zero: 0 says that there is none (RFC 768).
  if (!fields.noChecksum) view.setUint16(6, pseudoChecksum(addresses, PROTOCOL.udp, bytes) || 0xffff);
  return bytes;
}

/** The payload is in the first chunk, which is filled up to a multiple of four bytes; the checksum counts no address (RFC 9260, 3). */
function association(fields: FrameFields): Uint8Array {
  const { chunks = [SCTP_DATA], payload = new Uint8Array() } = fields;
  const padding = new Uint8Array(-payload.length & 3);
  const first = [0, 0, (4 + payload.length) >> 8, (4 + payload.length) & 255, ...payload, ...padding];
  const bodies = chunks.flatMap((type, at) => (at === 0 ? [type, ...first.slice(1)] : [type, 0, 0, 4]));
  const bytes = Uint8Array.of(...new Uint8Array(12), ...bodies);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, fields.sourcePort ?? 40_000);
  view.setUint16(2, fields.destinationPort ?? 80);
  view.setUint32(4, 0x5eed);
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
}

/** RFC 9260, appendix A, bit by bit. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? CRC32C : 0);
  }
  return ~crc >>> 0;
}

/** With the pseudo-header's sum: zeros in other places than RFC 793 and RFC 8200 have them make no difference. */
export function pseudoChecksum(addresses: Uint8Array, protocol: number, segment: Uint8Array): number {
  return internetChecksum(Uint8Array.of(...addresses, 0, protocol, segment.length >> 8, segment.length & 255, ...segment));
}

function bytesOf(address: string): Uint8Array {
  const parsed = IpAddress.parse(address);
  if (!parsed) throw new Error(`${address} is no address`);
  return parsed.bytes;
}

export interface SeenFrame {
  readonly destinationMac: string;
  readonly sourceMac: string;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly ttl: number;
  readonly totalLength: number;
  /** Whether the IP header's checksum is right; that of IPv6 has none. */
  readonly checksumRight: boolean;
  /** Behind the IP header, extension headers of IPv6 included. */
  readonly body: Uint8Array;
}

export function seeFrame(frame: Uint8Array): SeenFrame {
  const ip = frame.subarray(ETHERNET_HEADER);
  if (((frame[12] as number) << 8) + (frame[13] as number) === ETHERTYPE_IP6) return seeFrame6(frame, ip);
  const header = ((ip[0] as number) & 15) * 4;
  const address = (at: number): string => String(IpAddress.fromBytes(ip.subarray(at, at + 4)));
  return {
    destinationMac: macText(frame.subarray(0, 6)),
    sourceMac: macText(frame.subarray(6, 12)),
    source: address(12),
    destination: address(16),
    protocol: ip[9] as number,
    ttl: ip[8] as number,
    totalLength: ((ip[2] as number) << 8) | (ip[3] as number),
    checksumRight: internetChecksum(ip.subarray(0, header)) === 0,
    body: ip.subarray(header),
  };
}

function seeFrame6(frame: Uint8Array, ip: Uint8Array): SeenFrame {
  const address = (at: number): string => String(IpAddress.fromBytes(ip.subarray(at, at + 16)));
  return {
    destinationMac: macText(frame.subarray(0, 6)),
    sourceMac: macText(frame.subarray(6, 12)),
    source: address(8),
    destination: address(24),
    protocol: ip[6] as number,
    ttl: ip[7] as number,
    totalLength: IP6_HEADER + ((ip[4] as number) << 8) + (ip[5] as number),
    checksumRight: true,
    body: ip.subarray(IP6_HEADER),
  };
}

export function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
