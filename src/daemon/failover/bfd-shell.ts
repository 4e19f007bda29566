/** Sockets and timers of bidirectional forwarding detection, in the reactor's thread: intervals are as short as those of VRRP. */
import type { Instant } from '../../base/index.ts';
import { type BfdEffect, BfdEngine, type BfdEvent, type BfdSnapshot } from '../../bfd/index.ts';
import type { BfdSession } from '../../model/index.ts';
import { monotonicNow, type Reactor } from '../../os/reactor/index.ts';
import { BfdListener, BfdSender } from '../../os/sockets/index.ts';
import type { Logger } from '../../ports/index.ts';

/** Where the search for a free source port begins (RFC 5881 §4), a step further for each session. */
const FIRST_SOURCE_PORT = 49152;
const SOURCE_PORTS = 16384;

export class BfdShell {
  private readonly engine: BfdEngine;
  private readonly reactor: Reactor;
  private readonly logger: Logger;
  private readonly changed: (session: BfdSession, up: boolean) => void;
  private readonly listeners = new Map<string, BfdListener>();
  private readonly senders = new Map<string, { readonly sender: BfdSender; readonly session: BfdSession }>();
  private sessions: readonly BfdSession[];

  constructor(
    sessions: readonly BfdSession[],
    seed: number,
    reactor: Reactor,
    logger: Logger,
    changed: (session: BfdSession, up: boolean) => void,
  ) {
    this.engine = new BfdEngine(sessions, seed);
    this.sessions = sessions;
    this.reactor = reactor;
    this.logger = logger;
    this.changed = changed;
  }

  start(now: Instant): void {
    this.openListeners();
    this.handle({ kind: 'start' }, now);
  }

  configure(sessions: readonly BfdSession[], now: Instant): void {
    this.sessions = sessions;
    this.openListeners();
    this.handle({ kind: 'reconfigure', sessions }, now);
    const names = new Set(sessions.map((session) => session.name));
    for (const [name, { sender }] of this.senders) {
      if (names.has(name)) continue;
      sender.close();
      this.senders.delete(name);
    }
  }

  tick(now: Instant): void {
    this.handle({ kind: 'tick' }, now);
  }

  stop(now: Instant): void {
    this.handle({ kind: 'stop' }, now);
    for (const listener of this.listeners.values()) this.closeListener(listener);
    for (const { sender } of this.senders.values()) sender.close();
  }

  nextDeadline(): Instant | undefined {
    return this.engine.nextDeadline();
  }

  snapshot(): BfdSnapshot {
    return this.engine.snapshot();
  }

  private handle(event: BfdEvent, now: Instant): void {
    this.engine.handle(event, now);
    for (const effect of this.engine.drain()) this.perform(effect);
  }

  private perform(effect: BfdEffect): void {
    switch (effect.kind) {
      case 'transmit':
        // A send that fails is a lost packet; the neighbour notices, which is what the protocol is for.
        this.senderOf(effect.session)?.send(effect.bytes);
        break;
      case 'state-changed':
        this.changed(effect.session, effect.to === 'up');
        break;
      case 'log':
        this.logger.log(effect.level, effect.message);
    }
  }

  private senderOf(session: BfdSession): BfdSender | undefined {
    const existing = this.senders.get(session.name);
    if (existing?.session === session) return existing.sender;
    existing?.sender.close();
    this.senders.delete(session.name);
    const { neighbor, source, ttl, multihop, name } = session;
    const port = FIRST_SOURCE_PORT + ((this.senders.size * 7) % SOURCE_PORTS);
    try {
      const sender = new BfdSender({ neighbor, ttl, multihop, port, ...(source && { source }) });
      this.senders.set(name, { sender, session });
      return sender;
    } catch (error) {
      this.logger.log('error', `BFD_Instance(${name}) cannot open a socket: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** One socket for each family and port that a session needs. */
  private openListeners(): void {
    const wanted = new Map(this.sessions.map(({ neighbor: { family }, multihop }) => [`${family} ${multihop}`, { family, multihop }]));
    for (const [key, listener] of this.listeners) {
      if (wanted.has(key)) continue;
      this.closeListener(listener);
      this.listeners.delete(key);
    }
    for (const [key, { family, multihop }] of wanted) {
      if (this.listeners.has(key)) continue;
      try {
        const listener = new BfdListener(family, multihop);
        this.listeners.set(key, listener);
        this.reactor.add(listener.fd, () => this.read(listener));
      } catch (error) {
        this.logger.log('error', `Cannot listen for BFD over IPv${family}: ${(error as Error).message}`);
      }
    }
  }

  private read(listener: BfdListener): void {
    const { multihop } = listener;
    for (let datagram = listener.receive(); datagram; datagram = listener.receive()) {
      this.handle({ kind: 'packet', ...datagram, multihop }, monotonicNow());
    }
  }

  private closeListener(listener: BfdListener): void {
    this.reactor.remove(listener.fd);
    listener.close();
  }
}
