import type { Clock } from '../../ports/index.ts';

/** CLOCK_MONOTONIC in whole microseconds: never set back, and exact as a number for centuries of uptime. */
export const monotonicClock: Clock = {
  now: () => Number(process.hrtime.bigint() / 1000n),
};
