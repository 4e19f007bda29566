import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bed, server } from './bed.test-helper.ts';
import { expandRr, expandWrr, SlotSchedule } from './slots.ts';
import { WrrScheduler, wrrInitial } from './wrr.ts';

describe('rr', () => {
  it('walks newest first', () => {
    expect(new Bed('rr').add('a').add('b').add('c').take(7)).toBe('cbacbac');
  });

  it('keeps its pointer on the server when a newer one arrives', () => {
    const bed = new Bed('rr').add('a').add('b').add('c');
    expect(bed.take(1)).toBe('c');
    expect(bed.add('d').take(5)).toBe('badcb');
  });

  it('steps back to the predecessor when the pointed server is deleted', () => {
    const bed = new Bed('rr').add('a').add('b').add('c');
    expect(bed.take(2)).toBe('cb');
    expect(bed.remove('b').take(3)).toBe('aca');
    const atHead = new Bed('rr').add('a').add('b');
    expect(atHead.take(1)).toBe('b');
    expect(atHead.remove('b').take(2)).toBe('aa');
  });

  it('skips weight 0 and overloaded servers and refuses when nobody is left', () => {
    const bed = new Bed('rr').add('a').add('b', 0).add('c');
    expect(bed.take(4)).toBe('caca');
    expect(bed.overload('c', true).take(2)).toBe('aa');
    expect(bed.edit('a', 0).take(2)).toBe('--');
    expect(bed.overload('c', false).take(2)).toBe('cc');
    expect(new Bed('rr').take(1)).toBe('-');
  });
});

describe('wrr', () => {
  it('runs its first pass at bar 1 when the servers came one by one', () => {
    expect(new Bed('wrr').add('1', 1).add('2', 2).add('3', 3).take(10)).toBe('3213323213');
  });

  it('starts at the top when the service had its servers before', () => {
    const list = [server('3', 3), server('2', 2), server('1', 1)];
    const scheduler = new WrrScheduler(list);
    expect(Array.from({ length: 6 }, () => scheduler.schedule()?.name).join('')).toBe('332321');
  });

  it('keeps the bar, not the pointer, over an edit', () => {
    const bed = new Bed('wrr').add('a', 3).add('b', 3);
    // The first server set the bar to 1 (the only weight is its own divisor), so a whole pass at bar 1 comes first.
    expect(bed.take(1)).toBe('b');
    expect(bed.edit('a', 3).take(2)).toBe('ba');
  });

  it('brings the bar onto the grid of a new divisor', () => {
    const bed = new Bed('wrr').add('a', 1).add('b', 6);
    expect(bed.take(3)).toBe('bab');
    // Now inside the pass at bar 6 of weights 6 and 1; with 6 and 4 the divisor is 2 and the bar 5.
    expect(bed.edit('a', 4).take(5)).toBe('bbaba');
  });

  it('refuses after one whole cycle without a usable server, then goes on', () => {
    const bed = new Bed('wrr').add('a', 2).add('b', 5);
    bed.take(3);
    bed.overload('a', true).overload('b', true);
    expect(bed.take(2)).toBe('--');
    bed.overload('a', false);
    expect(bed.take(3)).toBe('aaa');
    expect(bed.edit('a', 0).edit('b', 0).take(1)).toBe('-');
    expect(new Bed('wrr').take(1)).toBe('-');
  });
});

describe('slot lists', () => {
  it('hold one period, reduced by the divisor', () => {
    expect(expandWrr([300, 200, 100], wrrInitial([300, 200, 100]))).toMatchObject({ slots: [0, 0, 1, 0, 1, 2], exact: true });
    expect(expandRr([1, 0, 1], -1).slots).toEqual([0, 2]);
    expect(expandRr([1, 0, 1], 0).slots).toEqual([2, 0]);
    expect(expandWrr([0, 0], wrrInitial([0, 0])).slots).toEqual([]);
  });

  it('scale weights whose cycle does not fit, keeping everybody and the proportions', () => {
    const weights = [65535, 32767, 1];
    const { slots, exact } = expandWrr(weights, wrrInitial(weights), 512);
    expect(exact).toBe(false);
    expect(slots.length).toBeLessThanOrEqual(512);
    const count = (index: number): number => slots.filter((slot) => slot === index).length;
    expect(count(0) / count(1)).toBeCloseTo(2, 1);
    expect(count(2)).toBeGreaterThan(0);
    expect(() => expandWrr([1, 1, 1], wrrInitial([1, 1, 1]), 2)).toThrow(/slot limit/);
  });

  const operation = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), weight: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ kind: fc.constant('edit' as const), at: fc.nat(), weight: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ kind: fc.constant('remove' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 40 }) }),
  );

  it.each(['rr', 'wrr'] as const)('follow the %s scheduler through any history of changes, connection by connection', (kind) => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const bed = new Bed(kind);
        const schedule = new SlotSchedule(kind, []);
        let cursor = 0;
        let serial = 0;
        const publish = (change: Parameters<SlotSchedule['change']>[0]): void => {
          schedule.change(
            change,
            bed.list.map((s) => s.weight),
            cursor,
          );
          cursor = 0;
        };
        for (const op of operations) {
          if (op.kind === 'add') {
            bed.add(`s${serial++}`, op.weight);
            publish({ kind: 'added' });
          } else if (op.kind === 'take') {
            for (let i = 0; i < op.count; i++) {
              const { slots } = schedule.current;
              const ours = slots.length === 0 ? undefined : bed.list[slots[cursor++ % slots.length]!];
              expect(ours?.name ?? '-').toBe(bed.pick());
            }
          } else if (bed.list.length > 0) {
            const index = op.at % bed.list.length;
            const { name } = bed.list[index]!;
            if (op.kind === 'edit') bed.edit(name, op.weight);
            else bed.remove(name);
            publish({ kind: op.kind === 'edit' ? 'edited' : 'removed', index });
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('skipping the slots of an overloaded server is what the scheduler itself does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 }), fc.nat(), (weights, at) => {
        const bed = new Bed('wrr');
        for (const [i, weight] of weights.entries()) bed.add(`s${i}`, weight);
        const schedule = new SlotSchedule('wrr', []);
        for (let i = 1; i <= weights.length; i++) schedule.change({ kind: 'added' }, weights.slice(0, i).reverse(), 0);
        const skipped = `s${at % weights.length}`;
        bed.overload(skipped, true);
        const { slots } = schedule.current;
        const walked = Array.from({ length: 60 }, (_, i) => bed.list[slots[i % slots.length]!]!.name).filter((name) => name !== skipped);
        expect(walked.slice(0, 20).join()).toBe(Array.from({ length: Math.min(20, walked.length) }, () => bed.pick()).join());
      }),
    );
  });
});
