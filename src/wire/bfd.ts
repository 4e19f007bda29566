/** BFD control packets (RFC 5880 §4.1) without authentication, which keepalived's `bfd_instance` does not have. */
import type { Micros } from '../base/index.ts';

/** UDP destination ports: RFC 5881 §4 for one hop, RFC 5883 §5 for several. */
export const BFD_PORT = 3784;
export const BFD_MULTIHOP_PORT = 4784;

/** RFC 5880 §4.1; the position is the value on the wire. */
const STATES = ['admin-down', 'down', 'init', 'up'] as const;
export type BfdState = (typeof STATES)[number];

/**
 * Why a BFD packet is not acted upon. Numbers are stable: counters and JSON use them.
 * 1 to 19 are found by the decoder in the packet alone (RFC 5880 §6.8.6), 20 and up by the engine in the light of its sessions.
 */
export const BFD_REJECT_REASONS = {
  length: { number: 1, doc: 'Shorter than the 24 bytes that every packet has, or than its own length field says.' },
  version: { number: 2, doc: 'The version is not 1.' },
  multiplier: { number: 3, doc: 'The detection multiplier is 0.' },
  multipoint: { number: 4, doc: 'The multipoint bit is set, which is reserved.' },
  'my-discriminator': { number: 5, doc: 'The sender gives no discriminator of its own.' },
  'your-discriminator': { number: 6, doc: 'The sender does not name our session, although its state says that it has heard us.' },
  authentication: { number: 7, doc: 'The packet is authenticated, and no session is.' },
  'unknown-session': { number: 20, doc: 'No session of ours has this discriminator or this neighbour.' },
  neighbor: { number: 21, doc: 'The discriminator is that of a session with another neighbour.' },
  ttl: { number: 22, doc: 'The packet has passed more routers than the session allows (RFC 5881 §5, `max_hops`).' },
} as const satisfies Record<string, { readonly number: number; readonly doc: string }>;

export type BfdRejectReason = keyof typeof BFD_REJECT_REASONS;

export interface BfdPacket {
  /** Why the sender's session last changed its state, 0 to 31 (RFC 5880 §4.1). */
  readonly diagnostic: number;
  readonly state: BfdState;
  /** Asks for an answer with `final`. */
  readonly poll: boolean;
  readonly final: boolean;
  readonly controlPlaneIndependent: boolean;
  /** The sender wants no periodic packets while both ends are up. */
  readonly demand: boolean;
  /** Intervals without a packet after which the sender's peer is to call it gone, 1 to 255. */
  readonly multiplier: number;
  /** 1 to 2^32 - 1. */
  readonly myDiscriminator: number;
  /** 0 while the sender has not heard of us. */
  readonly yourDiscriminator: number;
  /** The three intervals are 0 to 2^32 - 1. */
  readonly desiredMinTx: Micros;
  /** 0 means that the sender wants no periodic packets at all. */
  readonly requiredMinRx: Micros;
  /** 0 means that the sender does not send echo packets back. */
  readonly requiredMinEchoRx: Micros;
}

export type BfdDecoded = { readonly ok: true; readonly packet: BfdPacket } | { readonly ok: false; readonly reason: BfdRejectReason };

const VERSION = 1;
const LENGTH = 24;

const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATION = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** The UDP payload. */
export function encodeBfd(packet: BfdPacket): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  bytes[0] = (VERSION << 5) | packet.diagnostic;
  bytes[1] =
    (STATES.indexOf(packet.state) << 6) |
    (packet.poll ? POLL : 0) |
    (packet.final ? FINAL : 0) |
    (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (packet.demand ? DEMAND : 0);
  bytes[2] = packet.multiplier;
  bytes[3] = LENGTH;
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTx);
  view.setUint32(16, packet.requiredMinRx);
  view.setUint32(20, packet.requiredMinEchoRx);
  return bytes;
}

/** Reads a UDP payload. Total: any bytes give an answer. The checks and their order are those of RFC 5880 §6.8.6. */
export function decodeBfd(bytes: Uint8Array): BfdDecoded {
  const [first = 0, flags = 0, multiplier = 0, length = 0] = bytes;
  if (bytes.length < LENGTH) return { ok: false, reason: 'length' };
  if (first >> 5 !== VERSION) return { ok: false, reason: 'version' };
  if (length < LENGTH || length > bytes.length) return { ok: false, reason: 'length' };
  if (multiplier === 0) return { ok: false, reason: 'multiplier' };
  if (flags & MULTIPOINT) return { ok: false, reason: 'multipoint' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const myDiscriminator = view.getUint32(4);
  const yourDiscriminator = view.getUint32(8);
  const state = STATES[flags >> 6] as BfdState;
  if (myDiscriminator === 0) return { ok: false, reason: 'my-discriminator' };
  if (yourDiscriminator === 0 && (state === 'init' || state === 'up')) return { ok: false, reason: 'your-discriminator' };
  if (flags & AUTHENTICATION) return { ok: false, reason: 'authentication' };
  const packet: BfdPacket = {
    diagnostic: first & 0x1f,
    state,
    poll: (flags & POLL) !== 0,
    final: (flags & FINAL) !== 0,
    controlPlaneIndependent: (flags & CONTROL_PLANE_INDEPENDENT) !== 0,
    demand: (flags & DEMAND) !== 0,
    multiplier,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTx: view.getUint32(12),
    requiredMinRx: view.getUint32(16),
    requiredMinEchoRx: view.getUint32(20),
  };
  return { ok: true, packet };
}
