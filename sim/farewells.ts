/**
 * The promise about directors that leave in good order: they keep the addresses for the moment that the successor needs, and no longer. A
 * leaving director is no owner: it takes part in nothing, and whoever takes over owns the addresses alone.
 */
import { type Instant, type Micros, millis, seconds, toSeconds } from '../src/base/index.ts';
import type { Fail } from './break.ts';
import type { Director } from './director.ts';
import type { Peace } from './peace.ts';
import type { PlannedRouter, Scenario } from './scenario.ts';

/** How long an owner and the one that takes over from it may overlap: the way of one advertisement. */
export const OVERLAP: Micros = millis(10);

/** In any weather: the longest skew that is waited for, and what a successor may be late by. */
const LONGEST: Micros = seconds(1) + millis(20);

interface Leaving {
  readonly since: Instant;
  /** Since when somebody else has had the addresses too. */
  sharedSince: Instant | undefined;
}

/** Whether a director has the addresses of a router as its owner. */
export function owns(director: Director, router: PlannedRouter): boolean {
  return director.status !== 'leaving' && director.holding.has(router.name);
}

export class Farewells {
  private readonly routers: readonly PlannedRouter[];
  private readonly scenario: Scenario;
  private readonly directors: readonly Director[];
  private readonly peace: Peace;
  private readonly fail: Fail;
  private readonly leaving = new Map<Director, Leaving>();

  constructor(routers: readonly PlannedRouter[], scenario: Scenario, directors: readonly Director[], peace: Peace, fail: Fail) {
    this.routers = routers;
    this.scenario = scenario;
    this.directors = directors;
    this.peace = peace;
    this.fail = fail;
  }

  look(now: Instant, owners: readonly Director[]): void {
    for (const director of this.directors) {
      if (director.status === 'leaving' && this.routers.some(({ name }) => director.holding.has(name))) this.check(director, owners, now);
      else this.leaving.delete(director);
    }
  }

  private check(director: Director, owners: readonly Director[], now: Instant): void {
    const leaving = this.leaving.get(director) ?? { since: now, sharedSince: undefined };
    this.leaving.set(director, leaving);
    const names = this.routers.map(({ name }) => name).join('+');
    if (now - leaving.since > LONGEST)
      this.fail(now, 'farewell', `d${director.index} left at ${toSeconds(leaving.since)} s and still has ${names}`);
    // Who hears nothing any more cannot know of its successor, and nobody hears it either.
    if (owners.length === 0 || this.routers.some(({ link }) => director.troubles.has(link))) {
      leaving.sharedSince = undefined;
      return;
    }
    leaving.sharedSince ??= now;
    // One that was there before is heard with its next advertisement.
    const limit = leaving.sharedSince === leaving.since ? this.scenario.interval + OVERLAP : OVERLAP;
    const shared = now - leaving.sharedSince;
    // In a world that was not clean all the time the successor's advertisement may be lost, and its next one comes too late to be of use.
    if (shared <= limit || this.peace.cleanFor(leaving.sharedSince, now) < shared) return;
    this.fail(
      now,
      'farewell',
      `d${director.index} leaves, and has ${names} besides its successor since ${toSeconds(leaving.sharedSince)} s`,
    );
  }
}
