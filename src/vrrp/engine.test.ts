import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import { ip, Lan, router, settings, vip } from './lan.test-helper.ts';

/** Two nodes, `a` at 10.0.0.1 and `b` at 10.0.0.2, both running VI_1 with these differences. */
function pair(a: Parameters<typeof router>[0], b: Parameters<typeof router>[0]): Lan {
  const lan = new Lan();
  lan.start('a', 1, settings([router(a)]));
  lan.start('b', 2, settings([router(b)]));
  return lan;
}

describe('start', () => {
  it.each([
    [100, 2, 1, 3.609375],
    [150, 2, 1, 3.414062],
    [254, 2, 1, 3.007812],
    [1, 2, 1, 3.996093],
    [220, 2, 5, 15.140625],
    [100, 3, 1, 3.609375],
    [100, 3, 0.1, 0.360937],
    [255, 2, 1, 0],
  ] as const)('alone, priority %d, version %d, every %d s: MASTER after %d s', (priority, version, interval, after) => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ priority, version, advertInterval: seconds(interval), wantsMaster: true })]));
    lan.runUntil(20);
    expect(lan.story).toEqual(['0 a VI_1 BACKUP', `${after} a VI_1 MASTER`]);
  });

  it('logs, sends, takes the address, announces and notifies in this order', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router()]));
    expect(lan.log('a')).toEqual(['(VI_1) Entering BACKUP STATE (init)']);
    expect(lan.kinds('a')).toEqual(['remove-vips', 'transition']);
    lan.forget('a');
    lan.runUntil(3.7);
    expect(lan.kinds('a')).toEqual(['transmit', 'add-vips', 'announce', 'transition']);
    expect(lan.log('a', true)).toEqual([
      '(VI_1) Receive advertisement timeout',
      '(VI_1) Entering MASTER STATE',
      '(VI_1) setting VIPs.',
      '(VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.0.0.100',
    ]);
    expect(lan.held('a')).toEqual(['10.0.0.100']);
  });

  it('counts from the arrival of the last advertisement, unless it has waited long in the socket', () => {
    const takeover = (waited: number): string | undefined => {
      const lan = pair({ priority: 200 }, { priority: 100 });
      lan.runUntil(5);
      let last: Uint8Array | undefined;
      for (const effect of lan.effects('a')) if (effect.kind === 'transmit') last = effect.packet;
      lan.crash('a');
      lan.now = seconds(6);
      lan.handle('b', { kind: 'packet', interface: 'eth0', packet: last as Uint8Array, waited });
      expect(lan.engine('b').takeoverLead()).toBe(seconds(1));
      lan.runUntil(20);
      expect(lan.engine('b').takeoverLead()).toBe(0);
      return lan.story.at(-1);
    };
    expect(takeover(0)).toBe('9.609375 b VI_1 MASTER');
    expect(takeover(200_000)).toBe('9.409375 b VI_1 MASTER');
    expect(takeover(250_001)).toBe('9.609375 b VI_1 MASTER');
  });

  it('waits for the start-up delay before it counts', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router()], { startupDelay: seconds(10) }));
    lan.runUntil(20);
    expect(lan.story.at(-1)).toBe('13.609375 a VI_1 MASTER');
  });

  it('sends one advertisement every interval', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ advertInterval: seconds(2) })]));
    lan.runUntil(26.609375);
    expect(lan.engine('a').snapshot().routers[0]?.counters).toMatchObject({ advertsSent: 11, becameActive: 1, advertsReceived: 0 });
  });

  it('announces again after the delay, and never otherwise', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router()]));
    lan.runUntil(60);
    const bursts = lan.effects('a').flatMap((effect) => (effect.kind === 'announce' ? [effect.count] : []));
    expect(bursts).toEqual([5, 5]);
  });

  it('refreshes when asked to', () => {
    const lan = new Lan();
    const garp = { ...router().garp, repeat: 1, secondBurstDelay: 0, refresh: seconds(10), refreshRepeat: 2 };
    lan.start('a', 1, settings([router({ garp })]));
    lan.runUntil(35);
    const bursts = lan.effects('a').flatMap((effect) => (effect.kind === 'announce' ? [effect.count] : []));
    expect(bursts).toEqual([1, 2, 2, 2]);
  });
});

