import { describe, expect, it } from 'vitest';
import { AF_UNIX, bind, close, encodeUnixAddress, receive, SOCK_DGRAM, socket } from '../ffi/index.ts';
import { formatSyslogLine, SyslogSender } from './index.ts';

const AT = new Date(2026, 10, 1, 2, 5, 9);

describe('syslog', () => {
  it('writes lines as RFC 3164 shows them, one line for one event', () => {
    const entry = {
      facility: 'daemon',
      level: 'notice',
      ident: 'Keepalived_vrrp',
      pid: 42,
      message: '(VI_1) Entering MASTER STATE',
    } as const;
    expect(formatSyslogLine(entry, AT)).toBe('<29>Nov  1 02:05:09 Keepalived_vrrp[42]: (VI_1) Entering MASTER STATE');
    expect(formatSyslogLine({ ...entry, facility: 'local7', level: 'debug', message: 'a\r\nb\0' }, AT)).toBe(
      '<191>Nov  1 02:05:09 Keepalived_vrrp[42]: a b ',
    );
  });

  it('hands them to the socket, and says when nobody listens', () => {
    const name = `@vipwright-test-syslog-${process.pid}`;
    const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(fd, encodeUnixAddress(name) as Uint8Array);
    const sender = new SyslogSender('vipwright', 'daemon', name);
    expect(sender.send('error', 'text', AT)).toBeUndefined();
    const buffer = new Uint8Array(500);
    const line = Buffer.from(buffer.subarray(0, receive(fd, buffer))).toString();
    expect(line).toBe(`<27>Nov  1 02:05:09 vipwright[${process.pid}]: text`);
    close(fd);
    expect(sender.send('error', 'text', AT)?.code).toBe('ECONNREFUSED');
    sender.close();
    expect(() => new SyslogSender('vipwright', 'daemon', 'x'.repeat(200))).toThrow(RangeError);
  });
});
