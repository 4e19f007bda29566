import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import type { VirtualRouter, VrrpScript } from '../model/index.ts';
import type { ScriptOutcome } from './index.ts';
import { ip, Lan, router, script, settings } from './lan.test-helper.ts';
import { contribution } from './trackers.ts';

const tracked = (weight: number, reverse = false): Partial<VirtualRouter> => ({ trackScripts: [{ script: 'chk', weight, reverse }] });

function alone(changes: Partial<VirtualRouter>, spec: Partial<VrrpScript> = {}): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings([router(changes)], { scripts: [script(spec)] }));
  return lan;
}

function report(lan: Lan, outcome: ScriptOutcome, status = outcome === 'success' ? 0 : 1): void {
  lan.handle('a', { kind: 'script', script: 'chk', outcome, status });
}

const effective = (lan: Lan): number | undefined => lan.engine('a').snapshot().routers[0]?.effectivePriority;

describe('a tracked script', () => {
  it('is run at once and every interval, and holds the election until its first result', () => {
    const lan = alone(tracked(-2));
    lan.runUntil(0.5);
    expect(lan.state('a')).toBe('initialize');
    expect(lan.kinds('a')).toEqual(['remove-vips', 'run-script']);
    report(lan, 'success');
    expect(lan.log('a')).toEqual(['VRRP_Script(chk) succeeded', '(VI_1) Entering BACKUP STATE']);
    lan.runUntil(3);
    // At 1 s it runs again; it has not reported since, so 2 s and 3 s are skipped.
    expect(lan.kinds('a').filter((kind) => kind === 'run-script')).toHaveLength(2);
    expect(lan.log('a').slice(2)).toEqual(Array(2).fill('Track script chk is already running, expect idle - skipping run'));
  });

  it('of weight 0 means FAULT when it fails', () => {
    const lan = alone(tracked(0));
    report(lan, 'success');
    lan.runUntil(10);
    lan.forget('a');
    report(lan, 'failure', 4);
    expect(lan.log('a', true)).toEqual([
      'Script `chk` now returning 4',
      'VRRP_Script(chk) failed (exited with status 4)',
      '(VI_1): entering FAULT state due to script chk',
      '(VI_1) Entering FAULT STATE',
      '(VI_1) sent 0 priority',
      '(VI_1) removing VIPs.',
    ]);
    report(lan, 'success');
    expect(lan.log('a').slice(-3)).toEqual(['Script `chk` now returning 0', 'VRRP_Script(chk) succeeded', '(VI_1) Entering BACKUP STATE']);
  });

  it('of weight 0 with a first failure starts in FAULT', () => {
    const lan = alone(tracked(0));
    report(lan, 'failure', 1);
    expect([lan.state('a'), lan.held('a')]).toEqual(['fault', []]);
  });

  it.each<[number, boolean, number, number]>([
    [-30, false, 150, 120],
    [30, false, 180, 150],
    [-30, true, 180, 150],
    [30, true, 150, 120],
    [-200, false, 150, 1],
    [200, false, 254, 150],
  ])('of weight %d, reverse %s: priority 150 is %d while it succeeds and %d while it fails', (weight, reverse, up, down) => {
    const lan = alone({ ...tracked(weight, reverse), priority: 150 });
    report(lan, 'success');
    expect(effective(lan)).toBe(up);
    report(lan, 'failure');
    expect(effective(lan)).toBe(down);
  });

  it('does not touch the priority of the owner', () => {
    const lan = alone({ ...tracked(-30), priority: 255 });
    report(lan, 'failure');
    expect(effective(lan)).toBe(255);
  });

  it('needs `fall` failures in a row to fail and `rise` successes to recover, but one result at the start', () => {
    const lan = alone(tracked(-2), { rise: 3, fall: 2 });
    const after = (outcome: ScriptOutcome): string | undefined => {
      report(lan, outcome);
      return lan.engine('a').snapshot().scripts[0]?.state;
    };
    const outcomes: ScriptOutcome[] = [
      'success',
      'failure',
      'success',
      'failure',
      'timeout',
      'success',
      'success',
      'signal',
      'success',
      'success',
      'success',
    ];
    expect(outcomes.map(after)).toEqual(['up', 'up', 'up', 'up', 'down', 'down', 'down', 'down', 'down', 'down', 'up']);
  });

  it('that is told to start as failed does not hold the election', () => {
    const lan = alone(tracked(-2), { initFail: true, rise: 2 });
    expect([lan.state('a'), effective(lan)]).toEqual(['backup', 98]);
    report(lan, 'success');
    expect(effective(lan)).toBe(98);
    report(lan, 'success');
    expect(effective(lan)).toBe(100);
  });

  it('moves a running down timer by the change of the skew', () => {
    const lan = alone({ ...tracked(-64), priority: 128 });
    report(lan, 'success');
    lan.runUntil(2);
    report(lan, 'failure');
    expect(lan.log('a').at(-1)).toBe('(VI_1) Changing effective priority from 128 to 64');
    lan.runUntil(10);
    expect(lan.story.at(-1)).toBe('3.75 a VI_1 MASTER');
  });

  it('hands the addresses over when it makes the active router the worse one', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ ...tracked(-20), priority: 100 })], { scripts: [script()] }));
    lan.start('b', 2, settings([router({ priority: 90 })]));
    report(lan, 'success');
    lan.runUntil(10);
    expect(lan.held('a')).toHaveLength(1);
    report(lan, 'failure');
    lan.runUntil(15);
    expect([lan.held('a').length, lan.held('b').length]).toEqual([0, 1]);
  });

  it('that nobody tracks is not run', () => {
    const lan = alone({});
    expect(lan.kinds('a')).toEqual(['remove-vips', 'transition']);
  });
});

