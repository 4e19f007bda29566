/**
 * VRRP messages: version 2 (RFC 3768, with the authentication of RFC 2338 §5.3.6) and version 3 (RFC 9568 §5), IPv4 and IPv6. No RFC
 * has version 2 over IPv6; it is what keepalived 2.2.7 makes of it: the fields of version 2, no authentication data behind the
 * addresses, and the pseudo-header in the checksum, since over IPv6 the kernel works that out whatever the version.
 */
import { assert, IpAddress, type IpFamily, MICROS_PER_SECOND, type Micros } from '../base/index.ts';
import { addToChecksum, finishChecksum } from './checksum.ts';
import { ipv4PseudoHeader } from './ipv4.ts';
import { ipv6PseudoHeader } from './ipv6.ts';

export const IP_PROTOCOL_VRRP = 112;
export const VRRP_TTL = 255;

/** RFC 2338 §5.3.6: none, the simple text password that keepalived calls PASS, and the IP authentication header. */
export const VRRP_AUTH_NONE = 0;
export const VRRP_AUTH_PASS = 1;
export const VRRP_AUTH_AH = 2;

export const VRRP_HEADER_LENGTH = 8;
export const VRRP_TYPE_ADVERTISEMENT = 1;

const AUTH_LENGTH = 8;
const CENTISECOND: Micros = 10_000;
const NO_AUTH_DATA = new Uint8Array(0);

/** One advertisement, as either version carries it. */
export interface VrrpAdvert {
  readonly version: 2 | 3;
  /** 1 to 255. */
  readonly vrid: number;
  /** 0 means that the sender stops being active; 255 is the address owner. */
  readonly priority: number;
  /** Version 2: whole seconds, 0 to 255. Version 3: centiseconds, 0 to 40.95 s. */
  readonly interval: Micros;
  /** At most 255, all of the family that carries the message. */
  readonly addresses: readonly IpAddress[];
  /** Version 2 only; 0 for version 3. */
  readonly authType: number;
  /** Version 2 over IPv4 only: exactly 8 bytes. Empty for version 3 and over IPv6. */
  readonly authData: Uint8Array;
}

/**
 * What the checksum covers. `rfc`: the message, and in version 3 and over IPv6 the pseudo-header too. `message`: the message alone
 * (`v3_checksum_as_v2`, IPv4 only: the RFC's text was read both ways, and some routers of other makers do it so).
 */
export type VrrpChecksum = 'rfc' | 'message';

/** The VRRP message with its checksum. Source and destination enter the checksum of version 3 and that of IPv6. */
export function encodeVrrp(advert: VrrpAdvert, source: IpAddress, destination: IpAddress, checksum: VrrpChecksum = 'rfc'): Uint8Array {
  assert(advert.addresses.length <= 255, 'an advertisement carries at most 255 addresses');
  const message = new Uint8Array(vrrpLength(advert.version, source.family, advert.addresses.length));
  message[0] = (advert.version << 4) | VRRP_TYPE_ADVERTISEMENT;
  message[1] = advert.vrid;
  message[2] = advert.priority;
  message[3] = advert.addresses.length;
  if (advert.version === 2) {
    message[4] = advert.authType;
    message[5] = advert.interval / MICROS_PER_SECOND;
    message.set(advert.authData, message.length - advert.authData.length);
  } else {
    const centiseconds = advert.interval / CENTISECOND;
    message[4] = (centiseconds >> 8) & 0x0f;
    message[5] = centiseconds & 0xff;
  }
  const size = addressLength(source.family);
  for (const [i, address] of advert.addresses.entries()) message.set(address.bytes, VRRP_HEADER_LENGTH + size * i);
  const sum = vrrpChecksum(message, source, destination, checksum);
  message[6] = sum >> 8;
  message[7] = sum & 0xff;
  return message;
}

/** Reads a message whose length is known to be right. */
export function readVrrpAdvert(message: Uint8Array, family: IpFamily): VrrpAdvert {
  const [first = 0, vrid = 0, priority = 0, count = 0, authType = 0] = message;
  const version = first >> 4 === 2 ? 2 : 3;
  return {
    version,
    vrid,
    priority,
    interval: vrrpInterval(message),
    addresses: readAddresses(message, family, count),
    authType: version === 2 ? authType : VRRP_AUTH_NONE,
    authData: version === 2 ? vrrpAuthData(message, family).slice() : NO_AUTH_DATA,
  };
}

/** How long a message with so many addresses is. */
export function vrrpLength(version: 2 | 3, family: IpFamily, addresses: number): number {
  return VRRP_HEADER_LENGTH + addressLength(family) * addresses + (version === 2 ? authLength(family) : 0);
}

/** The advertisement interval that a message states. */
export function vrrpInterval(message: Uint8Array): Micros {
  const [first = 0, , , , high = 0, low = 0] = message;
  return first >> 4 === 2 ? low * MICROS_PER_SECOND : (((high & 0x0f) << 8) | low) * CENTISECOND;
}

/** The authentication data of a message of version 2: none over IPv6. Shares memory with it. */
export function vrrpAuthData(message: Uint8Array, family: IpFamily): Uint8Array {
  return message.subarray(message.length - authLength(family));
}

/** The address list of a message as bytes. Shares memory with it. */
export function vrrpAddressBytes(message: Uint8Array, family: IpFamily): Uint8Array {
  return message.subarray(VRRP_HEADER_LENGTH, VRRP_HEADER_LENGTH + addressLength(family) * (message[3] as number));
}

/** The value for the checksum field while that is zero; zero for a message whose checksum is right. */
export function vrrpChecksum(message: Uint8Array, source: IpAddress, destination: IpAddress, checksum: VrrpChecksum): number {
  const version = (message[0] as number) >> 4;
  const { family } = source;
  if (family === 4 && (version === 2 || checksum === 'message')) return finishChecksum(addToChecksum(0, message));
  const pseudoHeader = family === 4 ? ipv4PseudoHeader : ipv6PseudoHeader;
  const start = addToChecksum(0, pseudoHeader(source, destination, IP_PROTOCOL_VRRP, message.length));
  return finishChecksum(addToChecksum(start, message));
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

function authLength(family: IpFamily): number {
  return family === 4 ? AUTH_LENGTH : 0;
}

function addressLength(family: IpFamily): number {
  return family === 4 ? 4 : 16;
}

function readAddresses(message: Uint8Array, family: IpFamily, count: number): IpAddress[] {
  const size = addressLength(family);
  return Array.from({ length: count }, (_, i) => {
    const at = VRRP_HEADER_LENGTH + size * i;
    return IpAddress.fromBytes(message.subarray(at, at + size)) as IpAddress;
  });
}
