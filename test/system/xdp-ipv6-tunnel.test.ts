/** Tunnels with IPv6 inside, outside or both: the headers that the packet path puts before a packet. IPv4 in IPv4 is in xdp-tunnel.test.ts. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { RealServer, Tunnel } from '../../src/model/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { real, tcp, udp } from '../compliance/harness.ts';
import { FIRST_FRAGMENT, LATER_FRAGMENT, UDP } from './xdp-fixtures.ts';
import { buildFrame, DIRECTOR_MAC, type FrameFields, macText, PROTOCOL, seeFrame } from './xdp-frames.ts';
import { FIRST_FRAGMENT6, LATER_FRAGMENT6, real6, TO, tcp6, UDP6, udp6 } from './xdp-ipv6-fixtures.ts';
import { DIRECTOR, DIRECTOR6, HOP_MTU, macOf, type Passage, Rig } from './xdp-support.ts';

const ETHERNET_HEADER = 14;
const GUE_PORT = 6080;
const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
const FAMILIES = [
  { inner: 6, outer: 6 },
  { inner: 4, outer: 6 },
  { inner: 6, outer: 4 },
] as const;
const HEADERS = { 4: 20, 6: 40 } as const;
const ETHER_TYPES = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const;
/** What a tunnel calls an inner packet. */
const IP_IN_IP = { 4: 4, 6: 41 } as const;

interface Kind {
  readonly name: string;
  readonly inner: 4 | 6;
  readonly outer: 4 | 6;
  readonly tunnel: Tunnel;
  readonly protocol: number;
  /** Bytes between the outer and the inner IP header. */
  readonly between: number;
}

const KINDS = FAMILIES.flatMap(({ inner, outer }): Kind[] => [
  { name: `${inner} in ${outer}, IPIP`, inner, outer, tunnel: tunnel('ipip'), protocol: IP_IN_IP[inner], between: 0 },
  { name: `${inner} in ${outer}, GUE`, inner, outer, tunnel: tunnel('gue', GUE_PORT), protocol: 17, between: 12 },
  { name: `${inner} in ${outer}, GRE`, inner, outer, tunnel: tunnel('gre'), protocol: 47, between: 4 },
]);

function tunnel(type: Tunnel['type'], port = 0): Tunnel {
  return { type, port, checksum: 'none' };
}

let shared: Rig | undefined;
afterEach(() => shared?.reset());
afterAll(() => shared?.close());

/** TCP port 80 and UDP port 53 of the inner family, each with the one server of the outer family behind a tunnel. */
function ready({ inner, outer, tunnel: made }: Kind): Rig {
  shared ??= new Rig();
  const rig = shared;
  const more: Partial<RealServer> = { method: 'tun', tunnel: made };
  const [web, names] = inner === 6 ? [tcp6(80), udp6(53)] : [tcp(80), udp(53)];
  const server = outer === 6 ? real6(1, 1, more) : real(1, 1, more);
  rig.plane.addService({ key: web, ...PLAIN });
  rig.plane.addServer(web, server);
  rig.plane.addService({ key: names, ...PLAIN });
  rig.plane.addServer(names, { ...server, port: 53 });
  return rig;
}

/** Behind the outer header; the packet inside is as it was, but for its TTL and checksum. */
function expectTunnelled(kind: Kind, sent: Uint8Array, { verdict, frame }: Passage): Uint8Array {
  expect(verdict).toBe('TX');
  const [before, outer] = [seeFrame(sent), seeFrame(frame)];
  const [server, director] = kind.outer === 6 ? [real6(1).address, DIRECTOR6] : [real(1).address, DIRECTOR];
  expect([outer.destinationMac, outer.sourceMac]).toEqual([macOf(server), macText(DIRECTOR_MAC)]);
  expect([...frame.subarray(12, 14)]).toEqual(ETHER_TYPES[kind.outer]);
  expect([outer.source, outer.destination, outer.protocol]).toEqual([String(director), String(server), kind.protocol]);
  expect([outer.checksumRight, outer.ttl]).toEqual([true, before.ttl - 1]);
  const added = HEADERS[kind.outer] + kind.between;
  expect(outer.totalLength).toBe(before.totalLength + added);
  expect(frame.length).toBe(sent.length + added);
  const inner = frame.subarray(ETHERNET_HEADER + added);
  const expected = sent.slice(ETHERNET_HEADER);
  expected[kind.inner === 6 ? 7 : 8] = before.ttl - 1;
  if (kind.inner === 4) {
    expected.set(inner.subarray(10, 12), 10);
    expect(internetChecksum(inner.subarray(0, 20))).toBe(0);
  }
  expect(inner).toEqual(expected);
  return outer.body;
}

