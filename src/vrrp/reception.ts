/** What a received advertisement must be to concern a virtual router. Every check is made before anything is believed. */
import { type IpAddress, toSeconds } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import {
  isAuthentic,
  sameAuthData,
  VRRP_AUTH_AH,
  VRRP_AUTH_PASS,
  VRRP_TTL,
  VRRP_TYPE_ADVERTISEMENT,
  type VrrpEnvelope,
  type VrrpRejection,
  vrrpAddressBytes,
  vrrpAuthData,
  vrrpChecksum,
  vrrpInterval,
  vrrpLength,
} from '../wire/index.ts';
import type { Counters } from './counters.ts';
import * as messages from './messages.ts';
import { checksumOf, type OwnAdvert } from './own-advert.ts';
import type { Sender } from './sender.ts';

/** What the receiving router knows of itself and of its peers. */
interface Receiver {
  readonly settings: VirtualRouter;
  readonly own: OwnAdvert;
  /** The address that we send from. */
  readonly source: IpAddress | undefined;
  /** Whom we take for the active router. */
  readonly masterAddress: IpAddress | undefined;
  readonly replay: ReplayGuard;
  /** Last sequence number of the authentication header, sent or accepted. */
  readonly ahSequence: number;
}

/** The gate through which every packet for one router must pass. */
export class Reception {
  private settings: VirtualRouter;
  private own: OwnAdvert;
  private readonly replay = new ReplayGuard();
  private readonly sender: Sender;
  private readonly counters: Counters;

  constructor(settings: VirtualRouter, own: OwnAdvert, sender: Sender, counters: Counters) {
    this.settings = settings;
    this.own = own;
    this.sender = sender;
    this.counters = counters;
  }

  reconfigure(settings: VirtualRouter, own: OwnAdvert): void {
    this.settings = settings;
    this.own = own;
  }

  /**
   * Counts a packet and tells whether it is to be acted upon: only if it is right in everything and the router takes part. Gives
   * the log line that a rejection deserves; `looped` and `not-running` are nobody's fault and deserve none.
   */
  admit(
    packet: VrrpEnvelope,
    masterAddress: IpAddress | undefined,
    takesPart: boolean,
  ): { readonly admitted: boolean; readonly line?: string } {
    const { settings, own, replay, sender } = this;
    const receiver: Receiver = { settings, own, replay, masterAddress, ahSequence: sender.ahSequence, source: sender.source() };
    const rejection = objection(packet, receiver);
    if (rejection) return this.refuse(rejection);
    if (!takesPart) return this.refuse({ ok: false, reason: 'not-running' });
    this.counters.advertsReceived++;
    if (packet.priority === 0) this.counters.priorityZeroReceived++;
    if (packet.authentication) {
      sender.ahSequence = packet.authentication.sequence;
      replay.took(packet.source, packet.authentication.sequence);
    }
    return ADMITTED;
  }

  private refuse(rejection: VrrpRejection): { readonly admitted: boolean; readonly line?: string } {
    const isNews = this.counters.rejections.count(rejection.reason);
    if (!isNews || rejection.reason === 'not-running' || rejection.reason === 'looped') return REFUSED;
    return { admitted: false, line: messages.rejected(this.settings.name, rejection) };
  }
}

const ADMITTED = { admitted: true };
const REFUSED = { admitted: false };

/**
 * Why the packet must be dropped, or undefined. The order is keepalived's, so that a packet with several faults is counted under
 * the same one, but that the version comes before the length, which depends on it.
 */
function objection(packet: VrrpEnvelope, receiver: Receiver): VrrpRejection | undefined {
  const { settings, source } = receiver;
  if (source?.equals(packet.source)) return { ok: false, reason: 'looped' };
  return (
    wayObjection(packet, settings) ??
    formObjection(packet, settings) ??
    (settings.version === 2 ? version2Objection(packet, receiver) : undefined) ??
    contentObjection(packet, receiver)
  );
}

/** How it came here: authentication header or none, unicast or group, TTL. */
function wayObjection(packet: VrrpEnvelope, { authentication, unicast }: VirtualRouter): VrrpRejection | undefined {
  if ((authentication?.type === 'ah') !== (packet.authentication !== undefined)) {
    return { ok: false, reason: 'ah-presence', found: packet.authentication ? 1 : 0 };
  }
  const isMulticast = packet.destination.isMulticast();
  if (isMulticast === (unicast !== undefined)) {
    return { ok: false, reason: 'destination', found: isMulticast ? 1 : 0, expected: unicast ? 0 : 1 };
  }
  if (!unicast) return packet.ttl === VRRP_TTL ? undefined : { ok: false, reason: 'ttl', found: packet.ttl, expected: VRRP_TTL };
  const peer = unicast.peers.find(({ address }) => address.equals(packet.source));
  const isWithin = !peer || (packet.ttl >= (peer.minTtl ?? 0) && packet.ttl <= (peer.maxTtl ?? VRRP_TTL));
  return isWithin ? undefined : { ok: false, reason: 'ttl', found: packet.ttl };
}

