/**
 * Two notions of peace: the world is *clean* while every link works in both directions without loss and nobody is paused;
 * it is *calm* while it is clean and nothing else (start, stop, crash, reload, interface, script) happens either.
 */
import type { Instant, Micros } from '../src/base/index.ts';

export class Peace {
  /** Counts the disturbances: as long as it is the same, what was expected is expected still. */
  epoch = 0;
  private cleanSince: Instant = 0;
  private calmSince: Instant = 0;
  private readonly settling: Micros;

  /** `settling`: the time of calm in which every election ends. */
  constructor(settling: Micros) {
    this.settling = settling;
  }

  /** Something broke the calm at this instant, or still does; and perhaps the cleanness too. */
  disturbed(now: Instant, isClean: boolean): void {
    if (!isClean) this.cleanSince = now;
    this.calmSince = now;
    this.epoch++;
  }

  /** For how long the world has been clean and `since` is past. */
  cleanFor(since: Instant, now: Instant): Micros {
    return now - Math.max(since, this.cleanSince);
  }

  isCalm(duration: Micros, now: Instant): boolean {
    return now - this.calmSince > duration;
  }

  isSettled(now: Instant): boolean {
    return this.isCalm(this.settling, now);
  }
}