describe.each(KINDS)('$name', (kind) => {
  const six = kind.inner === 6;
  const to: FrameFields = six ? TO : {};
  const [first, later] = six ? [FIRST_FRAGMENT6, LATER_FRAGMENT6] : [FIRST_FRAGMENT, LATER_FRAGMENT];

  it.each([
    ['a SYN', to],
    ['a datagram', { ...(six ? UDP6 : UDP), payload: new Uint8Array(300) }],
    ['a packet with the least TTL', { ...to, ttl: 2 }],
    ['a first fragment', first],
  ] as const)('wraps %s', (_, fields) => {
    const sent = buildFrame(fields);
    expectTunnelled(kind, sent, ready(kind).run(sent.slice()));
  });

  it('wraps later segments and later fragments, and counts them without the tunnel’s headers', () => {
    const on = ready(kind);
    on.run(buildFrame(to));
    const segment = buildFrame({ ...to, flags: 'PA', payload: new Uint8Array(999) });
    expectTunnelled(kind, segment, on.run(segment.slice()));
    on.run(buildFrame(first));
    const fragment = buildFrame(later);
    expectTunnelled(kind, fragment, on.run(fragment.slice()));
    expect(on.plane.services()[0]?.counters.inBytes).toBe(BigInt(2 * (HEADERS[kind.inner] + 20) + 999));
  });

  it('answers for the tunnel’s length when a packet is too long', () => {
    const on = ready(kind);
    on.run(buildFrame(to));
    const room = HOP_MTU - HEADERS[kind.outer] - kind.between;
    const headers = HEADERS[kind.inner] + 20;
    const fits = buildFrame({ ...to, flags: 'A', dontFragment: true, payload: new Uint8Array(room - headers) });
    expectTunnelled(kind, fits, on.run(fits.slice()));
    const long = buildFrame({ ...to, flags: 'A', dontFragment: true, payload: new Uint8Array(room - headers + 1) });
    const { verdict, frame } = on.run(long);
    expect(verdict).toBe('TX');
    const { protocol, body } = seeFrame(frame);
    expect(protocol).toBe(six ? PROTOCOL.icmp6 : PROTOCOL.icmp);
    expect([...body.subarray(0, 2)]).toEqual(six ? [2, 0] : [3, 4]);
    expect(new DataView(body.buffer, body.byteOffset).getUint32(4)).toBe(room);
  });

  it.each([
    ['nothing', 0x00, 0x00],
    ['a class and ECT(0)', 0xba, 0xba],
    ['ECT(1)', 0x01, 0x01],
    ['congestion, which did not happen outside yet', 0xbb, 0xba],
  ])('copies the traffic class: %s', (_, inside, outside) => {
    const sent = buildFrame(to);
    if (six) sent.set([0x60 | (inside >> 4), ((inside & 15) << 4) | 0x0f, 0xab, 0xcd], ETHERNET_HEADER);
    else sent[ETHERNET_HEADER + 1] = inside;
    const { frame } = ready(kind).run(sent);
    const [word0, word1, word2, word3] = frame.subarray(ETHERNET_HEADER) as unknown as [number, number, number, number];
    if (kind.outer === 4) expect(word1).toBe(outside);
    else expect([word0, word1, word2, word3]).toEqual([0x60 | (outside >> 4), (outside & 15) << 4, 0, 0]);
  });

  it('says between the headers what is inside', () => {
    const sent = buildFrame(to);
    const body = expectTunnelled(kind, sent, ready(kind).run(sent.slice()));
    const view = new DataView(body.buffer, body.byteOffset);
    if (kind.tunnel.type === 'gre') expect([...body.subarray(0, 4)]).toEqual([0, 0, ...ETHER_TYPES[kind.inner]]);
    if (kind.tunnel.type !== 'gue') return;
    expect(view.getUint16(0)).toBeGreaterThanOrEqual(0xc000);
    expect([view.getUint16(2), view.getUint16(4), view.getUint16(6)]).toEqual([GUE_PORT, 12 + sent.length - ETHERNET_HEADER, 0]);
    expect([...body.subarray(8, 12)]).toEqual([0, IP_IN_IP[kind.inner], 0, 0]);
  });
});

describe('an IPv6 packet in an IPv4 tunnel', () => {
  it('may be cut on its way, as in IPVS', () => {
    const kind = KINDS.find(({ inner, outer }) => inner === 6 && outer === 4) as Kind;
    const { frame } = ready(kind).run(buildFrame(TO));
    expect(new DataView(frame.buffer, frame.byteOffset).getUint16(ETHERNET_HEADER + 6)).toBe(0);
  });
});
