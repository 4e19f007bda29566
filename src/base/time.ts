/**
 * Monotonic time as engines see it. An engine never reads a clock: the instant comes in with each event,
 * so that the simulator and the daemon run the very same code.
 */

/** A point on a monotonic time line, in whole microseconds since an arbitrary origin. */
export type Instant = number;

/** A length of time in whole microseconds. */
export type Micros = number;

export const MICROS_PER_SECOND = 1_000_000;

/** Seconds (fractions allowed, as keepalived's TIMER arguments are) to microseconds. */
export function seconds(count: number): Micros {
  return Math.round(count * MICROS_PER_SECOND);
}

/** Milliseconds to microseconds. */
export function millis(count: number): Micros {
  return Math.round(count * 1000);
}

/** Microseconds to seconds, for people and for interfaces that want seconds. */
export function toSeconds(duration: Micros): number {
  return duration / MICROS_PER_SECOND;
}

/** Microseconds to milliseconds, for Node's timers. */
export function toMillis(duration: Micros): number {
  return duration / 1000;
}

/** The earlier of two deadlines where either may be absent. */
export function earliest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a < b ? a : b;
}
