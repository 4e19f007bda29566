/** A tracked process (`vrrp_track_process`): a count of running processes, judged by quorum and after a delay. */
import type { Instant } from '../base/index.ts';
import type { TrackProcess } from '../model/index.ts';
import * as messages from './messages.ts';
import type { ProcessSnapshot } from './snapshot.ts';
import { Timer, type TimerQueue } from './timers.ts';
import type { TrackerState } from './trackers.ts';

/** What the tracker needs from the engine. */
export interface ProcessTrackerHooks {
  readonly timers: TimerQueue;
  /** The state has changed by the passing of time. */
  changed(now: Instant): void;
  log(message: string): void;
}

export class ProcessTracker {
  spec: TrackProcess;
  state: TrackerState = 'pending';
  private count = 0;
  private readonly timer: Timer;
  private readonly hooks: ProcessTrackerHooks;

  constructor(spec: TrackProcess, hooks: ProcessTrackerHooks) {
    this.spec = spec;
    this.hooks = hooks;
    this.timer = new Timer((now) => {
      this.settle();
      hooks.changed(now);
    });
  }

  /** A reload keeps the count and judges it anew. */
  reconfigure(spec: TrackProcess): void {
    this.spec = spec;
    if (this.state !== 'pending') this.settle();
  }

  /** Takes in a count. The first one decides at once; later ones only after the delay, if nothing has changed back by then. */
  report(count: number, now: Instant): void {
    const before = this.count;
    this.count = count;
    const wanted = this.judge();
    if (this.state === 'pending') {
      this.settle();
      return;
    }
    if (before !== count) this.hooks.log(messages.processCount(this.spec.name, before, count, wanted === this.state ? undefined : wanted));
    const delay = wanted === 'up' ? this.spec.forkDelay : this.spec.terminateDelay;
    if (wanted === this.state || delay === 0) this.settle();
    else if (this.timer.deadline === undefined) this.hooks.timers.set(this.timer, now + delay);
  }

  stop(): void {
    this.hooks.timers.clear(this.timer);
  }

  snapshot(): ProcessSnapshot {
    return { name: this.spec.name, state: this.state, count: this.count };
  }

  private settle(): void {
    this.hooks.timers.clear(this.timer);
    this.state = this.judge();
  }

  private judge(): 'up' | 'down' {
    const { quorum, quorumMax } = this.spec;
    return this.count >= quorum && (quorumMax === undefined || this.count <= quorumMax) ? 'up' : 'down';
  }
}
