import { describe, expect, it } from 'vitest';
import { CASES, type Samples } from './measure.ts';
import { formatReport, missedTargets, rowOf, soakRow } from './report.ts';

function samples(name: string, ours: number[], peer: number[]): Samples {
  const found = CASES.find((what) => what.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return { case: found, ours, peer };
}

describe('the report of takeovers', () => {
  it('has medians, maxima, and what the protocol itself takes', () => {
    const row = rowOf(samples('v2, 1 s, killed', [3, 1, 8], [2, 4, 6]));
    expect(row).toMatchObject({ ours: 3, peer: 4, ratio: 0.75, unit: 'ms', max: { ours: 8, peer: 6 } });
    expect(row.floor).toBeCloseTo(2914.063, 3);
    expect(rowOf(samples('v3, 10 ms, stopped', [1], [1])).floor).toBeCloseTo(4.141, 3);
  });

  it('misses a target where ours is later by more than the client can tell, later than 50 ms with 10 ms adverts, or takes over for nothing', () => {
    const missed = (name: string, ours: number, peer: number): number => missedTargets([samples(name, [ours], [peer])], undefined).length;
    expect(missed('v3, 100 ms, killed', 301, 300)).toBe(0);
    expect(missed('v3, 100 ms, killed', 301.1, 300)).toBe(1);
    expect(missed('v3, 10 ms, killed', 51, 60)).toBe(1);
    expect(missed('v3, 10 ms, killed', 52, 50)).toBe(2);
    expect(missedTargets([], { minutes: 10, ours: 1, peer: 5 })).toHaveLength(1);
    expect(missedTargets([], { minutes: 10, ours: 0, peer: 0 })).toEqual([]);
  });

  it('is printed with a verdict for each row', () => {
    const text = formatReport([samples('v3, 10 ms, killed', [33], [32]), samples('v3, 10 ms, stopped', [9], [5])], undefined);
    expect(text).toMatch(/killed .*✓/);
    expect(text).toMatch(/stopped .*✗/);
    expect(soakRow({ minutes: 1, ours: 0, peer: 0 })).toMatchObject({ ratio: 1, unit: 'takeovers' });
  });
});
