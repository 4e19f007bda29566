/** Masquerading over IPv6: requests, replies, and what the table keeps of both. The rest is as with IPv4, see xdp-nat.test.ts. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { ip, real, tcp } from '../compliance/harness.ts';
import {
  buildFrame,
  buildPacket,
  DIRECTOR_MAC,
  EXTENSION,
  type FrameFields,
  macText,
  PROTOCOL,
  pseudoChecksum,
  ROUTER_MAC,
  seeFrame,
} from './xdp-frames.ts';
import { CLIENT6, icmp6Error, real6, TO, tcp6, UDP6, udp6, VIP6 } from './xdp-ipv6-fixtures.ts';
import { macOf, Rig, type RigOptions } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
const SERVER = real6(1).address;
const VIRTUAL = String(VIP6);
const CLIENT_PORT = 40_000;
const SERVER_PORT = 8080;
const IP6_HEADER = 40;

let shared: Rig | undefined;
let own: Rig | undefined;
afterEach(() => {
  own?.close();
  own = undefined;
  shared?.reset();
});
afterAll(() => shared?.close());

/** TCP port 80 to [fd00:2::1]:8080, and UDP port 53 to [fd00:2::1]:5353, both masqueraded. */
function ready(options?: RigOptions): Rig {
  if (options) own = new Rig(options);
  shared ??= new Rig();
  const rig = own ?? shared;
  rig.port = 1;
  rig.plane.addService({ key: tcp6(80), ...PLAIN });
  rig.plane.addServer(tcp6(80), real6(1, 1, { port: SERVER_PORT, method: 'nat' }));
  rig.plane.addService({ key: udp6(53), ...PLAIN });
  rig.plane.addServer(udp6(53), real6(1, 1, { port: 5353, method: 'nat' }));
  return rig;
}

/** What the server sends to the client. */
function reply(fields: FrameFields = {}): FrameFields {
  return { source: String(SERVER), sourcePort: SERVER_PORT, destination: CLIENT6, destinationPort: CLIENT_PORT, flags: 'A', ...fields };
}

const UDP_REPLY: FrameFields = { ...reply(), protocol: PROTOCOL.udp, sourcePort: 5353 };

/** The endpoints of a frame that was sent on, after a look at its checksum. `behind` are the bytes of extension headers. */
function endpoints(on: Rig, fields: FrameFields, behind = 0): { from: string; to: string; macs: readonly string[]; ttl: number } {
  const { verdict, frame } = on.run(buildFrame(fields));
  expect(verdict).toBe('TX');
  const seen = seeFrame(frame);
  const segment = seen.body.subarray(behind);
  const addresses = Uint8Array.of(...ip(seen.source).bytes, ...ip(seen.destination).bytes);
  expect(pseudoChecksum(addresses, fields.protocol ?? PROTOCOL.tcp, segment)).toBe(0);
  const view = new DataView(segment.buffer, segment.byteOffset);
  return {
    from: `${seen.source} ${view.getUint16(0)}`,
    to: `${seen.destination} ${view.getUint16(2)}`,
    macs: [seen.destinationMac, seen.sourceMac],
    ttl: seen.ttl,
  };
}

const stateOf = (on: Rig): string | undefined => [...on.plane.connections()][0]?.state;

