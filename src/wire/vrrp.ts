/** VRRP advertisements: version 2 (RFC 3768, with the authentication of RFC 2338 §5.3.6) and version 3 over IPv4 (RFC 9568 §5). */
import { assert, IpAddress, MICROS_PER_SECOND, type Micros } from '../base/index.ts';
import { addToChecksum, finishChecksum } from './checksum.ts';
import { decodeIpv4, encodeIpv4, ipv4PseudoHeader } from './ipv4.ts';
import type { VrrpRejectReason } from './vrrp-reasons.ts';

export const IP_PROTOCOL_VRRP = 112;
export const VRRP_TTL = 255;

/** RFC 2338 §5.3.6: none, and the simple text password that keepalived calls PASS. */
export const VRRP_AUTH_NONE = 0;
export const VRRP_AUTH_PASS = 1;

const HEADER_LENGTH = 8;
const AUTH_LENGTH = 8;
const TYPE_ADVERTISEMENT = 1;
const CENTISECOND: Micros = 10_000;
/** Internetwork control (DSCP CS6), as keepalived marks its advertisements. */
const TYPE_OF_SERVICE = 0xc0;
const NO_OPTIONS = new Uint8Array(0);

/** One advertisement, as either version carries it. */
export interface VrrpAdvert {
  readonly version: 2 | 3;
  /** 1 to 255. */
  readonly vrid: number;
  /** 0 means that the sender stops being active; 255 is the address owner. */
  readonly priority: number;
  /** Version 2: whole seconds, 0 to 255. Version 3: centiseconds, 0 to 40.95 s. */
  readonly interval: Micros;
  /** At most 255 IPv4 addresses. */
  readonly addresses: readonly IpAddress[];
  /** Version 2 only; 0 for version 3. */
  readonly authType: number;
  /** Version 2 only: exactly 8 bytes. Empty for version 3. */
  readonly authData: Uint8Array;
}

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
}

export type VrrpDecoded = { readonly ok: true; readonly packet: VrrpPacket } | VrrpRejection;

/** The VRRP message with its checksum. Source and destination enter the checksum of version 3 only. */
export function encodeVrrp(advert: VrrpAdvert, source: IpAddress, destination: IpAddress): Uint8Array {
  assert(advert.addresses.length <= 255, 'an advertisement carries at most 255 addresses');
  const message = new Uint8Array(messageLength(advert.version, advert.addresses.length));
  message[0] = (advert.version << 4) | TYPE_ADVERTISEMENT;
  message[1] = advert.vrid;
  message[2] = advert.priority;
  message[3] = advert.addresses.length;
  if (advert.version === 2) {
    message[4] = advert.authType;
    message[5] = advert.interval / MICROS_PER_SECOND;
    message.set(advert.authData, message.length - AUTH_LENGTH);
  } else {
    const centiseconds = advert.interval / CENTISECOND;
    message[4] = (centiseconds >> 8) & 0x0f;
    message[5] = centiseconds & 0xff;
  }
  for (const [i, address] of advert.addresses.entries()) message.set(address.bytes, HEADER_LENGTH + 4 * i);
  const checksum = vrrpChecksum(message, source, destination);
  message[6] = checksum >> 8;
  message[7] = checksum & 0xff;
  return message;
}

/** The whole IPv4 packet around a message, for a socket that wants the header from us, and for the simulator. */
export function encodeVrrpPacket(message: Uint8Array, source: IpAddress, destination: IpAddress, identification = 0): Uint8Array {
  return encodeIpv4(
    {
      typeOfService: TYPE_OF_SERVICE,
      identification,
      dontFragment: false,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: VRRP_TTL,
      protocol: IP_PROTOCOL_VRRP,
      source,
      destination,
      options: NO_OPTIONS,
    },
    message,
  );
}

/**
 * Reads a whole IPv4 packet, as a raw socket delivers it; link-layer padding after it is ignored. Total: any bytes give an
 * answer. The order of the checks is keepalived's, so that a packet with several faults is counted under the same one.
 */
