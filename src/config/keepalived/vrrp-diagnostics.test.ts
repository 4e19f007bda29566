import { describe, expect, it } from 'vitest';
import { codes, instance, read } from './lowering.test-helper.ts';

/** V and W, W on another VRID unless its lines say otherwise. W begins on the given line. */
function two(v: string, w: string): string {
  return instance(v) + instance(w, 'W').replace('virtual_router_id 1', 'virtual_router_id 2');
}

const sameId = (v: string, w: string) => instance(v) + instance(w, 'W');

describe('several virtual routers', () => {
  it.each([
    ['in one group', '', '', 1],
    ['in two multicast groups', 'mcast_dst_ip 224.0.0.20', '', 0],
    ['of two families', '', 'native_ipv6', 0],
    ['with peers of their own', 'unicast_peer {\n10.0.0.2\n}', 'unicast_peer {\n10.0.0.3\n}', 0],
    ['with a common peer', 'unicast_peer {\n10.0.0.2\n}', 'unicast_peer {\n10.0.0.3\n10.0.0.2\n}', 1],
    ['one by unicast', 'unicast_peer {\n10.0.0.2\n}', '', 0],
  ])('may not share a VRID %s', (_, v, w, count) => {
    const found = read(sameId(v, w)).diagnostics.filter(({ code }) => code === 'config/duplicate-vrid');
    expect(found).toHaveLength(count);
  });

  it('have addresses of their own', () => {
    const vip = (address: string) => `virtual_ipaddress {\n${address}\n}`;
    expect(codes(two(vip('10.0.0.9'), vip('10.0.0.9/24')))).toEqual(['14 warning config/duplicate-address']);
    expect(codes(two(vip('10.0.0.9'), vip('10.0.0.9 dev eth1')))).toEqual([]);
    expect(codes(instance(vip('10.0.0.9\n10.0.0.10\n10.0.0.9')))).toEqual(['8 warning config/duplicate-address']);
  });

  it('of one sync group notice a loss at the same time', () => {
    const group = 'vrrp_sync_group G {\ngroup {\nV\nW\n}\n}\n';
    expect(codes(two('', 'advert_int 2') + group)).toEqual(['11 warning config/uneven-group']);
    expect(codes(two('advert_int 2', 'advert_int 2') + group)).toEqual([]);
    expect(codes(two('', 'advert_int 2'))).toEqual([]);
  });

  it('of IPv6 advertise a link-local address first', () => {
    const vips = (...addresses: string[]) => `virtual_ipaddress {\n${addresses.join('\n')}\n}`;
    expect(codes(instance(vips('fe80::9', 'fd00::9')))).toEqual([]);
    expect(codes(instance(vips('febf::9')))).toEqual([]);
    expect(codes(instance(vips('fd00::9', 'fe80::9')))).toEqual(['6 warning config/not-link-local']);
    expect(codes(instance(`priority 255\nstrict_mode\n${vips('fec0::9')}`))).toEqual(['8 error config/not-link-local']);
  });

  it('advertise no more than fits, and move the rest', () => {
    const many = (count: number, of: (n: number) => string) =>
      `virtual_ipaddress {\n${Array.from({ length: count }, (_, n) => of(n)).join('\n')}\n}`;
    const v4 = (n: number) => `10.0.${n >> 7}.${n & 127}`;
    const v6 = (n: number) => `fe80::${(n + 1).toString(16)}`;
    expect(codes(instance(many(255, v4)))).toEqual([]);
    expect(codes(instance(many(256, v4)))).toEqual(['5 error config/too-many-addresses']);
    expect(codes(instance(many(90, v6)))).toEqual([]);
    const [router] = read(instance(many(92, v6))).configuration.routers;
    expect([router?.vips.length, router?.excludedVips.length]).toEqual([90, 2]);
  });
});