describe('a request over IPv6', () => {
  it.each([
    ['TCP', { ...TO, payload: new Uint8Array(77).fill(5) }, SERVER_PORT, 0],
    ['UDP', { ...UDP6, payload: new Uint8Array(31).fill(9) }, 5353, 0],
    ['TCP behind headers', { ...TO, extensions: [EXTENSION.hopByHop, EXTENSION.destination] }, SERVER_PORT, 16],
  ] as const)('%s gets the server’s address and port', (_, fields, port, behind) => {
    expect(endpoints(ready(), fields, behind)).toEqual({
      from: `${CLIENT6} ${CLIENT_PORT}`,
      to: `${SERVER} ${port}`,
      macs: [macOf(SERVER), macText(DIRECTOR_MAC)],
      ttl: 63,
    });
  });

  it('keeps its port where the server has none of its own', () => {
    const on = new Rig();
    own = on;
    on.plane.addService({ key: tcp6(0), ...PLAIN, persistence: { timeoutSeconds: 60, prefixLength: 128 } });
    on.plane.addServer(tcp6(0), real6(1, 1, { port: 0, method: 'nat' }));
    expect(endpoints(on, { ...TO, destinationPort: 2222 }).to).toBe(`${SERVER} 2222`);
    expect(endpoints(on, reply({ sourcePort: 2222 })).from).toBe(`${VIRTUAL} 2222`);
  });
});

describe('a reply over IPv6', () => {
  it.each([
    ['TCP', TO, reply({ flags: 'SA' }), 80, 0],
    ['UDP', UDP6, UDP_REPLY, 53, 0],
    ['TCP behind a header', TO, reply({ extensions: [EXTENSION.destination] }), 80, 8],
  ] as const)('%s gets the virtual address and port, and goes where the request came from', (_, request, answer, port, behind) => {
    const on = ready();
    on.run(buildFrame(request));
    expect(endpoints(on, answer, behind)).toEqual({
      from: `${VIRTUAL} ${port}`,
      to: `${CLIENT6} ${CLIENT_PORT}`,
      macs: [macText(ROUTER_MAC), macText(DIRECTOR_MAC)],
      ttl: 63,
    });
  });

  it.each([
    ['before any request', [], reply()],
    ['from another port', [TO], reply({ sourcePort: 8081 })],
    ['to another client', [TO], reply({ destination: 'fd00::2' })],
    ['to a client with the same words in another order', [{ ...TO, source: 'fd00::1:0:0' }], reply({ destination: 'fd00::0:1' })],
    ['of another protocol', [TO], { ...reply(), protocol: PROTOCOL.udp }],
    ['that is a later fragment of nothing', [TO], { ...reply(), fragmentOffset: 4, identification: 99 }],
    ['to another machine’s MAC address', [TO], { ...reply(), destinationMac: ROUTER_MAC }],
    ['that is a neighbour solicitation', [TO], { ...reply(), protocol: PROTOCOL.icmp6, icmpType: 135 }],
  ] as const)('%s is the stack’s', (_, before, answer) => {
    const on = ready();
    for (const fields of before) on.run(buildFrame(fields));
    const sent = buildFrame(answer);
    expect(on.run(sent.slice())).toEqual({ verdict: 'PASS', frame: sent });
  });

  it('follows the client’s router to another MAC address, a second later', () => {
    const on = ready();
    on.run(buildFrame(TO));
    on.advance(2);
    const moved = buildFrame({ ...TO, flags: 'A' });
    moved.set([2, 0xaa, 9, 9, 9, 9], 6);
    on.run(moved);
    expect(endpoints(on, reply()).macs[0]).toBe('02:aa:09:09:09:09');
  });

  it('is answered for the virtual address when it has no hop left, or is too long for the client’s port', () => {
    const on = ready({});
    on.run(buildFrame(TO));
    const expired = seeFrame(on.run(buildFrame(reply({ ttl: 1 }))).frame);
    expect([expired.protocol, expired.source, expired.destination, expired.body[0]]).toEqual([58, VIRTUAL, String(SERVER), 3]);
    on.plane.path.settings.setBytes(0, 'port_mtus', new Uint8Array(Uint32Array.of(1300).buffer));
    // The reply comes by another interface than the client's packets.
    on.port = 99;
    const long = seeFrame(on.run(buildFrame(reply({ payload: new Uint8Array(1241) }))).frame);
    expect([long.source, long.body[0], long.body[1], (long.body[6] as number) * 256 + (long.body[7] as number)]).toEqual([
      VIRTUAL,
      2,
      0,
      1300,
    ]);
  });

  it('is dropped, and counted, when the client came by no port of ours', () => {
    const on = ready({});
    on.port = 99;
    on.run(buildFrame(TO));
    expect(on.run(buildFrame(reply())).verdict).toBe('DROP');
    expect(on.plane.reasons().DROP_NO_NEXT_HOP).toBe(1);
  });
});

