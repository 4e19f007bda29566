/** What the packet path does with IPv6 by direct routing: frame after frame, and the tables behind them. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/index.ts';
import { ip, real, tcp, udp } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL, seeFrame } from './xdp-frames.ts';
import { OPEN6, real6, TO, tcp6, UDP6, udp6, VIP6 } from './xdp-ipv6-fixtures.ts';
import { macOf, type Passage, Rig, type RigOptions } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;

let shared: Rig | undefined;
let own: Rig | undefined;
afterEach(() => {
  own?.close();
  own = undefined;
  shared?.reset();
});
afterAll(() => shared?.close());

/** An empty rig: the one that all share, unless it is wanted in another way. */
function empty(options?: RigOptions): Rig {
  if (options) own = new Rig(options);
  shared ??= new Rig();
  return own ?? shared;
}

/** TCP port 80 and UDP port 53, each with the one server fd00:2::1. */
function ready(options?: RigOptions): Rig {
  const rig = empty(options);
  rig.plane.addService({ key: tcp6(80), ...PLAIN });
  rig.plane.addServer(tcp6(80), real6(1));
  rig.plane.addService({ key: udp6(53), ...PLAIN });
  rig.plane.addServer(udp6(53), real6(1, 1, { port: 53 }));
  return rig;
}

const serverOf = (on: Rig, fields: FrameFields): string => seeFrame(on.run(buildFrame({ ...TO, ...fields })).frame).destinationMac;

describe('the table', () => {
  it('lists connections with their addresses, beside those of IPv4', () => {
    const on = ready();
    on.plane.addService({ key: tcp(80), ...PLAIN });
    on.plane.addServer(tcp(80), real(1));
    for (const fields of [...OPEN6, { ...UDP6, source: 'fd00:1234:5678:9abc:def0:1111:2222:3333' }, {}]) on.run(buildFrame(fields));
    const listed = [...on.plane.connections()].map(
      ({ protocol, state, client, clientPort, virtual, virtualPort, server, serverPort }) =>
        `${protocol} ${state} ${client} ${clientPort} ${virtual} ${virtualPort} ${server} ${serverPort}`,
    );
    expect(listed.sort()).toEqual([
      'tcp ESTABLISHED fd00::1 40000 fd00:9::9 80 fd00:2::1 80',
      'tcp SYN_RECV 10.0.0.1 40000 10.9.9.9 80 10.2.0.1 80',
      'udp UDP fd00:1234:5678:9abc:def0:1111:2222:3333 40000 fd00:9::9 53 fd00:2::1 53',
    ]);
  });

  it('counts connections, packets and bytes from the IP header on', () => {
    const on = ready();
    for (const fields of OPEN6) on.run(buildFrame(fields));
    const [service] = on.plane.services();
    expect(service?.counters).toMatchObject({ connections: 1n, inPackets: 2n, inBytes: 120n });
    expect(service?.servers[0]).toMatchObject({ activeConnections: 1, inactiveConnections: 0 });
  });

  it('tells clients apart whose addresses differ in any one word, or have equal words in another order', () => {
    const on = empty();
    on.plane.addService({ key: tcp6(80), ...PLAIN });
    for (const number of [1, 2, 3]) on.plane.addServer(tcp6(80), real6(number));
    const clients = [
      '1::',
      '0:1::',
      '0:0:1::',
      '0:0:0:1::',
      '::1:0:0:0',
      '::1:0:0',
      '::1:0',
      '::1',
      '2:1::',
      '1:2::',
      '0:0:2:1::',
      '2:1:2:1::',
    ];
    const first = clients.map((source) => serverOf(on, { source }));
    expect([...on.plane.connections()]).toHaveLength(clients.length);
    expect(clients.map((source) => serverOf(on, { source, flags: 'A' }))).toEqual(first);
    expect(new Set([...on.plane.connections()].map(({ client }) => String(client))).size).toBe(clients.length);
  });

  it('forgets a connection when its time is up, and not before', () => {
    const on = ready();
    for (const fields of OPEN6) on.run(buildFrame(fields));
    on.advance(899);
    expect([...on.plane.connections()]).toHaveLength(1);
    on.advance(3);
    expect([...on.plane.connections()]).toEqual([]);
    expect(on.plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: 0, inactiveConnections: 0 });
    expect(on.run(buildFrame({ ...TO, flags: 'A' })).verdict).toBe('PASS');
  });

  it('begins afresh with a SYN on a connection that is closed', () => {
    const on = ready();
    for (const flags of ['S', 'A', 'R', 'S']) on.run(buildFrame({ ...TO, flags }));
    expect([...on.plane.connections()]).toMatchObject([{ state: 'SYN_RECV' }]);
    expect(on.plane.services()[0]?.counters).toMatchObject({ connections: 2n });
  });

  it('overflows when it is full, then refuses; what is in it stays, and there is room again when its time is up', () => {
    const on = ready({ connections: 4 });
    const { path } = on.plane;
    const places = path.tableSize(6) + path.tableOf(6).overflow.shape.maxEntries;
    const clients = Array.from({ length: places + 10 }, (_, client) => client);
    const open = (client: number, flags = 'S'): Passage => on.run(buildFrame({ ...TO, sourcePort: 1000 + client, flags }));
    const entered = clients.filter((client) => open(client).verdict === 'TX');
    expect(entered.length).toBeGreaterThanOrEqual(path.tableOf(6).overflow.shape.maxEntries);
    expect(on.plane.reasons().DROP_TABLE_FULL).toBe(clients.length - entered.length);
    expect([...on.plane.connections()]).toHaveLength(entered.length);
    for (const client of entered) expect(open(client, 'A').verdict).toBe('TX');
    on.advance(902);
    expect([...on.plane.connections()]).toEqual([]);
    expect(path.settings.u32(0, 'overflow6_count')).toBe(0);
    expect(on.plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: 0, inactiveConnections: 0 });
    expect(open(1).verdict).toBe('TX');
  });

  it('spreads clients over its lines, whichever part of their addresses differs', () => {
    const on = ready({ connections: 4096 });
    const [, table] = on.plane.path.tables;
    for (let position = 0; position < 16; position++) {
      for (let byte = 1; byte <= 128; byte++) {
        const bytes = Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        bytes[position] = (bytes[position] as number) ^ byte;
        on.run(buildFrame({ ...TO, source: String(IpAddress.fromBytes(bytes)) }));
      }
    }
    // 2048 in 2048 lines of two: by chance, some 10 % find no place in their own or the next line.
    expect([...on.plane.connections()].length).toBe(2048);
    expect([...table.overflow.keys()].length).toBeLessThan(150);
  });
});

