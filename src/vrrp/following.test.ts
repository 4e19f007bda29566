/** Files, processes, BFD sessions, source addresses, static things, and interfaces that come and go or are slow to be believed. */
import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import type { TrackProcess, VirtualRouter } from '../model/index.ts';
import type { VrrpSettings } from './index.ts';
import { group, ip, Lan, router, script, settings, vip } from './lan.test-helper.ts';

function alone(changes: Partial<VirtualRouter>, shared: Partial<VrrpSettings> = {}): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings([router(changes)], shared));
  return lan;
}

const effective = (lan: Lan, index = 0): number | undefined => lan.engine('a').snapshot().routers[index]?.effectivePriority;

describe('a tracked file', () => {
  const file = (weight: number, reverse = false): Partial<VirtualRouter> => ({
    trackFiles: [{ file: 'f', weight, reverse }],
    priority: 150,
  });
  const hold = (lan: Lan, value: number): void => lan.handle('a', { kind: 'file', file: 'f', value });

  it('holds the router until it was read', () => {
    const lan = alone(file(1));
    expect(lan.state('a')).toBe('initialize');
    hold(lan, 0);
    expect(lan.state('a')).toBe('backup');
  });

  it.each([
    [1, false, 20, 170],
    [-2, false, 20, 110],
    [2, true, 20, 110],
    [1, false, 1000, 254],
    [-1, false, 253, 1],
    [100, false, -2, 1],
  ])('weight %d, reverse %s, number %d: priority 150 is %d', (weight, reverse, value, expected) => {
    const lan = alone(file(weight, reverse));
    hold(lan, value);
    expect([lan.state('a'), effective(lan)]).toEqual(['backup', expected]);
  });

  it.each([
    [0, false, 1, 'fault'],
    [0, false, 0, 'backup'],
    [0, true, 0, 'fault'],
    [0, true, -3, 'backup'],
    [2, false, -127, 'fault'],
    [-127, false, 2, 'fault'],
    [1, false, -253, 'backup'],
  ] as const)('weight %d, reverse %s, number %d: %s', (weight, reverse, value, state) => {
    const lan = alone(file(weight, reverse));
    hold(lan, value);
    expect(lan.state('a')).toBe(state);
    if (state === 'fault') expect(lan.log('a').at(-2)).toBe('(VI_1): entering FAULT state due to file f');
  });
});

describe('a tracked process', () => {
  const spec = (changes: Partial<TrackProcess> = {}): TrackProcess => ({
    name: 'p',
    command: 'haproxy',
    parameters: [],
    parameterMatch: 'any',
    fullCommand: false,
    weight: { weight: 0, reverse: false },
    quorum: 1,
    terminateDelay: 0,
    forkDelay: 0,
    ...changes,
  });
  const tracking: Partial<VirtualRouter> = { trackProcesses: [{ process: 'p', weight: 0, reverse: false }] };
  const running = (lan: Lan, count: number): void => lan.handle('a', { kind: 'process', process: 'p', count });

  it('holds the router until it was counted, and decides by its quorum', () => {
    const lan = alone(tracking, { processes: [spec({ quorum: 2, quorumMax: 3 })] });
    expect(lan.state('a')).toBe('initialize');
    const states = [1, 2, 3, 4, 3].map((count) => {
      running(lan, count);
      return lan.state('a');
    });
    expect(states).toEqual(['fault', 'backup', 'backup', 'fault', 'backup']);
    expect(lan.log('a')).toContain('Process p, number of current processes changed from 3 to 4, quorum down');
  });

  it('is given time to come back, and time to stay', () => {
    const lan = alone(tracking, { processes: [spec({ terminateDelay: seconds(2), forkDelay: seconds(1) })] });
    running(lan, 1);
    lan.runUntil(1);
    running(lan, 0);
    lan.runUntil(2);
    running(lan, 1);
    lan.runUntil(5);
    expect(lan.story).toEqual(['0 a VI_1 BACKUP', '3.609375 a VI_1 MASTER']);
    running(lan, 0);
    running(lan, 0);
    lan.runUntil(10);
    running(lan, 1);
    lan.runUntil(12);
    expect(lan.story.slice(2)).toEqual(['7 a VI_1 FAULT', '11 a VI_1 BACKUP']);
  });

  it('keeps its count across a reload, which may judge it otherwise', () => {
    const lan = alone(tracking, { processes: [spec()] });
    running(lan, 1);
    const strict = settings([router(tracking)], { processes: [spec({ quorum: 2 })] });
    lan.handle('a', { kind: 'reconfigure', settings: strict });
    expect([lan.state('a'), lan.engine('a').snapshot().processes]).toEqual(['fault', [{ name: 'p', state: 'down', count: 1 }]]);
    lan.handle('a', { kind: 'reconfigure', settings: settings([router()]) });
    expect([lan.state('a'), lan.engine('a').snapshot().processes]).toEqual(['backup', []]);
  });
});

