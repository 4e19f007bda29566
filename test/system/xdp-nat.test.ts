/** Masquerading: what the packet path makes of requests and of the replies to them, and how it finds out which is which. */
import { afterEach, describe, expect, it } from 'vitest';
import { internetChecksum } from '../../src/wire/index.ts';
import { ip, real, tcp, udp } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL, type SeenFrame, seeFrame } from './xdp-frames.ts';
import { Rig } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
const SERVER = ip('10.2.0.1');
const SERVER_PORT = 8080;
const VIRTUAL = '10.9.9.9';
const CLIENT = '10.0.0.1';
const CLIENT_PORT = 40_000;
const UDP: FrameFields = { protocol: PROTOCOL.udp, destinationPort: 53 };

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

describe('a reply to a client that looks virtual', () => {
  it('finds its way all the same', () => {
    const on = ready();
    // Of the filter's 4096 bits it has the one of 10.9.9.9.
    const client = '10.0.21.248';
    on.run(buildFrame({ source: client }));
    on.run(buildFrame({ source: client, ...UDP }));
    expect(endpoints(on, reply({ destination: client })).from).toBe(`${VIRTUAL}:80`);
    expect(endpoints(on, reply({ destination: client, flags: 'SA' })).from).toBe(`${VIRTUAL}:80`);
    const first = { ...UDP_REPLY, destination: client, identification: 9, payload: new Uint8Array(16) };
    expect(seeFrame(on.run(buildFrame({ ...first, moreFragments: true })).frame).source).toBe(VIRTUAL);
    expect(seeFrame(on.run(buildFrame({ ...first, fragmentOffset: 3 })).frame).source).toBe(VIRTUAL);
    expect(on.plane.reasons()).toMatchObject({ PASS_NO_SERVICE: 0, DROP_FRAGMENT_UNKNOWN: 0 });
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
