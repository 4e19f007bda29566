import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timer, TimerQueue } from './timers.ts';

describe('TimerQueue', () => {
  it('fires in order of deadline, equal deadlines in order of arming, whatever was armed, moved and cleared', () => {
    const operation = fc.record({ timer: fc.integer({ min: 0, max: 15 }), deadline: fc.option(fc.integer({ min: 0, max: 30 })) });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const queue = new TimerQueue();
        const fired: number[] = [];
        const timers = Array.from({ length: 16 }, (_, i) => new Timer(() => fired.push(i)));
        let model: { timer: number; deadline: number }[] = [];
        for (const { timer, deadline } of operations) {
          model = model.filter((entry) => entry.timer !== timer);
          if (deadline === null) queue.clear(timers[timer] as Timer);
          else {
            queue.set(timers[timer] as Timer, deadline);
            model.push({ timer, deadline });
          }
          expect(queue.next()).toBe(model.length ? Math.min(...model.map((entry) => entry.deadline)) : undefined);
        }
        const expected = model.toSorted((a, b) => a.deadline - b.deadline).filter((entry) => entry.deadline <= 20);
        queue.runDue(20);
        expect(fired).toEqual(expected.map((entry) => entry.timer));
        expect(queue.next() ?? 21).toBeGreaterThan(20);
      }),
    );
  });

  it('lets a timer arm itself again', () => {
    const queue = new TimerQueue();
    const seen: number[] = [];
    const timer: Timer = new Timer((now) => {
      seen.push(now);
      queue.set(timer, now + 10);
    });
    queue.set(timer, 5);
    queue.runDue(5);
    queue.runDue(14);
    queue.runDue(15);
    expect(seen).toEqual([5, 15]);
  });
});
