import { describe, expect, it } from 'vitest';
import { IpAddress, millis } from '../../base/index.ts';
import type { Vip } from '../../model/index.ts';
import { AnnouncementQueue, type PendingAnnouncement } from './announcements.ts';

function announcement(router: string, address: string, link = 'eth0'): PendingAnnouncement {
  const ip = IpAddress.parse(address) as IpAddress;
  const vip: Vip = {
    address: ip,
    length: ip.family === 4 ? 32 : 128,
    interface: link,
    home: false,
    deprecated: false,
    tracked: true,
    onVmac: false,
  };
  return { router, vip, device: link };
}

function setUp(garpInterval: number, gnaInterval = 0, interfaces: string[] = []) {
  const sent: string[] = [];
  const queue = new AnnouncementQueue(({ vip }) => sent.push(String(vip.address)));
  queue.configure([{ interfaces, garpInterval, gnaInterval }]);
  return { sent, queue };
}

describe('announcements', () => {
  it('go at once where nothing asks for gaps', () => {
    const { sent, queue } = setUp(0);
    for (let i = 0; i < 5; i++) queue.add(announcement('a', '10.0.0.1'), 0);
    expect(sent).toHaveLength(5);
    expect(queue.nextDeadline()).toBeUndefined();
  });

  it('keep their gaps and their order, each interface for itself', () => {
    const { sent, queue } = setUp(millis(10));
    for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) queue.add(announcement('a', address), 0);
    queue.add(announcement('a', '10.1.0.1', 'eth1'), 0);
    expect(sent).toEqual(['10.0.0.1', '10.1.0.1']);
    expect(queue.nextDeadline()).toBe(millis(10));
    queue.flush(millis(9));
    expect(sent).toHaveLength(2);
    queue.flush(millis(10));
    queue.flush(millis(20));
    expect(sent.slice(2)).toEqual(['10.0.0.2', '10.0.0.3']);
    expect(queue.nextDeadline()).toBeUndefined();
  });

  it('share their gaps where a group of interfaces does, IPv6 with a gap of its own', () => {
    const { sent, queue } = setUp(millis(10), millis(5), ['eth0', 'eth1']);
    queue.add(announcement('a', '10.0.0.1'), 0);
    queue.add(announcement('a', '10.1.0.1', 'eth1'), 0);
    queue.add(announcement('a', 'fd00::1'), 0);
    queue.add(announcement('a', 'fd00::2'), 0);
    queue.add(announcement('a', '10.9.0.1', 'eth9'), 0);
    expect(sent).toEqual(['10.0.0.1', 'fd00::1', '10.9.0.1']);
    expect(queue.nextDeadline()).toBe(millis(5));
    queue.flush(millis(5));
    expect(sent.at(-1)).toBe('fd00::2');
  });

  it('do not catch up with what a pause has delayed', () => {
    const { sent, queue } = setUp(millis(10));
    for (let i = 0; i < 5; i++) queue.add(announcement('a', '10.0.0.1'), 0);
    queue.flush(millis(1000));
    expect(sent).toHaveLength(3);
  });

  it('are forgotten with the addresses of their router', () => {
    const { sent, queue } = setUp(millis(10));
    queue.add(announcement('a', '10.0.0.1'), 0);
    queue.add(announcement('a', '10.0.0.2'), 0);
    queue.add(announcement('b', '10.0.0.3'), 0);
    queue.forget('a');
    queue.flush(millis(10));
    expect(sent).toEqual(['10.0.0.1', '10.0.0.3']);
  });
});
