/** Surgery on the bytes of advertisements, for those who forge them and for planted bugs. Knows the layout and nothing else. */
import type { Defect } from './faults.ts';

/** Positions inside a VRRP message, the same ones in both versions as far as they are used here. */
export const PRIORITY = 2;
export const VRID = 1;
const INTERVAL = 5;
const CHECKSUM = 6;
const FIRST_ADDRESS = 8;

const IPV4_TTL = 8;
const IPV4_PROTOCOL = 9;
const IPV4_CHECKSUM = 10;
const IPV4_SOURCE = 12;
const IPV6_HEADER = 40;
const IPV6_HOP_LIMIT = 7;
const IPV6_SOURCE = 8;
const AUTHENTICATION_HEADER = 51;
const AUTHENTICATION_LENGTH = 24;
/** The second of its four bytes: no run sends 65,536 advertisements. */
const AUTHENTICATION_SEQUENCE = 9;

const isVersion4 = (packet: Uint8Array): boolean => (packet[0] as number) >> 4 === 4;

/** Of the IP header. */
export function headerLength(packet: Uint8Array): number {
  return isVersion4(packet) ? ((packet[0] as number) & 15) * 4 : IPV6_HEADER;
}

/** Where the VRRP message begins. */
export function vrrpOffset(packet: Uint8Array): number {
  const isAuthenticated = isVersion4(packet) && packet[IPV4_PROTOCOL] === AUTHENTICATION_HEADER;
  return headerLength(packet) + (isAuthenticated ? AUTHENTICATION_LENGTH : 0);
}

/** Changes one byte, and the checksum at `checksum` over the bytes from `start` so that it is as right as it was (RFC 1624). */
export function alter(packet: Uint8Array, position: number, value: number, checksum: number, start: number): void {
  const isLowByte = ((position - start) & 1) === 1;
  const shift = isLowByte ? 0 : 8;
  const before = (packet[position] as number) << shift;
  packet[position] = value;
  const old = ((packet[checksum] as number) << 8) | (packet[checksum + 1] as number);
  let sum = (~old & 0xffff) + (~before & 0xffff) + (value << shift);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  packet[checksum] = (~sum >> 8) & 0xff;
  packet[checksum + 1] = ~sum & 0xff;
}

/** An advertisement that a fool or a villain has made of a good one. Every receiver has a reason to refuse it. */
export function forge(packet: Uint8Array, defect: Defect): Uint8Array {
  if (defect === 'replay') return packet;
  if (defect === 'truncated') return truncated(packet);
  const forged = packet.slice();
  const message = vrrpOffset(forged);
  const set = (position: number, value: number): void => alter(forged, message + position, value, message + CHECKSUM, message);
  const flip = (position: number): void => set(position, (forged[message + position] as number) ^ 0x11);
  set(PRIORITY, 255);
  switch (defect) {
    case 'checksum':
      forged[message + CHECKSUM] = (forged[message + CHECKSUM] as number) ^ 1;
      break;
    case 'ttl':
      setTtl(forged, 254);
      break;
    case 'stranger':
      setSource(forged);
      break;
    case 'digest':
      // A new sequence number, and all is right but the digest.
      forged[headerLength(forged) + AUTHENTICATION_SEQUENCE] = 1;
      break;
    case 'vrid':
      set(VRID, 200);
      break;
    case 'password':
      flip(forged.length - message - 8);
      break;
    case 'interval':
      flip(INTERVAL);
      break;
    case 'addresses':
      flip(FIRST_ADDRESS + 3);
      break;
  }
  return forged;
}

/** The end is missing, and the IP header knows nothing of it. */
function truncated(packet: Uint8Array): Uint8Array {
  return packet.slice(0, packet.length - 4);
}

function setTtl(packet: Uint8Array, ttl: number): void {
  if (isVersion4(packet)) alter(packet, IPV4_TTL, ttl, IPV4_CHECKSUM, 0);
  else packet[IPV6_HOP_LIMIT] = ttl;
}

/** A source that nobody has. In version 3 the message's checksum covers it too, as far as the codec puts it into the sum. */
function setSource(packet: Uint8Array): void {
  const message = vrrpOffset(packet);
  const last = isVersion4(packet) ? IPV4_SOURCE + 3 : IPV6_SOURCE + 15;
  const isVersion3 = (packet[message] as number) >> 4 === 3;
  const stranger = 0xfe;
  if (isVersion3) {
    const kept = packet[last] as number;
    alter(packet, last, stranger, message + CHECKSUM, 0);
    packet[last] = kept;
  }
  if (isVersion4(packet)) alter(packet, last, stranger, IPV4_CHECKSUM, 0);
  else packet[last] = stranger;
}