export function decodeVrrpPacket(packet: Uint8Array): VrrpDecoded {
  const ip = decodeIpv4(packet);
  if (!ip.ok) return { ok: false, reason: 'ip-header' };
  const { header, payload } = ip.value;
  if (header.protocol !== IP_PROTOCOL_VRRP) {
    return { ok: false, reason: 'protocol', found: header.protocol, expected: IP_PROTOCOL_VRRP };
  }
  if (header.moreFragments || header.fragmentOffset !== 0) return { ok: false, reason: 'fragment' };
  const [first = 0, vrid = 0, priority = 0, count = 0] = payload;
  if (payload.length < HEADER_LENGTH) return { ok: false, reason: 'length', found: payload.length, expected: HEADER_LENGTH };
  if (header.ttl !== VRRP_TTL) return { ok: false, reason: 'ttl', vrid, found: header.ttl, expected: VRRP_TTL };
  const version = first >> 4;
  if (version !== 2 && version !== 3) return { ok: false, reason: 'version', vrid, found: version };
  const expected = messageLength(version, count);
  if (payload.length !== expected) return { ok: false, reason: 'length', vrid, found: payload.length, expected };
  const type = first & 15;
  if (type !== TYPE_ADVERTISEMENT) return { ok: false, reason: 'type', vrid, found: type, expected: TYPE_ADVERTISEMENT };
  if (vrid === 0) return { ok: false, reason: 'vrid' };
  if (vrrpChecksum(payload, header.source, header.destination) !== 0) return { ok: false, reason: 'checksum', vrid, found: version };
  const advert = version === 2 ? readVersion2(payload, vrid, priority, count) : readVersion3(payload, vrid, priority, count);
  return { ok: true, packet: { source: header.source, destination: header.destination, advert } };
}

/** Compares authentication data without telling by its duration how many leading bytes were right. */
export function sameAuthData(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** A password as the 8 bytes on the wire: cut or padded with zeros. */
export function passAuthData(password: Uint8Array): Uint8Array {
  const data = new Uint8Array(AUTH_LENGTH);
  data.set(password.subarray(0, AUTH_LENGTH));
  return data;
}

function messageLength(version: 2 | 3, addresses: number): number {
  return HEADER_LENGTH + 4 * addresses + (version === 2 ? AUTH_LENGTH : 0);
}

/** The value for the checksum field while that is zero; zero for a message whose checksum is right. */
function vrrpChecksum(message: Uint8Array, source: IpAddress, destination: IpAddress): number {
  const version = (message[0] as number) >> 4;
  const start = version === 3 ? addToChecksum(0, ipv4PseudoHeader(source, destination, IP_PROTOCOL_VRRP, message.length)) : 0;
  return finishChecksum(addToChecksum(start, message));
}

function readVersion2(message: Uint8Array, vrid: number, priority: number, count: number): VrrpAdvert {
  return {
    version: 2,
    vrid,
    priority,
    interval: (message[5] as number) * MICROS_PER_SECOND,
    addresses: readAddresses(message, count),
    authType: message[4] as number,
    authData: message.slice(message.length - AUTH_LENGTH),
  };
}

function readVersion3(message: Uint8Array, vrid: number, priority: number, count: number): VrrpAdvert {
  const centiseconds = (((message[4] as number) & 0x0f) << 8) | (message[5] as number);
  return {
    version: 3,
    vrid,
    priority,
    interval: centiseconds * CENTISECOND,
    addresses: readAddresses(message, count),
    authType: VRRP_AUTH_NONE,
    authData: NO_OPTIONS,
  };
}

function readAddresses(message: Uint8Array, count: number): IpAddress[] {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return Array.from({ length: count }, (_, i) => IpAddress.fromV4Number(view.getUint32(HEADER_LENGTH + 4 * i)));
}
