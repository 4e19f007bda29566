/**
 * The authentication header of VRRPv2 (RFC 2338 §5.3.6.3, RFC 2402) as keepalived does it: HMAC-MD5-96 (RFC 2403) over the IPv4
 * header, the authentication header and the VRRP message, with the fields that routers alter as zeros.
 */
import { hmacMd5, type IpAddress } from '../base/index.ts';
import { encodeIpv4, IPV4_MIN_HEADER_LENGTH, type Ipv4Header } from './ipv4.ts';

export const IP_PROTOCOL_AH = 51;
export const AH_LENGTH = 24;

const DIGEST_AT = 12;
const DIGEST_LENGTH = 12;
/** Length of the header in words of four bytes, less two (RFC 2402 §2.2). */
const PAYLOAD_LENGTH = AH_LENGTH / 4 - 2;

export interface AuthenticationHeader {
  /** What the header protects. */
  readonly nextHeader: number;
  /** Security parameters index; keepalived puts the sender's address here. */
  readonly spi: number;
  readonly sequence: number;
}

/** Reads the header at the start of an IPv4 payload; undefined when it is not one of HMAC-MD5-96. */
export function readAuthenticationHeader(payload: Uint8Array): AuthenticationHeader | undefined {
  if (payload.length < AH_LENGTH || payload[1] !== PAYLOAD_LENGTH) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { nextHeader: view.getUint8(0), spi: view.getUint32(4), sequence: view.getUint32(8) };
}

/** The SPI of a sender. */
export function spiOf(source: IpAddress): number {
  return source.toV4Number();
}

/** A whole packet with its authentication header. `hopsChange`: see `authenticationDigest`. */
export function encodeAuthenticated(
  header: Ipv4Header,
  authentication: AuthenticationHeader,
  message: Uint8Array,
  key: Uint8Array,
  hopsChange: boolean,
): Uint8Array {
  const payload = new Uint8Array(AH_LENGTH + message.length);
  const view = new DataView(payload.buffer);
  payload[0] = authentication.nextHeader;
  payload[1] = PAYLOAD_LENGTH;
  view.setUint32(4, authentication.spi);
  view.setUint32(8, authentication.sequence);
  payload.set(message, AH_LENGTH);
  const packet = encodeIpv4({ ...header, protocol: IP_PROTOCOL_AH }, payload);
  const headerLength = packet.length - payload.length;
  packet.set(authenticationDigest(packet, headerLength, key, hopsChange), headerLength + DIGEST_AT);
  return packet;
}

/** Whether the digest in a packet is the one that the key gives. Takes the same time wherever the difference is. */
export function isAuthentic(packet: Uint8Array, headerLength: number, key: Uint8Array, hopsChange: boolean): boolean {
  const expected = authenticationDigest(packet, headerLength, key, hopsChange);
  let difference = 0;
  for (let i = 0; i < DIGEST_LENGTH; i++) difference |= (packet[headerLength + DIGEST_AT + i] as number) ^ (expected[i] as number);
  return difference === 0;
}

/**
 * The digest of a packet whatever its digest field holds. Type of service, flags, fragment offset and checksum count as zero, and
 * so does the TTL where routers may lie between (`hopsChange`, unicast): to a multicast peer it is always 255, and protected.
 */
function authenticationDigest(packet: Uint8Array, headerLength: number, key: Uint8Array, hopsChange: boolean): Uint8Array {
  const copy = Uint8Array.from(packet);
  copy[1] = 0;
  copy.fill(0, 6, 8);
  if (hopsChange) copy[8] = 0;
  copy.fill(0, 10, 12);
  copy.fill(0, headerLength + DIGEST_AT, headerLength + DIGEST_AT + DIGEST_LENGTH);
  return hmacMd5(key, copy).subarray(0, DIGEST_LENGTH);
}

/** Where the VRRP message of an authenticated packet without IP options begins. */
export const AUTHENTICATED_MESSAGE_AT = IPV4_MIN_HEADER_LENGTH + AH_LENGTH;
