import { describe, expect, it } from 'vitest';
import { millis, seconds } from '../base/index.ts';
import { Lan, router, settings } from './lan.test-helper.ts';
import { Punctuality } from './punctuality.ts';

/** `a` is active and speaks every 10 ms, `b` hears it; the clock stands at 5 s. */
function quick(): Lan {
  return pair(10, 5);
}

function pair(intervalMs: number, until: number): Lan {
  const lan = new Lan();
  for (const [index, name] of ['a', 'b'].entries()) {
    lan.start(name, index + 1, settings([router({ version: 3, advertInterval: millis(intervalMs), priority: 100 - 10 * index })]));
  }
  lan.runUntil(until);
  return lan;
}

/** `b` hears nothing for so long, and then again. */
function hush(lan: Lan, ms: number): void {
  lan.cut('a', 'b');
  lan.runUntil((lan.now + millis(ms)) / seconds(1));
  lan.heal();
  lan.runUntil((lan.now + millis(100)) / seconds(1));
}

const patienceMs = (lan: Lan): number => (lan.engine('b').snapshot().routers[0]?.masterDownTime as number) / 1000;
const OF_THE_PROTOCOL = 3 * 10 + (10 * (256 - 90)) / 256;

describe('a backup of an active router that speaks every 10 ms', () => {
  it('waits as long as the protocol says', () => {
    expect(patienceMs(quick())).toBeCloseTo(OF_THE_PROTOCOL, 2);
  });

  it('waits longer by twice of what an advertisement was late, and bears that silence', () => {
    const lan = quick();
    hush(lan, 15);
    expect(patienceMs(lan)).toBeCloseTo(OF_THE_PROTOCOL + 20, 2);
    expect(lan.log('b').at(-1)).toBe('(VI_1) an advertisement came 10.0 ms late - from now on 56.5 ms of silence are borne');
    hush(lan, 40);
    expect(lan.story.filter((line) => line.includes(' b ') && line.includes('MASTER'))).toEqual([]);
  });

  it('waits no longer than a machine may stand still, and then takes over', () => {
    const lan = quick();
    hush(lan, 25);
    hush(lan, 55);
    hush(lan, 120);
    expect(patienceMs(lan)).toBe(200);
    lan.crash('a');
    lan.runUntil((lan.now + millis(189)) / seconds(1));
    expect(lan.state('b')).toBe('backup');
    lan.runUntil((lan.now + millis(12)) / seconds(1));
    expect(lan.state('b')).toBe('active');
  });

  it('waits longer where it was late itself: directors of one address are alike', () => {
    const lan = quick();
    lan.handle('b', { kind: 'pause', duration: millis(30) });
    expect(patienceMs(lan)).toBeCloseTo(OF_THE_PROTOCOL + 60, 2);
  });

  it('was active before and knows how late it was then', () => {
    const lan = quick();
    lan.now += millis(25);
    lan.handle('a', { kind: 'tick' });
    lan.runUntil((lan.now + millis(100)) / seconds(1));
    expect((lan.engine('a').snapshot().routers[0]?.masterDownTime as number) / 1000).toBeGreaterThan(OF_THE_PROTOCOL + 20);
  });

  it('has heard nothing late while its link was down', () => {
    const lan = quick();
    lan.handle('b', { kind: 'link', interface: 'eth0', up: false });
    lan.runUntil(6);
    lan.handle('b', { kind: 'link', interface: 'eth0', up: true });
    lan.runUntil(7);
    expect(lan.state('b')).toBe('backup');
    expect(patienceMs(lan)).toBeCloseTo(OF_THE_PROTOCOL, 2);
  });

  it.each([
    [299, true],
    [601, false],
  ])('%i s later: still waits longer: %s', (later, isLonger) => {
    const lan = quick();
    hush(lan, 15);
    lan.runUntil(lan.now / seconds(1) + later);
    expect(patienceMs(lan) > OF_THE_PROTOCOL + 1).toBe(isLonger);
  });

  it('has heard nothing late of an active router that comes after another', () => {
    const lan = quick();
    lan.start('c', 3, settings([router({ version: 3, advertInterval: millis(10), priority: 95 })]));
    lan.runUntil(6);
    lan.crash('a');
    lan.runUntil(7);
    expect([lan.state('c'), lan.state('b')]).toEqual(['active', 'backup']);
    expect(patienceMs(lan)).toBeCloseTo(OF_THE_PROTOCOL, 2);
  });
});

describe('a backup of an active router that speaks every 100 ms', () => {
  it('waits as long as the protocol says, whatever was late', () => {
    const lan = pair(100, 5);
    hush(lan, 290);
    expect(patienceMs(lan)).toBeCloseTo(10 * OF_THE_PROTOCOL, 1);
  });
});

describe('a delay', () => {
  it.each([
    [9.9, 0],
    [10, 20],
    [14, 28],
  ])('of %d ms in 10 counts as %d', (lateMs, graceMs) => {
    const punctuality = new Punctuality();
    punctuality.heard(millis(100), millis(10), true);
    punctuality.heard(millis(110 + lateMs), millis(10), false);
    expect(punctuality.grace(millis(34))).toBe(millis(graceMs));
  });
});

describe('an active router that begins to speak more often', () => {
  it('is not late by the interval that it had before', () => {
    const punctuality = new Punctuality();
    punctuality.heard(seconds(1), seconds(1), true);
    punctuality.heard(seconds(2), millis(10), false);
    expect(punctuality.grace(millis(34))).toBe(0);
  });
});
