/** Neighbour discovery (RFC 4861), as far as moving an IPv6 address to another machine needs it. */
import { IpAddress } from '../base/index.ts';
import { addToChecksum, finishChecksum } from './checksum.ts';
import { accepted, type Decoded, refused } from './decoded.ts';
import { ETHERTYPE_IPV6, encodeEthernet, MAC_LENGTH } from './ethernet.ts';
import { decodeIpv6, encodeIpv6, ipv6PseudoHeader } from './ipv6.ts';

export const IP_PROTOCOL_ICMPV6 = 58;

const TYPE_NEIGHBOUR_ADVERTISEMENT = 136;
const OPTION_TARGET_LINK_ADDRESS = 2;
const FLAG_ROUTER = 0x80;
const FLAG_OVERRIDE = 0x20;
const HOP_LIMIT = 255;
const MESSAGE_LENGTH = 24 + 2 + MAC_LENGTH;

/** ff02::1, and the multicast MAC address that belongs to it (RFC 2464 §7). */
const ALL_NODES = IpAddress.fromBytes(Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)) as IpAddress;
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

export interface NeighbourAdvertisement {
  readonly target: IpAddress;
  readonly mac: Uint8Array;
  /** Whether the sender forwards packets; hosts drop it from their list of routers when it says no. */
  readonly isRouter: boolean;
}

/**
 * A whole frame that tells every node on the link, unasked, that this address is at this MAC (RFC 4861 §7.2.6): from the address
 * itself, with the override flag. The IPv6 counterpart of a gratuitous ARP, in the form in which keepalived 2.2.7 sends it.
 */
export function encodeUnsolicitedAdvertisement({ target, mac, isRouter }: NeighbourAdvertisement): Uint8Array {
  const message = new Uint8Array(MESSAGE_LENGTH);
  message[0] = TYPE_NEIGHBOUR_ADVERTISEMENT;
  message[4] = FLAG_OVERRIDE | (isRouter ? FLAG_ROUTER : 0);
  message.set(target.bytes, 8);
  message[24] = OPTION_TARGET_LINK_ADDRESS;
  message[25] = 1;
  message.set(mac, 26);
  const checksum = finishChecksum(addToChecksum(pseudoSum(target, ALL_NODES, message.length), message));
  message[2] = checksum >> 8;
  message[3] = checksum & 0xff;
  const header = {
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: IP_PROTOCOL_ICMPV6,
    hopLimit: HOP_LIMIT,
    source: target,
    destination: ALL_NODES,
  };
  return encodeEthernet({ destination: ALL_NODES_MAC, source: mac, etherType: ETHERTYPE_IPV6 }, encodeIpv6(header, message));
}

/** Reads such an IPv6 packet (without the Ethernet header), for tests and for whoever watches the link. */
export function decodeNeighbourAdvertisement(packet: Uint8Array): Decoded<NeighbourAdvertisement> {
  const ip = decodeIpv6(packet);
  if (!ip.ok) return ip;
  const { header, payload } = ip.value;
  if (header.nextHeader !== IP_PROTOCOL_ICMPV6) return refused('bad-protocol-type');
  if (payload.length < MESSAGE_LENGTH) return refused('truncated');
  if (payload[0] !== TYPE_NEIGHBOUR_ADVERTISEMENT) return refused('bad-operation');
  if (payload[24] !== OPTION_TARGET_LINK_ADDRESS || payload[25] !== 1) return refused('bad-hardware-type');
  const sum = addToChecksum(pseudoSum(header.source, header.destination, payload.length), payload);
  if (finishChecksum(sum) !== 0) return refused('bad-checksum');
  return accepted({
    target: IpAddress.fromBytes(payload.subarray(8, 24)) as IpAddress,
    mac: payload.slice(26, 26 + MAC_LENGTH),
    isRouter: ((payload[4] as number) & FLAG_ROUTER) !== 0,
  });
}

function pseudoSum(source: IpAddress, destination: IpAddress, length: number): number {
  return addToChecksum(0, ipv6PseudoHeader(source, destination, IP_PROTOCOL_ICMPV6, length));
}
