import { describe, expect, it } from 'vitest';
import { codes, instance, read, router } from './lowering.test-helper.ts';

function vips(lines: string, before = '') {
  return router(`${before}virtual_ipaddress {\n${lines}\n}`)?.vips.map(
    ({ address, length, broadcast, peer, home, deprecated, tracked, onVmac, ...rest }) => ({
      text: `${address}/${length}${broadcast ? ` brd ${broadcast}` : ''}${peer ? ` peer ${peer}` : ''}`,
      flags: Object.entries({ home, deprecated, tracked, onVmac }).flatMap(([name, value]) => (value ? [name] : [])),
      ...rest,
    }),
  );
}

describe('address lines', () => {
  it('say where an address goes and how', () => {
    expect(
      vips(
        '10.0.0.9\n10.0.0.10/24 dev eth1 label eth1:0 brd + scope link\n10.0.0.11/24 broadcast 10.0.0.250 scope 254\n10.0.0.12/24 brd - no_track home -nodad',
      ),
    ).toEqual([
      { text: '10.0.0.9/32', interface: 'eth0', flags: ['tracked'] },
      { text: '10.0.0.10/24 brd 10.0.0.255', interface: 'eth1', label: 'eth1:0', scope: 'link', flags: ['tracked'] },
      { text: '10.0.0.11/24 brd 10.0.0.250', interface: 'eth0', scope: 'host', flags: ['tracked'] },
      { text: '10.0.0.12/24 brd 10.0.0.0', interface: 'eth0', flags: ['home'] },
    ]);
  });

  it('know the other end of a link', () => {
    expect(vips('10.0.0.9 peer 10.1.0.9/30')).toEqual([{ text: '10.0.0.9/30 peer 10.1.0.9', interface: 'eth0', flags: ['tracked'] }]);
  });

  it('deprecate an IPv6 host address unless told otherwise', () => {
    const flags = (line: string) => vips(line)?.[0]?.flags;
    expect(flags('fe80::9')).toEqual(['deprecated', 'tracked']);
    expect(flags('fe80::9 preferred_lft forever')).toEqual(['tracked']);
    expect(flags('fe80::9/64')).toEqual(['tracked']);
    expect(flags('10.0.0.9 preferred_lft 0')).toEqual(['deprecated', 'tracked']);
  });

  it('go to the macvlan of the virtual router, those on other interfaces only when asked', () => {
    const onVmac = (lines: string) =>
      vips(lines.slice(lines.indexOf('|') + 1), lines.slice(0, lines.indexOf('|')))?.map(({ flags }) => flags.includes('onVmac'));
    const three = '10.0.0.9\n10.0.0.10 dev eth0\n10.0.1.9 dev eth1';
    expect(onVmac(`|${three}`)).toEqual([false, false, false]);
    expect(onVmac(`use_vmac\n|${three}`)).toEqual([true, true, false]);
    expect(onVmac(`use_vmac\nuse_vmac_addr\n|${three}`)).toEqual([true, true, true]);
    expect(onVmac('use_vmac\n|10.0.1.9 dev eth1 use_vmac')).toEqual([true]);
  });

  it('leave excluded addresses of the other family off the macvlan, whose MAC address is of the wrong kind', () => {
    const excluded = router(
      'use_vmac\nvirtual_ipaddress {\n10.0.0.9\n}\nvirtual_ipaddress_excluded {\nfd00::9/64\n10.0.0.10\n}',
    )?.excludedVips;
    expect(excluded?.map(({ onVmac }) => onVmac)).toEqual([false, true]);
  });

  it('name interfaces for the comparison with the host', () => {
    expect(read(instance('virtual_ipaddress {\n10.0.0.9 dev eth7\n}')).interfaces.map((use) => use.interface)).toEqual(['eth0', 'eth7']);
  });

  it.each([
    ['10.0.0.9 10.0.0.10', '6 warning config/unknown-word'],
    ['10.0.0.9 dew eth1', '6 warning config/unknown-word'],
    ['10.0.0.9 dev', '6 error config/incomplete-line'],
    ['10.0.0.9 scope here', '6 error config/bad-value'],
    ['10.0.0.9 label abcdefghijklmnop', '6 error config/bad-value'],
    ['10.0.0.9 brd x', '6 error config/bad-address'],
    ['10.0.0.9 scope nowhere', '6 error config/unsupported'],
    ['10.0.0.9 noprefixroute', '6 warning config/not-acted-on'],
    ['10.0.0.9 preferred_lft 30', '6 warning config/not-acted-on'],
    ['10.0.0.9 preferred_lft soon', '6 error config/bad-value'],
    ['10.0.0.9 peer fd00::1', '6 error config/bad-address'],
    ['10.0.0.9 track_group G', '6 warning config/unknown-word'],
    ['10.0.0.9 brd +', '6 warning config/no-broadcast'],
    ['10.0.0.9/24 peer 10.1.0.9', '6 warning config/no-effect'],
    ['fe80::9 label x', '6 warning config/no-effect'],
    ['10.0.0.9/33', '6 error config/out-of-range'],
    ['fe80::9/64 brd +', '6 error config/bad-value'],
  ])('address line %j: %s', (line, expected) => {
    expect(codes(instance(`virtual_ipaddress {\n${line}\n}`))).toEqual([expected]);
  });
});
