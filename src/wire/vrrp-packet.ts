/**
 * IP packets that carry VRRP. Reading is done in two steps: `openVrrpPacket` finds the message in any bytes, and the receiver, who
 * alone knows what it expects (TTL, authentication, checksum), judges it. `decodeVrrpPacket` does both for a plain multicast peer.
 */
import type { IpAddress } from '../base/index.ts';
import {
  AH_LENGTH,
  AUTHENTICATED_MESSAGE_AT,
  type AuthenticationHeader,
  encodeAuthenticated,
  IP_PROTOCOL_AH,
  readAuthenticationHeader,
  spiOf,
} from './authentication-header.ts';
import { decodeIpv4, encodeIpv4, IPV4_MIN_HEADER_LENGTH, type Ipv4Header } from './ipv4.ts';
import { decodeIpv6, encodeIpv6, IPV6_HEADER_LENGTH } from './ipv6.ts';
import {
  IP_PROTOCOL_VRRP,
  readVrrpAdvert,
  VRRP_HEADER_LENGTH,
  VRRP_TTL,
  VRRP_TYPE_ADVERTISEMENT,
  type VrrpAdvert,
  vrrpChecksum,
  vrrpLength,
} from './vrrp.ts';
import type { VrrpRejectReason } from './vrrp-reasons.ts';

/** Internetwork control (DSCP CS6), as keepalived marks its advertisements. */
const TYPE_OF_SERVICE = 0xc0;
const NO_OPTIONS = new Uint8Array(0);

/** An advertisement with what its IP header said. */
export interface VrrpPacket {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly advert: VrrpAdvert;
}

export interface VrrpRejection {
  readonly ok: false;
  readonly reason: VrrpRejectReason;
  /** Known as soon as the VRRP header could be read; a claim, since the packet is not valid. */
  readonly vrid?: number;
  /** The offending value and the right one, where the reason is about a number. */
  readonly found?: number;
  readonly expected?: number;
  /** Who sent it, where the reason is about that. */
  readonly source?: IpAddress;
}

export type VrrpDecoded = { readonly ok: true; readonly packet: VrrpPacket } | VrrpRejection;

/** A packet that is whole and holds at least a VRRP header. Nothing in it has been believed yet. */
export interface VrrpEnvelope {
  readonly ok: true;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** The whole packet without link-layer padding, and the length of its IP header. */
  readonly packet: Uint8Array;
  readonly headerLength: number;
  readonly authentication: AuthenticationHeader | undefined;
  /** The VRRP message. Shares memory with the packet it was read from. */
  readonly message: Uint8Array;
  /** The first fields of the message. */
  readonly version: number;
  readonly type: number;
  readonly vrid: number;
  readonly priority: number;
  readonly count: number;
}

/** The whole IP packet around a message, for a socket that wants the header from us, and for the simulator. */
export function encodeVrrpPacket(
  message: Uint8Array,
  source: IpAddress,
  destination: IpAddress,
  identification = 0,
  ttl = VRRP_TTL,
): Uint8Array {
  if (source.family === 4) return encodeIpv4(ipv4Header(source, destination, identification, ttl), message);
  const header = { trafficClass: TYPE_OF_SERVICE, flowLabel: 0, nextHeader: IP_PROTOCOL_VRRP, hopLimit: ttl, source, destination };
  return encodeIpv6(header, message);
}

/** The same with an authentication header (IPv4 only). `unicast`: the TTL may change on the way, so the digest leaves it out. */
export function encodeAuthenticatedVrrpPacket(
  message: Uint8Array,
  source: IpAddress,
  destination: IpAddress,
  { key, sequence, ttl, unicast }: { readonly key: Uint8Array; readonly sequence: number; readonly ttl: number; readonly unicast: boolean },
): Uint8Array {
  // The digest covers the identification, so it must not be 0: the kernel would choose another one.
  const identification = sequence & 0xffff || 1;
  const header = ipv4Header(source, destination, identification, ttl);
  return encodeAuthenticated(header, { nextHeader: IP_PROTOCOL_VRRP, spi: spiOf(source), sequence }, message, key, unicast);
}

/** Where the VRRP message begins in a packet of ours. */
export function vrrpMessageAt(source: IpAddress, isAuthenticated: boolean): number {
  if (source.family === 6) return IPV6_HEADER_LENGTH;
  return isAuthenticated ? AUTHENTICATED_MESSAGE_AT : IPV4_MIN_HEADER_LENGTH;
}

/** Finds the VRRP message in a whole IP packet. Total: any bytes give an answer. */
export function openVrrpPacket(packet: Uint8Array): VrrpEnvelope | VrrpRejection {
  return (packet[0] ?? 0) >> 4 === 6 ? openIpv6(packet) : openIpv4(packet);
}

