import { describe, expect, it } from 'vitest';
import { seconds } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import type { VrrpSettings } from './index.ts';
import { group, Lan, router, settings, vip } from './lan.test-helper.ts';

const GROUP = group('VGM', ['WAN', 'LAN'], { smtpAlert: true });

function grouped(priority: number, changes: Partial<VirtualRouter> = {}): VrrpSettings {
  const wan = router({ name: 'WAN', vrid: 50, interface: 'eth0', priority, vips: [vip('223.0.0.118')], ...changes });
  const lan = router({
    name: 'LAN',
    vrid: 60,
    interface: 'eth1',
    priority: priority - 20,
    vips: [vip('192.168.22.118', 'eth1')],
    ...changes,
  });
  return settings([wan, lan], { groups: [GROUP] });
}

const groupTransitions = (lan: Lan, node: string): string[] =>
  lan
    .effects(node)
    .flatMap((effect) => (effect.kind === 'transition' && effect.subject === 'group' ? [`${effect.state} ${effect.priority}`] : []));

describe('a sync group', () => {
  it('becomes active when the last member has won its election, all members in one instant', () => {
    const lan = new Lan();
    lan.start('a', 1, grouped(220));
    lan.runUntil(5);
    // WAN alone would be ready after 3.140625 s, LAN after 3.21875 s.
    expect(lan.story).toEqual(['0 a WAN BACKUP', '0 a LAN BACKUP', '3.21875 a LAN MASTER', '3.21875 a WAN MASTER']);
    expect(groupTransitions(lan, 'a')).toEqual(['BACKUP 0', 'MASTER 0']);
    expect(lan.log('a')).toEqual([
      '(WAN) Entering BACKUP STATE (init)',
      '(LAN) Entering BACKUP STATE (init)',
      '(LAN) Entering MASTER STATE',
      'VRRP_Group(VGM) Syncing instances to MASTER state',
      '(WAN) Entering MASTER STATE',
    ]);
  });

  it('stays backup while one member hears a better router', () => {
    const lan = new Lan();
    lan.start('a', 1, grouped(220));
    lan.start('c', 3, settings([router({ name: 'X', vrid: 60, interface: 'eth1', priority: 250, vips: [vip('192.168.22.118', 'eth1')] })]));
    lan.runUntil(60);
    expect(lan.engine('a').snapshot().groups).toEqual([{ name: 'VGM', members: ['WAN', 'LAN'], state: 'backup' }]);
  });

  it('forgets a won election when its member follows someone after all', () => {
    const lan = new Lan();
    lan.start('x', 3, settings([router({ name: 'X', vrid: 60, interface: 'eth1', priority: 254, vips: [vip('192.168.22.118', 'eth1')] })]));
    lan.runUntil(10);
    lan.start('a', 1, grouped(220));
    lan.runUntil(20);
    // WAN has won at 13.1 s and waits for LAN; now somebody better takes WAN, and only then LAN becomes free.
    lan.start('y', 4, settings([router({ name: 'Y', vrid: 50, priority: 254, vips: [vip('223.0.0.118')] })]));
    lan.runUntil(30);
    lan.crash('x');
    lan.runUntil(50);
    expect(lan.held('a')).toEqual([]);
    lan.crash('y');
    lan.runUntil(60);
    expect(lan.held('a')).toEqual(['192.168.22.118', '223.0.0.118']);
  });

  it('forgets a won election in FAULT', () => {
    const lan = new Lan();
    lan.start('x', 3, settings([router({ name: 'X', vrid: 60, interface: 'eth1', priority: 254, vips: [vip('192.168.22.118', 'eth1')] })]));
    lan.runUntil(10);
    const slow = grouped(84, { priority: 64 });
    lan.start('a', 1, slow);
    lan.runUntil(20);
    lan.crash('x');
    lan.handle('a', { kind: 'link', interface: 'eth0', up: false });
    lan.handle('a', { kind: 'link', interface: 'eth0', up: true });
    lan.handle('a', {
      kind: 'reconfigure',
      settings: { ...slow, routers: slow.routers.map((member) => (member.name === 'LAN' ? { ...member, priority: 254 } : member)) },
    });
    lan.runUntil(30);
    // LAN is ready at 23.007812 s, but WAN counts from the start again, to 23.75 s.
    expect(lan.story.slice(-2)).toEqual(['23.75 a WAN MASTER', '23.75 a LAN MASTER']);
  });

  it('goes to FAULT as a whole when one link fails, with priority 0 on each, and comes back as a whole', () => {
    const lan = new Lan();
    lan.start('a', 1, grouped(220));
    lan.start('b', 2, grouped(120));
    lan.runUntil(10);
    lan.forget('a');
    lan.handle('a', { kind: 'link', interface: 'eth1', up: false });
    expect(lan.log('a', true)).toEqual([
      'Netlink reports eth1 down',
      '(LAN): entering FAULT state (interface eth1 down)',
      '(LAN) Entering FAULT STATE',
      '(LAN) sent 0 priority',
      '(LAN) removing VIPs.',
      'VRRP_Group(VGM) Syncing instances to FAULT state',
      '(WAN) Entering FAULT STATE',
      '(WAN) sent 0 priority',
      '(WAN) removing VIPs.',
    ]);
    lan.runUntil(12);
    // b's LAN has priority 100, so its skew of 156/256 s is the longer one.
    expect(lan.story.slice(-2)).toEqual(['10.609375 b LAN MASTER', '10.609375 b WAN MASTER']);
    lan.handle('a', { kind: 'link', interface: 'eth1', up: true });
    lan.runUntil(20);
    expect(lan.held('a')).toEqual(['192.168.22.118', '223.0.0.118']);
    expect(lan.held('b')).toEqual([]);
    expect(groupTransitions(lan, 'a')).toEqual(['FAULT 0', 'BACKUP 0', 'MASTER 0']);
  });

  it('gives way as a whole to a router that is better for one member', () => {
    const lan = new Lan();
    lan.start('b', 2, grouped(120));
    lan.runUntil(10);
    lan.start('a', 1, grouped(220));
    lan.runUntil(20);
    expect(lan.held('b')).toEqual([]);
    expect(lan.log('b').slice(-4)).toEqual([
      '(LAN) Master received advert from 10.1.0.1 with higher priority 200, ours 100',
      '(LAN) Entering BACKUP STATE',
      'VRRP_Group(VGM) Syncing instances to BACKUP state',
      '(WAN) Entering BACKUP STATE',
    ]);
  });

  it('stops every member, then itself', () => {
    const lan = new Lan();
    lan.start('a', 1, grouped(220));
    lan.runUntil(10);
    lan.forget('a');
    lan.handle('a', { kind: 'stop' });
    expect(lan.kinds('a')).toEqual(['transmit', 'remove-vips', 'transition', 'transmit', 'remove-vips', 'transition', 'transition']);
    expect(groupTransitions(lan, 'a')).toEqual(['STOP 0']);
  });

  it('is left as it is when a reload adds a member, which joins when its own election allows', () => {
    const lan = new Lan();
    const single = grouped(220);
    const [wan] = single.routers;
    lan.start('a', 1, settings(wan ? [wan] : [], { groups: [{ ...GROUP, members: ['WAN'] }] }));
    lan.runUntil(10);
    lan.handle('a', { kind: 'reconfigure', settings: single });
    expect(lan.held('a')).toEqual(['223.0.0.118']);
    lan.runUntil(14);
    expect(lan.held('a')).toEqual(['192.168.22.118', '223.0.0.118']);
  });

  it('gives way when the member that a reload has added finds an active router', () => {
    const lan = new Lan();
    lan.start('c', 3, settings([router({ name: 'X', vrid: 60, interface: 'eth1', priority: 250, vips: [vip('192.168.22.118', 'eth1')] })]));
    const [wan] = grouped(220).routers;
    lan.start('a', 1, settings(wan ? [wan] : [], { groups: [{ ...GROUP, members: ['WAN'] }] }));
    lan.runUntil(10);
    lan.handle('a', { kind: 'reconfigure', settings: grouped(220) });
    lan.runUntil(14);
    expect(lan.held('a')).toEqual([]);
  });

  it('steps down as a whole after a pause', () => {
    const lan = new Lan();
    lan.start('a', 1, grouped(220));
    lan.runUntil(10);
    lan.handle('a', { kind: 'pause', duration: seconds(4) });
    expect(lan.engine('a').snapshot().groups[0]?.state).toBe('backup');
  });
});
