/** keepalived's options around the election, and what the world is told. */
import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import { encodeVrrp, encodeVrrpPacket } from '../wire/index.ts';
import type { VrrpSettings } from './index.ts';
import { group, ip, Lan, router, script, settings, vip } from './lan.test-helper.ts';

/** `a` is active with these settings; the clock stands at 10 s and nothing is on record. */
function active(changes: Partial<VirtualRouter>, shared: Partial<VrrpSettings> = {}): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings([router(changes)], shared));
  lan.runUntil(10);
  lan.forget('a');
  return lan;
}

/** An advertisement of this priority from 10.0.0.9 arrives. */
function hear(lan: Lan, priority: number): void {
  const [source, destination] = [ip('10.0.0.9'), ip('224.0.0.18')];
  const advert = {
    version: 2,
    vrid: 51,
    priority,
    interval: seconds(1),
    addresses: [ip('10.0.0.100')],
    authType: 0,
    authData: new Uint8Array(8),
  };
  const packet = encodeVrrpPacket(encodeVrrp({ ...advert, version: 2 }, source, destination), source, destination);
  lan.handle('a', { kind: 'packet', interface: 'eth0', packet });
}

describe('a rival of lower priority', () => {
  it('is answered, announced against and told of', () => {
    const lan = active({});
    hear(lan, 50);
    expect(lan.kinds('a')).toEqual(['transmit', 'announce', 'notice']);
    expect(lan.effects('a').at(-1)).toMatchObject({ word: 'MASTER_RX_LOWER_PRI', name: 'VI_1', priority: 100 });
    expect(lan.log('a')).toEqual(['(VI_1) Received advert from 10.0.0.9 with lower priority 50, ours 100, forcing new election']);
  });

  it.each([[{ lowerPriorityNoAdvert: true }], [{ strict: true }]])('with %j it is not answered', (changes) => {
    const lan = active(changes);
    hear(lan, 50);
    expect(lan.kinds('a')).toEqual(['announce', 'notice']);
    expect(lan.log('a')).toEqual(['(VI_1) Received advert from 10.0.0.9 with lower priority 50, ours 100']);
  });
});

describe('a rival of higher priority', () => {
  it.each([
    [{}, ['remove-vips', 'transition']],
    [{ higherPrioritySendAdvert: true }, ['transmit', 'remove-vips', 'transition']],
    [{ higherPrioritySendAdvert: true, strict: true }, ['remove-vips', 'transition']],
  ])('with %j: %j', (changes, kinds) => {
    const lan = active(changes);
    hear(lan, 150);
    expect(lan.kinds('a')).toEqual(kinds);
  });
});

describe('the address owner', () => {
  it.each([
    [{ ownerIgnoreAdverts: true }, 'active'],
    [{ strict: true }, 'active'],
    [{}, 'backup'],
  ] as const)('with %j, hearing another owner of a higher address: %s', (changes, state) => {
    const lan = active({ priority: 255, ...changes });
    hear(lan, 255);
    expect(lan.state('a')).toBe(state);
  });
});

describe('down_timer_adverts', () => {
  it('is how many advertisements may be missed, for a backup and for the own silence', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ priority: 128, downTimerAdverts: 5 })]));
    lan.runUntil(10);
    expect(lan.story.at(-1)).toBe('5.5 a VI_1 MASTER');
    lan.handle('a', { kind: 'pause', duration: seconds(4) });
    expect(lan.state('a')).toBe('active');
    lan.handle('a', { kind: 'pause', duration: seconds(5) });
    expect(lan.state('a')).toBe('backup');
  });
});

describe('timer_expired_backup', () => {
  it('grants the skew of the best other router before the own silence counts', () => {
    const lan = active({ noPreempt: true, timerExpiredBackup: 128 });
    lan.handle('a', { kind: 'pause', duration: seconds(3.4) });
    expect(lan.state('a')).toBe('active');
    lan.handle('a', { kind: 'pause', duration: seconds(3.5) });
    expect(lan.state('a')).toBe('backup');
  });
});

describe('addresses on other interfaces', () => {
  const announced = (lan: Lan): string[] =>
    lan
      .effects('a')
      .flatMap((effect) => (effect.kind === 'announce' ? [`${effect.vips.map((entry) => entry.interface).join()} x${effect.count}`] : []));
  const garp = (all: boolean): VirtualRouter['garp'] => ({
    ...router().garp,
    secondBurstDelay: 0,
    extraInterfaces: { period: seconds(4), all },
  });

  it('are announced from time to time, macvlans only or all', () => {
    const vips = [vip('10.0.0.100'), vip('10.1.0.100', 'eth1'), vip('10.2.0.100', 'eth2', { onVmac: true })];
    const some = active({ vips, garp: garp(false) });
    some.runUntil(16);
    expect(announced(some)).toEqual(['eth2 x1', 'eth2 x1']);
    const all = active({ vips, garp: garp(true) });
    all.runUntil(12);
    expect(announced(all)).toEqual(['eth1,eth2 x1']);
    all.handle('a', { kind: 'link', interface: 'eth0', up: false });
    all.forget('a');
    all.runUntil(20);
    expect(announced(all)).toEqual([]);
  });
});

