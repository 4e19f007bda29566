import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, type IpPrefix, maxPrefixLength } from '../../base/index.ts';
import type { Decoded } from '../decoded.ts';
import { concat, encodeAttributes, type NetlinkAttribute, text, u32 } from '../netlink.ts';
import { type AddressScope, decodeAddress, encodeAddress, encodeAddressQuery } from './address.ts';
import { decodeLink, encodeLinkChange, encodeLinkQuery, encodeMacvlan, encodeVeth } from './link.ts';
import { decodeNeighbour, encodeNeighbour, encodeNeighbourQuery, isUsable, type NeighbourState } from './neighbour.ts';
import { decodeRoute, encodeRoute, encodeRouteDump, encodeRouteQuery, type RouteSpec } from './route.ts';
import { decodeRule } from './rule.ts';

const v4 = fc.nat(0xffffffff).map((value) => IpAddress.fromV4Number(value));
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => IpAddress.fromBytes(bytes) as IpAddress);
const address = fc.oneof(v4, v6);
const prefix: fc.Arbitrary<IpPrefix> = address.chain((ip) =>
  fc.record({ address: fc.constant(ip), length: fc.nat(maxPrefixLength(ip.family)) }),
);
const index = fc.integer({ min: 1, max: 0x7fffffff });
const label = fc.stringMatching(/^[a-z0-9:.]{1,15}$/);
const scope = fc.constantFrom<AddressScope>('global', 'site', 'link', 'host', 'nowhere');
const ip = (value: string): IpAddress => IpAddress.parse(value) as IpAddress;

/** A message as the kernel would send it: header bytes, then attributes. */
function kernelMessage(header: readonly number[], attributes: readonly NetlinkAttribute[]): Uint8Array {
  return concat([Uint8Array.from(header), encodeAttributes(attributes)]);
}

describe('addresses', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(index, prefix, scope, fc.option(label, { nil: undefined }), fc.option(v4, { nil: undefined }), (...parts) => {
        const [interfaceIndex, ip, where, name, broadcast] = parts;
        const extra = { ...(name !== undefined && { label: name }), ...(broadcast && { broadcast }) };
        const decoded = decodeAddress(encodeAddress({ interfaceIndex, prefix: ip, scope: where, ...extra }));
        const value = { interfaceIndex, prefix: ip, scope: where, ...extra, secondary: false, tentative: false, deprecated: false };
        expect(decoded).toEqual({ ok: true, value });
      }),
    );
  });

  it('are written for a VIP as ip(8) writes `ip addr add 192.168.18.200/32 dev eth0`: local and address, global, nothing else', () => {
    const bytes = encodeAddress({ interfaceIndex: 2, prefix: { address: ip('192.168.18.200'), length: 32 } });
    const attributes = encodeAttributes([
      { type: 2, value: ip('192.168.18.200').bytes },
      { type: 1, value: ip('192.168.18.200').bytes },
    ]);
    expect(bytes).toEqual(concat([Uint8Array.of(2, 32, 0, 0), u32(2), attributes]));
  });

  it('know the other end of a point-to-point link, IPv6 flags and numeric scopes', () => {
    const point = decodeAddress(
      kernelMessage(
        [2, 32, 0, 100, ...u32(5)],
        [
          { type: 1, value: ip('10.9.0.2').bytes },
          { type: 2, value: ip('10.9.0.1').bytes },
        ],
      ),
    );
    expect(point).toMatchObject({ ok: true, value: { prefix: { address: ip('10.9.0.1') }, peer: ip('10.9.0.2'), scope: 'global' } });
    const flagged = kernelMessage(
      [10, 64, 0x80, 230, ...u32(5)],
      [
        { type: 1, value: ip('fe80::1').bytes },
        { type: 8, value: u32(0x41) },
      ],
    );
    expect(decodeAddress(flagged)).toMatchObject({ ok: true, value: { secondary: true, tentative: true, scope: 'nowhere' } });
  });

  it('carry the other end of a link, and for IPv6 that they are usable at once but not preferred', () => {
    const spec = { interfaceIndex: 5, prefix: { address: ip('10.9.0.1'), length: 32 }, peer: ip('10.9.0.2') };
    expect(decodeAddress(encodeAddress(spec))).toMatchObject({ ok: true, value: { prefix: spec.prefix, peer: spec.peer } });
    const vip = { interfaceIndex: 5, prefix: { address: ip('fd00::1'), length: 128 } };
    const bytes = encodeAddress({ ...vip, noDuplicateDetection: true, home: true, deprecated: true });
    const further = encodeAttributes([
      { type: 8, value: u32(0x12) },
      { type: 6, value: concat([u32(0), u32(0xffffffff), u32(0), u32(0)]) },
    ]);
    expect(bytes).toEqual(concat([encodeAddress(vip), further]));
  });

  it('of other families and with addresses of the wrong length are refused', () => {
    const value = [{ type: 1, value: ip('10.0.0.1').bytes }];
    expect(decodeAddress(kernelMessage([7, 32, 0, 0, ...u32(1)], value))).toEqual({ ok: false, reason: 'bad-address-family' });
    expect(decodeAddress(kernelMessage([10, 32, 0, 0, ...u32(1)], value))).toEqual({ ok: false, reason: 'bad-address-family' });
  });
});

