/** ARP for IPv4 over Ethernet (RFC 826), and the gratuitous form that moves a VIP (RFC 5227 §3). */
import { IpAddress } from '../base/index.ts';
import { accepted, type Decoded, refused } from './decoded.ts';
import { BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4, encodeEthernet, MAC_LENGTH } from './ethernet.ts';

export type ArpOperation = 'request' | 'reply';

export interface ArpPacket {
  readonly operation: ArpOperation;
  readonly senderMac: Uint8Array;
  readonly senderAddress: IpAddress;
  readonly targetMac: Uint8Array;
  readonly targetAddress: IpAddress;
}

export const ARP_LENGTH = 28;

const HARDWARE_ETHERNET = 1;
const OPERATION_REQUEST = 1;
const OPERATION_REPLY = 2;

/** The 28 bytes that follow the Ethernet header. */
export function encodeArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(ARP_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, HARDWARE_ETHERNET);
  view.setUint16(2, ETHERTYPE_IPV4);
  bytes[4] = MAC_LENGTH;
  bytes[5] = 4;
  view.setUint16(6, packet.operation === 'request' ? OPERATION_REQUEST : OPERATION_REPLY);
  bytes.set(packet.senderMac, 8);
  bytes.set(packet.senderAddress.bytes, 14);
  bytes.set(packet.targetMac, 18);
  bytes.set(packet.targetAddress.bytes, 24);
  return bytes;
}

/** Reads an ARP packet; bytes after it (Ethernet padding) are ignored. */
export function decodeArp(bytes: Uint8Array): Decoded<ArpPacket> {
  if (bytes.length < ARP_LENGTH) return refused('truncated');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== HARDWARE_ETHERNET || bytes[4] !== MAC_LENGTH) return refused('bad-hardware-type');
  if (view.getUint16(2) !== ETHERTYPE_IPV4 || bytes[5] !== 4) return refused('bad-protocol-type');
  const operation = view.getUint16(6);
  if (operation !== OPERATION_REQUEST && operation !== OPERATION_REPLY) return refused('bad-operation');
  return accepted({
    operation: operation === OPERATION_REQUEST ? 'request' : 'reply',
    senderMac: bytes.slice(8, 14),
    senderAddress: IpAddress.fromV4Number(view.getUint32(14)),
    targetMac: bytes.slice(18, 24),
    targetAddress: IpAddress.fromV4Number(view.getUint32(24)),
  });
}

/**
 * A whole broadcast frame that says "this address is at this MAC": sender and target are both the address.
 * keepalived 2.2.7 sends the request form with ff:ff:ff:ff:ff:ff as target hardware address, and so does this;
 * the reply form exists for equipment that only believes replies.
 */
export function encodeGratuitousArp(mac: Uint8Array, address: IpAddress, operation: ArpOperation = 'request'): Uint8Array {
  const arp = encodeArp({ operation, senderMac: mac, senderAddress: address, targetMac: BROADCAST_MAC, targetAddress: address });
  return encodeEthernet({ destination: BROADCAST_MAC, source: mac, etherType: ETHERTYPE_ARP }, arp);
}
