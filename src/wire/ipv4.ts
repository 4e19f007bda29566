/** The IPv4 header (RFC 791). */
import { IpAddress } from '../base/index.ts';
import { internetChecksum } from './checksum.ts';
import { accepted, type Decoded, refused } from './decoded.ts';

export const IPV4_MIN_HEADER_LENGTH = 20;

export interface Ipv4Header {
  readonly typeOfService: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In units of eight bytes, 0 to 8191. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Raw options, a multiple of four bytes, at most 40. */
  readonly options: Uint8Array;
}

export interface Ipv4Packet {
  readonly header: Ipv4Header;
  /** As the header states it, without link-layer padding. Shares memory with the packet it was read from. */
  readonly payload: Uint8Array;
}

/** A packet with the right total length and header checksum. */
export function encodeIpv4(header: Ipv4Header, payload: Uint8Array): Uint8Array {
  const headerLength = IPV4_MIN_HEADER_LENGTH + header.options.length;
  const packet = new Uint8Array(headerLength + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x40 | (headerLength >> 2);
  packet[1] = header.typeOfService;
  view.setUint16(2, packet.length);
  view.setUint16(4, header.identification);
  view.setUint16(6, (header.dontFragment ? 0x4000 : 0) | (header.moreFragments ? 0x2000 : 0) | header.fragmentOffset);
  packet[8] = header.ttl;
  packet[9] = header.protocol;
  packet.set(header.source.bytes, 12);
  packet.set(header.destination.bytes, 16);
  packet.set(header.options, IPV4_MIN_HEADER_LENGTH);
  view.setUint16(10, internetChecksum(packet.subarray(0, headerLength)));
  packet.set(payload, headerLength);
  return packet;
}

/**
 * Reads a packet and checks version, header length, total length and header checksum.
 * Bytes after the total length (Ethernet padding) are left out of the payload.
 */
export function decodeIpv4(packet: Uint8Array): Decoded<Ipv4Packet> {
  if (packet.length < IPV4_MIN_HEADER_LENGTH) return refused('truncated');
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const first = view.getUint8(0);
  if (first >> 4 !== 4) return refused('bad-version');
  const headerLength = (first & 15) * 4;
  if (headerLength < IPV4_MIN_HEADER_LENGTH) return refused('bad-header-length');
  const totalLength = view.getUint16(2);
  if (totalLength < headerLength) return refused('bad-length');
  if (totalLength > packet.length) return refused('truncated');
  if (internetChecksum(packet.subarray(0, headerLength)) !== 0) return refused('bad-checksum');
  const fragment = view.getUint16(6);
  const header: Ipv4Header = {
    typeOfService: view.getUint8(1),
    identification: view.getUint16(4),
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: fragment & 0x1fff,
    ttl: view.getUint8(8),
    protocol: view.getUint8(9),
    source: IpAddress.fromV4Number(view.getUint32(12)),
    destination: IpAddress.fromV4Number(view.getUint32(16)),
    options: packet.slice(IPV4_MIN_HEADER_LENGTH, headerLength),
  };
  return accepted({ header, payload: packet.subarray(headerLength, totalLength) });
}

/** The pseudo-header that upper-layer checksums cover (RFC 793; RFC 9568 §5.2.8 for VRRPv3 over IPv4): 12 bytes. */
export function ipv4PseudoHeader(source: IpAddress, destination: IpAddress, protocol: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set(source.bytes, 0);
  bytes.set(destination.bytes, 4);
  bytes[9] = protocol;
  bytes[10] = length >> 8;
  bytes[11] = length & 0xff;
  return bytes;
}