describe('neighbours', () => {
  const state = fc.constantFrom<NeighbourState>(
    'none',
    'incomplete',
    'reachable',
    'stale',
    'delay',
    'probe',
    'failed',
    'noarp',
    'permanent',
  );

  it('come back as they were written', () => {
    const mac = fc.option(fc.uint8Array({ minLength: 6, maxLength: 6 }), { nil: undefined });
    fc.assert(
      fc.property(index, address, state, mac, (interfaceIndex, ip, now, hardware) => {
        const value = { interfaceIndex, address: ip, state: now, ...(hardware && { mac: hardware }) };
        expect(decodeNeighbour(encodeNeighbour(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('are asked for without a state, and used with NTF_USE', () => {
    expect(encodeNeighbourQuery(3, ip('10.0.0.1')).subarray(8, 12)).toEqual(new Uint8Array(4));
    const use = encodeNeighbour({ interfaceIndex: 3, address: ip('10.0.0.1'), state: 'none', use: true });
    expect(use[10]).toBe(1);
  });

  it('can be sent to unless unresolved', () => {
    expect(['none', 'incomplete', 'failed'].some((name) => isUsable(name as NeighbourState))).toBe(false);
    expect(['reachable', 'stale', 'delay', 'probe', 'noarp', 'permanent'].every((name) => isUsable(name as NeighbourState))).toBe(true);
  });
});

describe('links', () => {
  const message = kernelMessage(
    [0, 0, 1, 0, ...u32(2), ...u32(0x1 | 0x40 | 0x1000 | 0x10000), ...u32(0)],
    [
      { type: 3, value: text('eth0.100') },
      { type: 4, value: u32(1500) },
      { type: 1, value: Uint8Array.of(2, 0, 0, 0, 0, 1) },
      { type: 5, value: u32(7) },
      { type: 10, value: u32(9) },
      { type: 18, value: [{ type: 1, value: text('vlan') }] },
    ],
  );

  it('are read with flags, hardware address, kind and relatives', () => {
    expect(decodeLink(message)).toEqual({
      ok: true,
      value: {
        index: 2,
        name: 'eth0.100',
        up: true,
        running: true,
        loopback: false,
        multicast: true,
        hardwareType: 1,
        mtu: 1500,
        mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
        kind: 'vlan',
        lowerIndex: 7,
        masterIndex: 9,
      },
    });
  });

  it.each([
    ['its number', [{ type: 1, value: Uint8Array.of(100, 0) }], 100],
    [
      'its number, of the usual kind',
      [
        { type: 1, value: Uint8Array.of(44, 1) },
        { type: 5, value: Uint8Array.of(0x81, 0) },
      ],
      300,
    ],
    [
      'none where its tag is of the other kind',
      [
        { type: 1, value: Uint8Array.of(100, 0) },
        { type: 5, value: Uint8Array.of(0x88, 0xa8) },
      ],
      undefined,
    ],
    ['none where the kernel does not say', [], undefined],
  ])('of a VLAN have %s', (_, data, vlan) => {
    const info = {
      type: 18,
      value: [
        { type: 1, value: text('vlan') },
        { type: 2, value: data },
      ],
    };
    const link = decodeLink(kernelMessage([0, 0, 1, 0, ...u32(2), ...u32(1), ...u32(0)], [{ type: 3, value: text('eth0.100') }, info]));
    expect(link.ok && link.value.vlan).toBe(vlan);
  });

  it('tell up from running, and do without what an interface does not have', () => {
    const noCarrier = kernelMessage([0, 0, 4, 3, ...u32(1), ...u32(0x1 | 0x8), ...u32(0)], [{ type: 3, value: text('lo') }]);
    expect(decodeLink(noCarrier)).toMatchObject({ ok: true, value: { up: true, running: false, loopback: true, hardwareType: 772 } });
    expect(decodeLink(noCarrier)).not.toHaveProperty('value.mac');
  });

  it('are asked for by name or index', () => {
    expect(decodeLink(encodeLinkQuery({ name: 'eth0' }))).toMatchObject({ ok: true, value: { index: 0, name: 'eth0' } });
    expect(decodeLink(encodeLinkQuery({ index: 4 }))).toMatchObject({ ok: true, value: { index: 4, name: '' } });
  });
});

describe('macvlans', () => {
  it('are made in private mode, with a MAC of their own and no IPv6 address made from it', () => {
    const bytes = encodeMacvlan({ name: 'vrrp.51', lowerIndex: 7, mac: Uint8Array.of(0, 0, 0x5e, 0, 1, 51) });
    expect(decodeLink(bytes)).toMatchObject({
      ok: true,
      value: { name: 'vrrp.51', lowerIndex: 7, kind: 'macvlan', mac: Uint8Array.of(0, 0, 0x5e, 0, 1, 51) },
    });
    const private_ = encodeAttributes([{ type: 2, value: [{ type: 1, value: u32(1) }] }]);
    expect(Buffer.from(bytes).includes(Buffer.from(private_))).toBe(true);
  });

  it('are set up and down by the flag alone', () => {
    expect(encodeLinkChange(3, { up: true })).toEqual(concat([new Uint8Array(4), u32(3), u32(1), u32(1)]));
    expect(encodeLinkChange(3, { up: false })).toEqual(concat([new Uint8Array(4), u32(3), u32(0), u32(1)]));
    expect(encodeLinkChange(3, { up: true, noArp: true })).toEqual(concat([new Uint8Array(4), u32(3), u32(0x81), u32(0x81)]));
    expect(encodeLinkChange(3)).toEqual(concat([new Uint8Array(4), u32(3), u32(0), u32(0)]));
  });
});

describe('veth pairs', () => {
  it('have both names, one MTU and one MAC', () => {
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
    const bytes = encodeVeth({ names: ['one', 'other'], mtu: 65_535, mac });
    expect(decodeLink(bytes)).toMatchObject({ ok: true, value: { name: 'one', kind: 'veth', mtu: 65_535, mac } });
    // The message of the other end stands inside: an empty header, then its attributes.
    const attributes = [
      { type: 3, value: text('other') },
      { type: 1, value: mac },
      { type: 4, value: u32(65_535) },
    ];
    const other = concat([new Uint8Array(16), encodeAttributes(attributes)]);
    expect(Buffer.from(bytes).includes(Buffer.from(other))).toBe(true);
  });
});

const plainRoute: RouteSpec = {
  family: 4,
  type: 'unicast',
  destination: { address: ip('10.1.0.0'), length: 16 },
  nextHops: [{ via: ip('10.0.0.254'), interfaceIndex: 3, weight: 1, onlink: false }],
  table: 254,
  protocol: 18,
  metrics: [],
};

describe('routes', () => {
  it('are written as ip(8) writes `ip route add 10.1.0.0/16 via 10.0.0.254 dev eth0`', () => {
    const attributes = encodeAttributes([
      { type: 15, value: u32(254) },
      { type: 1, value: ip('10.1.0.0').bytes },
      { type: 5, value: ip('10.0.0.254').bytes },
      { type: 4, value: u32(3) },
    ]);
    expect(encodeRoute(plainRoute)).toEqual(concat([Uint8Array.of(2, 16, 0, 0, 254, 18, 0, 1), u32(0), attributes]));
  });

  it('have the scope that their kind implies', () => {
    const scopeOf = (change: Partial<RouteSpec>): number | undefined => encodeRoute({ ...plainRoute, ...change })[6];
    const onLink = { nextHops: [{ interfaceIndex: 3, weight: 1, onlink: false }] };
    expect(scopeOf(onLink)).toBe(253);
    expect(scopeOf({ ...onLink, scope: 254 })).toBe(254);
    expect(scopeOf({ type: 'local', ...onLink })).toBe(254);
    expect(scopeOf({ type: 'broadcast', ...onLink })).toBe(253);
    expect(scopeOf({ type: 'blackhole', nextHops: [] })).toBe(0);
    expect(scopeOf({ family: 6, destination: { address: ip('fd00::'), length: 64 }, ...onLink })).toBe(0);
  });

  it('come back with destination, table, metric, kind and protocol', () => {
    const kind = fc.constantFrom<RouteSpec['type']>('unicast', 'local', 'broadcast', 'multicast', 'blackhole', 'throw', 'prohibit');
    fc.assert(
      fc.property(prefix, kind, fc.nat(0x7fffffff), fc.nat(0x7fffffff), fc.nat(255), (destination, type, table, metric, protocol) => {
        const family = destination.address.family;
        const decoded = decodeRoute(encodeRoute({ ...plainRoute, family, destination, nextHops: [], type, table, metric, protocol }));
        const expected = destination.length === 0 ? 'default' : destination;
        expect(decoded).toMatchObject({ ok: true, value: { destination: expected, type, table, metric, protocol } });
      }),
    );
  });

  it('carry several ways with weights, a gateway of the other family, locked metrics and IPv6 preference', () => {
    const several = encodeRoute({
      ...plainRoute,
      nextHops: [
        { via: ip('10.0.0.1'), interfaceIndex: 3, weight: 1, onlink: true },
        { via: ip('fe80::1'), interfaceIndex: 4, weight: 7, onlink: false },
      ],
      metrics: [
        { number: 2, value: 1400, locked: true },
        { number: 16, value: 'bbr', locked: false },
      ],
      preference: 'high',
      ttlPropagate: false,
    });
    const first = concat([Uint8Array.of(16, 0, 4, 0), u32(3), encodeAttributes([{ type: 5, value: ip('10.0.0.1').bytes }])]);
    const via = encodeAttributes([{ type: 18, value: Uint8Array.of(10, 0, ...ip('fe80::1').bytes) }]);
    const second = concat([Uint8Array.of(8 + via.length, 0, 0, 6), u32(4), via]);
    const tail = encodeAttributes([
      { type: 9, value: concat([first, second]) },
      {
        type: 8,
        value: [
          { type: 1, value: u32(4) },
          { type: 2, value: u32(1400) },
          { type: 16, value: text('bbr') },
        ],
      },
      { type: 20, value: Uint8Array.of(1) },
      { type: 26, value: Uint8Array.of(0) },
    ]);
    expect(several.subarray(several.length - tail.length)).toEqual(tail);
  });

  it('are asked for with a full-length destination', () => {
    fc.assert(
      fc.property(address, (destination) => {
        const decoded = decodeRoute(encodeRouteQuery(destination, { source: destination, mark: 5 }));
        expect(decoded).toMatchObject({
          ok: true,
          value: { destination: { address: destination, length: maxPrefixLength(destination.family) } },
        });
      }),
    );
  });

  it('are read with gateway, interface, source, table, metric and MTU', () => {
    const message = kernelMessage(
      [2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0],
      [
        { type: 4, value: u32(2) },
        { type: 5, value: ip('192.168.18.1').bytes },
        { type: 6, value: u32(100) },
        { type: 7, value: ip('192.168.18.201').bytes },
        { type: 8, value: [{ type: 2, value: u32(1400) }] },
        { type: 15, value: u32(1000) },
      ],
    );
    expect(decodeRoute(message)).toEqual({
      ok: true,
      value: {
        family: 4,
        destination: 'default',
        type: 'unicast',
        table: 1000,
        metric: 100,
        gateway: ip('192.168.18.1'),
        interfaceIndex: 2,
        source: ip('192.168.18.201'),
        mtu: 1400,
        protocol: 3,
        typeOfService: 0,
      },
    });
  });

  it('know a gateway of the other family, and a kind without a name', () => {
    const message = kernelMessage(
      [2, 0, 0, 0, 254, 3, 0, 99, 0, 0, 0, 0],
      [{ type: 18, value: Uint8Array.of(10, 0, ...ip('fe80::9').bytes) }],
    );
    expect(decodeRoute(message)).toMatchObject({ ok: true, value: { gateway: ip('fe80::9'), type: 'other', table: 254, metric: 0 } });
    expect(decodeRoute(encodeRouteDump())).toEqual({ ok: false, reason: 'bad-address-family' });
  });
});

describe.each<[string, (bytes: Uint8Array) => Decoded<unknown>, number]>([
  ['decodeAddress', decodeAddress, 8],
  ['decodeLink', decodeLink, 16],
  ['decodeNeighbour', decodeNeighbour, 12],
  ['decodeRoute', decodeRoute, 12],
  ['decodeRule', decodeRule, 12],
])('%s', (_, decode, headerLength) => {
  it('answers any bytes, and refuses less than a header as truncated', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const decoded = decode(bytes);
        if (bytes.length < headerLength) expect(decoded).toEqual({ ok: false, reason: 'truncated' });
      }),
    );
  });

  it('answers any attributes after a header of a right family', () => {
    const attributes = fc.array(fc.record({ type: fc.nat(40), value: fc.uint8Array({ maxLength: 20 }) }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(2, 10), attributes, fc.nat(60), (family, list, cut) => {
        const header = new Uint8Array(headerLength);
        header[0] = family;
        const bytes = concat([header, encodeAttributes(list)]);
        expect(typeof decode(bytes.subarray(0, bytes.length - Math.min(cut, bytes.length))).ok).toBe('boolean');
      }),
    );
  });

  it('refuses an attribute that runs past the end', () => {
    const header = new Uint8Array(headerLength);
    header[0] = 2;
    expect(decode(concat([header, u32(0xffff_ffff)]))).toEqual({ ok: false, reason: 'truncated' });
  });
});

it('asks for the addresses of one interface', () => {
  expect(encodeAddressQuery(0x01020304).subarray(4)).toEqual(u32(0x01020304));
});
