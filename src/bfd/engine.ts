/**
 * All BFD sessions of one process. Pure: time comes in with each event, everything to be done comes out as effects in strict
 * order. A packet costs one table look-up; finding the next deadline looks at every session, of which there are a few dozen at most.
 */
import { earliest, type Instant, Random, unreachable } from '../base/index.ts';
import type { BfdSession } from '../model/index.ts';
import { type BfdPacket, type BfdRejectReason, decodeBfd } from '../wire/index.ts';
import type { BfdEffect } from './effect.ts';
import type { BfdEvent, BfdReceived } from './event.ts';
import { Session } from './session.ts';
import type { BfdSnapshot } from './snapshot.ts';

/** A TTL limit that checks nothing (`max_hops 255`). */
const ANY_HOPS = 255;

export class BfdEngine {
  private phase: 'new' | 'running' | 'stopped' = 'new';
  private effects: BfdEffect[] = [];
  /** By name, in the order of the settings. */
  private sessions = new Map<string, Session>();
  private readonly byDiscriminator = new Map<number, Session>();
  private readonly rejected: Partial<Record<BfdRejectReason, number>> = {};
  private readonly random: Random;

  /** The seed decides discriminators and jitter. It must differ from start to start, so that neighbours see a new session. */
  constructor(sessions: readonly BfdSession[], seed: number) {
    this.random = new Random(seed);
    for (const settings of sessions) this.sessions.set(settings.name, this.create(settings));
  }

  handle(event: BfdEvent, now: Instant): void {
    if (this.phase === 'stopped') return;
    switch (event.kind) {
      case 'start':
        this.start(now);
        break;
      case 'stop':
        if (this.phase === 'running') for (const session of this.sessions.values()) session.stop(now);
        this.phase = 'stopped';
        break;
      case 'tick':
        for (const session of this.sessions.values()) session.tick(now);
        break;
      case 'packet':
        this.packet(event, now);
        break;
      case 'reconfigure':
        this.reconfigure(event.sessions, now);
        break;
      default:
        unreachable(event);
    }
  }

  /** What has to be done since the last call, in order. */
  drain(): BfdEffect[] {
    const drained = this.effects;
    this.effects = [];
    return drained;
  }

  /** When `tick` is due next. */
  nextDeadline(): Instant | undefined {
    if (this.phase !== 'running') return undefined;
    let next: Instant | undefined;
    for (const session of this.sessions.values()) next = earliest(next, session.nextDeadline());
    return next;
  }

  snapshot(): BfdSnapshot {
    return { sessions: Array.from(this.sessions.values(), (session) => session.snapshot()), rejected: { ...this.rejected } };
  }

  private start(now: Instant): void {
    if (this.phase !== 'new') return;
    this.phase = 'running';
    for (const session of this.sessions.values()) session.start(now);
  }

  private packet(received: BfdReceived, now: Instant): void {
    if (this.phase !== 'running') return;
    const decoded = decodeBfd(received.payload);
    if (!decoded.ok) {
      this.reject(decoded.reason);
      return;
    }
    const session = this.find(decoded.packet, received);
    if (!session) this.reject('unknown-session');
    else if (!session.settings.neighbor.equals(received.source)) this.reject('neighbor');
    else if (hasPassedTooManyRouters(session.settings, received.ttl)) this.reject('ttl');
    else session.receive(decoded.packet, now);
  }

  /** By our discriminator where the sender knows it, else by the addresses (RFC 5880 §6.8.6, RFC 5881 §3). */
  private find(packet: BfdPacket, received: BfdReceived): Session | undefined {
    if (packet.yourDiscriminator !== 0) {
      const session = this.byDiscriminator.get(packet.yourDiscriminator);
      return session?.settings.multihop === received.multihop ? session : undefined;
    }
    for (const session of this.sessions.values()) {
      const { neighbor, source, multihop } = session.settings;
      const isOurEnd = source === undefined || source.equals(received.destination);
      if (multihop === received.multihop && isOurEnd && neighbor.equals(received.source)) return session;
    }
    return undefined;
  }

  private reconfigure(wanted: readonly BfdSession[], now: Instant): void {
    const sessions = new Map<string, Session>();
    const started: Session[] = [];
    for (const settings of wanted) {
      const existing = this.sessions.get(settings.name);
      if (existing && isSameSession(existing.settings, settings)) {
        existing.reconfigure(settings, now);
        sessions.set(settings.name, existing);
      } else {
        const session = this.create(settings);
        sessions.set(settings.name, session);
        started.push(session);
      }
    }
    for (const [name, session] of this.sessions) if (sessions.get(name) !== session) this.end(session, now);
    this.sessions = sessions;
    if (this.phase === 'running') for (const session of started) session.start(now);
  }

  private end(session: Session, now: Instant): void {
    this.byDiscriminator.delete(session.discriminator);
    if (this.phase === 'running') session.stop(now);
  }

  private create(settings: BfdSession): Session {
    let discriminator = 0;
    while (discriminator === 0 || this.byDiscriminator.has(discriminator)) discriminator = this.random.uint32();
    const session = new Session(settings, discriminator, this.random, (effect) => this.effects.push(effect));
    this.byDiscriminator.set(discriminator, session);
    return session;
  }

  private reject(reason: BfdRejectReason): void {
    this.rejected[reason] = (this.rejected[reason] ?? 0) + 1;
  }
}

/** The neighbour is taken to send with the same TTL as we do: 255, or 64 over IPv6, as keepalived's defaults are. */
function hasPassedTooManyRouters({ ttl, maxHops }: BfdSession, received: number): boolean {
  return maxHops !== ANY_HOPS && ttl - received > maxHops;
}

/** Whether a reload can go on with the session. With another path or port it is another session. */
function isSameSession(a: BfdSession, b: BfdSession): boolean {
  return a.neighbor.equals(b.neighbor) && a.multihop === b.multihop && a.source?.toString() === b.source?.toString();
}
