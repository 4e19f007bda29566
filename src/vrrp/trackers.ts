/** What virtual routers track: interfaces with their link and address, and scripts with rise and fall. */
import type { Instant, IpAddress } from '../base/index.ts';
import type { TrackerWeight, VrrpScript } from '../model/index.ts';
import type { VrrpEffect } from './effect.ts';
import type { ScriptOutcome } from './event.ts';
import * as messages from './messages.ts';
import type { ScriptSnapshot } from './snapshot.ts';
import { Timer, type TimerQueue } from './timers.ts';

/** `pending`: nothing is known yet. */
export type TrackerState = 'pending' | 'up' | 'down';

/** What a router asks about the things it tracks. */
export interface TrackerView {
  linkUp(link: string): boolean;
  address(link: string): IpAddress | undefined;
  script(name: string): TrackerState;
}

/** A tracker of weight 0 decides over FAULT: failing, or with `reverse` succeeding, means FAULT. */
export function meansFault(tracker: TrackerWeight, state: TrackerState): boolean {
  return tracker.weight === 0 && state === (tracker.reverse ? 'up' : 'down');
}

/** What a weighted tracker adds to the priority: a positive weight counts while up, a negative one while down. */
export function contribution(tracker: TrackerWeight, state: TrackerState): number {
  const weight = tracker.reverse ? -tracker.weight : tracker.weight;
  return state === (weight > 0 ? 'up' : 'down') ? weight : 0;
}

/**
 * One tracked script: when it runs, and what its results mean. The count goes from 0 (certainly down) to rise + fall - 1
 * (certainly up) and the script is up from `rise` on; the first result after the start decides alone, in either direction.
 */
export class ScriptTracker {
  spec: VrrpScript;
  private count: number;
  private pending: boolean;
  private running = false;
  private lastStatus: number | undefined;
  private readonly timer: Timer;
  private readonly timers: TimerQueue;
  private readonly emit: (effect: VrrpEffect) => void;

  constructor(spec: VrrpScript, timers: TimerQueue, emit: (effect: VrrpEffect) => void) {
    this.spec = spec;
    this.timers = timers;
    this.emit = emit;
    this.pending = !spec.initFail;
    this.count = spec.initFail ? 0 : spec.rise - 1;
    this.timer = new Timer((now) => this.run(now));
  }

  get state(): TrackerState {
    if (this.pending) return 'pending';
    return this.count >= this.spec.rise ? 'up' : 'down';
  }

  /** Runs the command, now and then every interval from start to start. A run that still lasts is not doubled. */
  run(now: Instant): void {
    this.timers.set(this.timer, now + this.spec.interval);
    if (this.running) {
      this.log(messages.scriptStillRunning(this.spec.name));
      return;
    }
    this.running = true;
    this.emit({ kind: 'run-script', script: this.spec });
  }

  stop(): void {
    this.timers.clear(this.timer);
  }

  /** A reload keeps the verdict; a changed command is tried at once, a changed rise or fall moves the count to its new end. */
  reconfigure(spec: VrrpScript, now: Instant, isRunning: boolean): void {
    const wasUp = this.state === 'up';
    const before = this.spec;
    this.spec = spec;
    if (!this.pending && (spec.rise !== before.rise || spec.fall !== before.fall)) this.count = wasUp ? spec.rise + spec.fall - 1 : 0;
    if (this.pending) this.count = spec.rise - 1;
    const sameCommand = before.command.argv.join('\0') === spec.command.argv.join('\0');
    if (isRunning && (!sameCommand || before.interval !== spec.interval)) this.run(now);
  }

  /** Takes in the end of a run. */
  report(outcome: ScriptOutcome, status: number): void {
    this.running = false;
    if ((outcome === 'success' || outcome === 'failure') && status !== this.lastStatus) {
      // keepalived starts from 0, so that a first success is no news.
      if (this.lastStatus !== undefined || status !== 0) this.log(messages.scriptReturns(this.spec.name, status));
      this.lastStatus = status;
    }
    const before = this.state;
    const top = this.spec.rise + this.spec.fall - 1;
    if (outcome === 'success') this.count = this.count < this.spec.rise - 1 ? this.count + 1 : top;
    else this.count = this.count > this.spec.rise ? this.count - 1 : 0;
    this.pending = false;
    if (this.state !== before) this.log(messages.scriptVerdict(this.spec.name, outcome, status));
  }

  snapshot(): ScriptSnapshot {
    return { name: this.spec.name, state: this.state, running: this.running, lastStatus: this.lastStatus };
  }

  private log(message: string): void {
    this.emit({ kind: 'log', level: 'info', message });
  }
}

/** The interfaces as the shell reported them. One never heard of is down and has no address. */
export class LinkTable {
  private readonly up = new Map<string, boolean>();
  private readonly addresses = new Map<string, IpAddress>();

  isUp(link: string): boolean {
    return this.up.get(link) ?? false;
  }

  address(link: string): IpAddress | undefined {
    return this.addresses.get(link);
  }

  setUp(link: string, up: boolean): void {
    this.up.set(link, up);
  }

  setAddress(link: string, address: IpAddress | undefined): void {
    if (address) this.addresses.set(link, address);
    else this.addresses.delete(link);
  }
}
