import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines } from './deadlines.ts';

describe('deadlines', () => {
  it('come out in order, equal ones in the order in which they were set', () => {
    const deadlines = new Deadlines<string>();
    deadlines.set('a', 5);
    deadlines.set('b', 3);
    deadlines.set('c', 5);
    deadlines.set('a', 5); // set again: behind c now
    expect(deadlines.next()).toBe(3);
    expect(deadlines.popDue(2)).toBeUndefined();
    expect([deadlines.popDue(9), deadlines.popDue(9), deadlines.popDue(9), deadlines.popDue(9)]).toEqual(['b', 'c', 'a', undefined]);
    expect(deadlines.next()).toBeUndefined();
  });

  it('behave like a sorted list under any sets, moves and deletions', () => {
    const operation = fc.tuple(fc.nat(15), fc.option(fc.nat(30), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const deadlines = new Deadlines<number>();
        let model: { item: number; at: number }[] = [];
        for (const [item, at] of operations) {
          model = model.filter((entry) => entry.item !== item);
          if (at === undefined) deadlines.delete(item);
          else {
            deadlines.set(item, at);
            model.push({ item, at });
          }
          expect(deadlines.next()).toBe(model.length === 0 ? undefined : Math.min(...model.map((entry) => entry.at)));
        }
        const expected = [...model].sort((a, b) => a.at - b.at).map((entry) => entry.item);
        expect(expected.map(() => deadlines.popDue(30))).toEqual(expected);
      }),
    );
  });
});
