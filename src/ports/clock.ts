import type { Instant } from '../base/index.ts';

/** A monotonic clock. Only shells read one; engines are handed the instant. */
export interface Clock {
  now(): Instant;
}
