/** Tunnels to real servers: the outer headers that the packet path puts before a packet, and what happens to those that are too long. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Tunnel } from '../../src/model/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { real, tcp, udp } from '../compliance/harness.ts';
import { FIRST_FRAGMENT, frameOf, LATER_FRAGMENT, UDP } from './xdp-fixtures.ts';
import { buildFrame, DIRECTOR_MAC, type FrameFields, macText, PROTOCOL, seeFrame } from './xdp-frames.ts';
import { DIRECTOR, HOP_MTU, macOf, type Passage, Rig } from './xdp-support.ts';

const ETHERNET_HEADER = 14;
const IP_HEADER = 20;
const GUE_PORT = 6080;
const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;

interface Kind {
  readonly name: string;
  readonly tunnel: Tunnel | undefined;
  readonly protocol: number;
  /** Bytes between the outer and the inner IP header. */
  readonly between: number;
}

const KINDS: readonly Kind[] = [
  { name: 'IPIP by default', tunnel: undefined, protocol: 4, between: 0 },
  { name: 'IPIP', tunnel: { type: 'ipip', port: 0, checksum: 'none' }, protocol: 4, between: 0 },
  { name: 'GUE', tunnel: { type: 'gue', port: GUE_PORT, checksum: 'none' }, protocol: 17, between: 12 },
  { name: 'GRE', tunnel: { type: 'gre', port: 0, checksum: 'none' }, protocol: 47, between: 4 },
];

let rig: Rig | undefined;
afterEach(() => {
  rig?.close();
  rig = undefined;
});

/** TCP port 80 and UDP port 53, each with the one server 10.2.0.1 behind a tunnel. */
function ready({ tunnel }: Kind): Rig {
  rig = new Rig();
  const method = { method: 'tun', ...(tunnel && { tunnel }) } as const;
  rig.plane.addService({ key: tcp(80), ...PLAIN });
  rig.plane.addServer(tcp(80), real(1, 1, method));
  rig.plane.addService({ key: udp(53), ...PLAIN });
  rig.plane.addServer(udp(53), real(1, 1, { port: 53, ...method }));
  return rig;
}

/** The packet inside is as it was, but for its TTL and checksum. */
function expectTunnelled(kind: Kind, sent: Uint8Array, { verdict, frame }: Passage): Uint8Array {
  expect(verdict).toBe('TX');
  const [before, outer] = [seeFrame(sent), seeFrame(frame)];
  expect([outer.destinationMac, outer.sourceMac]).toEqual([macOf(real(1).address), macText(DIRECTOR_MAC)]);
  expect([outer.source, outer.destination, outer.protocol]).toEqual([String(DIRECTOR), '10.2.0.1', kind.protocol]);
  expect(outer.checksumRight).toBe(true);
  expect(outer.ttl).toBe(before.ttl - 1);
  expect(outer.totalLength).toBe(before.totalLength + IP_HEADER + kind.between);
  expect(frame.length).toBe(sent.length + IP_HEADER + kind.between);
  const inner = frame.subarray(ETHERNET_HEADER + IP_HEADER + kind.between);
  const expected = sent.slice(ETHERNET_HEADER);
  expected[8] = before.ttl - 1;
  expected.set(inner.subarray(10, 12), 10);
  expect(inner).toEqual(expected);
  const header = ((inner[0] as number) & 15) * 4;
  expect(internetChecksum(inner.subarray(0, header))).toBe(0);
  return outer.body;
}

