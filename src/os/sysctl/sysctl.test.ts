import { describe, expect, it } from 'vitest';
import { readSysctl, sysctlPath, writeSysctl } from './index.ts';

describe('sysctl', () => {
  it('reads settings, and knows which do not exist', () => {
    expect(readSysctl(['kernel', 'ostype'])).toBe('Linux');
    expect(readSysctl(['net', 'ipv4', 'conf', 'no.such.link', 'arp_ignore'])).toBeUndefined();
  });

  it('refuses to create or to write what the kernel does not offer', () => {
    expect(() => writeSysctl(['kernel', 'no_such_setting'], 1)).toThrow('ENOENT');
    expect(() => writeSysctl(['kernel', 'ostype'], 'x')).toThrow(/E(ACCES|PERM|ROFS)/);
  });

  it('keeps dots of interface names and never leaves its tree', () => {
    expect(sysctlPath(['net', 'ipv4', 'conf', 'eth0.100', 'arp_ignore'])).toBe('/proc/sys/net/ipv4/conf/eth0.100/arp_ignore');
    for (const element of ['..', '.', '', 'a/b']) expect(() => sysctlPath(['net', element])).toThrow(RangeError);
  });
});
