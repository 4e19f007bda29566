/** The schedulers that look at connection counts, and the description that lets the packet path do the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../base/index.ts';
import { Bed, CACHE_LIFETIME, request, type Server } from './bed.test-helper.ts';
import { productExceeds } from './cost.ts';
import { AddressCache, CACHE_LIMIT } from './locality.ts';
import { PathSchedule, type ScanRule } from './path.ts';
import { drawn } from './twos.ts';

describe('least connections', () => {
  it('lc counts an active connection as 257 inactive ones, and ignores weights', () => {
    const bed = new Bed('lc').add('a', 9).add('b').load('a', 1, 0).load('b', 0, 257);
    expect(bed.pick()).toBe('b');
    expect(bed.load('b', 0, 258).pick()).toBe('a');
    expect(bed.edit('a', 0).pick()).toBe('b');
    expect(bed.overload('b', true).pick()).toBe('-');
  });

  it('wlc divides by the weight; of equals the newest stays', () => {
    const bed = new Bed('wlc').add('a', 2).add('b', 1).load('a', 4).load('b', 2);
    expect(bed.pick()).toBe('b');
    expect(bed.load('b', 2, 1).pick()).toBe('a');
  });

  it('sed adds the new connection; nq prefers whoever is idle', () => {
    const load = (bed: Bed): Bed => bed.add('a', 10).add('b', 1).load('a', 3).load('b', 0);
    expect(load(new Bed('sed')).pick()).toBe('a');
    expect(load(new Bed('nq')).pick()).toBe('b');
    expect(load(new Bed('nq')).load('b', 1).pick()).toBe('a');
  });

  it('compares products beyond what a number holds', () => {
    const big = 2 ** 31 - 1;
    expect(productExceeds(big * 257, big, big * 257, big)).toBe(false);
    expect(productExceeds(big * 257 + 1, big, big * 257, big)).toBe(true);
  });
});

describe('greatest weight', () => {
  it('fo fails over by weight', () => {
    const bed = new Bed('fo').add('a', 1).add('b', 3).add('c', 3);
    expect(bed.take(2)).toBe('cc');
    expect(bed.overload('c', true).pick()).toBe('b');
    expect(bed.edit('b', 0).pick()).toBe('a');
  });

  it('ovf goes on when active connections exceed the weight', () => {
    const bed = new Bed('ovf').add('a', 1).add('b', 3).load('b', 3);
    expect(bed.pick()).toBe('b');
    expect(bed.load('b', 4).pick()).toBe('a');
    expect(bed.load('a', 2).pick()).toBe('-');
  });
});

describe('twos', () => {
  it('draws by weight: the first server has one chance more than its weight', () => {
    const list = new Bed('twos').add('a', 2).add('b', 3).list;
    expect([0, 1, 2, 3, 4, 5].map((mark) => drawn(list, mark)?.name).join('')).toBe('bbbbaa');
  });

  it('takes the less loaded of the two drawn, by weight', () => {
    for (let seed = 0; seed < 50; seed++) {
      const bed = new Bed('twos', [], seed).add('a', 1).add('b', 1).add('c', 0).load('a', 5).load('b', 2);
      const random = new Random(seed);
      const marks = [random.below(3), random.below(3)];
      expect(bed.pick()).toBe(marks.every((mark) => mark === 2) ? 'a' : 'b');
    }
    expect(new Bed('twos').add('a', 0).pick()).toBe('-');
  });
});

describe('locality', () => {
  it('lblc keeps an address with its server until that is overloaded while another one has room', () => {
    const bed = new Bed('lblc').add('a', 4).add('b', 4);
    expect(bed.pick()).toBe('b');
    expect(bed.load('b', 4).take(2)).toBe('bb');
    expect(bed.load('b', 5).load('a', 2).pick()).toBe('b');
    expect(bed.load('a', 1).pick()).toBe('a');
    expect(bed.pick(request('10.0.0.1', '10.9.9.8'))).toBe('a');
  });

  it('lblc leaves a server that is gone or has weight 0, not one over its threshold', () => {
    const bed = new Bed('lblc').add('a', 4).add('b', 4);
    expect(bed.pick()).toBe('b');
    expect(bed.overload('b', true).pick()).toBe('b');
    expect(bed.edit('b', 0).pick()).toBe('a');
    expect(bed.remove('a').pick()).toBe('-');
  });

  it('lblcr gives an address one more server, and takes the busiest away after a quiet time', () => {
    const bed = new Bed('lblcr').add('a', 2).add('b', 2);
    expect(bed.pick()).toBe('b');
    expect(bed.load('b', 3).pick()).toBe('a');
    expect(bed.load('a', 2).take(2)).toBe('aa');
    bed.now = CACHE_LIFETIME;
    expect(bed.load('a', 3, 5).pick()).toBe('b');
    // Now the set loses its busiest member, but only after the least loaded one was chosen from both.
    bed.now = CACHE_LIFETIME + 1;
    bed.load('b', 3).load('a', 2);
    expect(bed.pick()).toBe('a');
    expect(bed.load('a', 2, 9).load('b', 0).pick()).toBe('a');
  });

  it('forgets idle addresses every half hour, sooner when there are too many, and learns no more than it can hold', () => {
    const minute = 60_000_000;
    const cache = new AddressCache<number>({ family: 4, cacheLifetime: 10 * minute, now: 0 });
    cache.remember(request().virtual, 1, 0);
    expect(cache.use(request().virtual, 28 * minute)).toBe(1);
    // The 30th sweep comes in the 30th minute; the address was asked for 2 minutes before.
    expect([cache.use(request().virtual, 31 * minute), cache.size]).toEqual([1, 1]);
    expect([cache.use(request().virtual, 61 * minute), cache.size]).toEqual([undefined, 0]);
    const at = 61 * minute;
    for (let address = 0; address < CACHE_LIMIT * 2; address++) {
      const { virtual } = request('10.0.0.1', `11.${address >> 16}.${(address >> 8) & 255}.${address & 255}`);
      cache.remember(virtual, address, at);
    }
    expect(cache.size).toBe((CACHE_LIMIT * 3) / 2);
    cache.use(request().virtual, at + 6 * minute - 1);
    expect(cache.size).toBe((CACHE_LIMIT * 3) / 2);
    cache.use(request().virtual, at + 7 * minute);
    expect(cache.size).toBeLessThan((CACHE_LIMIT * 3) / 2);
    expect(cache.size).toBeGreaterThan(CACHE_LIMIT / 2);
  });
});

/** What the packet path does with a rule, written down a second time from the rule's description. */
function scan(rule: ScanRule, list: readonly Server[]): string {
  const cost = (s: Server): bigint => BigInt(rule.base + rule.active * s.activeConnections + rule.inactive * s.inactiveConnections);
  let best: Server | undefined;
  for (const s of list) {
    if (s.weight === 0 || s.overloaded || (rule.fullAboveWeight && s.activeConnections > s.weight)) continue;
    if (rule.idleFirst && s.activeConnections === 0) return s.name;
    if (!best) best = s;
    else if (rule.pick === 'greatest-weight') best = s.weight > best.weight ? s : best;
    else {
      const [own, its] = rule.perWeight ? [BigInt(best.weight), BigInt(s.weight)] : [1n, 1n];
      if (cost(best) * its > cost(s) * own) best = s;
    }
  }
  return best?.name ?? '-';
}