describe('a tracked BFD session', () => {
  it('is down until it is reported up, and weighs or decides', () => {
    const lan = alone({ trackBfds: [{ bfd: 'peer', weight: 0, reverse: false }] });
    expect([lan.state('a'), lan.log('a')[0]]).toEqual(['fault', '(VI_1): entering FAULT state due to bfd peer']);
    lan.handle('a', { kind: 'bfd', session: 'peer', up: true });
    expect(lan.state('a')).toBe('backup');
    const weighed = alone({ trackBfds: [{ bfd: 'peer', weight: -30, reverse: false }] });
    expect(effective(weighed)).toBe(70);
    weighed.handle('a', { kind: 'bfd', session: 'peer', up: true });
    expect([effective(weighed), weighed.engine('a').snapshot().bfdSessions]).toEqual([100, [{ name: 'peer', up: true }]]);
  });
});

describe('the source address', () => {
  it('that is tracked must be on this host', () => {
    const lan = alone({ sourceAddress: ip('10.0.0.9'), trackSourceAddress: true });
    expect([lan.state('a'), lan.log('a')[0]]).toEqual(['fault', '(VI_1) entering FAULT state (source address 10.0.0.9 not configured)']);
    lan.handle('a', { kind: 'source-address', address: ip('10.0.0.9'), present: true });
    expect(lan.state('a')).toBe('backup');
    lan.handle('a', { kind: 'source-address', address: ip('10.0.0.9'), present: false });
    expect(lan.state('a')).toBe('fault');
  });
});

describe('a track group of static addresses, routes and rules', () => {
  it('takes its members to FAULT while it is not whole', () => {
    const lan = alone(
      {},
      {
        trackGroups: [
          { name: 'G', members: ['VI_1'] },
          { name: 'H', members: ['other'] },
        ],
      },
    );
    lan.handle('a', { kind: 'track-group', group: 'H', whole: false });
    expect(lan.state('a')).toBe('backup');
    lan.handle('a', { kind: 'track-group', group: 'G', whole: false });
    expect(lan.state('a')).toBe('fault');
    lan.handle('a', { kind: 'track-group', group: 'G', whole: true });
    expect(lan.state('a')).toBe('backup');
  });
});

