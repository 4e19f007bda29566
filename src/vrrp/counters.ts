/** Counts of packets and transitions, one small table per router. */
import type { VrrpRejectReason } from '../wire/index.ts';
import type { RejectCounts, RouterCounters } from './snapshot.ts';

/** Rejected packets by reason, with a mark for each reason that has been logged since the last time `forget` was called. */
export class Rejections {
  private counts: Partial<Record<VrrpRejectReason, number>> = {};
  private readonly logged = new Set<VrrpRejectReason>();

  /** Counts one, and tells whether it deserves a log line: the first of its reason does, a flood does not. */
  count(reason: VrrpRejectReason): boolean {
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
    if (this.logged.has(reason)) return false;
    this.logged.add(reason);
    return true;
  }

  /** Lets each reason be logged once more: the state or the active router has changed. */
  forget(): void {
    this.logged.clear();
  }

  clear(): void {
    this.counts = {};
  }

  snapshot(): RejectCounts {
    return { ...this.counts };
  }
}

export class Counters {
  advertsReceived = 0;
  advertsSent = 0;
  becameActive = 0;
  releasedActive = 0;
  priorityZeroReceived = 0;
  priorityZeroSent = 0;
  readonly rejections = new Rejections();

  clear(): void {
    this.advertsReceived = 0;
    this.advertsSent = 0;
    this.becameActive = 0;
    this.releasedActive = 0;
    this.priorityZeroReceived = 0;
    this.priorityZeroSent = 0;
    this.rejections.clear();
  }

  snapshot(): RouterCounters {
    const { advertsReceived, advertsSent, becameActive, releasedActive, priorityZeroReceived, priorityZeroSent } = this;
    const rejected = this.rejections.snapshot();
    return { advertsReceived, advertsSent, becameActive, releasedActive, priorityZeroReceived, priorityZeroSent, rejected };
  }
}