describe('a connection whose fingerprint another one has, which only secrets of zeros bring about so soon,', () => {
  it('is one of its own all the same, with its own addresses', () => {
    const ends = ['fd00::1:0:2', 'fd00::2:0:1'];
    const on = ready();
    const { settings } = on.plane.path;
    settings.setBytes(0, 'hash6_seed', new Uint8Array(settings.sizeOf('hash6_seed')));
    for (const source of ends) expect(on.run(buildFrame({ ...TO, source })).verdict).toBe('TX');
    expect([...on.plane.connections()].map(({ client }) => String(client)).toSorted()).toEqual(ends);
    on.advance(902);
    expect([...on.plane.connections()]).toEqual([]);
  });
});

describe('persistence', () => {
  function persistent(prefixLength: number): Rig {
    const on = empty();
    on.plane.addService({ key: tcp6(80), ...PLAIN, persistence: { timeoutSeconds: 60, prefixLength } });
    for (const number of [1, 2, 3]) on.plane.addServer(tcp6(80), real6(number));
    return on;
  }

  it.each([
    [128, 'fd00::1', ['fd00::1'], ['fd00::2', '8d00::1']],
    [127, 'fd00::2', ['fd00::3'], ['fd00::1', 'fd00::4']],
    [64, 'fd00:1:2:3::1', ['fd00:1:2:3:ffff::9', 'fd00:1:2:3::'], ['fd00:1:2:2::1', 'fd00:1:2:3:0:0:0:0'.replace('fd00', 'fd01')]],
    [48, 'fd00:1:2:3::1', ['fd00:1:2:4::1'], ['fd00:1:3:3::1']],
    [33, 'fd00:1:8000::1', ['fd00:1:ffff::'], ['fd00:1:7fff::1']],
    [32, 'fd00:1::1', ['fd00:1:ffff::'], ['fd00:2::1']],
    [1, '8000::', ['ffff::1', 'fd00::'], ['7fff::']],
  ] as const)('/%i takes a network for one client', (prefixLength, client, same, others) => {
    const on = persistent(prefixLength);
    const home = serverOf(on, { source: client });
    for (const source of same) expect(serverOf(on, { source, sourcePort: 50_000 })).toBe(home);
    for (const source of others) expect(serverOf(on, { source })).not.toBe(home);
    const templates = [...on.plane.connections()].filter(({ clientPort }) => clientPort === 0);
    expect(templates).toHaveLength(1 + others.length);
    expect(templates.every(({ state }) => state === 'NONE')).toBe(true);
  });

  it('assures the template of an established connection, keeps it while it has connections, and moves a client whose server is gone', () => {
    const on = persistent(64);
    const home = serverOf(on, { source: 'fd00::1' });
    on.run(buildFrame({ ...TO, source: 'fd00::1', flags: 'A' }));
    expect([...on.plane.connections()].find(({ clientPort }) => clientPort === 0)).toMatchObject({
      state: 'ASSURED',
      client: ip('fd00::'),
    });
    on.advance(130);
    expect(serverOf(on, { source: 'fd00::2' })).toBe(home);
    const number = [1, 2, 3].find((candidate) => macOf(real6(candidate).address) === home) as number;
    on.plane.deleteServer(tcp6(80), real6(number));
    expect(serverOf(on, { source: 'fd00::3' })).not.toBe(home);
    expect([...on.plane.connections()].filter(({ virtualPort }) => virtualPort === 65_535)).toHaveLength(1);
  });

  it('a service of every port keeps a client with one server on all of them', () => {
    const on = empty();
    on.plane.addService({ key: tcp6(0), ...PLAIN, persistence: { timeoutSeconds: 60, prefixLength: 128 } });
    for (const number of [1, 2]) on.plane.addServer(tcp6(0), real6(number, 1, { port: 0 }));
    const servers = [80, 443, 8080].map((destinationPort) => serverOf(on, { destinationPort }));
    expect(new Set(servers).size).toBe(1);
  });
});

describe('both families', () => {
  it('have services, servers and filters of their own', () => {
    const on = ready();
    expect(on.run(buildFrame()).verdict).toBe('PASS');
    on.plane.addService({ key: udp(53), ...PLAIN });
    on.plane.addServer(udp(53), real(7, 1, { port: 53 }));
    expect(seeFrame(on.run(buildFrame({ protocol: PROTOCOL.udp, destinationPort: 53 })).frame).destinationMac).toBe(macOf(ip('10.2.0.7')));
    on.plane.deleteService(udp6(53));
    expect(on.run(buildFrame(UDP6)).verdict).toBe('PASS');
    expect(on.run(buildFrame(TO)).verdict).toBe('TX');
    expect(() => on.plane.addServer(tcp6(80), real(3))).toThrow(/other address family/);
    expect(String(VIP6)).toBe('fd00:9::9');
  });
});
