import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import { armTimer, boottimeNow, createTimer, monotonicNow } from './clock.ts';
import { createEventFd, drainCounter, EpollSet, raiseEventFd } from './epoll.ts';
import { checked, errnoName, SystemError } from './errno.ts';
import { addressOf, loadLibrary } from './library.ts';
import { AF_UNIX, encodeInetAddress, encodeLinkLayerAddress, encodeUnixAddress } from './sockaddr.ts';
import { bind, close, SOCK_DGRAM, sendTo, setSocketOption, socket } from './socket.ts';
import { lookUpGroup, lookUpUser } from './task.ts';

describe('errno', () => {
  it.each([
    [1, 'EPERM'],
    [11, 'EAGAIN'],
    [17, 'EEXIST'],
    [19, 'ENODEV'],
    [99, 'EADDRNOTAVAIL'],
    [100, 'ENETDOWN'],
    [105, 'ENOBUFS'],
    [4095, 'errno 4095'],
  ])('%i is %s', (number, name) => {
    expect(errnoName(number)).toBe(name);
  });

  it('turns -1 into an error that names call and cause', () => {
    expect(checked('read', 0)).toBe(0);
    expect(() => close(-1)).toThrow(expect.objectContaining({ name: 'SystemError', code: 'EBADF', syscall: 'close', errno: 9 }));
    expect(new SystemError('mount', 1, '/x').message).toBe('mount: EPERM: /x');
  });
});

describe('socket addresses', () => {
  it('carry any IP address and port', () => {
    const bytes = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));
    fc.assert(
      fc.property(bytes, fc.nat(65535), (raw, port) => {
        const encoded = encodeInetAddress(IpAddress.fromBytes(raw) as IpAddress, port);
        const offset = raw.length === 4 ? 4 : 8;
        expect(encoded.subarray(offset, offset + raw.length)).toEqual(raw);
        expect([encoded.length, ((encoded[2] as number) << 8) | (encoded[3] as number)]).toEqual([raw.length === 4 ? 16 : 28, port]);
      }),
    );
  });

  it('have the layouts of packet(7) and unix(7)', () => {
    const link = encodeLinkLayerAddress(2, 0x0806, Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect([link.length, link[2], link[3], link[11], ...link.subarray(12, 18)]).toEqual([20, 0x08, 0x06, 6, 1, 2, 3, 4, 5, 6]);
    expect([...(encodeUnixAddress('@a') as Uint8Array).subarray(2)]).toEqual([0, 0x61]);
    expect([...(encodeUnixAddress('/a') as Uint8Array).subarray(2)]).toEqual([0x2f, 0x61, 0]);
    expect(encodeUnixAddress('x'.repeat(108))).toBeUndefined();
  });
});

describe('sockets', () => {
  it('report failures of sending as values and of setting up as exceptions', () => {
    const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    const nobody = encodeUnixAddress('@vipwright-nobody-listens-here') as Uint8Array;
    expect(sendTo(fd, new Uint8Array(1), nobody)).toMatchObject({ code: 'ECONNREFUSED', syscall: 'sendto' });
    expect(() => setSocketOption(fd, 0, 9999, 1)).toThrow(/^setsockopt: E\w+: level 0 option 9999$/);
    expect(() => bind(fd, new Uint8Array(2))).toThrow('bind: EINVAL');
    close(fd);
  });
});

describe('clocks and descriptors', () => {
  it('never run backwards', () => {
    const readings = Array.from({ length: 50 }, monotonicNow);
    expect(readings).toEqual([...readings].sort((a, b) => a - b));
    expect(Number.isInteger(monotonicNow())).toBe(true);
    expect(boottimeNow()).toBeGreaterThanOrEqual(readings[0] as number);
  });

  it('become readable when raised or due, and not when disarmed', () => {
    const epoll = new EpollSet();
    const event = createEventFd();
    const timer = createTimer();
    epoll.add(event);
    epoll.add(timer);
    expect(epoll.wait(0)).toBe(0);
    raiseEventFd(event);
    expect([epoll.wait(0), epoll.readyFd(0)]).toEqual([1, event]);
    expect([drainCounter(event), drainCounter(event)]).toEqual([true, false]);
    armTimer(timer, 0);
    expect([epoll.wait(-1), epoll.readyFd(0)]).toEqual([1, timer]);
    armTimer(timer, undefined);
    expect([epoll.wait(0), drainCounter(timer)]).toEqual([0, false]);
    armTimer(timer, monotonicNow() + 1000);
    expect([epoll.wait(-1), epoll.readyFd(0)]).toEqual([1, timer]);
    epoll.remove(timer);
    raiseEventFd(event);
    expect([epoll.wait(-1), epoll.readyFd(0)]).toEqual([1, event]);
    for (const fd of [epoll.fd, event, timer]) close(fd);
  });
});

describe('lookups', () => {
  it('know root, and nobody that does not exist', () => {
    expect(lookUpUser('root')).toEqual({ uid: 0, gid: 0 });
    expect(lookUpGroup('root')).toBe(0);
    expect(lookUpUser('no-such-user')).toBeUndefined();
    expect(lookUpGroup('no-such-group')).toBeUndefined();
  });

  it('say which library is missing', () => {
    expect(() => loadLibrary('libno-such-thing.so.9')).toThrow('libno-such-thing.so.9');
  });

  it('give a stable address for a buffer', () => {
    const buffer = new Uint8Array(8);
    expect(addressOf(buffer)).toBe(addressOf(buffer));
  });
});
