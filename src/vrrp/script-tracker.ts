/** A tracked script (`vrrp_script`): when it runs, and what its results mean. */
import type { Instant } from '../base/index.ts';
import type { VrrpScript } from '../model/index.ts';
import type { VrrpEffect } from './effect.ts';
import type { ScriptOutcome } from './event.ts';
import * as messages from './messages.ts';
import { sameValue } from './same-value.ts';
import type { ScriptSnapshot } from './snapshot.ts';
import { Timer, type TimerQueue } from './timers.ts';
import type { TrackerState } from './trackers.ts';

/**
 * The count goes from 0 (certainly down) to rise + fall - 1 (certainly up) and the script is up from `rise` on; the first result
 * after the start decides alone, in either direction.
 */
export class ScriptTracker {
  spec: VrrpScript;
  private count: number;
  private pending: boolean;
  private running = false;
  /** The run that goes on is of a command that a reload has replaced: its end says nothing, and the new one follows it. */
  private outdated = false;
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

  /** Nobody tracks it any more. */
  stop(): void {
    this.timers.clear(this.timer);
    if (this.running) this.emit({ kind: 'kill-script', script: this.spec.name });
  }

  /** A reload keeps the verdict; a changed command is tried at once, a changed rise or fall moves the count to its new end. */
  reconfigure(spec: VrrpScript, now: Instant, isRunning: boolean): void {
    const wasUp = this.state === 'up';
    const before = this.spec;
    this.spec = spec;
    if (!this.pending && (spec.rise !== before.rise || spec.fall !== before.fall)) this.count = wasUp ? spec.rise + spec.fall - 1 : 0;
    if (this.pending) this.count = spec.rise - 1;
    const isSame = sameValue(before.command, spec.command);
    if (!isRunning || (isSame && before.interval === spec.interval)) return;
    if (!isSame && this.running && !this.outdated) {
      this.outdated = true;
      this.emit({ kind: 'kill-script', script: spec.name });
    } else if (!this.running) this.run(now);
    else this.timers.set(this.timer, now + spec.interval);
  }

  /** Takes in the end of a run. */
  report(outcome: ScriptOutcome, status: number, now: Instant): void {
    this.running = false;
    if (this.outdated) {
      this.outdated = false;
      this.run(now);
      return;
    }
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
    return { name: this.spec.name, state: this.state, running: this.running, lastStatus: this.lastStatus, result: this.count };
  }

  private log(message: string): void {
    this.emit({ kind: 'log', level: 'info', message });
  }
}