describe('takeover and give-back', () => {
  it('the better one becomes active, the other one never does', () => {
    const lan = pair({ priority: 100 }, { priority: 90 });
    lan.runUntil(30);
    expect(lan.story).toEqual(['0 a VI_1 BACKUP', '0 b VI_1 BACKUP', '3.609375 a VI_1 MASTER']);
  });

  it('a crash is noticed after three intervals and the skew, counted from the last advertisement', () => {
    const lan = pair({ priority: 100 }, { priority: 90 });
    lan.runUntil(10);
    lan.crash('a');
    lan.runUntil(20);
    // The last advertisement was at 9.609375, the skew of 90 is 166/256 s.
    expect(lan.story.at(-1)).toBe('13.257812 b VI_1 MASTER');
  });

  it('an orderly stop hands over after the skew alone', () => {
    const lan = pair({ priority: 100 }, { priority: 90 });
    lan.runUntil(10);
    lan.forget('a');
    lan.handle('a', { kind: 'stop' });
    lan.runUntil(20);
    expect(lan.story.slice(-2)).toEqual(['10 a VI_1 STOP', '10.648437 b VI_1 MASTER']);
    expect(lan.log('a', true)).toEqual(['(VI_1) sent 0 priority', '(VI_1) removing VIPs.']);
    expect(lan.kinds('a')).toEqual(['transmit', 'remove-vips', 'transition']);
    expect(lan.log('b', true)).toContain('(VI_1) Backup received priority 0 advertisement');
    expect(lan.engine('a').nextDeadline()).toBeUndefined();
  });

  it('does nothing more after the stop', () => {
    const lan = pair({ priority: 100 }, { priority: 90 });
    lan.runUntil(10);
    lan.handle('a', { kind: 'stop' });
    lan.forget('a');
    lan.runUntil(20);
    lan.handle('a', { kind: 'link', interface: 'eth0', up: false });
    lan.handle('a', { kind: 'tick' });
    lan.handle('a', { kind: 'stop' });
    expect(lan.effects('a')).toEqual([]);
  });

  it('a better one that comes later preempts: lower advertisements do not reset its timer', () => {
    const lan = new Lan();
    lan.start('b', 2, settings([router({ priority: 90 })]));
    lan.runUntil(10.2);
    lan.start('a', 1, settings([router({ priority: 100, wantsMaster: true })]));
    lan.runUntil(30);
    expect(lan.story.slice(1)).toEqual([
      '3.648437 b VI_1 MASTER',
      '10.2 a VI_1 BACKUP',
      '13.809375 b VI_1 BACKUP',
      '13.809375 a VI_1 MASTER',
    ]);
    expect(lan.log('a')).toContain('(VI_1) received lower priority (90) advert from 10.0.0.2 - discarding');
    expect(lan.log('b')).toContain('(VI_1) Master received advert from 10.0.0.1 with higher priority 100, ours 90');
    expect(lan.log('b').at(-1)).toBe('(VI_1) Entering BACKUP STATE');
    expect([lan.held('a'), lan.held('b')]).toEqual([['10.0.0.100'], []]);
  });

  it('nopreempt leaves a lower one in place, and still takes over when that one dies', () => {
    const lan = new Lan();
    lan.start('b', 2, settings([router({ priority: 90 })]));
    lan.runUntil(10);
    lan.start('a', 1, settings([router({ priority: 100, noPreempt: true })]));
    lan.runUntil(60);
    expect(lan.state('a')).toBe('backup');
    lan.crash('b');
    lan.runUntil(70);
    expect(lan.story.at(-1)).toBe('63.257812 a VI_1 MASTER');
  });

  it('preempt_delay counts from the first lower advertisement', () => {
    const lan = new Lan();
    lan.start('b', 2, settings([router({ priority: 90 })]));
    lan.runUntil(10);
    lan.start('a', 1, settings([router({ priority: 100, preemptDelay: seconds(20) })]));
    lan.runUntil(60);
    // First heard at 10.648437, delay over at 30.648437; the one at 29.648437 was the last to be respected.
    expect(lan.story.at(-1)).toBe('33.257812 a VI_1 MASTER');
    expect(lan.log('a')).toContain('(VI_1) start preempt delay (20.000000)');
  });

  it('preempt_delay is called off by a router that is not lower', () => {
    const lan = new Lan();
    lan.start('b', 2, settings([router({ priority: 90 })]));
    lan.runUntil(10);
    lan.start('a', 1, settings([router({ priority: 100, preemptDelay: seconds(20) })]));
    lan.runUntil(15);
    lan.handle('b', { kind: 'reconfigure', settings: settings([router({ priority: 120 })]) });
    lan.runUntil(60);
    expect(lan.state('a')).toBe('backup');
    expect(lan.log('a')).toContain('(VI_1) stop preempt delay');
  });

  it('two equal ones that start together: the higher address wins', () => {
    const lan = pair({ priority: 100 }, { priority: 100 });
    lan.cut('a', 'b');
    lan.cut('b', 'a');
    lan.runUntil(5);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'active']);
    lan.heal();
    lan.runUntil(30);
    expect([lan.state('a'), lan.state('b')]).toEqual(['backup', 'active']);
    expect(lan.log('a')).toContain('(VI_1) Master received advert from 10.0.0.2 with same priority 100 but higher IP address than ours');
  });

  it('an equal one that comes later does not preempt, whatever its address', () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router()]));
    lan.runUntil(10);
    lan.start('b', 2, settings([router()]));
    lan.runUntil(60);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'backup']);
  });
});