describe('an interface', () => {
  it('is believed to be down, or up again, only after its delay', () => {
    const lan = alone({}, { interfaceDelays: [{ interface: 'eth0', down: seconds(1), up: seconds(3) }] });
    const link = (up: boolean): void => lan.handle('a', { kind: 'link', interface: 'eth0', up });
    lan.runUntil(5);
    link(false);
    lan.runUntil(5.5);
    link(true);
    lan.runUntil(10);
    expect(lan.state('a')).toBe('active');
    link(false);
    link(false);
    lan.runUntil(12);
    link(true);
    lan.runUntil(16);
    expect(lan.story.slice(2)).toEqual(['11 a VI_1 FAULT', '15 a VI_1 BACKUP']);
    expect(lan.log('a').filter((line) => line.startsWith('Netlink'))).toEqual(['Netlink reports eth0 down', 'Netlink reports eth0 up']);
  });

  it('that does not exist is FAULT at once, whatever the delay and dont_track_primary say', () => {
    const lan = alone({ trackPrimary: false }, { interfaceDelays: [{ interface: 'eth0', down: seconds(1), up: 0 }] });
    lan.runUntil(5);
    lan.handle('a', { kind: 'link', interface: 'eth0', up: false, present: false });
    expect(lan.state('a')).toBe('fault');
    lan.handle('a', { kind: 'link', interface: 'eth0', up: true });
    lan.runUntil(10);
    expect([lan.state('a'), lan.held('a')]).toEqual(['active', ['10.0.0.100']]);
  });

  it('that is the router’s macvlan and cannot be made is FAULT', () => {
    const vmac = { name: 'vrrp.51', address: Uint8Array.of(0, 0, 0x5e, 0, 1, 51), transmitOnBase: false };
    const lan = alone({ vmac });
    lan.handle('a', { kind: 'link', interface: 'vrrp.51', up: false, present: false });
    lan.runUntil(5);
    expect(lan.state('a')).toBe('fault');
    expect(lan.log('a')).toContain('(VI_1): entering FAULT state (interface vrrp.51 down)');
    lan.handle('a', { kind: 'link', interface: 'vrrp.51', up: true });
    lan.runUntil(10);
    expect(lan.state('a')).toBe('active');
  });

  it('that comes back gets what active routers have on it', () => {
    const lan = alone({ vips: [vip('10.0.0.100'), vip('10.1.0.100', 'eth1')] });
    lan.runUntil(5);
    lan.handle('a', { kind: 'link', interface: 'eth1', up: false, present: false });
    lan.forget('a');
    lan.handle('a', { kind: 'link', interface: 'eth1', up: true });
    expect(lan.effects('a').filter((effect) => effect.kind !== 'log')).toEqual([
      { kind: 'add-vips', router: 'VI_1', vips: [vip('10.1.0.100', 'eth1')] },
      { kind: 'announce', router: 'VI_1', vips: [vip('10.1.0.100', 'eth1')], count: 5 },
    ]);
    expect(lan.log('a')).toContain('(VI_1) interface eth1 is back - setting what belongs on it');
  });
});

describe('a sync group', () => {
  const track = (weight: number): Partial<VirtualRouter> => ({ trackScripts: [{ script: 'chk', weight, reverse: false }] });

  it('with global tracking follows what any member tracks', () => {
    const routers = [router({ name: 'X', ...track(-10) }), router({ name: 'Y', vrid: 52 })];
    const lan = new Lan();
    lan.start('a', 1, settings(routers, { groups: [group('G', ['X', 'Y'], { globalTracking: true })], scripts: [script()] }));
    lan.handle('a', { kind: 'script', script: 'chk', outcome: 'failure', status: 1 });
    expect([effective(lan, 0), effective(lan, 1)]).toEqual([90, 90]);
    // A reload of one member alone must reach the others as well.
    const lighter = [router({ name: 'X', ...track(-5) }), router({ name: 'Y', vrid: 52 })];
    const groups = [group('G', ['X', 'Y'], { globalTracking: true })];
    lan.handle('a', { kind: 'reconfigure', settings: settings(lighter, { groups, scripts: [script()] }) });
    expect([effective(lan, 0), effective(lan, 1)]).toEqual([95, 95]);
  });

  it('announces the addresses of all members against a rival of one', () => {
    const both = (priority: number): VrrpSettings =>
      settings([router({ name: 'X', priority }), router({ name: 'Y', vrid: 52, priority, vips: [vip('10.0.0.101')] })], {
        groups: [group('G', ['X', 'Y'])],
      });
    const lan = new Lan();
    lan.start('a', 1, both(150));
    lan.runUntil(20);
    lan.forget('a');
    lan.start('b', 2, settings([router({ priority: 90 })]));
    lan.cut('a', 'b');
    lan.runUntil(23.9);
    const announced = lan.effects('a').flatMap((effect) => (effect.kind === 'announce' ? [effect.router] : []));
    expect(announced).toEqual(['X', 'Y']);
  });
});
