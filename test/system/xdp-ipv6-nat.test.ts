/** Masquerading over IPv6: requests, replies, and what the table keeps of both. The rest is as with IPv4, see xdp-nat.test.ts. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { ip, real, tcp } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL, pseudoChecksum, seeFrame } from './xdp-frames.ts';
import { CLIENT6, real6, TO, tcp6, UDP6, udp6, VIP6 } from './xdp-ipv6-fixtures.ts';
import { Rig, type RigOptions } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
const SERVER = real6(1).address;
const VIRTUAL = String(VIP6);
const CLIENT_PORT = 40_000;
const SERVER_PORT = 8080;

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
