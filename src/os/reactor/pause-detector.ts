/**
 * Finds out that this program did not run: stopped by a signal, starved, swapped out, or frozen with its machine.
 * A director that slept through its peers' advertisements must know before it judges their silence.
 */
import type { Instant, Micros } from '../../base/index.ts';

/** Both clocks, read together. The monotonic one stands still during a suspend to memory or disk; boot time does not. */
export interface ClockReading {
  readonly monotonic: Instant;
  readonly boottime: Instant;
}

export interface Pause {
  /** How long we did not run, at least. */
  readonly duration: Micros;
  /** The part of it during which the machine was suspended. */
  readonly suspended: Micros;
  /** `asleep`: woke later than asked. `busy`: took too long between waking and going back to sleep. */
  readonly phase: 'asleep' | 'busy';
}

/**
 * Told before each sleep when it means to wake at the latest, and after it when it did. A stop that falls inside a sleep and ends
 * before the wake-up time cannot be seen, so the loop must never mean to sleep longer than the pauses that matter.
 */
export class PauseDetector {
  /** Pauses below it are ordinary scheduling noise and are not reported. */
  threshold: Micros;
  private lastMonotonic: Instant;
  private lastBoottime: Instant;
  private wakeBy: Instant | undefined;

  constructor(options: { readonly threshold: Micros }, start: ClockReading) {
    this.threshold = options.threshold;
    this.lastMonotonic = start.monotonic;
    this.lastBoottime = start.boottime;
  }

  /** Before blocking until `wakeBy` at the latest. Reports a pause that happened since waking. */
  sleeping(now: ClockReading, wakeBy: Instant): Pause | undefined {
    const busy = now.monotonic - this.lastMonotonic;
    const suspended = this.advance(now);
    this.wakeBy = wakeBy;
    return this.judge(busy + suspended, suspended, 'busy');
  }

  /** After blocking. Reports how much later than meant that was. */
  awake(now: ClockReading): Pause | undefined {
    const late = this.wakeBy === undefined ? 0 : Math.max(0, now.monotonic - this.wakeBy);
    const suspended = this.advance(now);
    return this.judge(late + suspended, suspended, 'asleep');
  }

  private judge(duration: Micros, suspended: Micros, phase: Pause['phase']): Pause | undefined {
    return duration >= this.threshold ? { duration, suspended, phase } : undefined;
  }

  /** Remembers a reading, and returns what boot time gained on the monotonic clock since the last one. */
  private advance(now: ClockReading): Micros {
    const suspended = Math.max(0, now.boottime - this.lastBoottime - (now.monotonic - this.lastMonotonic));
    this.lastMonotonic = now.monotonic;
    this.lastBoottime = now.boottime;
    return suspended;
  }
}
