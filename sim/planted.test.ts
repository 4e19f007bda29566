import { describe, expect, it } from 'vitest';
import { NO_BUG, PLANTED_BUGS } from './planted.ts';
import { sampleScenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import { run } from './world.ts';

describe('planted bugs', () => {
  it.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('%s is found within 500 seeds', (_, bug) => {
    let seed = 1;
    while (seed <= 500 && !run(seed, { bug }).broken) seed++;
    expect(seed).toBeLessThanOrEqual(500);
  });
});

describe('shrinking', () => {
  it('ends with a schedule that breaks the same promise, and with nothing in it that could be left out', () => {
    const bug = PLANTED_BUGS.find(({ name }) => name === 'priority-zero-ignored');
    let seed = 1;
    let broken = run(seed, { bug });
    // A long schedule, so that there is something to leave out.
    while (!broken.broken || sampleScenario(seed).faults.length < 10) broken = run(++seed, { bug });
    const { faults, directors, result } = shrink(broken, bug ?? NO_BUG);
    expect(faults.length).toBeLessThan(sampleScenario(seed).faults.length);
    expect(result.broken?.invariant).toBe(broken.broken.invariant);
    expect(run(seed, { bug, faults, directors })).toEqual(result);
    for (const fault of faults) {
      const without = run(seed, { bug, faults: faults.filter((other) => other !== fault), directors });
      expect(without.broken?.invariant).not.toBe(broken.broken.invariant);
    }
  });
});
