import { describe, expect, it } from 'vitest';
import { IpAddress, seconds } from '../base/index.ts';
import { type DrainEvent, Drains, type DrainTarget } from './drains.ts';

const ip = (text: string) => IpAddress.parse(text) as IpAddress;
const TARGET: DrainTarget = {
  service: { kind: 'address', protocol: 'tcp', address: ip('10.0.0.9'), port: 80 },
  server: { address: ip('10.0.0.1'), port: 80 },
};
const OTHER: DrainTarget = { ...TARGET, server: { address: ip('10.0.0.2'), port: 80 } };

/** What an event brings, each effect by its type. */
function play(drains: Drains, event: DrainEvent, now = 0): string[] {
  drains.handle(event, now);
  return drains.drain().map((effect) => (effect.type === 'weight' ? `weight ${effect.weight ?? 'of the file'}` : effect.type));
}

describe('a drain', () => {
  it('takes the weight at once, and at the deadline the connections that are left', () => {
    const drains = new Drains();
    expect(play(drains, { type: 'drain', deadline: seconds(60), ...TARGET })).toEqual(['weight 0', 'log']);
    expect([drains.nextDeadline(), drains.snapshot()[0]?.state]).toEqual([seconds(60), 'draining']);
    expect(play(drains, { type: 'counted', connections: 3, ...TARGET }, seconds(59))).toEqual([]);
    expect(play(drains, { type: 'time' }, seconds(60) - 1)).toEqual([]);
    expect(play(drains, { type: 'time' }, seconds(60))).toEqual(['end-connections', 'log']);
    expect([drains.nextDeadline(), drains.snapshot()[0]?.state, play(drains, { type: 'time' }, seconds(61))]).toEqual([
      undefined,
      'ended',
      [],
    ]);
  });

  it('is over when the last connection has ended by itself', () => {
    const drains = new Drains();
    play(drains, { type: 'drain', deadline: seconds(60), ...TARGET });
    expect(play(drains, { type: 'counted', connections: 0, ...TARGET }, seconds(5))).toEqual(['log']);
    expect([drains.snapshot()[0]?.state, play(drains, { type: 'time' }, seconds(60))]).toEqual(['empty', []]);
    expect(play(drains, { type: 'counted', connections: 0, ...TARGET }, seconds(6))).toEqual([]);
  });

  it('without a deadline waits for ever', () => {
    const drains = new Drains();
    play(drains, { type: 'drain', ...TARGET });
    expect([drains.nextDeadline(), play(drains, { type: 'time' }, Number.MAX_SAFE_INTEGER)]).toEqual([undefined, []]);
  });

  it('gets another deadline when it is asked for again, and each server its own', () => {
    const drains = new Drains();
    play(drains, { type: 'drain', deadline: seconds(60), ...TARGET });
    play(drains, { type: 'drain', deadline: seconds(30), ...OTHER });
    play(drains, { type: 'drain', deadline: seconds(90), ...TARGET });
    expect([drains.snapshot().length, drains.nextDeadline()]).toEqual([2, seconds(30)]);
    expect(play(drains, { type: 'time' }, seconds(60))).toEqual(['end-connections', 'log']);
    expect(drains.nextDeadline()).toBe(seconds(90));
  });

  it('is taken back', () => {
    const drains = new Drains();
    play(drains, { type: 'drain', deadline: seconds(60), ...TARGET });
    expect(play(drains, { type: 'restore', ...TARGET })).toEqual(['weight of the file', 'log']);
    expect([drains.snapshot(), play(drains, { type: 'restore', ...TARGET }), play(drains, { type: 'time' }, seconds(60))]).toEqual([
      [],
      [],
      [],
    ]);
  });
});