function formObjection({ version, count, message, source }: VrrpEnvelope, settings: VirtualRouter): VrrpRejection | undefined {
  if (version !== settings.version) return { ok: false, reason: 'version', found: version, expected: settings.version };
  const expected = vrrpLength(settings.version, source.family, count);
  return message.length === expected ? undefined : { ok: false, reason: 'length', found: message.length, expected };
}

function version2Objection(packet: VrrpEnvelope, receiver: Receiver): VrrpRejection | undefined {
  const { settings, own } = receiver;
  const { message } = packet;
  const authType = message[4] as number;
  if (authType !== own.authType) {
    return { ok: false, reason: authType > VRRP_AUTH_AH ? 'auth-unknown' : 'auth-type', found: authType, expected: own.authType };
  }
  if (authType === VRRP_AUTH_PASS && !sameAuthData(vrrpAuthData(message, settings.family), own.authData)) {
    return { ok: false, reason: 'auth-data' };
  }
  const forged = authenticationObjection(packet, receiver);
  if (forged) return forged;
  const interval = vrrpInterval(message);
  if (interval === settings.advertInterval) return undefined;
  return { ok: false, reason: 'interval', found: toSeconds(interval), expected: toSeconds(settings.advertInterval) };
}

/** keepalived looks at the sequence number before the digest, and so lets forged packets move its counter; we do not. */
function authenticationObjection(packet: VrrpEnvelope, { settings, replay, ahSequence }: Receiver): VrrpRejection | undefined {
  const header = packet.authentication;
  if (!header || settings.authentication?.type !== 'ah') return undefined;
  const spi = packet.source.toV4Number();
  if (header.spi !== spi) return { ok: false, reason: 'ah-spi', found: header.spi, expected: spi };
  if (!isAuthentic(packet.packet, packet.headerLength, settings.authentication.password, settings.unicast !== undefined)) {
    return { ok: false, reason: 'ah-digest' };
  }
  if (replay.isNew(packet.source, header.sequence, ahSequence)) return undefined;
  return { ok: false, reason: 'ah-replay', found: header.sequence, expected: ahSequence };
}

function contentObjection(packet: VrrpEnvelope, { settings, own, masterAddress }: Receiver): VrrpRejection | undefined {
  const { type, version, source, destination, message } = packet;
  if (type !== VRRP_TYPE_ADVERTISEMENT) return { ok: false, reason: 'type', found: type, expected: VRRP_TYPE_ADVERTISEMENT };
  if (vrrpChecksum(message, source, destination, checksumOf(settings)) !== 0) return { ok: false, reason: 'checksum', found: version };
  const { unicast } = settings;
  if (unicast?.checkSource && !unicast.peers.some((peer) => peer.address.equals(source))) {
    return { ok: false, reason: 'unicast-source', source };
  }
  if (settings.skipCheckAdvertisedAddresses && masterAddress?.equals(source)) return undefined;
  const theirs = vrrpAddressBytes(message, source.family);
  if (sameAddresses(theirs, own.addressBytes, source.bytes.length)) return undefined;
  return { ok: false, reason: 'addresses', found: packet.count, expected: own.addresses.length };
}

/** The same addresses in any order. Nearly always the order is the same too, which costs one pass. */
function sameAddresses(a: Uint8Array, b: Uint8Array, size: number): boolean {
  if (a.length !== b.length) return false;
  if (a.every((byte, i) => byte === b[i])) return true;
  const theirs = new Set(chunks(a, size));
  return chunks(b, size).every((address) => theirs.has(address));
}

function chunks(bytes: Uint8Array, size: number): string[] {
  return Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size).join());
}

/**
 * Sequence numbers of the authentication header. The routers of a link count on together: each takes over the number that it hears.
 * The number already reached is taken from somebody who has not used it yet, or two that speak at the same instant would stay deaf
 * to each other for ever; from the one that brought it, it is a packet sent again. Whoever speaks last before we speak ourselves may
 * well speak at that same instant once more: that it brought an earlier number says nothing about this one.
 */
class ReplayGuard {
  private lastFrom: IpAddress | undefined;
  private lastNumber = 0;

  isNew(source: IpAddress, sequence: number, reached: number): boolean {
    const isSentAgain = sequence === this.lastNumber && this.lastFrom?.equals(source) === true;
    return sequence >= reached && !isSentAgain;
  }

  /** The number of an accepted packet has been taken over. */
  took(source: IpAddress, sequence: number): void {
    this.lastFrom = source;
    this.lastNumber = sequence;
  }
}
