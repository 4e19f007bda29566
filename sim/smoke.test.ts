import { describe, expect, it } from 'vitest';
import { NO_BUG } from './planted.ts';
import { RUN_LENGTH, sampleScenario } from './scenario.ts';
import { playRange } from './sweep.ts';
import { run } from './world.ts';

describe('the simulator', () => {
  // 500 runs, in parts, so that none of them meets the time limit of a test on a busy machine.
  it.each([1, 101, 201, 301, 401])('finds no invariant break in 100 runs of ten minutes from seed %i on', (from) => {
    const { broken, simulated } = playRange(from, 100, NO_BUG);
    expect(broken).toEqual([]);
    expect(simulated).toBe(100 * RUN_LENGTH);
  });

  it('plays worlds in which much happens', () => {
    // A world in which nothing happens would break nothing either.
    const events = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => run(seed).events);
    expect(Math.min(...events)).toBeGreaterThan(500);
    const scenarios = Array.from({ length: 500 }, (_, i) => sampleScenario(i + 1));
    const kinds = new Set(scenarios.flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)));
    expect(kinds.size).toBe(13);
    const shapes = new Set(
      scenarios.map(({ shape, version, family, unicast, authentication }) => [shape, version, family, unicast, authentication].join()),
    );
    expect(shapes.size).toBeGreaterThan(20);
  });

  it('replays a seed exactly', () => {
    const play = (): string[] => {
      const lines: string[] = [];
      run(17, { trace: (line) => lines.push(line) });
      return lines;
    };
    const first = play();
    expect(first.length).toBeGreaterThan(100);
    expect(play()).toEqual(first);
  });
});
