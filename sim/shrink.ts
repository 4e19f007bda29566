/** Finds the shortest schedule that still breaks the same invariant: with fewer faults, then with fewer directors. */
import type { PlantedBug } from './director.ts';
import { sampleScenario } from './scenario.ts';
import { type RunResult, run } from './world.ts';

export interface Shrunk {
  /** Places in the seed's schedule. */
  readonly faults: readonly number[];
  readonly directors: readonly number[];
  /** The run with these only. */
  readonly result: RunResult;
}

/** How many runs a shrinking may cost. */
const BUDGET = 400;

/**
 * Delta debugging: leaves out ever smaller parts of the schedule as long as the run breaks in the same way. What comes out is
 * minimal: without any single one of its faults or directors the run does not break so (within the budget of runs).
 */
export function shrink(broken: RunResult, bug: PlantedBug): Shrunk {
  const { seed } = broken;
  const scenario = sampleScenario(seed);
  let runs = 0;
  let result = broken;
  const breaks = (faults: readonly number[], directors: readonly number[]): boolean => {
    if (runs++ >= BUDGET) return false;
    const attempt = run(seed, { bug, faults, directors });
    const isSame = attempt.broken?.invariant === broken.broken?.invariant;
    if (isSame) result = attempt;
    return isSame;
  };
  const all = scenario.directors.map((_, i) => i);
  // What struck after the break cannot have caused it.
  const before = scenario.faults.flatMap(({ at }, i) => (at <= (broken.broken?.at ?? 0) ? [i] : []));
  const started = breaks(before, all) ? before : scenario.faults.map((_, i) => i);
  const faults = minimal(started, (some) => breaks(some, all));
  const directors = minimal(all, (some) => breaks(faults, some));
  const fewer = minimal(faults, (some) => breaks(some, directors));
  return { faults: fewer, directors, result };
}

function minimal(items: readonly number[], breaks: (some: readonly number[]) => boolean): readonly number[] {
  let kept = items;
  for (let size = Math.ceil(kept.length / 2); size >= 1; ) {
    let isSmaller = false;
    for (let start = 0; start < kept.length; ) {
      const rest = [...kept.slice(0, start), ...kept.slice(start + size)];
      if (breaks(rest)) {
        kept = rest;
        isSmaller = true;
      } else start += size;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (!isSmaller) break;
  }
  return kept;
}