describe('a change of the priority', () => {
  it('is told to the FIFOs where asked for, of the instance and of its group', () => {
    const tracked = { trackScripts: [{ script: 'chk', weight: -10, reverse: false }], notifyPriorityChanges: true };
    const groups = [group('G', ['VI_1'], { notifyPriorityChanges: true })];
    const lan = active(tracked, { scripts: [script({ initFail: true })], groups });
    lan.handle('a', { kind: 'script', script: 'chk', outcome: 'success', status: 0 });
    expect(lan.effects('a').filter((effect) => effect.kind === 'notice')).toMatchObject([
      { subject: 'instance', name: 'VI_1', word: 'MASTER_PRIORITY', priority: 100 },
      { subject: 'group', name: 'G', word: 'MASTER_PRIORITY', priority: 0 },
    ]);
  });

  it('of a backup has its own word, and without being asked for nothing is told', () => {
    const lan = new Lan();
    const tracked = { trackScripts: [{ script: 'chk', weight: -10, reverse: false }] };
    lan.start(
      'a',
      1,
      settings([router({ ...tracked, notifyPriorityChanges: true }), router({ name: 'Y', vrid: 52, ...tracked })], { scripts: [script()] }),
    );
    lan.handle('a', { kind: 'script', script: 'chk', outcome: 'success', status: 0 });
    lan.handle('a', { kind: 'script', script: 'chk', outcome: 'failure', status: 0 });
    expect(lan.effects('a').filter((effect) => effect.kind === 'notice')).toMatchObject([
      { name: 'VI_1', word: 'BACKUP_PRIORITY', priority: 90 },
    ]);
  });
});

describe('the connection-sync daemon', () => {
  it('follows the router that is named, and no other', () => {
    const roles = (lan: Lan): string[] => lan.effects('a').flatMap((effect) => (effect.kind === 'sync-daemon' ? [effect.role] : []));
    const lan = new Lan();
    lan.start('a', 1, settings([router(), router({ name: 'Y', vrid: 52 })], { syncDaemonRouter: 'VI_1' }));
    lan.runUntil(10);
    lan.handle('a', { kind: 'link', interface: 'eth0', up: false });
    expect(roles(lan)).toEqual(['backup', 'master', 'backup']);
  });
});

describe('a removed instance', () => {
  it.each([
    [{}, 'FAULT'],
    [{ deleted: true }, 'DELETED'],
    [{ deleted: { argv: ['/bin/gone'] } }, 'DELETED'],
  ] as const)('with notify %j is reported as %s', (notify, state) => {
    const lan = active({ notify });
    lan.handle('a', { kind: 'reconfigure', settings: settings([]) });
    expect(lan.effects('a').at(-1)).toMatchObject({ kind: 'transition', state });
    expect(lan.held('a')).toEqual([]);
  });
});

describe('the counters', () => {
  it('start from zero when told to', () => {
    const lan = active({});
    hear(lan, 50);
    lan.handle('a', { kind: 'packet', interface: 'eth0', packet: new Uint8Array(3) });
    lan.handle('a', { kind: 'clear-counters' });
    const { routers, rejected } = lan.engine('a').snapshot();
    expect([rejected, routers[0]?.counters]).toEqual([
      {},
      {
        advertsReceived: 0,
        advertsSent: 0,
        becameActive: 0,
        releasedActive: 0,
        priorityZeroReceived: 0,
        priorityZeroSent: 0,
        rejected: {},
      },
    ]);
  });
});

describe('version 3', () => {
  it('says when it goes back to its own interval as an active router', () => {
    const lan = new Lan();
    lan.start('b', 2, settings([router({ version: 3, priority: 200, advertInterval: seconds(2) })]));
    lan.runUntil(10);
    lan.start('a', 1, settings([router({ version: 3 })]));
    lan.runUntil(20);
    lan.crash('b');
    lan.runUntil(30);
    expect(lan.log('a')).toContain('(VI_1) changing advert interval from 2000ms to locally configured 1000ms');
  });
});

describe('an active router at rest', () => {
  it('asks for the very same transmission again and again, and goes on doing so through `drainTo`', () => {
    const lan = active({});
    lan.runUntil(15);
    const sent = lan.effects('a').filter((effect) => effect.kind === 'transmit');
    expect([sent.length, new Set(sent).size]).toEqual([5, 1]);
    const performed: unknown[] = [];
    lan.engine('a').handle({ kind: 'tick' }, seconds(15.609375));
    lan.engine('a').drainTo((effect) => performed.push(effect));
    lan.engine('a').drainTo((effect) => performed.push(effect));
    expect(performed).toEqual([sent[0]]);
    expect(performed[0]).toBe(sent[0]);
  });
});
