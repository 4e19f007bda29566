import { describe, expect, it } from 'vitest';
import type { Route } from '../../model/index.ts';
import { codes, instance, read } from './lowering.test-helper.ts';

const TABLES: Readonly<Record<string, string>> = {
  '/etc/iproute2/rt_tables': '# reserved\n255\tlocal\n100 backup\n0x65 hexed # comment\n',
  '/usr/share/iproute2/rt_tables': '99 backup\n102 shared\n',
};

function routes(...lines: string[]): readonly Route[] {
  const text = instance(`virtual_routes {\n${lines.join('\n')}\n}`);
  return read(text, { nameFile: (path) => TABLES[path] }).configuration.routers[0]?.routes ?? [];
}

/** A route with its addresses as text, and without what every route has. */
function brief(line: string) {
  const [route] = routes(line);
  if (!route) return undefined;
  const { destination, nextHops, preferredSource, source, table, protocol, metrics, tracked, family, type, ...rest } = route;
  const hops = nextHops.map(({ via, interface: name, weight, onlink }) =>
    [via ?? '-', name ?? '-', weight, ...(onlink ? ['onlink'] : [])].join(' '),
  );
  return {
    to: `${destination.address}/${destination.length}`,
    hops,
    ...(preferredSource && { src: preferredSource.toString() }),
    ...(source && { from: `${source.address}/${source.length}` }),
    ...(table !== 254 && { table }),
    ...(protocol !== 18 && { protocol }),
    ...(metrics.length > 0 && { metrics }),
    ...(!tracked && { tracked }),
    ...(family === 6 && { family }),
    ...(type !== 'unicast' && { type }),
    ...rest,
  };
}

describe('route lines', () => {
  it.each([
    ['10.1.0.0/16', { to: '10.1.0.0/16', hops: ['- eth0 1'] }],
    ['10.1.0.0/16 via 10.0.0.1', { to: '10.1.0.0/16', hops: ['10.0.0.1 - 1'], tracked: false }],
    ['to default gw 10.0.0.1 dev eth1 onlink', { to: '0.0.0.0/0', hops: ['10.0.0.1 eth1 1 onlink'] }],
    ['src 10.0.0.9 to 10.1.0.0/16 via 10.0.0.1 oif eth1', { to: '10.1.0.0/16', hops: ['10.0.0.1 eth1 1'], src: '10.0.0.9' }],
    ['default6 via fe80::1 dev eth1 pref high', { to: '::/0', hops: ['fe80::1 eth1 1'], family: 6, preference: 'high' }],
    ['inet6 default dev eth1', { to: '::/0', hops: ['- eth1 1'], family: 6 }],
    ['fd01::/64 via inet6 fe80::1 dev eth1 from fd02::/64', { to: 'fd01::/64', hops: ['fe80::1 eth1 1'], family: 6, from: 'fd02::/64' }],
    ['blackhole 10.1.0.0/16', { to: '10.1.0.0/16', hops: [], type: 'blackhole', tracked: false }],
    ['10.1.0.0/16 via 10.0.0.1 or 10.0.0.2 dev eth1', { to: '10.1.0.0/16', hops: ['10.0.0.1 eth1 1', '10.0.0.2 - 1'] }],
    [
      '10.1.0.0/16 nexthop via 10.0.0.1 dev eth1 weight 2 nexthop via 10.0.0.2 onlink',
      { to: '10.1.0.0/16', hops: ['10.0.0.1 eth1 2', '10.0.0.2 - 1 onlink'], tracked: false },
    ],
    [
      '10.1.0.0/16 table 100 protocol bird scope link tos 0x04 metric 5 no_track',
      { to: '10.1.0.0/16', hops: ['- eth0 1'], table: 100, protocol: 12, scope: 253, tos: 4, metric: 5, tracked: false },
    ],
    ['10.1.0.0/16 dsfield EF preference 7', { to: '10.1.0.0/16', hops: ['- eth0 1'], tos: 0xb8, metric: 7 }],
    ['10.1.0.0/16 ttl-propagate disabled', { to: '10.1.0.0/16', hops: ['- eth0 1'], ttlPropagate: false }],
  ])('%j', (line, expected) => {
    expect(brief(line)).toEqual(expected);
  });

  it('resolve the names of the host, those under /etc first, and those that every host has', () => {
    expect(
      routes('1.0.0.0/8 table backup', '2.0.0.0/8 table hexed', '3.0.0.0/8 table shared', '4.0.0.0/8 table local').map(
        ({ table }) => table,
      ),
    ).toEqual([100, 101, 102, 255]);
  });

  it('give metrics the numbers and units of the kernel', () => {
    const line =
      '10.1.0.0/16 mtu lock 1400 hoplimit 3 rtt 10ms rttvar 1s rto_min 5 features ecn quickack 1 congctl lock cubic fastopen_no_cookie 1 initcwnd 10';
    expect(routes(line)[0]?.metrics).toEqual([
      { number: 2, value: 1400, locked: true },
      { number: 10, value: 3, locked: false },
      { number: 4, value: 80, locked: false },
      { number: 5, value: 4000, locked: false },
      { number: 13, value: 5, locked: false },
      { number: 12, value: 1, locked: false },
      { number: 15, value: 1, locked: false },
      { number: 16, value: 'cubic', locked: true },
      { number: 17, value: 1, locked: false },
      { number: 11, value: 10, locked: false },
    ]);
  });

  it.each([
    ['via 10.0.0.1', 'error config/missing-keyword'],
    ['10.1.0.0/16 via', 'error config/missing-value'],
    ['10.1.0.0/16 via fe80::1', 'error config/mixed-families'],
    ['10.1.0.0/16 table nosuch', 'error config/bad-value'],
    ['10.1.0.0/16 blackhole', 'error config/bad-value'],
    ['10.1.0.0/16 nonsense', 'error config/bad-value'],
    ['10.1.0.0/16 hoplimit 300', 'error config/bad-value'],
    ['10.1.0.0/16 quickack 2', 'error config/bad-value'],
    ['10.1.0.0/16 metric -1', 'error config/out-of-range'],
    ['10.1.0.0/16 nexthop via 10.0.0.1 weight 257', 'error config/out-of-range'],
    ['10.1.0.0/16 pref high', 'error config/bad-value'],
    ['10.1.0.0/99', 'error config/bad-address'],
    ['10.1.0.0/16 encap mpls 100', 'error config/unsupported'],
    ['10.1.0.0/16 realms 5', 'warning config/not-acted-on'],
    ['10.1.0.0/16 append', 'warning config/not-acted-on'],
    ['10.1.0.0/16 dev eth1 via 10.0.0.1 or 10.0.0.2', 'info config/deprecated-keyword'],
    ['10.1.0.0/16 dev eth1 gw 10.0.0.1', 'info config/deprecated-keyword'],
    ['10.1.0.0/16 via 10.0.0.1', 'warning config/not-tracked'],
    ['blackhole 10.1.0.0/16', 'warning config/not-tracked'],
    ['10.1.0.0/16 dev eth1 protocol bird', 'warning config/protocol-reset'],
    ['10.1.0.0/16 dev eth1 from 10.2.0.0/16', 'error config/bad-value'],
  ])('%j: %s', (line, expected) => {
    expect(codes(instance(`virtual_routes {\n${line}\n}`))).toEqual([`6 ${expected}`]);
  });
});
