/** Masquerading: what the packet path makes of requests and of the replies to them, and how it finds out which is which. */
import { afterEach, describe, expect, it } from 'vitest';
import { internetChecksum } from '../../src/wire/index.ts';
import { ip, real, tcp, udp } from '../compliance/harness.ts';
import { icmpError, UDP } from './xdp-fixtures.ts';
import {
  buildFrame,
  buildPacket,
  DIRECTOR_MAC,
  type FrameFields,
  macText,
  PROTOCOL,
  ROUTER_MAC,
  type SeenFrame,
  seeFrame,
} from './xdp-frames.ts';
import { macOf, Rig } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
const SERVER = ip('10.2.0.1');
const SERVER_PORT = 8080;
const VIRTUAL = '10.9.9.9';
const CLIENT = '10.0.0.1';
const CLIENT_PORT = 40_000;
const ETHERNET_HEADER = 14;

let rig: Rig | undefined;
afterEach(() => {
  rig?.close();
  rig = undefined;
});

/** TCP port 80 to 10.2.0.1:8080, and UDP port 53 to 10.2.0.1:5353, both masqueraded. */
function ready(connections?: number): Rig {
  rig = new Rig(connections === undefined ? {} : { connections });
  rig.plane.addService({ key: tcp(80), ...PLAIN });
  rig.plane.addServer(tcp(80), real(1, 1, { port: SERVER_PORT, method: 'nat' }));
  rig.plane.addService({ key: udp(53), ...PLAIN });
  rig.plane.addServer(udp(53), real(1, 1, { port: 5353, method: 'nat' }));
  return rig;
}

/** What the server sends to the client. */
function reply(fields: FrameFields = {}): FrameFields {
  return {
    source: String(SERVER),
    sourcePort: SERVER_PORT,
    destination: CLIENT,
    destinationPort: CLIENT_PORT,
    flags: 'A',
    ...fields,
  };
}

const UDP_REPLY: FrameFields = { ...reply(), protocol: PROTOCOL.udp, sourcePort: 5353 };

function ports(seen: SeenFrame): [number, number] {
  const view = new DataView(seen.body.buffer, seen.body.byteOffset);
  return [view.getUint16(0), view.getUint16(2)];
}

function bytesOf(text: string): Uint8Array {
  return ip(text).bytes;
}

function transportChecksum(seen: SeenFrame): number {
  const { body, protocol } = seen;
  const pseudo = Uint8Array.of(...bytesOf(seen.source), ...bytesOf(seen.destination), 0, protocol, body.length >> 8, body.length & 255);
  return internetChecksum(Uint8Array.of(...pseudo, ...body));
}

/** The endpoints of a frame that was sent on, after a look at all its checksums. */
function endpoints(on: Rig, fields: FrameFields): { from: string; to: string; macs: readonly string[]; ttl: number } {
  const { verdict, frame } = on.run(buildFrame(fields));
  expect(verdict).toBe('TX');
  const seen = seeFrame(frame);
  expect(seen.checksumRight).toBe(true);
  expect(transportChecksum(seen)).toBe(0);
  const [source, destination] = ports(seen);
  return {
    from: `${seen.source}:${source}`,
    to: `${seen.destination}:${destination}`,
    macs: [seen.destinationMac, seen.sourceMac],
    ttl: seen.ttl,
  };
}

const state = (on: Rig): string | undefined => [...on.plane.connections()][0]?.state;