describe('masqueraded connections over IPv6', () => {
  const steps: readonly (readonly [FrameFields, string])[] = [
    [TO, 'SYN_RECV'],
    [reply({ flags: 'SA' }), 'SYN_RECV'],
    [{ ...TO, flags: 'A' }, 'ESTABLISHED'],
    [reply({ flags: 'PA' }), 'ESTABLISHED'],
    [{ ...TO, flags: 'FA' }, 'CLOSE_WAIT'],
    [reply({ flags: 'FA' }), 'TIME_WAIT'],
  ];

  it('are judged by both directions', () => {
    const on = ready();
    for (const [fields, expected] of steps) {
      endpoints(on, fields);
      expect(stateOf(on)).toBe(expected);
    }
  });

  it('are listed once, and count both directions', () => {
    const on = ready();
    for (const fields of [TO, reply({ flags: 'SA' }), { ...TO, flags: 'A' }, reply({ payload: new Uint8Array(100) })])
      on.run(buildFrame(fields));
    expect([...on.plane.connections()]).toMatchObject([{ virtualPort: 80, serverPort: SERVER_PORT, state: 'ESTABLISHED' }]);
    expect(on.plane.services()[0]?.counters).toEqual({ connections: 1n, inPackets: 2n, inBytes: 120n, outPackets: 2n, outBytes: 220n });
  });

  it('live as long as replies come', () => {
    const on = ready();
    on.run(buildFrame(UDP6));
    for (let minute = 0; minute < 6; minute++) {
      on.advance(200);
      expect(endpoints(on, UDP_REPLY).from).toBe(`${VIRTUAL} 53`);
    }
  });

  it('leave room for both directions when they are over', () => {
    const on = ready({ connections: 64 });
    for (let round = 0; round < 5; round++) {
      for (let client = 0; client < 40; client++) on.run(buildFrame({ ...TO, sourcePort: 1000 + client }));
      expect([...on.plane.connections()]).toHaveLength(40);
      for (let client = 0; client < 40; client++) endpoints(on, reply({ destinationPort: 1000 + client, flags: 'SA' }));
      on.advance(63);
      expect([...on.plane.connections()]).toEqual([]);
      expect(on.run(buildFrame(reply({ destinationPort: 1001 }))).verdict).toBe('PASS');
    }
    const { tables, numbers, settings } = on.plane.path;
    const { entries, overflow } = tables[1];
    const valid = Array.from(
      { length: on.plane.path.tableSize(6) },
      (_, at) => entries.u32(at, 'meta') & (numbers.meta.META_VALID as number),
    );
    expect(valid.filter((bit) => bit !== 0)).toEqual([]);
    expect([...overflow.keys()]).toEqual([]);
    expect(settings.u32(0, 'overflow6_count')).toBe(0);
  });

  it('are refused where the way back has no room, and nothing of them is kept', () => {
    const on = ready({ connections: 4 });
    const verdicts = Array.from({ length: 3000 }, (_, client) => on.run(buildFrame({ ...TO, sourcePort: 1000 + client })).verdict);
    expect(verdicts).toContain('DROP');
    const accepted = verdicts.filter((verdict) => verdict === 'TX').length;
    expect([...on.plane.connections()]).toHaveLength(accepted);
    expect(on.plane.services()[0]?.servers[0]?.activeConnections).toBe(accepted);
    for (const [client, verdict] of verdicts.entries()) {
      if (verdict === 'TX') expect(on.run(buildFrame(reply({ destinationPort: 1000 + client, flags: 'SA' }))).verdict).toBe('TX');
    }
    on.advance(63);
    expect(on.plane.path.settings.u32(0, 'overflow6_count')).toBe(0);
  });

  it('reuse the place of one that is over, replies and all', () => {
    const on = ready();
    for (const flags of ['S', 'A', 'R', 'S']) endpoints(on, { ...TO, flags });
    expect(endpoints(on, reply({ flags: 'SA' })).to).toBe(`${CLIENT6} ${CLIENT_PORT}`);
    expect([...on.plane.connections()]).toHaveLength(1);
  });

  it('stand beside those of IPv4', () => {
    const on = ready();
    on.plane.addService({ key: tcp(80), ...PLAIN });
    on.plane.addServer(tcp(80), real(1, 1, { port: SERVER_PORT, method: 'nat' }));
    for (const fields of [TO, {}]) on.run(buildFrame(fields));
    expect(endpoints(on, reply()).from).toBe(`${VIRTUAL} 80`);
    const answer = { source: '10.2.0.1', sourcePort: SERVER_PORT, destination: '10.0.0.1', destinationPort: CLIENT_PORT, flags: 'A' };
    expect(seeFrame(on.run(buildFrame(answer)).frame).source).toBe('10.9.9.9');
  });
});

