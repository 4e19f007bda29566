/** One session: the state machine of RFC 5880 §6.2 and §6.8, asynchronous mode, without echo and authentication. */
import { earliest, type Instant, MICROS_PER_SECOND, type Micros, type Random } from '../base/index.ts';
import type { BfdSession } from '../model/index.ts';
import { type BfdPacket, type BfdState, encodeBfd } from '../wire/index.ts';
import { ADMINISTRATIVELY_DOWN, DETECTION_TIME_EXPIRED, diagnosticText, NEIGHBOR_SIGNALED_DOWN, NO_DIAGNOSTIC } from './diagnostics.ts';
import type { BfdEffect } from './effect.ts';
import type { BfdSessionSnapshot } from './snapshot.ts';

/** What is known of the neighbour. */
type Remote = Pick<BfdPacket, 'state' | 'diagnostic' | 'myDiscriminator' | 'desiredMinTx' | 'requiredMinRx' | 'multiplier' | 'demand'>;

/** RFC 5880 §6.8.1: before the first packet, and again once nothing was heard for a detection time. */
const UNHEARD: Remote = {
  state: 'down',
  diagnostic: NO_DIAGNOSTIC,
  myDiscriminator: 0,
  desiredMinTx: 0,
  requiredMinRx: 1,
  multiplier: 0,
  demand: false,
};

const STATE_WORDS: Readonly<Record<BfdState, string>> = { 'admin-down': 'AdminDown', down: 'Down', init: 'Init', up: 'Up' };

export class Session {
  settings: BfdSession;
  readonly discriminator: number;
  private state: BfdState = 'down';
  private diagnostic = NO_DIAGNOSTIC;
  private remote = UNHEARD;
  /** `again`: the intervals have changed once more while the neighbour's answer to the first change is awaited. */
  private poll: 'none' | 'running' | 'again' = 'none';
  /** The interval that we send by. Follows a raised wish only when the neighbour has acknowledged it. */
  private minTx: Micros;
  /** The interval that we judge silence by. Follows a lowered wish only when the neighbour has acknowledged it. */
  private minRx: Micros;
  private transmitAt: Instant | undefined;
  /** The interval that `transmitAt` was worked out from. */
  private scheduledBy: Micros = 0;
  private silentAt: Instant | undefined;
  private lastTransition: Instant | undefined;
  private readonly counters = { packetsReceived: 0, packetsSent: 0, becameUp: 0, leftUp: 0, detectionsExpired: 0 };
  private readonly random: Random;
  private readonly emit: (effect: BfdEffect) => void;

  constructor(settings: BfdSession, discriminator: number, random: Random, emit: (effect: BfdEffect) => void) {
    this.settings = settings;
    this.discriminator = discriminator;
    this.random = random;
    this.emit = emit;
    this.minTx = this.desiredMinTx();
    this.minRx = settings.requiredMinRx;
  }

  /** The first packet leaves within one interval, at a random instant: after a power failure not all speak at once. */
  start(now: Instant): void {
    if (!this.mayTransmit()) return;
    this.schedule(now);
    this.transmitAt = now + this.random.below(this.transmitInterval());
  }

  nextDeadline(): Instant | undefined {
    return earliest(this.transmitAt, this.silentAt);
  }

  tick(now: Instant): void {
    if (this.silentAt !== undefined && this.silentAt <= now) this.expire(now);
    if (this.transmitAt !== undefined && this.transmitAt <= now) this.transmit(now);
  }

  /** A packet that is this session's and valid. RFC 5880 §6.8.6, in its order. */
  receive(packet: BfdPacket, now: Instant): void {
    this.counters.packetsReceived++;
    this.remote = packet;
    if (packet.final && this.poll !== 'none') this.pollAnswered();
    this.follow(packet.state, now);
    this.silentAt = now + this.detectionTime();
    this.reschedule(now);
    if (packet.poll) this.send({ poll: false, final: true });
  }

