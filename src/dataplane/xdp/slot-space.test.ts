import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Run, SlotSpace } from './slot-space.ts';

describe('SlotSpace', () => {
  it('refuses what does not fit and takes it again after a release', () => {
    const space = new SlotSpace(10);
    const run = space.allocate(8);
    expect(() => space.allocate(3)).toThrow(/no room/);
    space.release(run);
    expect(space.allocate(10)).toEqual({ offset: 0, length: 10 });
  });

  it('never gives the same slot twice and loses none', () => {
    const steps = fc.array(fc.record({ take: fc.boolean(), length: fc.integer({ min: 1, max: 9 }) }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (list) => {
        const space = new SlotSpace(64);
        const held: Run[] = [];
        for (const { take, length } of list) {
          const used = new Set<number>();
          if (!take) {
            const run = held.shift();
            if (run) space.release(run);
            continue;
          }
          try {
            held.push(space.allocate(length));
          } catch {
            continue;
          }
          for (const run of held) for (let i = 0; i < run.length; i++) used.add(run.offset + i);
          expect(used.size).toBe(held.reduce((sum, run) => sum + run.length, 0));
        }
        for (const run of held) space.release(run);
        expect(space.allocate(64)).toEqual({ offset: 0, length: 64 });
      }),
    );
  });
});