describe('interfaces', () => {
  it('the own one down means FAULT; up again, the election starts anew', () => {
    const lan = alone({});
    lan.runUntil(10);
    lan.handle('a', { kind: 'link', interface: 'eth0', up: false });
    lan.runUntil(12);
    lan.handle('a', { kind: 'link', interface: 'eth0', up: true });
    lan.runUntil(20);
    expect(lan.story.slice(-3)).toEqual(['10 a VI_1 FAULT', '12 a VI_1 BACKUP', '15.609375 a VI_1 MASTER']);
  });

  it('losing the address we send from means FAULT, unless the configuration names one', () => {
    const lan = alone({});
    lan.handle('a', { kind: 'address', interface: 'eth0', address: undefined });
    expect([lan.state('a'), lan.log('a').at(-2)]).toEqual(['fault', '(VI_1) entering FAULT state (no IPv4 address for interface)']);
    const named = alone({ sourceAddress: ip('10.0.0.9') });
    named.handle('a', { kind: 'address', interface: 'eth0', address: undefined });
    expect(named.state('a')).toBe('backup');
  });

  it('the own one does not matter with dont_track_primary', () => {
    const lan = alone({ trackPrimary: false });
    lan.handle('a', { kind: 'link', interface: 'eth0', up: false });
    expect(lan.state('a')).toBe('backup');
  });

  it('a tracked one weighs, or with weight 0 decides', () => {
    const lan = alone({ trackInterfaces: [{ interface: 'eth1', weight: -10, reverse: false }] });
    lan.handle('a', { kind: 'link', interface: 'eth1', up: false });
    expect([lan.state('a'), effective(lan)]).toEqual(['backup', 90]);
    const strict = alone({ trackInterfaces: [{ interface: 'eth1', weight: 0, reverse: false }] });
    strict.handle('a', { kind: 'link', interface: 'eth1', up: false });
    expect(strict.state('a')).toBe('fault');
  });

  it('one that was never reported counts as down', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ interface: 'eth7' })]));
    lan.runUntil(seconds(0.00001));
    expect(lan.log('a')).toEqual(['(VI_1): entering FAULT state (interface eth7 down)', '(VI_1) Entering FAULT STATE (init)']);
  });
});

describe('a tracker without a result', () => {
  it('adds nothing, whatever its weight', () => {
    expect([20, -20].map((weight) => contribution({ weight, reverse: false }, 'pending'))).toEqual([0, 0]);
  });
});
