/** The election's finer rules: who is better, how long preemption is put off, and what two address owners do. */
import type { Instant, IpAddress, Micros } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import type { VrrpEnvelope } from '../wire/index.ts';
import * as messages from './messages.ts';
import type { Notifier } from './notifier.ts';
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
class PreemptDelay {
  private until: Instant | undefined;

  /** When it is over; undefined while it does not run. */
  get endsAt(): Instant | undefined {
    return this.until;
  }

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
class OwnerConflict {
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

/** What one router decides about the advertisements of others, with what it must remember for it. */
export class Election {
  private readonly notifier: Notifier;
  private readonly preemptDelay = new PreemptDelay();
  private readonly ownerConflict = new OwnerConflict();

  constructor(notifier: Notifier) {
    this.notifier = notifier;
  }

  /** When a running preempt delay ends. */
  get preemptAt(): Instant | undefined {
    return this.preemptDelay.endsAt;
  }

  /** The configured priority, or that of an owner which has given in to another one. */
  basePriority(configured: number): number {
    return this.ownerConflict.basePriority(configured);
  }

  /** As a backup: whether the sender is respected as the active router. A lower one usually is not, which is preemption. */
  respects({ source, priority }: VrrpEnvelope, { name, noPreempt, preemptDelay }: VirtualRouter, ours: number, now: Instant): boolean {
    const isLower = priority < ours;
    if (isLower && !noPreempt && !this.preemptDelay.isHolding(preemptDelay, now)) {
      this.notifier.log('info', messages.discardingLower(name, source, priority));
      return false;
    }
    const news = this.preemptDelay.heard(isLower, preemptDelay, now);
    if (news === 'started') this.notifier.log('info', messages.startPreemptDelay(name, preemptDelay));
    if (news === 'stopped') this.notifier.log('info', messages.stopPreemptDelay(name));
    return true;
  }

  /** As active: true when two address owners have met and this one gives in now, so that its priority must be looked at anew. */
  concedes(packet: VrrpEnvelope, { name, advertInterval }: VirtualRouter, ours: number, own: IpAddress | undefined, now: Instant): boolean {
    if (packet.priority !== OWNER_PRIORITY || ours !== OWNER_PRIORITY || !own) return false;
    if (!this.ownerConflict.heard(packet.source.compare(own) > 0, advertInterval, now)) return false;
    this.notifier.log('error', messages.twoOwners(name));
    return true;
  }

  /** The state has changed. */
  restart(): void {
    this.preemptDelay.reset();
  }

  /** The configured priority has changed: perhaps the error of two owners is mended. */
  forgetConflict(): void {
    this.ownerConflict.reset();
  }
}
