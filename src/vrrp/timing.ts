/** The protocol's times (RFC 3768 §6.1, RFC 9568 §6.1), in whole microseconds, rounded as keepalived rounds them. */
import { MICROS_PER_SECOND, type Micros } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';

/** The priority of the address owner. */
export const OWNER_PRIORITY = 255;

/** How many advertisement intervals of silence mean that the active router is gone, unless `down_timer_adverts` says otherwise. */
const DOWN_INTERVALS = 3;

/**
 * The lower the priority, the later a backup gives up on a silent active router, so that the best one is first.
 * Version 2 skews by up to one second whatever the interval; version 3 by up to one interval.
 */
export function skewTime(version: 2 | 3, priority: number, interval: Micros): Micros {
  const full = version === 2 ? MICROS_PER_SECOND : interval;
  return Math.floor(((256 - priority) * full) / 256);
}

/** How long a backup waits for an advertisement before it takes over (the protocol's Active_Down_Interval). */
export function masterDownTime(version: 2 | 3, priority: number, interval: Micros, adverts = DOWN_INTERVALS): Micros {
  return adverts * interval + skewTime(version, priority, interval);
}

/**
 * The silence of an active router after which it must not take itself for active any more. No peer gives up before so many
 * intervals without an advertisement (its own skew comes on top), so a shorter silence cannot have made a second active router.
 */
export function peersPatience(interval: Micros, adverts = DOWN_INTERVALS): Micros {
  return adverts * interval;
}

/**
 * For how long a machine that has more to do than processors, or whose processors are virtual, may stand still without being away. It
 * matters where the intervals are so short that the peers' patience is shorter.
 */
export const MACHINE_NOISE: Micros = 200_000;

/** Whether so much delay says that this program did not run when it should have, and so perhaps that the whole machine stood still. */
export function isLate(delay: Micros, interval: Micros): boolean {
  return delay > interval / 4;
}

/**
 * The part of a packet's wait in our socket that counts as time since it was heard. Where the wait says that this program was late, the
 * patience begins anew.
 */
export function countedWait(waited: Micros, interval: Micros): Micros {
  return isLate(waited, interval) ? 0 : waited;
}

/** How long a router that wants to become active waits for the other members of its sync group before it looks again. */
export function groupHoldTime(version: 2 | 3, interval: Micros): Micros {
  return interval + skewTime(version, OWNER_PRIORITY, interval);
}

/** Whether a reload leaves the protocol's times as they are. */
export function hasSameTiming(a: VirtualRouter, b: VirtualRouter): boolean {
  return a.advertInterval === b.advertInterval && a.version === b.version && a.downTimerAdverts === b.downTimerAdverts;
}