describe('a request', () => {
  it.each([
    ['TCP', { payload: new Uint8Array(77).fill(5) }, SERVER_PORT],
    ['UDP', { ...UDP, payload: new Uint8Array(31).fill(9) }, 5353],
    ['TCP behind IP options', { options: Uint8Array.of(1, 1, 1, 0) }, SERVER_PORT],
  ] as const)('%s gets the server’s address and port', (_, fields, port) => {
    expect(endpoints(ready(), fields)).toEqual({
      from: `${CLIENT}:${CLIENT_PORT}`,
      to: `${SERVER}:${port}`,
      macs: [macOf(SERVER), macText(DIRECTOR_MAC)],
      ttl: 63,
    });
  });

  it('keeps a datagram without a checksum without one', () => {
    const frame = buildFrame({ ...UDP, payload: Uint8Array.of(1, 2, 3) });
    frame.set([0, 0], ETHERNET_HEADER + 20 + 6);
    const seen = seeFrame(ready().run(frame).frame);
    expect([seen.destination, ...ports(seen), seen.body[6], seen.body[7]]).toEqual([String(SERVER), CLIENT_PORT, 5353, 0, 0]);
  });

  it('keeps its port where the server has none of its own', () => {
    const on = new Rig();
    rig = on;
    on.plane.addService({ key: tcp(0), ...PLAIN, persistence: { timeoutSeconds: 60, prefixLength: 32 } });
    on.plane.addServer(tcp(0), real(1, 1, { port: 0, method: 'nat' }));
    expect(endpoints(on, { destinationPort: 2222 }).to).toBe(`${SERVER}:2222`);
    expect(endpoints(on, reply({ sourcePort: 2222 })).from).toBe(`${VIRTUAL}:2222`);
  });

  it('is answered with what was asked for when it is too old', () => {
    const on = ready();
    const seen = seeFrame(on.run(buildFrame({ ttl: 1 })).frame);
    expect([seen.protocol, seen.source, seen.destination, seen.body[0]]).toEqual([PROTOCOL.icmp, VIRTUAL, CLIENT, 11]);
    const quoted = seen.body.subarray(8);
    expect([...quoted.subarray(16, 20)]).toEqual([...bytesOf(VIRTUAL)]);
  });
});

describe('a reply', () => {
  it.each([
    ['TCP', {}, reply({ flags: 'SA' }), 80],
    ['UDP', UDP, UDP_REPLY, 53],
  ] as const)('%s gets the virtual address and port, and goes where the request came from', (_, request, answer, port) => {
    const on = ready();
    on.run(buildFrame(request));
    expect(endpoints(on, answer)).toEqual({
      from: `${VIRTUAL}:${port}`,
      to: `${CLIENT}:${CLIENT_PORT}`,
      macs: [macText(ROUTER_MAC), macText(DIRECTOR_MAC)],
      ttl: 63,
    });
  });

  it.each([
    ['before any request', [], reply()],
    ['from another port', [{}], reply({ sourcePort: 8081 })],
    ['to another port', [{}], reply({ destinationPort: 40_001 })],
    ['to another client', [{}], reply({ destination: '10.0.0.2' })],
    ['of another protocol', [{}], { ...reply(), protocol: PROTOCOL.udp }],
    ['that is a later fragment of nothing', [{}], { ...reply(), fragmentOffset: 4 }],
    ['to another machine’s MAC address', [{}], { ...reply(), destinationMac: ROUTER_MAC }],
  ] as const)('%s is the stack’s', (_, before, answer) => {
    const on = ready();
    for (const fields of before) on.run(buildFrame(fields));
    const sent = buildFrame(answer);
    expect(on.run(sent.slice())).toEqual({ verdict: 'PASS', frame: sent });
  });

  it('of one of two clients finds its own', () => {
    const on = ready();
    for (const source of ['10.0.0.1', '10.0.0.2']) on.run(buildFrame({ source }));
    expect(endpoints(on, reply({ destination: '10.0.0.2' })).to).toBe('10.0.0.2:40000');
  });

  it('follows the client’s router to another MAC address, a second later', () => {
    const on = ready();
    on.run(buildFrame());
    on.advance(2);
    const moved = buildFrame({ flags: 'A' });
    moved.set([2, 0xaa, 9, 9, 9, 9], 6);
    on.run(moved);
    expect(endpoints(on, reply()).macs[0]).toBe('02:aa:09:09:09:09');
  });

  it('is answered for the virtual address when it has no hop left', () => {
    const on = ready();
    on.run(buildFrame());
    const seen = seeFrame(on.run(buildFrame(reply({ ttl: 1 }))).frame);
    expect([seen.protocol, seen.source, seen.destination, seen.body[0]]).toEqual([PROTOCOL.icmp, VIRTUAL, String(SERVER), 11]);
  });

  it('is answered when it is too long for the client’s port and may not be cut', () => {
    const on = ready();
    on.run(buildFrame());
    const { settings } = on.plane.path;
    settings.setBytes(0, 'port_mtus', new Uint8Array(Uint32Array.of(1300).buffer));
    // The reply comes by another interface than the client's packets.
    on.port = 99;
    const long = reply({ dontFragment: true, payload: new Uint8Array(1261) });
    const seen = seeFrame(on.run(buildFrame(long)).frame);
    expect([seen.protocol, seen.body[0], seen.body[1], (seen.body[6] as number) * 256 + (seen.body[7] as number)]).toEqual([1, 3, 4, 1300]);
    expect(on.run(buildFrame({ ...long, dontFragment: false })).verdict).toBe('DROP');
    expect(on.plane.reasons().DROP_TOO_BIG).toBe(1);
  });

  it('is dropped, and counted, when the client came by no port of ours', () => {
    const on = ready();
    on.port = 99;
    on.run(buildFrame());
    expect(on.run(buildFrame(reply())).verdict).toBe('DROP');
    expect(on.plane.reasons().DROP_NO_NEXT_HOP).toBe(1);
  });
});