describe('scan rules', () => {
  const servers = fc.array(
    fc.record({
      weight: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
      active: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.nat(1_000_000)),
      inactive: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.nat(1_000_000)),
      overloaded: fc.boolean(),
    }),
    { maxLength: 8 },
  );

  it.each(['lc', 'wlc', 'sed', 'nq', 'fo', 'ovf'] as const)('say what %s does', (name) => {
    const { current } = new PathSchedule({ scheduler: name, schedulerFlags: [] }, 4, []);
    if (current.kind !== 'scan') throw new Error('not a scan');
    fc.assert(
      fc.property(servers, (figures) => {
        const bed = new Bed(name);
        for (const [index, { weight, active, inactive, overloaded }] of figures.entries()) {
          const label = String.fromCharCode(97 + index);
          bed.add(label, weight).load(label, active, inactive).overload(label, overloaded);
        }
        expect(scan(current.rule, bed.list)).toBe(bed.pick());
      }),
    );
  });

  it('name the memory of lblc and lblcr and the draws of twos', () => {
    const rule = (scheduler: 'lblc' | 'lblcr' | 'twos'): unknown => new PathSchedule({ scheduler, schedulerFlags: [] }, 4, []).current;
    expect(rule('lblc')).toMatchObject({ kind: 'scan', rule: { remembers: 'server', perWeight: true } });
    expect(rule('lblcr')).toMatchObject({ kind: 'scan', rule: { remembers: 'set', perWeight: true } });
    expect(rule('twos')).toMatchObject({ kind: 'scan', rule: { pick: 'two-draws', active: 257, inactive: 1 } });
  });
});
