import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrefix, IpAddress, parsePrefix } from './ip.ts';

describe('IpAddress', () => {
  it.each([
    ['192.168.18.200', '192.168.18.200'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:1::9', 'fd00:0:0:1::9'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ])('reads %s and prints %s', (text, canonical) => {
    expect(String(IpAddress.parse(text))).toBe(canonical);
  });

  it.each(['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', ':::', '1::2::3', '1:2:3:4:5:6:7', 'g::', '1:2:3:4:5:6:7::8', '12345::'])(
    'refuses %j',
    (text) => {
      expect(IpAddress.parse(text)).toBeUndefined();
    },
  );

  it('prints what it reads for any bytes', () => {
    const bytes = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));
    fc.assert(
      fc.property(bytes, (raw) => {
        const address = IpAddress.fromBytes(raw);
        expect(address && IpAddress.parse(String(address))?.bytes).toEqual(raw);
      }),
    );
  });

  it('orders numerically, IPv4 first', () => {
    const sorted = ['fd00::1', '10.0.0.10', '10.0.0.9'].map((text) => IpAddress.parse(text) as IpAddress).sort((a, b) => a.compare(b));
    expect(sorted.map(String)).toEqual(['10.0.0.9', '10.0.0.10', 'fd00::1']);
  });
});

describe('parsePrefix', () => {
  it.each([
    ['10.0.0.1/24', '10.0.0.1/24'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['fd00::1', 'fd00::1/128'],
  ])('reads %s as %s', (text, canonical) => {
    const prefix = parsePrefix(text);
    expect(prefix && formatPrefix(prefix)).toBe(canonical);
  });

  it.each(['10.0.0.1/33', '10.0.0.1/', '/24', 'fd00::1/129', '10.0.0.1/-1'])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });
});