describe('states', () => {
  const steps: readonly (readonly [FrameFields, string])[] = [
    [{}, 'SYN_RECV'],
    [reply({ flags: 'SA' }), 'SYN_RECV'],
    [{ flags: 'A' }, 'ESTABLISHED'],
    [reply({ flags: 'PA' }), 'ESTABLISHED'],
    [{ flags: 'FA' }, 'CLOSE_WAIT'],
    [reply({ flags: 'FA' }), 'TIME_WAIT'],
    [{ flags: 'A' }, 'TIME_WAIT'],
  ];

  it('sees both directions, as IPVS does with NAT', () => {
    const on = ready();
    for (const [fields, expected] of steps) {
      endpoints(on, fields);
      expect(state(on)).toBe(expected);
    }
  });

  it('sees the server close first', () => {
    const on = ready();
    for (const fields of [{}, reply({ flags: 'SA' }), { flags: 'A' }]) on.run(buildFrame(fields));
    on.run(buildFrame(reply({ flags: 'FA' })));
    expect(state(on)).toBe('FIN_WAIT');
    expect(on.plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: 0, inactiveConnections: 1 });
  });

  it('sees the server reset', () => {
    const on = ready();
    for (const fields of [{}, reply({ flags: 'SA' }), { flags: 'A' }, reply({ flags: 'R' })]) on.run(buildFrame(fields));
    expect(state(on)).toBe('CLOSE');
  });

  it('lives as long as replies come', () => {
    const on = ready();
    on.run(buildFrame(UDP));
    for (let minute = 0; minute < 6; minute++) {
      on.advance(200);
      expect(endpoints(on, UDP_REPLY).from).toBe(`${VIRTUAL}:53`);
    }
  });
});

