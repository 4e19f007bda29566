import { describe, expect, it } from 'vitest';
import { codes, instance, read, router } from './lowering.test-helper.ts';

const VIP6 = 'virtual_ipaddress {\nfe80::9\n}';
const PEER = 'unicast_peer {\n10.0.0.2\n}';

describe('how a virtual router speaks', () => {
  it('has the group of its family, from global_defs or its own', () => {
    const globals = 'vrrp_mcast_group4 224.0.0.19\nvrrp_mcast_group6 ff02::13';
    expect(`${router('')?.multicastGroup} ${router(VIP6)?.multicastGroup}`).toBe('224.0.0.18 ff02::12');
    expect(`${router('', globals)?.multicastGroup} ${router(VIP6, globals)?.multicastGroup}`).toBe('224.0.0.19 ff02::13');
    expect(router('mcast_dst_ip 224.0.0.20', globals)?.multicastGroup.toString()).toBe('224.0.0.20');
  });

  it('has the family of what the block names', () => {
    expect(['', VIP6, 'mcast_src_ip fe80::1', 'mcast_dst_ip ff02::14', 'native_ipv6'].map((lines) => router(lines)?.family)).toEqual([
      4, 6, 6, 6, 6,
    ]);
  });

  it('knows its source, that of unicast first', () => {
    expect(router('mcast_src_ip 10.0.0.1\ntrack_src_ip')).toMatchObject({ trackSourceAddress: true });
    expect(router('mcast_src_ip 10.0.0.1')?.sourceAddress?.toString()).toBe('10.0.0.1');
    expect(router(`mcast_src_ip 10.0.0.1\nunicast_src_ip 10.0.0.3\n${PEER}`)?.sourceAddress?.toString()).toBe('10.0.0.3');
    expect(router('')?.sourceAddress).toBeUndefined();
  });

  it('speaks with peers', () => {
    const unicast = router('unicast_ttl 64\nunicast_peer {\n10.0.0.2\n10.0.0.3 min_ttl 60 max_ttl 64\n}')?.unicast;
    expect(unicast?.peers.map(({ address, ...ttl }) => ({ address: address.toString(), ...ttl }))).toEqual([
      { address: '10.0.0.2' },
      { address: '10.0.0.3', minTtl: 60, maxTtl: 64 },
    ]);
    expect(unicast).toMatchObject({ ttl: 64, checkSource: true, faultWithoutPeer: false });
    expect(router(PEER)?.unicast).toMatchObject({ ttl: 255, checkSource: false });
    expect(router(`check_unicast_src\n${PEER}`)?.unicast?.checkSource).toBe(true);
    expect(router(PEER, 'vrrp_check_unicast_src')?.unicast?.checkSource).toBe(true);
  });

  it('falls back to multicast without a peer, unless that is a FAULT', () => {
    expect(router('unicast_src_ip 10.0.0.1')?.unicast).toBeUndefined();
    expect(router('unicast_fault_no_peer')?.unicast).toMatchObject({ peers: [], faultWithoutPeer: true });
  });

  it.each([
    ['use_vmac', { name: 'vrrp.1', address: Uint8Array.of(0, 0, 0x5e, 0, 1, 1), transmitOnBase: false }],
    [`use_vmac\n${VIP6}`, { name: 'vrrp6.1', address: Uint8Array.of(0, 0, 0x5e, 0, 2, 1), transmitOnBase: false }],
    ['use_vmac vip0 02:00:00:00:00:0a\nvmac_xmit_base', { name: 'vip0', address: Uint8Array.of(2, 0, 0, 0, 0, 10), transmitOnBase: true }],
    [
      'use_vmac 02:00:00:00:00 netlink_notify_msg group 4',
      { name: 'vrrp.1', address: Uint8Array.of(2, 0, 0, 0, 0, 1), transmitOnBase: false },
    ],
    [`use_vmac vip0 eth1\n${PEER}`, { name: 'vip0', address: Uint8Array.of(0, 0, 0x5e, 0, 1, 1), transmitOnBase: true }],
    ['', undefined],
  ])('macvlan of %j', (lines, expected) => {
    expect(router(lines)?.vmac).toEqual(expected);
  });

  it('names macvlans of one VRID on two interfaces apart', () => {
    const text =
      instance('use_vmac') + instance('use_vmac', 'W').replace('eth0', 'eth1') + instance('use_vmac', 'X').replace('eth0', 'eth2');
    const names = (globals: string) => read(text + globals).configuration.routers.map(({ vmac }) => vmac?.name);
    expect(names('')).toEqual(['vrrp.1', 'vrrp1.1', 'vrrp2.1']);
    expect(names('global_defs {\nvmac_prefix vip\n}\n')).toEqual(['vip.1', 'vip1.1', 'vip2.1']);
  });

  it.each([
    ['unicast_src_ip 10.0.0.1', ['5 warning config/unicast-without-peers']],
    ['unicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.2\n}', ['7 error config/peer-is-self']],
    ['unicast_peer {\n10.0.0.2\n10.0.0.2\n}', ['7 warning config/repeated-keyword']],
    ['unicast_peer {\n10.0.0.2\nfd00::2\n}', ['7 error config/mixed-families']],
    ['unicast_peer {\n10.0.0.2 min_ttl 9 max_ttl 3\n}', ['6 error config/out-of-range']],
    ['unicast_peer {\n10.0.0.2 min_ttl 256\n}', ['6 error config/out-of-range']],
    ['unicast_peer {\nx\n}', ['6 error config/bad-address']],
    ['mcast_src_ip fd00::1\nvirtual_ipaddress {\n10.0.0.9\n}', ['5 error config/mixed-families']],
    ['mcast_dst_ip 10.0.0.1', ['5 error config/bad-address']],
    ['use_vmac 00:00:5e:00:01:07', ['5 error config/bad-value']],
    ['unicast_peer {\n}', ['5 warning config/unicast-without-peers']],
    ['vmac_xmit_base', ['5 warning config/no-effect']],
    ['use_vmac a-name-that-is-too-long', ['5 error config/bad-value']],
    [`use_vmac\n${PEER}`, ['5 warning config/vmac-base-forced']],
    ['strict_mode\nuse_vmac\nvmac_xmit_base', ['7 warning config/strict-ignores']],
    ['track_src_ip', ['5 warning config/no-effect']],
    ['use_ipvlan', ['5 error config/unsupported']],
    ['auth_hmac {\nkey 1 hex:00\nactive_key 300\n}', ['5 error config/unsupported', '7 error config/out-of-range']],
  ])('what is said of %j: %j', (lines, expected) => {
    expect(codes(instance(lines))).toEqual(expected);
  });
});