describe('fragments over IPv6', () => {
  const first: FrameFields = { ...UDP6, moreFragments: true, payload: new Uint8Array(16), identification: 9 };
  const later: FrameFields = { ...UDP6, fragmentOffset: 3, payload: new Uint8Array(8), identification: 9 };

  it('of a request all go to the server', () => {
    const on = ready();
    on.run(buildFrame(first));
    const seen = seeFrame(on.run(buildFrame(later)).frame);
    expect(seen.destination).toBe(String(SERVER));
    expect(seen.body.subarray(8)).toEqual(new Uint8Array(8));
  });

  it('of a reply all come from the virtual address', () => {
    const on = ready();
    on.run(buildFrame(UDP6));
    const answer = { source: String(SERVER), sourcePort: 5353, destination: CLIENT6, destinationPort: CLIENT_PORT };
    const begin = seeFrame(on.run(buildFrame({ ...first, ...answer })).frame);
    expect([begin.source, begin.body[9]]).toEqual([VIRTUAL, 53]);
    const rest = seeFrame(on.run(buildFrame({ ...later, ...answer })).frame);
    expect([rest.source, rest.destination]).toEqual([VIRTUAL, CLIENT6]);
    expect(rest.body.subarray(8)).toEqual(new Uint8Array(8));
    expect(on.plane.services()[1]?.counters).toMatchObject({ outPackets: 2n });
  });
});

describe('ICMPv6 errors', () => {
  it.each([
    ['about a reply', [], 0],
    ['about a reply with a header', [EXTENSION.destination], 8],
  ] as const)('%s go to the server, which finds its own address quoted', (_, extensions, behind) => {
    const on = ready();
    for (const fields of [TO, { ...TO, flags: 'A' }]) on.run(buildFrame(fields));
    const answer: FrameFields = {
      source: VIRTUAL,
      sourcePort: 80,
      destination: CLIENT6,
      destinationPort: CLIENT_PORT,
      flags: 'A',
      extensions,
    };
    const { verdict, frame } = on.run(buildFrame(icmp6Error(1, buildPacket(answer))));
    expect(verdict).toBe('TX');
    const seen = seeFrame(frame);
    expect([seen.destination, seen.destinationMac]).toEqual([String(SERVER), macOf(SERVER)]);
    expect(pseudoChecksum(Uint8Array.of(...ip(seen.source).bytes, ...SERVER.bytes), PROTOCOL.icmp6, seen.body)).toBe(0);
    const inner = seen.body.subarray(8);
    expect([...inner.subarray(8, 24)]).toEqual([...SERVER.bytes]);
    expect(new DataView(inner.buffer, inner.byteOffset).getUint16(IP6_HEADER + behind)).toBe(SERVER_PORT);
  });
});