  /** Takes over changed settings of the same session. The neighbour is told by a poll sequence. */
  reconfigure(next: BfdSession, now: Instant): void {
    this.settings = next;
    this.intervalsChanged();
    if (this.silentAt !== undefined) this.silentAt = Math.max(this.silentAt, now + this.detectionTime());
    if (this.poll !== 'none' && this.mayTransmit()) this.transmit(now);
    else this.reschedule(now);
  }

  /** Says AdminDown once; whoever misses it finds out by our silence. */
  stop(now: Instant): void {
    const mayTell = this.mayTransmit();
    this.enter('admin-down', ADMINISTRATIVELY_DOWN, now);
    this.transmitAt = undefined;
    this.silentAt = undefined;
    if (mayTell) this.send({ poll: false, final: false });
  }

  snapshot(): BfdSessionSnapshot {
    const { name, neighbor } = this.settings;
    return {
      name,
      neighbor,
      state: this.state,
      diagnostic: this.diagnostic,
      remoteState: this.remote.state,
      remoteDiagnostic: this.remote.diagnostic,
      discriminator: this.discriminator,
      remoteDiscriminator: this.remote.myDiscriminator,
      polling: this.poll !== 'none',
      transmitInterval: this.transmitInterval(),
      detectionTime: this.silentAt === undefined ? undefined : this.detectionTime(),
      lastTransition: this.lastTransition,
      counters: { ...this.counters },
    };
  }

  /** The neighbour's state moves ours. */
  private follow(theirs: BfdState, now: Instant): void {
    const { state } = this;
    if (theirs === 'admin-down') {
      if (state !== 'down') this.enter('down', NEIGHBOR_SIGNALED_DOWN, now);
    } else if (state === 'down') {
      if (theirs === 'down') this.enter('init', this.diagnostic, now);
      else if (theirs === 'init') this.enter('up', NO_DIAGNOSTIC, now);
    } else if (state === 'init') {
      if (theirs !== 'down') this.enter('up', NO_DIAGNOSTIC, now);
    } else if (theirs === 'down') this.enter('down', NEIGHBOR_SIGNALED_DOWN, now);
  }

  /** Nothing was heard for a detection time. In state down, too, that means that the neighbour is forgotten (RFC 5880 §6.8.1). */
  private expire(now: Instant): void {
    this.silentAt = undefined;
    this.remote = UNHEARD;
    if (this.state === 'init' || this.state === 'up') {
      this.counters.detectionsExpired++;
      this.enter('down', DETECTION_TIME_EXPIRED, now);
    }
    this.reschedule(now);
  }

  private enter(to: BfdState, diagnostic: number, now: Instant): void {
    const from = this.state;
    this.state = to;
    this.diagnostic = diagnostic;
    this.lastTransition = now;
    if (to === 'up') this.counters.becameUp++;
    if (from === 'up') {
      this.counters.leftUp++;
      this.poll = 'none';
    }
    this.intervalsChanged();
    this.log(to);
    this.emit({ kind: 'state-changed', session: this.settings, from, to });
    // The neighbour need not wait for the periodic packet to hear of it (RFC 5880 §6.8.7).
    if (to !== 'admin-down' && this.mayTransmit()) this.transmit(now);
  }

  /** RFC 5880 §6.8.3: while up, a change that the neighbour must know of first waits for the end of a poll sequence. */
  private intervalsChanged(): void {
    const minTx = this.desiredMinTx();
    const minRx = this.settings.requiredMinRx;
    if (minTx === this.minTx && minRx === this.minRx) return;
    if (this.state !== 'up') {
      this.applyIntervals();
      return;
    }
    this.minTx = Math.min(this.minTx, minTx);
    this.minRx = Math.max(this.minRx, minRx);
    if (this.poll === 'none') this.emit({ kind: 'log', level: 'debug', message: `(${this.settings.name}) Starting poll sequence` });
    this.poll = this.poll === 'none' ? 'running' : 'again';
  }

