/** Lines of addresses, routes and rules: each word of them once with each of its values, and what must be refused. */
import type { KeywordPath } from '../../../src/config/index.ts';

type ArgumentForm = KeywordPath['keyword']['form'];

interface Dialect {
  readonly paths: RegExp;
  /** A line to which a word is added; without the words that say the same. */
  readonly base: string;
  readonly plain: readonly string[];
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** Whole lines for words that stand elsewhere or exclude others. */
  readonly lines: Readonly<Record<string, readonly string[]>>;
  readonly wrong: readonly string[];
}

const ROUTE_TYPES = ['blackhole', 'unreachable', 'prohibit', 'throw'];

const DIALECTS: readonly Dialect[] = [
  {
    paths: /^static_ipaddress$|virtual_ipaddress/,
    base: '192.0.2.1/24',
    plain: ['192.0.2.1/24', '192.0.2.1'],
    values: {
      label: ['eth0:1'],
      brd: ['192.0.2.255', '+', '-'],
      broadcast: ['192.0.2.255'],
      peer: ['192.0.2.9', '192.0.2.9/32'],
      preferred_lft: ['0', 'forever', '100'],
      track_group: ['TG'],
    },
    lines: {},
    wrong: ['nowhere', '192.0.2.1/33', '192.0.2.1/24 brd nowhere', '192.0.2.1/24 scope here', '192.0.2.1/24 label abcdefghijklmnop', '192.0.2.1/24 dev'],
  },
  {
    paths: /_routes$/,
    base: '192.0.2.0/24 dev eth0',
    plain: ['192.0.2.0/24 dev eth0', 'default via 192.0.2.9', '192.0.2.0/24 via 192.0.2.9 dev eth0'],
    values: {
      via: ['192.0.2.9', 'inet 192.0.2.9'],
      gw: ['192.0.2.9'],
      table: ['100', 'main'],
      protocol: ['4', 'static'],
      scope: ['link', '253'],
      tos: ['0x10', '16'],
      dsfield: ['0x10'],
      rtt: ['100', 'lock 100'],
      mtu: ['1400', 'lock 1400'],
      quickack: ['1'],
      congctl: ['cubic', 'lock cubic'],
      realms: ['5', '5/6'],
      track_group: ['TG'],
      encap: ['ip id 5 dst 192.0.2.9'],
    },
    lines: {
      to: ['to 192.0.2.0/24 dev eth0', 'to default via 192.0.2.9'],
      from: ['fd00:1::/64 from fd00:2::/64 dev eth0'],
      pref: ['fd00:1::/64 dev eth0 pref low', 'fd00:1::/64 dev eth0 pref high'],
      expires: ['fd00:1::/64 dev eth0 expires 0', 'fd00:1::/64 dev eth0 expires 4294967295'],
      inet6: ['inet6 fd00:1::/64 dev eth0'],
      inet: ['inet 192.0.2.0/24 dev eth0'],
      onlink: ['192.0.2.0/24 via 192.0.2.9 dev eth0 onlink'],
      or: ['192.0.2.0/24 via 192.0.2.9 or 192.0.2.10'],
      nexthop: ['192.0.2.0/24 nexthop via 192.0.2.9 weight 2 nexthop via 192.0.2.10 dev eth0 onlink'],
      dev: ['192.0.2.0/24 dev eth1'],
      oif: ['192.0.2.0/24 oif eth1'],
      unicast: ['unicast 192.0.2.0/24 dev eth0'],
      local: ['local 192.0.2.7 dev lo'],
      broadcast: ['broadcast 192.0.2.255 dev eth0'],
      multicast: ['multicast 224.0.0.0/24 dev eth0'],
      nat: ['nat 192.0.2.7 via 192.0.2.9'],
      ...Object.fromEntries(ROUTE_TYPES.map((type) => [type, [`${type} 192.0.2.0/24`]])),
    },
    wrong: ['dev eth0', '192.0.2.0/33 dev eth0', 'nowhere dev eth0', '192.0.2.0/24 via nowhere', '192.0.2.0/24 dev eth0 metric many', '192.0.2.0/24 dev eth0 surplus'],
  },
  {
    paths: /_rules$/,
    base: 'from 192.0.2.0/24 priority 100 table 100',
    plain: ['from 192.0.2.0/24 priority 100 table 100', 'to 192.0.2.0/24 priority 100 lookup main'],
    values: {
      fwmark: ['5', '0x5/0xff'],
      tos: ['0x10'],
      dsfield: ['0x10'],
      realms: ['5', '5/6'],
      uidrange: ['0-1000'],
      protocol: ['4', 'static'],
      ipproto: ['tcp', '6'],
      sport: ['80', '80-90'],
      dport: ['80', '80-90'],
      suppress_ifgroup: ['0', 'default'],
      sup_group: ['0'],
      track_group: ['TG'],
    },
    lines: {
      from: ['from 192.0.2.0/24 priority 100 table 100', 'from all priority 100 table 100'],
      to: ['to 192.0.2.0/24 priority 100 table 100'],
      table: ['from 192.0.2.0/24 priority 100 table main'],
      lookup: ['from 192.0.2.0/24 priority 100 lookup main'],
      priority: ['from 192.0.2.0/24 table 100 priority 1', 'from 192.0.2.0/24 table 100 priority 4294967295'],
      preference: ['from 192.0.2.0/24 table 100 preference 1'],
      order: ['from 192.0.2.0/24 table 100 order 1'],
      l3mdev: ['from 192.0.2.0/24 priority 100 l3mdev'],
      goto: ['from 192.0.2.0/24 priority 100 goto 101', 'from 192.0.2.0/24 priority 100 goto 4294967295'],
      nop: ['from 192.0.2.0/24 priority 100 nop'],
      not: ['not from 192.0.2.0/24 priority 100 table 100'],
      type: ['from 192.0.2.0/24 priority 100 type unicast table 100', 'from 192.0.2.0/24 priority 100 type blackhole'],
      blackhole: ['from 192.0.2.0/24 priority 100 blackhole'],
      unreachable: ['from 192.0.2.0/24 priority 100 unreachable'],
      prohibit: ['from 192.0.2.0/24 priority 100 prohibit'],
      inet: ['inet priority 100 table 100'],
      inet6: ['inet6 priority 100 table 100'],
    },
    wrong: ['from nowhere priority 100 table 100', 'from 192.0.2.0/33 priority 100 table 100', 'from 192.0.2.0/24 priority many table 100', 'from 192.0.2.0/24 priority 100', 'from 192.0.2.0/24 priority 100 table 100 surplus'],
  },
];

function dialectOf(path: string): Dialect | undefined {
  return DIALECTS.find(({ paths }) => paths.test(path));
}

/** Undefined for blocks that hold no such lines. */
export function goodLinesOf(path: string, entry: ArgumentForm): string[] | undefined {
  const dialect = dialectOf(path);
  if (!dialect || entry.kind !== 'line') return undefined;
  const { base, plain, values, lines } = dialect;
  return [
    ...plain,
    ...entry.words.flatMap(({ name, form }) => lines[name] ?? (values[name] ?? valuesOf(form)).map((value) => `${base} ${name} ${value}`.trim())),
  ];
}

function valuesOf(form: ArgumentForm): readonly string[] {
  switch (form.kind) {
    case 'none':
      return [''];
    case 'integer':
      return [String(form.min), String(form.max)];
    case 'choice':
      return form.words;
    case 'address':
      return ['192.0.2.7'];
    case 'words':
      return ['5', 'lock 5'];
    default:
      return ['eth1'];
  }
}

export function badLinesOf(path: string, entry: ArgumentForm): readonly string[] | undefined {
  return entry.kind === 'line' ? dialectOf(path)?.wrong : undefined;
}