describe('a rival of lower priority', () => {
  /** A split in which both became active, healed at 20 s. */
  function split(): Lan {
    const lan = pair({ priority: 100 }, { priority: 90 });
    lan.cut('a', 'b');
    lan.cut('b', 'a');
    lan.runUntil(20);
    lan.forget('a');
    lan.cut('b', 'a');
    lan.heal();
    return lan;
  }

  it('is answered with an advertisement first, then with announcements, and again once it is quiet', () => {
    const lan = split();
    // a speaks at 20.609375 before b does, so let b be the first to be heard.
    lan.cut('a', 'b');
    lan.runUntil(20.65);
    expect(lan.kinds('a')).toEqual(['transmit', 'transmit', 'announce', 'notice']);
    expect(lan.log('a')).toEqual(['(VI_1) Received advert from 10.0.0.2 with lower priority 90, ours 100, forcing new election']);
    lan.heal();
    lan.runUntil(40);
    expect(lan.state('b')).toBe('backup');
    expect(lan.kinds('a').filter((kind) => kind === 'announce')).toHaveLength(2);
  });

  it('that stops leaves no doubt behind: the active router answers its priority 0 and announces', () => {
    const lan = split();
    lan.handle('b', { kind: 'stop' });
    expect(lan.kinds('a')).toEqual(['transmit', 'announce']);
    expect(lan.log('a')).toEqual(['(VI_1) Master received priority 0 message']);
  });
});

describe('two address owners', () => {
  function bothActive(): Lan {
    const lan = new Lan();
    lan.cut('a', 'b');
    lan.cut('b', 'a');
    lan.start('a', 1, settings([router({ priority: 255 })]));
    lan.start('b', 2, settings([router({ priority: 255 })]));
    lan.runUntil(2);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'active']);
    return lan;
  }

  it('the lower address gives in at once and says why', () => {
    const lan = bothActive();
    lan.heal();
    lan.runUntil(10);
    expect([lan.state('a'), lan.state('b')]).toEqual(['backup', 'active']);
    expect(lan.log('a').filter((line) => line.includes('CONFIGURATION ERROR'))).toHaveLength(1);
    expect(lan.engine('a').snapshot().routers[0]).toMatchObject({ basePriority: 255, effectivePriority: 254 });
  });

  it('the higher address gives in when the other one goes on all the same', () => {
    const lan = bothActive();
    lan.heal();
    lan.cut('b', 'a');
    lan.runUntil(10);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'backup']);
    expect(lan.log('b').join('\n')).toContain('reducing local priority');
  });

  it('the higher address does not give in to one that is heard only now and then', () => {
    const lan = bothActive();
    const hearOnce = (second: number): void => {
      lan.heal();
      lan.cut('b', 'a');
      lan.runUntil(second);
      lan.cut('a', 'b');
    };
    hearOnce(3);
    lan.runUntil(20);
    hearOnce(21);
    expect([lan.state('a'), lan.state('b')]).toEqual(['active', 'active']);
  });

  it('a reload with another priority ends the concession', () => {
    const lan = bothActive();
    lan.heal();
    lan.runUntil(10);
    lan.handle('a', { kind: 'reconfigure', settings: settings([router({ priority: 120 })]) });
    expect(lan.engine('a').snapshot().routers[0]?.effectivePriority).toBe(120);
  });
});

describe('the address owner', () => {
  it("does not remove what a predecessor may have left: the addresses are the interface's own", () => {
    const lan = new Lan();
    lan.start('a', 1, settings([router({ priority: 255 })]));
    expect(lan.kinds('a')).toEqual(['transition']);
  });
});

describe('an address that is taken away while active', () => {
  it('is put back and announced', () => {
    const lan = pair({ vips: [vip('10.0.0.100'), vip('10.0.0.101')] }, { priority: 90 });
    lan.runUntil(10);
    lan.forget('a');
    lan.handle('a', { kind: 'vip-lost', interface: 'eth0', address: ip('10.0.0.101') });
    expect(lan.effects('a').filter((effect) => effect.kind !== 'log')).toEqual([
      { kind: 'add-vips', router: 'VI_1', vips: [vip('10.0.0.101')] },
      { kind: 'announce', router: 'VI_1', vips: [vip('10.0.0.101')], count: 5 },
    ]);
  });

  it.each([
    ['of someone else', 'a', '10.0.0.77'],
    ['of a router that is backup', 'b', '10.0.0.100'],
  ])('is none of our business if it is an address %s', (_, node, address) => {
    const lan = pair({}, { priority: 90 });
    lan.runUntil(10);
    lan.forget(node);
    lan.handle(node, { kind: 'vip-lost', interface: 'eth0', address: ip(address) });
    expect(lan.effects(node)).toEqual([]);
  });
});