  private applyIntervals(): void {
    this.minTx = this.desiredMinTx();
    this.minRx = this.settings.requiredMinRx;
  }

  private pollAnswered(): void {
    // The answer may be to a packet with the intervals before: those of now have not been acknowledged.
    if (this.poll === 'again') this.poll = 'running';
    else {
      this.poll = 'none';
      this.applyIntervals();
    }
  }

  /** At least a second while not up (RFC 5880 §6.8.3), so that a dead neighbour is not flooded. */
  private desiredMinTx(): Micros {
    const { desiredMinTx, idleTx } = this.settings;
    return this.state === 'up' ? desiredMinTx : Math.max(desiredMinTx, idleTx, MICROS_PER_SECOND);
  }

  private transmitInterval(): Micros {
    return Math.max(this.minTx, this.remote.requiredMinRx);
  }

  private detectionTime(): Micros {
    return this.remote.multiplier * Math.max(this.minRx, this.remote.desiredMinTx);
  }

  /** Whether periodic packets are allowed at all (RFC 5880 §6.8.7). */
  private mayTransmit(): boolean {
    const { remote, state, poll, settings } = this;
    if (settings.passive && remote.myDiscriminator === 0) return false;
    if (remote.requiredMinRx === 0) return false;
    return !(remote.demand && state === 'up' && remote.state === 'up' && poll === 'none');
  }

  /** The interval may have changed: a shorter one counts at once, a longer one from the next packet on. */
  private reschedule(now: Instant): void {
    if (!this.mayTransmit()) this.transmitAt = undefined;
    else if (this.transmitAt === undefined) this.schedule(now);
    else if (this.transmitInterval() < this.scheduledBy) {
      const planned = this.transmitAt;
      this.schedule(now);
      this.transmitAt = Math.min(planned, this.transmitAt);
    }
  }

  private schedule(now: Instant): void {
    this.scheduledBy = this.transmitInterval();
    this.transmitAt = now + this.jittered();
  }

  private transmit(now: Instant): void {
    this.send({ poll: this.poll !== 'none', final: false });
    this.schedule(now);
  }

  /** Less by 0 to 25 %; with a multiplier of 1 by 10 to 25 %, so that one late packet is not one missing (RFC 5880 §6.8.7). */
  private jittered(): Micros {
    const interval = this.transmitInterval();
    const most = this.settings.multiplier === 1 ? 0.9 : 1;
    return this.random.between(Math.ceil(interval * 0.75), Math.floor(interval * most));
  }

  private send(bits: { readonly poll: boolean; readonly final: boolean }): void {
    const { settings, state, diagnostic, discriminator, remote } = this;
    this.counters.packetsSent++;
    const bytes = encodeBfd({
      ...bits,
      state,
      diagnostic,
      controlPlaneIndependent: false,
      demand: false,
      multiplier: settings.multiplier,
      myDiscriminator: discriminator,
      yourDiscriminator: remote.myDiscriminator,
      desiredMinTx: this.desiredMinTx(),
      requiredMinRx: settings.requiredMinRx,
      requiredMinEchoRx: 0,
    });
    this.emit({ kind: 'transmit', session: settings, bytes });
  }

  /** keepalived's lines: the loss of a session with the reasons of both ends, anything else without. */
  private log(to: BfdState): void {
    const line = `(${this.settings.name}) Entering ${STATE_WORDS[to]} state`;
    if (to !== 'down') this.emit({ kind: 'log', level: 'info', message: line });
    else {
      const reasons = `(Local diagnostic - ${diagnosticText(this.diagnostic)}, Remote diagnostic - ${diagnosticText(this.remote.diagnostic)})`;
      this.emit({ kind: 'log', level: 'warning', message: `${line} ${reasons}` });
    }
  }
}
