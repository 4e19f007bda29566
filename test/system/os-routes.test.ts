/** Routes, rules and macvlans through rtnetlink, held against what ip(8) prints. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpAddress, parsePrefix } from '../../src/base/index.ts';
import { Rtnetlink } from '../../src/os/netlink/index.ts';
import type { RouteSpec, RuleSpec } from '../../src/wire/index.ts';
import { inNamespace, isRoot, run, VethPair } from './support.ts';

const ip = (text: string): IpAddress => IpAddress.parse(text) as IpAddress;
const prefix = (text: string) => parsePrefix(text) as NonNullable<ReturnType<typeof parsePrefix>>;

describe.runIf(isRoot())('Rtnetlink', () => {
  let pair: VethPair;
  let rtnetlink: Rtnetlink;
  let eth0: number;

  beforeAll(() => {
    pair = new VethPair('rt');
    rtnetlink = inNamespace(pair.first, () => new Rtnetlink());
    eth0 = rtnetlink.link('eth0')?.index as number;
  });
  afterAll(() => {
    rtnetlink.close();
    pair.remove();
  });

  const show = (...words: readonly string[]): string => run('ip', '-n', pair.first, ...words).replace(/\s+$/gm, '');
  const base = { family: 4, type: 'unicast', nextHops: [], table: 254, protocol: 18, metrics: [] } as const;
  const hop = (via: string, weight = 1) => ({ via: ip(via), interfaceIndex: eth0, weight, onlink: false });

  it.each<[string, () => RouteSpec, string[], string]>([
    [
      'by a gateway, with source, metric and metrics',
      () => ({
        ...base,
        destination: prefix('10.1.0.0/16'),
        nextHops: [hop('192.168.18.202')],
        preferredSource: ip('192.168.18.201'),
        metric: 7,
        metrics: [
          { number: 2, value: 1400, locked: true },
          { number: 13, value: 200, locked: false },
        ],
      }),
      ['route', 'show', '10.1.0.0/16'],
      '10.1.0.0/16 via 192.168.18.202 dev eth0 proto keepalived src 192.168.18.201 metric 7 mtu lock 1400 rto_min lock 200ms',
    ],
    [
      'on the link, in a table of its own',
      () => ({ ...base, destination: prefix('10.2.0.0/16'), nextHops: [{ interfaceIndex: eth0, weight: 1, onlink: false }], table: 1000 }),
      ['route', 'show', 'table', '1000'],
      '10.2.0.0/16 dev eth0 proto keepalived scope link',
    ],
    [
      'shared out over two ways, one of them believed to be on the link',
      () => ({
        ...base,
        destination: prefix('0.0.0.0/0'),
        nextHops: [hop('192.168.18.202', 3), { ...hop('10.66.0.1'), onlink: true }],
      }),
      ['route', 'show', 'default'],
      'default proto keepalived\n\tnexthop via 192.168.18.202 dev eth0 weight 3\n\tnexthop via 10.66.0.1 dev eth0 weight 1 onlink',
    ],
    [
      'to nowhere',
      () => ({ ...base, type: 'blackhole', destination: prefix('10.3.0.0/16') }),
      ['route', 'show', '10.3.0.0/16'],
      'blackhole 10.3.0.0/16 proto keepalived',
    ],
    [
      'for IPv6, with a preference',
      () => ({
        ...base,
        family: 6,
        destination: prefix('fd77::/64'),
        nextHops: [{ interfaceIndex: eth0, weight: 1, onlink: false }],
        metric: 99,
        preference: 'high',
      }),
      ['-6', 'route', 'show', 'fd77::/64'],
      'fd77::/64 dev eth0 proto keepalived metric 99 pref high',
    ],
  ])('adds a route %s, and deletes it again', (_, make, words, line) => {
    const spec = make();
    expect(rtnetlink.addRoute(spec)).toBe('added');
    expect(show(...words).replace(/rto_min 200ms/, 'rto_min lock 200ms')).toBe(line);
    expect(rtnetlink.addRoute(spec)).toBe('exists');
    expect(rtnetlink.deleteRoute(spec)).toBe('deleted');
    expect(rtnetlink.deleteRoute(spec)).toBe('absent');
  });

  it('lists routes as the kernel has them', () => {
    const spec: RouteSpec = { ...base, destination: prefix('10.9.0.0/16'), nextHops: [hop('192.168.18.202')], table: 4711 };
    rtnetlink.addRoute(spec);
    expect(rtnetlink.routes().find((route) => route.table === 4711)).toMatchObject({
      destination: prefix('10.9.0.0/16'),
      gateway: ip('192.168.18.202'),
      protocol: 18,
    });
    rtnetlink.deleteRoute(spec);
  });

  const rule: RuleSpec = { family: 4, action: 'table', table: 1000, inverted: false, l3mdev: false, protocol: 18 };
  it.each<[string, RuleSpec, string]>([
    ['source', { ...rule, from: prefix('10.1.0.0/16'), priority: 500 }, '500:\tfrom 10.1.0.0/16 lookup 1000 proto keepalived'],
    [
      'everything else',
      {
        ...rule,
        to: prefix('10.2.0.0/16'),
        priority: 501,
        inverted: true,
        inputInterface: 'eth0',
        mark: { value: 5, mask: 255 },
        ipProtocol: 6,
        destinationPorts: { from: 80, to: 90 },
        uids: { from: 1, to: 2 },
        suppressPrefixLength: 0,
      },
      '501:\tnot from all to 10.2.0.0/16 fwmark 0x5/0xff iif eth0 uidrange 1-2 ipproto tcp dport 80-90 lookup 1000 suppress_prefixlength 0 proto keepalived',
    ],
    ['action', { ...rule, action: 'prohibit', table: 0, priority: 502 }, '502:\tfrom all prohibit proto keepalived'],
    ['IPv6', { ...rule, family: 6, from: prefix('fd00::/8'), priority: 503 }, '503:\tfrom fd00::/8 lookup 1000 proto keepalived'],
  ])('adds a rule with %s, and deletes it again', (_, spec, line) => {
    expect(rtnetlink.addRule(spec)).toBe('added');
    expect(show(`-${spec.family}`, 'rule', 'show', 'priority', String(spec.priority))).toBe(line);
    expect(rtnetlink.rules()).toContainEqual(spec);
    expect(rtnetlink.addRule(spec)).toBe('exists');
    expect(rtnetlink.deleteRule(spec)).toBe('deleted');
    expect(rtnetlink.deleteRule(spec)).toBe('absent');
  });

  it('makes a macvlan with a given MAC, sets it up, and deletes it', () => {
    const spec = { name: 'vrrp.51', lowerIndex: eth0, mac: Uint8Array.of(0, 0, 0x5e, 0, 1, 51) };
    expect(rtnetlink.createMacvlan(spec)).toBe('created');
    expect(rtnetlink.createMacvlan(spec)).toBe('exists');
    const { index } = rtnetlink.link('vrrp.51') as { index: number };
    rtnetlink.setLinkUp(index, true);
    expect(show('-d', 'link', 'show', 'vrrp.51')).toMatch(/UP.*link\/ether 00:00:5e:00:01:33.*macvlan mode private.*addrgenmode none/s);
    expect(rtnetlink.addresses(index)).toEqual([]);
    rtnetlink.setLinkUp(index, false);
    expect(rtnetlink.link(index)?.up).toBe(false);
    expect(rtnetlink.deleteLink(index)).toBe('deleted');
    expect(rtnetlink.deleteLink(index)).toBe('absent');
  });

  it('makes a veth pair, where nobody is asked for addresses', () => {
    const spec = { names: ['one', 'other'], mtu: 65_535, mac: Uint8Array.of(2, 0, 0, 0, 0, 1) } as const;
    expect(rtnetlink.createVeth(spec)).toBe('created');
    expect(rtnetlink.createVeth(spec)).toBe('exists');
    const { index } = rtnetlink.link('one') as { index: number };
    rtnetlink.setLinkUp(index, true, { noArp: true });
    expect(show('-d', 'link', 'show', 'one')).toMatch(
      /one@other: <\S*NOARP\S*UP.* mtu 65535 .*link\/ether 02:00:00:00:00:01.*addrgenmode none/s,
    );
    expect(show('-d', 'link', 'show', 'other')).toMatch(/mtu 65535 .*link\/ether 02:00:00:00:00:01.*addrgenmode none/s);
    expect(rtnetlink.deleteLink(index)).toBe('deleted');
  });

  it('adds an IPv6 VIP that is usable at once and not preferred', () => {
    const vip = { interfaceIndex: eth0, prefix: prefix('fd00::5/128'), noDuplicateDetection: true, deprecated: true };
    expect(rtnetlink.addAddress(vip)).toBe('added');
    expect(show('-6', 'addr', 'show', 'dev', 'eth0')).toMatch(
      /inet6 fd00::5\/128 scope global nodad deprecated\n +valid_lft forever preferred_lft 0sec/,
    );
    expect(rtnetlink.addresses(eth0).find(({ prefix }) => prefix.length === 128)).toMatchObject({ deprecated: true, tentative: false });
    expect(rtnetlink.deleteAddress(vip)).toBe('deleted');
  });

  it('adds an address with another end', () => {
    const address = { interfaceIndex: eth0, prefix: prefix('10.9.0.1/32'), peer: ip('10.9.0.2') };
    expect(rtnetlink.addAddress(address)).toBe('added');
    expect(show('addr', 'show', 'dev', 'eth0')).toContain('inet 10.9.0.1 peer 10.9.0.2/32 scope global eth0');
    expect(rtnetlink.deleteAddress(address)).toBe('deleted');
  });
});
