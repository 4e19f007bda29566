/** The IPv6 header (RFC 8200). Extension headers are not looked into: what follows the fixed header is the payload. */
import { IpAddress } from '../base/index.ts';
import { accepted, type Decoded, refused } from './decoded.ts';

export const IPV6_HEADER_LENGTH = 40;

export interface Ipv6Header {
  /** 0 to 255. */
  readonly trafficClass: number;
  /** 20 bits. */
  readonly flowLabel: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

export interface Ipv6Packet {
  readonly header: Ipv6Header;
  /** As the header states its length, without link-layer padding. Shares memory with the packet it was read from. */
  readonly payload: Uint8Array;
}

export function encodeIpv6(header: Ipv6Header, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER_LENGTH + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, ((6 << 28) | (header.trafficClass << 20) | header.flowLabel) >>> 0);
  view.setUint16(4, payload.length);
  packet[6] = header.nextHeader;
  packet[7] = header.hopLimit;
  packet.set(header.source.bytes, 8);
  packet.set(header.destination.bytes, 24);
  packet.set(payload, IPV6_HEADER_LENGTH);
  return packet;
}

/** Bytes after the payload length (Ethernet padding) are left out of the payload. */
export function decodeIpv6(packet: Uint8Array): Decoded<Ipv6Packet> {
  if (packet.length < IPV6_HEADER_LENGTH) return refused('truncated');
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const first = view.getUint32(0);
  if (first >>> 28 !== 6) return refused('bad-version');
  const end = IPV6_HEADER_LENGTH + view.getUint16(4);
  if (end > packet.length) return refused('truncated');
  const header: Ipv6Header = {
    trafficClass: (first >>> 20) & 255,
    flowLabel: first & 0xfffff,
    nextHeader: view.getUint8(6),
    hopLimit: view.getUint8(7),
    source: IpAddress.fromBytes(packet.subarray(8, 24)) as IpAddress,
    destination: IpAddress.fromBytes(packet.subarray(24, 40)) as IpAddress,
  };
  return accepted({ header, payload: packet.subarray(IPV6_HEADER_LENGTH, end) });
}

/** The pseudo-header that upper-layer checksums cover (RFC 8200 §8.1): 40 bytes. */
export function ipv6PseudoHeader(source: IpAddress, destination: IpAddress, nextHeader: number, length: number): Uint8Array {
  const bytes = new Uint8Array(40);
  bytes.set(source.bytes, 0);
  bytes.set(destination.bytes, 16);
  new DataView(bytes.buffer).setUint32(32, length);
  bytes[39] = nextHeader;
  return bytes;
}