describe.each(KINDS)('$name', (kind) => {
  const frames: readonly (readonly [string, FrameFields])[] = [
    ['a SYN', {}],
    ['a SYN behind IP options', { options: Uint8Array.of(1, 1, 1, 0) }],
    ['a datagram', { ...UDP, payload: new Uint8Array(300) }],
    ['a packet that may not be cut', { dontFragment: true }],
    ['a packet with the least TTL', { ttl: 2 }],
    ['a first fragment', FIRST_FRAGMENT],
  ];

  it.each(frames)('wraps %s', (_, fields) => {
    const sent = frameOf(fields);
    expectTunnelled(kind, sent, ready(kind).run(sent));
  });

  it('wraps later segments and later fragments', () => {
    const on = ready(kind);
    on.run(buildFrame());
    const segment = buildFrame({ flags: 'PA', payload: new Uint8Array(999) });
    expectTunnelled(kind, segment, on.run(segment));
    on.run(buildFrame(FIRST_FRAGMENT));
    const fragment = buildFrame(LATER_FRAGMENT);
    expectTunnelled(kind, fragment, on.run(fragment));
  });

  it('counts what came, without the headers of the tunnel', () => {
    const on = ready(kind);
    on.run(buildFrame());
    expect(on.plane.services()[0]?.counters).toMatchObject({ connections: 1n, inPackets: 1n, inBytes: 40n });
  });

  it('answers for the tunnel’s length when a packet is too long', () => {
    const on = ready(kind);
    on.run(buildFrame());
    const room = HOP_MTU - IP_HEADER - kind.between;
    const fits = buildFrame({ flags: 'A', dontFragment: true, payload: new Uint8Array(room - 40) });
    expectTunnelled(kind, fits, on.run(fits));
    const { verdict, frame } = on.run(buildFrame({ flags: 'A', dontFragment: true, payload: new Uint8Array(room - 39) }));
    expect(verdict).toBe('TX');
    const answer = seeFrame(frame);
    expect(answer.protocol).toBe(PROTOCOL.icmp);
    expect([...answer.body.subarray(0, 2)]).toEqual([3, 4]);
    expect(new DataView(answer.body.buffer, answer.body.byteOffset).getUint32(4)).toBe(room);
  });

  it('forwards what the stack has put together, which is longer than the wire that it came by', () => {
    const on = ready(kind);
    on.run(buildFrame());
    on.plane.path.settings.setBytes(0, 'port_mtus', new Uint8Array(Uint32Array.of(HOP_MTU).buffer));
    const segments = buildFrame({ flags: 'A', dontFragment: true, payload: new Uint8Array(HOP_MTU) });
    expectTunnelled(kind, segments, on.run(segments));
  });

  it('lets the bit that forbids fragments be seen outside, and numbers only what may be cut', () => {
    const on = ready(kind);
    const word = (frame: Uint8Array, at: number): number => new DataView(frame.buffer, frame.byteOffset).getUint16(ETHERNET_HEADER + at);
    const kept = on.run(buildFrame({ dontFragment: true })).frame;
    expect([word(kept, 4), word(kept, 6)]).toEqual([0, 0x4000]);
    const numbers = [1, 2, 3].map(() => word(on.run(buildFrame()).frame, 4));
    expect(new Set(numbers).size).toBeGreaterThan(1);
    expect(word(on.run(buildFrame()).frame, 6)).toBe(0);
  });

  it.each([
    ['nothing', 0x00, 0x00],
    ['a class and ECT(0)', 0xba, 0xba],
    ['ECT(1)', 0x01, 0x01],
    ['congestion, which did not happen outside yet', 0xbb, 0xba],
  ])('copies the type of service: %s', (_, inside, outside) => {
    const sent = buildFrame();
    sent[ETHERNET_HEADER + 1] = inside;
    const { frame } = ready(kind).run(sent);
    expect([frame[ETHERNET_HEADER + 1], frame[ETHERNET_HEADER + IP_HEADER + kind.between + 1]]).toEqual([outside, inside]);
  });
});

describe('headers between the two IP headers', () => {
  const kindNamed = (name: string): Kind => KINDS.find((kind) => kind.name === name) as Kind;

  it('GRE says what it carries and nothing else', () => {
    const sent = buildFrame();
    const body = expectTunnelled(kindNamed('GRE'), sent, ready(kindNamed('GRE')).run(sent));
    expect([...body.subarray(0, 4)]).toEqual([0, 0, 0x08, 0x00]);
  });

  it('GUE is a datagram to the server’s port, from a port that flows share only by chance', () => {
    const on = ready(kindNamed('GUE'));
    const ports = new Set<number>();
    for (let client = 1; client <= 20; client++) {
      const sent = buildFrame({ source: `10.0.0.${client}` });
      const body = expectTunnelled(kindNamed('GUE'), sent, on.run(sent));
      const view = new DataView(body.buffer, body.byteOffset);
      expect(view.getUint16(0)).toBeGreaterThanOrEqual(0xc000);
      expect([view.getUint16(2), view.getUint16(4), view.getUint16(6)]).toEqual([GUE_PORT, 12 + 40, 0]);
      expect([...body.subarray(8, 12)]).toEqual([0, 4, 0, 0]);
      ports.add(view.getUint16(0));
    }
    expect(ports.size).toBeGreaterThan(15);
  });
});

describe('changes', () => {
  it('an edit changes the way of connections that exist, and the way back', () => {
    const gre = KINDS.at(-1) as Kind;
    const on = ready(gre);
    on.run(buildFrame());
    on.plane.editServer(tcp(80), real(1));
    const segment = buildFrame({ flags: 'A', dontFragment: true, payload: new Uint8Array(1460) });
    expect(on.run(segment).frame.length).toBe(segment.length);
    on.plane.editServer(tcp(80), real(1, 1, { method: 'tun' }));
    const short = buildFrame({ flags: 'A' });
    expectTunnelled(KINDS[0] as Kind, short, on.run(short));
  });

  it('refuses what it has no room for: checksums, and the other address family', () => {
    const { plane } = ready(KINDS[0] as Kind);
    const checksummed = { type: 'gue', port: GUE_PORT, checksum: 'csum' } as const;
    expect(() => plane.addServer(tcp(80), real(2, 1, { method: 'tun', tunnel: checksummed }))).toThrow(/tunnel checksums/);
  });
});
