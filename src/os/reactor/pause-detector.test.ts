import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis } from '../../base/index.ts';
import { PauseDetector } from './pause-detector.ts';

const START = { monotonic: 1_000_000, boottime: 5_000_000 };
const THRESHOLD = millis(300);

/** Both clocks at the same distance from the start; `suspended` is what only boot time counted. */
function at(elapsed: number, suspended = 0): { monotonic: number; boottime: number } {
  return { monotonic: START.monotonic + elapsed, boottime: START.boottime + elapsed + suspended };
}

describe('PauseDetector', () => {
  it('says nothing while the loop wakes in time, early or late by less than the threshold', () => {
    const detector = new PauseDetector({ threshold: THRESHOLD }, START);
    expect(detector.sleeping(at(0), at(millis(150)).monotonic)).toBeUndefined();
    expect(detector.awake(at(millis(20)))).toBeUndefined();
    expect(detector.sleeping(at(millis(21)), at(millis(171)).monotonic)).toBeUndefined();
    expect(detector.awake(at(millis(470)))).toBeUndefined();
  });

  it('reports how much later than meant it woke: a stopped process', () => {
    const detector = new PauseDetector({ threshold: THRESHOLD }, START);
    detector.sleeping(at(0), at(millis(150)).monotonic);
    expect(detector.awake(at(millis(2150)))).toEqual({ duration: millis(2000), suspended: 0, phase: 'asleep' });
  });

  it('obeys another threshold from the moment it is given one', () => {
    const detector = new PauseDetector({ threshold: THRESHOLD }, START);
    detector.threshold = millis(50);
    detector.sleeping(at(0), at(millis(25)).monotonic);
    expect(detector.awake(at(millis(85)))).toEqual({ duration: millis(60), suspended: 0, phase: 'asleep' });
    detector.threshold = THRESHOLD;
    detector.sleeping(at(millis(100)), at(millis(250)).monotonic);
    expect(detector.awake(at(millis(400)))).toBeUndefined();
  });

  it('reports a suspend, which the monotonic clock does not see', () => {
    const detector = new PauseDetector({ threshold: THRESHOLD }, START);
    detector.sleeping(at(0), at(millis(150)).monotonic);
    expect(detector.awake(at(millis(150), millis(60_000)))).toEqual({
      duration: millis(60_000),
      suspended: millis(60_000),
      phase: 'asleep',
    });
    expect(detector.sleeping(at(millis(151), millis(60_000)), at(millis(300)).monotonic)).toBeUndefined();
  });

  it('reports a stop while callbacks ran, before the loop sleeps again', () => {
    const detector = new PauseDetector({ threshold: THRESHOLD }, START);
    detector.sleeping(at(0), at(millis(150)).monotonic);
    detector.awake(at(millis(10)));
    expect(detector.sleeping(at(millis(910)), at(millis(1060)).monotonic)).toEqual({ duration: millis(900), suspended: 0, phase: 'busy' });
    expect(detector.awake(at(millis(911)))).toBeUndefined();
  });

  it('finds every stop that is longer than sleep and threshold together, wherever in a turn it falls', () => {
    const turn = fc.record({ sleep: fc.nat(millis(150)), work: fc.nat(millis(50)) });
    fc.assert(
      fc.property(
        fc.array(turn, { minLength: 1, maxLength: 20 }),
        fc.nat(19),
        fc.boolean(),
        fc.boolean(),
        (turns, which, inSleep, suspend) => {
          const detector = new PauseDetector({ threshold: THRESHOLD }, START);
          const stop = millis(150) + THRESHOLD;
          let elapsed = 0;
          let suspended = 0;
          let found = 0;
          const halt = (): void => {
            if (suspend) suspended += stop;
            else elapsed += stop;
          };
          for (const [i, { sleep, work }] of turns.entries()) {
            const hit = i === which % turns.length;
            if (detector.sleeping(at(elapsed, suspended), at(elapsed + millis(150)).monotonic)) found++;
            elapsed += sleep;
            if (hit && inSleep) halt();
            if (detector.awake(at(elapsed, suspended))) found++;
            elapsed += work;
            if (hit && !inSleep) halt();
          }
          if (detector.sleeping(at(elapsed, suspended), at(elapsed).monotonic)) found++;
          expect(found).toBe(1);
        },
      ),
    );
  });
});