describe('the table', () => {
  it('shows one connection, and counts both directions', () => {
    const on = ready();
    for (const fields of [{}, reply({ flags: 'SA' }), { flags: 'A' }, reply({ payload: new Uint8Array(100) })]) on.run(buildFrame(fields));
    expect([...on.plane.connections()]).toMatchObject([{ virtualPort: 80, serverPort: SERVER_PORT, state: 'ESTABLISHED' }]);
    expect(on.plane.services()[0]?.counters).toEqual({ connections: 1n, inPackets: 2n, inBytes: 80n, outPackets: 2n, outBytes: 180n });
    expect(on.plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: 1, inactiveConnections: 0 });
  });

  it('has room again for both directions when a connection is over', () => {
    const on = ready(64);
    for (let round = 0; round < 5; round++) {
      for (let client = 0; client < 40; client++) on.run(buildFrame({ sourcePort: 1000 + client }));
      expect([...on.plane.connections()]).toHaveLength(40);
      on.advance(63);
      expect([...on.plane.connections()]).toEqual([]);
      expect(on.run(buildFrame(reply({ destinationPort: 1001 }))).verdict).toBe('PASS');
    }
    const { tables, numbers, settings } = on.plane.path;
    const [{ entries, overflow }] = tables;
    const valid = Array.from({ length: on.plane.tableSize }, (_, at) => entries.u32(at, 'meta') & (numbers.meta.META_VALID as number));
    expect(valid.filter((bit) => bit !== 0)).toEqual([]);
    expect([...overflow.keys()]).toEqual([]);
    expect(settings.u32(0, 'overflow_count')).toBe(0);
  });

  it('refuses a connection whose way back has no room, and keeps nothing of it', () => {
    const on = ready(4);
    const verdicts = Array.from({ length: 3000 }, (_, client) => on.run(buildFrame({ sourcePort: 1000 + client })).verdict);
    expect(verdicts).toContain('DROP');
    const accepted = verdicts.filter((verdict) => verdict === 'TX').length;
    expect([...on.plane.connections()]).toHaveLength(accepted);
    expect(on.plane.services()[0]?.servers[0]?.activeConnections).toBe(accepted);
    for (const [client, verdict] of verdicts.entries()) {
      if (verdict === 'TX') expect(on.run(buildFrame(reply({ destinationPort: 1000 + client, flags: 'SA' }))).verdict).toBe('TX');
    }
    on.advance(63);
    expect(on.plane.path.settings.u32(0, 'overflow_count')).toBe(0);
  });

  it('lets a connection that was opened by direct routing go on so when the method changes', () => {
    const on = ready();
    on.plane.editServer(tcp(80), real(1, 1, { port: SERVER_PORT }));
    on.run(buildFrame());
    on.plane.editServer(tcp(80), real(1, 1, { port: SERVER_PORT, method: 'nat' }));
    expect(seeFrame(on.run(buildFrame({ flags: 'A' })).frame).destination).toBe(VIRTUAL);
    expect(endpoints(on, { sourcePort: 40_001 }).to).toBe(`${SERVER}:${SERVER_PORT}`);
  });

  it('knows replies of a server that was deleted', () => {
    const on = ready();
    on.run(buildFrame());
    on.plane.deleteServer(tcp(80), real(1, 1, { port: SERVER_PORT }));
    expect(endpoints(on, reply({ flags: 'SA' })).from).toBe(`${VIRTUAL}:80`);
    expect(on.run(buildFrame({ flags: 'A' })).verdict).toBe('DROP');
  });
});

describe('fragments', () => {
  const first: FrameFields = { ...UDP, moreFragments: true, payload: new Uint8Array(16), identification: 9 };
  const later: FrameFields = { ...UDP, fragmentOffset: 3, payload: new Uint8Array(8), identification: 9 };

  it('of a request all go to the server', () => {
    const on = ready();
    on.run(buildFrame(first));
    const seen = seeFrame(on.run(buildFrame(later)).frame);
    expect([seen.destination, seen.checksumRight]).toEqual([String(SERVER), true]);
    expect(seen.body).toEqual(new Uint8Array(8));
  });

  it('of a reply all come from the virtual address', () => {
    const on = ready();
    on.run(buildFrame(UDP));
    const answer = { source: String(SERVER), sourcePort: 5353, destination: CLIENT, destinationPort: CLIENT_PORT };
    const begin = seeFrame(on.run(buildFrame({ ...first, ...answer })).frame);
    expect([begin.source, ...ports(begin)]).toEqual([VIRTUAL, 53, CLIENT_PORT]);
    const rest = seeFrame(on.run(buildFrame({ ...later, ...answer })).frame);
    expect([rest.source, rest.destination, rest.checksumRight]).toEqual([VIRTUAL, CLIENT, true]);
    expect(on.plane.services()[1]?.counters).toMatchObject({ outPackets: 2n });
  });
});

describe('ICMP errors', () => {
  it('about a reply go to the server, which finds its own address quoted', () => {
    const on = ready();
    for (const fields of [{}, { flags: 'A' }]) on.run(buildFrame(fields));
    const quoted = buildPacket({ source: VIRTUAL, sourcePort: 80, destination: CLIENT, destinationPort: CLIENT_PORT, flags: 'A' });
    const { verdict, frame } = on.run(buildFrame(icmpError(3, quoted)));
    expect(verdict).toBe('TX');
    const seen = seeFrame(frame);
    expect([seen.destination, seen.checksumRight, internetChecksum(seen.body)]).toEqual([String(SERVER), true, 0]);
    const inner = seen.body.subarray(8);
    expect(internetChecksum(inner.subarray(0, 20))).toBe(0);
    expect([...inner.subarray(12, 16)]).toEqual([...SERVER.bytes]);
    expect(new DataView(inner.buffer, inner.byteOffset).getUint16(20)).toBe(SERVER_PORT);
  });
});
