/** What the parts of the engine share. */
import type { Instant } from '../base/index.ts';
import type { VrrpEffect } from './effect.ts';
import type { TimerQueue } from './timers.ts';
import type { TrackerView } from './trackers.ts';

export interface Context {
  readonly timers: TimerQueue;
  readonly trackers: TrackerView;
  /** No election ends before this instant (`vrrp_startup_delay`). */
  readonly electionsFrom: Instant;
  /** The router whose state gives the connection-sync daemon its role. */
  readonly syncDaemonRouter: string | undefined;
  emit(effect: VrrpEffect): void;
}
