import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS } from './planted.ts';
import { RUN_LENGTH } from './scenario.ts';
import { run } from './world.ts';

describe('the simulator', () => {
  it('finds no invariant break in 150 runs of ten minutes', () => {
    const results = Array.from({ length: 150 }, (_, i) => run(i + 1));
    expect(results.filter((result) => result.broken)).toEqual([]);
    expect(results.every((result) => result.simulated === RUN_LENGTH)).toBe(true);
    // A world in which nothing happens would break nothing either.
    expect(results.reduce((sum, result) => sum + result.events, 0)).toBeGreaterThan(100_000);
  });

  it('replays a seed exactly', () => {
    const play = (): string[] => {
      const lines: string[] = [];
      run(17, undefined, (line) => lines.push(line));
      return lines;
    };
    const first = play();
    expect(first.length).toBeGreaterThan(100);
    expect(play()).toEqual(first);
  });

  it.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('finds the planted bug %s within 500 seeds', (_, bug) => {
    let seed = 1;
    while (seed <= 500 && !run(seed, bug).broken) seed++;
    expect(seed).toBeLessThanOrEqual(500);
  });
});
