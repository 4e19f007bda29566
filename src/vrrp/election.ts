/** The election's finer rules: who is better, how long preemption is put off, and what two address owners do. */
import type { Instant, IpAddress, Micros } from '../base/index.ts';
import { OWNER_PRIORITY } from './timing.ts';

/** Whether an advertisement beats an active router: higher priority, or the same one from a numerically higher address. */
export function isBetter(theirs: number, from: IpAddress, ours: number, own: IpAddress | undefined): boolean {
  if (theirs !== ours) return theirs > ours;
  return own !== undefined && from.compare(own) > 0;
}

/**
 * `preempt_delay`: counts from the first advertisement of lower priority that a backup hears, and is called off by one that is
 * not lower. While it runs the lower one is respected.
 */
export class PreemptDelay {
  private until: Instant | undefined;

  isHolding(delay: Micros, now: Instant): boolean {
    return delay > 0 && (this.until === undefined || now < this.until);
  }

  /** Takes in an accepted advertisement. */
  heard(isLower: boolean, delay: Micros, now: Instant): 'started' | 'stopped' | undefined {
    if (delay === 0) return undefined;
    if (isLower && this.until === undefined) {
      this.until = now + delay;
      return 'started';
    }
    if (!isLower && this.until !== undefined) {
      this.until = undefined;
      return 'stopped';
    }
    return undefined;
  }

  reset(): void {
    this.until = undefined;
  }
}

/**
 * Two routers that both claim to own the addresses: a configuration error that must not leave both active. The one with the
 * lower address gives in at once and becomes an ordinary router of priority 254; the other one does so too if that did not
 * help within 3.2 intervals, as keepalived does.
 */
export class OwnerConflict {
  private since: Instant = 0;
  private lastHeard: Instant | undefined;
  private conceded = false;

  /** The base priority after what has happened. */
  basePriority(configured: number): number {
    return this.conceded ? OWNER_PRIORITY - 1 : configured;
  }

  /** Another owner was heard. True when we give in now. A conflict that was quiet for three intervals begins anew. */
  heard(isHigherAddress: boolean, interval: Micros, now: Instant): boolean {
    if (this.lastHeard === undefined || now - this.lastHeard > 3 * interval) this.since = now;
    this.lastHeard = now;
    if (!isHigherAddress && now - this.since < 3.2 * interval) return false;
    this.conceded = true;
    return true;
  }

  /** The configuration was changed: perhaps the error is mended. */
  reset(): void {
    this.lastHeard = undefined;
    this.conceded = false;
  }
}
