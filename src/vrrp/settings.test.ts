import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import { routerKey, type VirtualRouter } from '../model/index.ts';
import { settingsChanges, type VrrpSettings, withChanges } from './index.ts';
import { group, ip, Lan, router, settings, vip } from './lan.test-helper.ts';
import { sameValue } from './same-value.ts';

const anyRouter: fc.Arbitrary<VirtualRouter> = fc
  .record({
    name: fc.constantFrom('A', 'B', 'C', 'D'),
    vrid: fc.constantFrom(1, 2, 3),
    interface: fc.constantFrom('eth0', 'eth1'),
    priority: fc.constantFrom(50, 100),
    vips: fc.constantFrom([vip('10.0.0.1')], [vip('10.0.0.1'), vip('10.0.0.2')], []),
  })
  .map(router);
const anySettings: fc.Arbitrary<VrrpSettings> = fc
  .tuple(fc.uniqueArray(anyRouter, { selector: routerKey, maxLength: 6 }), fc.constantFrom(0, seconds(1)))
  .map(([routers, startupDelay]) => settings(routers, { startupDelay, groups: [group('G', ['A', 'B'])] }));

const byKey = (value: VrrpSettings): unknown => ({
  ...value,
  routers: value.routers.toSorted((a, b) => (routerKey(a) < routerKey(b) ? -1 : 1)),
});

describe('the difference of two settings', () => {
  it('makes the one of the other, and is nothing when they are equal', () => {
    fc.assert(
      fc.property(anySettings, anySettings, (before, after) => {
        expect(byKey(withChanges(before, settingsChanges(before, after)))).toEqual(byKey(after));
        expect(settingsChanges(after, structuredCopy(after))).toEqual({ removed: [], routers: [] });
      }),
    );
  });

  it('names the one router in a thousand that has changed', () => {
    const routers = Array.from({ length: 255 }, (_, i) => router({ name: `VI_${i}`, vrid: i + 1 }));
    const after = routers.map((each, i) => (i === 100 ? { ...each, priority: 42 } : { ...each }));
    expect(settingsChanges(settings(routers), settings(after))).toEqual({ removed: [], routers: [after[100]] });
  });

  it('leads an engine to the same end as a whole reload', () => {
    fc.assert(
      fc.property(anySettings, anySettings, (before, after) => {
        const [whole, difference] = [new Lan(), new Lan()];
        for (const lan of [whole, difference]) {
          lan.start('a', 1, before);
          lan.runUntil(10);
          lan.forget('a');
        }
        whole.handle('a', { kind: 'reconfigure', settings: after });
        difference.handle('a', { kind: 'apply', changes: settingsChanges(before, after) });
        expect(difference.effects('a')).toEqual(whole.effects('a'));
        for (const lan of [whole, difference]) lan.runUntil(20);
        expect(difference.held('a')).toEqual(whole.held('a'));
      }),
    );
  });
});

describe('the identity of a router', () => {
  const unicast = { peers: [], ttl: 255, checkSource: false, faultWithoutPeer: false };
  const vmac = { name: 'vrrp.51', address: new Uint8Array(6), transmitOnBase: false };

  it.each([
    [{ name: 'other', priority: 1 }, true],
    [{ vrid: 52 }, false],
    [{ family: 6 as const }, false],
    [{ interface: 'eth1' }, false],
    [{ unicast }, false],
    [{ vmac }, false],
    [{ multicastGroup: ip('224.0.0.200') }, false],
    [{ sourceAddress: ip('10.0.0.1') }, true],
  ])('with %j: the same %s', (changes, isSame) => {
    expect(routerKey(router(changes)) === routerKey(router())).toBe(isSame);
  });

  it('includes where unicast is sent from', () => {
    expect(routerKey(router({ unicast, sourceAddress: ip('10.0.0.1') }))).not.toBe(routerKey(router({ unicast })));
  });
});

describe('sameValue', () => {
  it('agrees with JSON on plain values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(sameValue(a, structuredCopy(a))).toBe(true);
        expect(sameValue(a, b)).toBe(sortedJson(a) === sortedJson(b));
      }),
    );
  });

  it('is not misled by what properties are called', () => {
    for (const text of ['{"constructor":[]}', '{"__proto__":{"a":[]}}', '{"toString":[1]}'])
      expect(sameValue(JSON.parse(text), JSON.parse(text))).toBe(true);
    expect(sameValue(JSON.parse('{"constructor":1}'), {})).toBe(false);
  });

  it('looks into typed arrays, and takes an absent property for an undefined one', () => {
    expect(sameValue(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(sameValue(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(sameValue(Uint8Array.of(1), [1])).toBe(false);
    expect(sameValue({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(sameValue({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(sameValue(undefined, { a: 1 })).toBe(false);
  });
});

/** A copy that shares nothing, with addresses intact. */
function structuredCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(structuredCopy) as T;
  const properties = Object.entries(value).map(([key, entry]) => [key, { value: structuredCopy(entry), enumerable: true }] as const);
  // An assignment to a property called __proto__ would be something else.
  return Object.create(Object.getPrototypeOf(value), Object.fromEntries(properties)) as T;
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : Object.is(entry, -0)
        ? '-0'
        : entry,
  );
}
