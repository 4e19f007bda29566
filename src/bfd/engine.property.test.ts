import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis, Random, seconds } from '../base/index.ts';
import { encodeBfd } from '../wire/index.ts';
import { BfdEngine } from './index.ts';
import { ip, Pair, session } from './pair.test-helper.ts';

const intervals = fc.record({
  desiredMinTx: fc.integer({ min: 30, max: 400 }).map(millis),
  requiredMinRx: fc.integer({ min: 30, max: 400 }).map(millis),
  multiplier: fc.integer({ min: 1, max: 10 }),
});

describe('two engines', () => {
  it('come up whatever their intervals, and stay up on a good path', () => {
    fc.assert(
      fc.property(intervals, intervals, fc.nat(), (a, b, seed) => {
        const pair = new Pair(a, b, seed);
        pair.startBoth();
        pair.run(seconds(4));
        expect(pair.states()).toEqual(['up', 'up']);
        pair.run(seconds(10));
        expect(pair.look('a').counters.leftUp + pair.look('b').counters.leftUp).toBe(0);
        expect(pair.look('a').detectionTime).toBe(b.multiplier * Math.max(a.requiredMinRx, b.desiredMinTx));
      }),
      { numRuns: 40 },
    );
  });

  it('agree again after any loss, restart and reload', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('loss' as const), rate: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ kind: fc.constant('deaf' as const), end: fc.constantFrom('a' as const, 'b' as const) }),
      fc.record({ kind: fc.constant('restart' as const), end: fc.constantFrom('a' as const, 'b' as const) }),
      fc.record({ kind: fc.constant('reload' as const), end: fc.constantFrom('a' as const, 'b' as const), intervals }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.nat(), (steps, seed) => {
        const random = new Random(seed);
        const pair = new Pair({ desiredMinTx: millis(50) }, { requiredMinRx: millis(50) }, seed);
        pair.startBoth();
        for (const [i, change] of steps.entries()) {
          if (change.kind === 'loss') pair.loses = () => random.chance(change.rate);
          else if (change.kind === 'deaf') pair.loses = ({ from }) => from !== change.end;
          else if (change.kind === 'restart') pair.restart(change.end, seed + 7 * i + 1);
          else pair.reconfigure(change.end, change.intervals);
          pair.run(millis(random.between(1, 3000)));
        }
        pair.loses = () => false;
        // The longest detection time of the intervals above, and twice the idle interval.
        pair.run(seconds(8));
        expect(pair.states()).toEqual(['up', 'up']);
        pair.story.length = 0;
        pair.run(seconds(5));
        expect(pair.story).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('an engine', () => {
  it('bears any bytes, and no packet from too far away changes anything', () => {
    const engine = new BfdEngine([session()], 3);
    engine.handle({ kind: 'start' }, 0);
    const neighbor = ip('10.0.0.2');
    const self = ip('10.0.0.1');
    const { discriminator } = engine.snapshot().sessions[0] as { discriminator: number };
    const before = engine.snapshot().sessions;
    const forged = fc.constantFrom('admin-down' as const, 'down' as const, 'init' as const, 'up' as const).map((state) =>
      encodeBfd({
        state,
        diagnostic: 0,
        poll: true,
        final: true,
        controlPlaneIndependent: false,
        demand: false,
        multiplier: 3,
        myDiscriminator: 9,
        yourDiscriminator: discriminator,
        desiredMinTx: 1,
        requiredMinRx: 1,
        requiredMinEchoRx: 0,
      }),
    );
    let count = 0;
    fc.assert(
      fc.property(fc.oneof(forged, fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 0, max: 254 }), (payload, ttl) => {
        engine.handle({ kind: 'packet', source: neighbor, destination: self, ttl, multihop: false, payload }, 1);
        count++;
        expect(engine.drain()).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    const { sessions, rejected } = engine.snapshot();
    expect(sessions).toEqual(before);
    expect(Object.values(rejected).reduce((sum, one) => sum + one, 0)).toBe(count);
  });
});