/**
 * Reads a packet as a router would that expects plain advertisements of either version by multicast: TTL 255, right length and
 * checksum. The order of the checks is keepalived's, so that a packet with several faults is counted under the same one.
 */
export function decodeVrrpPacket(packet: Uint8Array): VrrpDecoded {
  const envelope = openVrrpPacket(packet);
  if (!envelope.ok) return envelope;
  const { source, destination, message, vrid } = envelope;
  if (envelope.ttl !== VRRP_TTL) return { ok: false, reason: 'ttl', vrid, found: envelope.ttl, expected: VRRP_TTL };
  const wrong = formObjection(envelope);
  if (wrong) return wrong;
  if (vrid === 0) return { ok: false, reason: 'vrid' };
  if (vrrpChecksum(message, source, destination, 'rfc') !== 0) {
    return { ok: false, reason: 'checksum', vrid, found: envelope.version };
  }
  return { ok: true, packet: { source, destination, advert: readVrrpAdvert(message, source.family) } };
}

/** Version, length and type of any advertisement. */
function formObjection({ version, type, count, vrid, message, source }: VrrpEnvelope): VrrpRejection | undefined {
  if (version !== 2 && version !== 3) return { ok: false, reason: 'version', vrid, found: version };
  const expected = vrrpLength(version, source.family, count);
  if (message.length !== expected) return { ok: false, reason: 'length', vrid, found: message.length, expected };
  if (type !== VRRP_TYPE_ADVERTISEMENT) return { ok: false, reason: 'type', vrid, found: type, expected: VRRP_TYPE_ADVERTISEMENT };
  return undefined;
}

function openIpv4(bytes: Uint8Array): VrrpEnvelope | VrrpRejection {
  const ip = decodeIpv4(bytes);
  if (!ip.ok) return { ok: false, reason: 'ip-header' };
  const { header, payload } = ip.value;
  const { protocol, source, destination, ttl } = header;
  if (protocol !== IP_PROTOCOL_VRRP && protocol !== IP_PROTOCOL_AH) return wrongProtocol(protocol);
  if (header.moreFragments || header.fragmentOffset !== 0) return { ok: false, reason: 'fragment' };
  const headerLength = IPV4_MIN_HEADER_LENGTH + header.options.length;
  const packet = bytes.subarray(0, headerLength + payload.length);
  if (protocol === IP_PROTOCOL_VRRP) return envelope({ source, destination, ttl, packet, headerLength }, undefined, payload);
  const authentication = readAuthenticationHeader(payload);
  if (!authentication) return { ok: false, reason: 'ah-header' };
  if (authentication.nextHeader !== IP_PROTOCOL_VRRP) return wrongProtocol(authentication.nextHeader);
  return envelope({ source, destination, ttl, packet, headerLength }, authentication, payload.subarray(AH_LENGTH));
}

function openIpv6(bytes: Uint8Array): VrrpEnvelope | VrrpRejection {
  const ip = decodeIpv6(bytes);
  if (!ip.ok) return { ok: false, reason: 'ip-header' };
  const { header, payload } = ip.value;
  if (header.nextHeader !== IP_PROTOCOL_VRRP) return wrongProtocol(header.nextHeader);
  const { source, destination, hopLimit: ttl } = header;
  const packet = bytes.subarray(0, IPV6_HEADER_LENGTH + payload.length);
  return envelope({ source, destination, ttl, packet, headerLength: IPV6_HEADER_LENGTH }, undefined, payload);
}

function envelope(
  outside: Pick<VrrpEnvelope, 'source' | 'destination' | 'ttl' | 'packet' | 'headerLength'>,
  authentication: AuthenticationHeader | undefined,
  message: Uint8Array,
): VrrpEnvelope | VrrpRejection {
  if (message.length < VRRP_HEADER_LENGTH) return { ok: false, reason: 'length', found: message.length, expected: VRRP_HEADER_LENGTH };
  const { source, destination, ttl, packet, headerLength } = outside;
  const first = message[0] as number;
  return {
    ok: true,
    source,
    destination,
    ttl,
    packet,
    headerLength,
    authentication,
    message,
    version: first >> 4,
    type: first & 15,
    vrid: message[1] as number,
    priority: message[2] as number,
    count: message[3] as number,
  };
}

function wrongProtocol(found: number): VrrpRejection {
  return { ok: false, reason: 'protocol', found, expected: IP_PROTOCOL_VRRP };
}

function ipv4Header(source: IpAddress, destination: IpAddress, identification: number, ttl: number): Ipv4Header {
  return {
    typeOfService: TYPE_OF_SERVICE,
    identification,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    ttl,
    protocol: IP_PROTOCOL_VRRP,
    source,
    destination,
    options: NO_OPTIONS,
  };
}
