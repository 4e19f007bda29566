import { describe, expect, it } from 'vitest';
import { AF_UNIX, bind, close, encodeUnixAddress, receive, SOCK_DGRAM, socket } from '../ffi/index.ts';
import { SystemdNotifier, watchdogInterval } from './index.ts';

describe('SystemdNotifier', () => {
  it('speaks sd_notify(3) to an abstract socket', () => {
    const name = `@vipwright-test-notify-${process.pid}`;
    const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(fd, encodeUnixAddress(name) as Uint8Array);
    const buffer = new Uint8Array(500);
    const next = (): string => Buffer.from(buffer.subarray(0, receive(fd, buffer))).toString();
    const notifier = new SystemdNotifier(name);
    expect([notifier.ready('serving\nREADY=0'), next()]).toEqual([true, 'READY=1\nSTATUS=serving READY=0']);
    expect([notifier.reloading(), next()]).toEqual([true, expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/)]);
    expect([notifier.stopping(), next()]).toEqual([true, 'STOPPING=1']);
    expect([notifier.status('2 virtual routers'), next()]).toEqual([true, 'STATUS=2 virtual routers']);
    expect([notifier.watchdog(), next()]).toEqual([true, 'WATCHDOG=1']);
    close(fd);
    expect(notifier.watchdog()).toBe(false);
  });

  it('is quiet without a service manager', () => {
    expect(new SystemdNotifier('').ready()).toBe(false);
  });
});

describe('watchdogInterval', () => {
  it('is meant for one process', () => {
    expect(watchdogInterval({ WATCHDOG_USEC: '3000000' }, 7)).toBe(3_000_000);
    expect(watchdogInterval({ WATCHDOG_USEC: '3000000', WATCHDOG_PID: '7' }, 7)).toBe(3_000_000);
    expect(watchdogInterval({ WATCHDOG_USEC: '3000000', WATCHDOG_PID: '8' }, 7)).toBeUndefined();
    expect(watchdogInterval({ WATCHDOG_USEC: '0' }, 7)).toBeUndefined();
    expect(watchdogInterval({}, 7)).toBeUndefined();
  });
});
