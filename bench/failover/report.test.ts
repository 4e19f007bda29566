import { describe, expect, it } from 'vitest';
import { CASES, inTheMiddle, type Samples } from './measure.ts';
import { differenceOf, formatReport, missedTargets, rowOf, soakRow, verdictOn } from './report.ts';

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

  it('misses a target where ours is later, later than 50 ms with 10 ms adverts, or takes over for nothing', () => {
    const missed = (name: string, ours: number, peer: number): number => missedTargets([samples(name, [ours], [peer])], undefined).length;
    expect(missed('v3, 100 ms, killed', 300, 300)).toBe(0);
    expect(missed('v3, 100 ms, killed', 300.1, 300)).toBe(1);
    expect(missed('v3, 10 ms, killed', 51, 60)).toBe(1);
    expect(missed('v3, 10 ms, killed', 52, 50)).toBe(2);
    expect(missedTargets([], { minutes: 10, ours: 1, peer: 5 })).toHaveLength(1);
    expect(missedTargets([], { minutes: 10, ours: 0, peer: 0 })).toEqual([]);
  });

  it('calls a median that is higher equal only where the pairs do not tell the two apart', () => {
    const peer = Array.from({ length: 30 }, (_, i) => 100 + i / 100);
    const judge = (shift: (i: number) => number) =>
      verdictOn(
        samples(
          'v2, 1 s, killed',
          peer.map((value, i) => value + shift(i)),
          peer,
        ),
      );
    expect(judge(() => -0.01)).toBe('met');
    expect(judge(() => 0.01)).toBe('missed');
    expect(judge((i) => (i % 3 === 0 ? -0.001 : 0.02))).toBe('equal');
    expect(judge((i) => (i % 5 === 0 ? -0.001 : 0.02))).toBe('missed');
  });

  it('gives the difference as the tenth and the tenth but last of thirty', () => {
    const ours = Array.from({ length: 30 }, (_, i) => i + 1);
    expect(differenceOf({ ours, peer: Array(30).fill(0) })).toEqual({ from: 10, to: 21 });
    expect(differenceOf({ ours: [5], peer: [3] })).toEqual({ from: 2, to: 2 });
  });

  it('takes off how much earlier or later than the middle of an interval a death was', () => {
    const killed = samples('v3, 10 ms, killed', [], []).case;
    expect(inTheMiddle({ outageMs: 32, phaseMs: 2 }, killed)).toBe(29);
    expect(inTheMiddle({ outageMs: 3, phaseMs: 2 }, samples('v3, 10 ms, stopped', [], []).case)).toBe(3);
  });

  it('is printed with a verdict for each row', () => {
    const text = formatReport([samples('v3, 10 ms, killed', [31], [32]), samples('v3, 10 ms, stopped', [9], [5])], undefined);
    expect(text).toMatch(/killed .*✓/);
    expect(text).toMatch(/stopped .*✗/);
    expect(soakRow({ minutes: 1, ours: 0, peer: 0 })).toMatchObject({ ratio: 1, unit: 'takeovers' });
  });
});
