/** `trace`: the loaded program's own answer for every kind of outcome, and that nothing at all changes by the question. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { IpAddress } from '../../src/base/index.ts';
import { DataPlaneError, type TraceFlow, type TraceReport } from '../../src/ports/index.ts';
import { ip, real, tcp, udp, VIP } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL } from './xdp-frames.ts';
import { hopTo, Rig } from './xdp-support.ts';

const VIP6 = ip('fd00:9::9');
const CLIENT: TraceFlow = { protocol: 'tcp', source: ip('10.0.0.1'), sourcePort: 40_000, destination: VIP, destinationPort: 80 };
const CLIENT6: TraceFlow = { ...CLIENT, source: ip('fd00::1'), destination: VIP6 };
const FRAME6: FrameFields = { destination: String(VIP6) };
const NAT_SERVER = ip('10.2.0.50');
/** The director itself, a server that nobody knows the way to, and one behind a narrow way. */
const LOCAL = ip('10.2.0.77');
const UNKNOWN = ip('10.2.0.66');
const NARROW = ip('10.2.0.55');
const PORTS = { rr: 80, wlc: 81, local: 82, unknown: 83, narrow: 84, nat: 85, tunnel: 86, persistent: 87, empty: 88, drained: 89, gue: 90 };

interface Case {
  readonly name: string;
  /** Frames that go before. */
  readonly after?: readonly FrameFields[];
  readonly given?: (rig: Rig) => void;
  readonly flow?: Partial<TraceFlow>;
  readonly base?: TraceFlow;
  readonly expected: Record<string, unknown>;
}

const to = (destinationPort: number): Partial<TraceFlow> => ({ destinationPort });
const reason = (name: string): object => ({ reason: expect.objectContaining({ name }) });

const CASES: readonly Case[] = [
  {
    name: 'a new connection',
    expected: {
      interface: 'lo',
      packet: [expect.stringMatching(/^Ethernet /), 'IPv4 10.0.0.1 > 10.9.9.9, TTL 64, 40 bytes', 'TCP 40000 > 80 SYN'],
      fate: 'forwarded',
      service: '[10.9.9.9]:tcp:80',
      scheduler: 'rr',
      connection: { kind: 'new', nextState: 'SYN_RECV', nextSecondsLeft: expect.closeTo(60, -0.5) },
      server: { server: '10.2.0.2:80', method: 'dr', by: 'scheduler' },
      candidates: [2, 1].map((last) => ({
        server: `10.2.0.${last}:80`,
        weight: 1,
        activeConnections: 0,
        inactiveConnections: 0,
        overloaded: false,
      })),
      out: {
        interface: 'lo',
        packet: ['Ethernet 02:d1:00:00:00:01 > 02:05:0a:02:00:02', 'IPv4 10.0.0.1 > 10.9.9.9, TTL 63, 40 bytes', 'TCP 40000 > 80 SYN'],
      },
    },
  },
  {
    name: 'an established connection, by an ACK unless told otherwise',
    after: [{}, { flags: 'A' }],
    expected: {
      fate: 'forwarded',
      packet: expect.arrayContaining(['TCP 40000 > 80 ACK']),
      connection: {
        kind: 'existing',
        state: 'ESTABLISHED',
        secondsLeft: expect.closeTo(900, -0.5),
        nextState: 'ESTABLISHED',
        nextSecondsLeft: expect.closeTo(900, -0.5),
      },
      server: { server: '10.2.0.2:80', method: 'dr', by: 'connection' },
      candidates: undefined,
    },
  },
  {
    name: 'the end of a connection',
    after: [{}, { flags: 'A' }],
    flow: { flag: 'fin' },
    expected: { fate: 'forwarded', connection: expect.objectContaining({ state: 'ESTABLISHED', nextState: 'FIN_WAIT' }) },
  },
  {
    name: 'the reset of a connection',
    after: [{}, { flags: 'A' }],
    flow: { flag: 'rst' },
    expected: { connection: expect.objectContaining({ nextState: 'CLOSE', nextSecondsLeft: expect.closeTo(10, -0.5) }) },
  },
  {
    name: 'a SYN for a connection that is over: a new one',
    after: [{}, { flags: 'R' }, { flags: 'A' }, { flags: 'R' }],
    flow: { flag: 'syn' },
    expected: { fate: 'forwarded', connection: { kind: 'new', nextState: 'SYN_RECV', nextSecondsLeft: expect.closeTo(60, -0.5) } },
  },
  {
    name: 'a datagram',
    base: { ...CLIENT, protocol: 'udp', destinationPort: 53 },
    expected: { fate: 'forwarded', service: '[10.9.9.9]:udp:53', connection: expect.objectContaining({ kind: 'new', nextState: 'UDP' }) },
  },
  {
    name: 'the least loaded server',
    after: [1, 2, 3].map((port) => ({ destinationPort: PORTS.wlc, sourcePort: port })),
    flow: to(PORTS.wlc),
    expected: {
      scheduler: 'wlc',
      server: { server: '10.2.0.1:80', method: 'dr', by: 'scheduler' },
      candidates: [
        { server: '10.2.0.2:80', weight: 1, activeConnections: 1, inactiveConnections: 0, overloaded: false },
        { server: '10.2.0.1:80', weight: 3, activeConnections: 2, inactiveConnections: 0, overloaded: false },
      ],
    },
  },
  {
    name: 'through a tunnel',
    flow: to(PORTS.tunnel),
    expected: {
      server: { server: '10.2.0.60:86', method: 'tun', by: 'scheduler' },
      out: {
        interface: 'lo',
        packet: [
          expect.stringMatching(/^Ethernet /),
          'IPv4 10.2.0.254 > 10.2.0.60, TTL 63, 60 bytes',
          'IPv4 10.0.0.1 > 10.9.9.9, TTL 63, 40 bytes',
          'TCP 40000 > 86 SYN',
        ],
      },
    },
  },
  {
    name: 'through a GUE tunnel',
    flow: to(PORTS.gue),
    expected: {
      out: {
        interface: 'lo',
        packet: expect.arrayContaining(['GUE', 'IPv4 10.0.0.1 > 10.9.9.9, TTL 63, 40 bytes', expect.stringMatching(/^UDP \d+ > 6080$/)]),
      },
    },
  },
  {
    name: 'to a masqueraded server',
    flow: to(PORTS.nat),
    expected: {
      server: { server: '10.2.0.50:8080', method: 'nat', by: 'scheduler' },
      out: {
        interface: 'lo',
        packet: [expect.any(String), 'IPv4 10.0.0.1 > 10.2.0.50, TTL 63, 40 bytes', 'TCP 40000 > 8080 SYN'],
      },
    },
  },
  {
    name: 'the reply of a masqueraded server',
    after: [{ destinationPort: PORTS.nat }],
    base: { ...CLIENT, source: NAT_SERVER, sourcePort: 8080, destination: ip('10.0.0.1'), destinationPort: 40_000 },
    expected: {
      fate: 'forwarded',
      service: '[10.9.9.9]:tcp:85',
      connection: expect.objectContaining({ kind: 'existing', state: 'SYN_RECV', nextState: 'ESTABLISHED' }),
      server: { server: '10.2.0.50:8080', method: 'nat', by: 'reply' },
      out: {
        interface: 'lo',
        packet: ['Ethernet 02:d1:00:00:00:01 > 02:aa:5e:11:c3:01', 'IPv4 10.9.9.9 > 10.0.0.1, TTL 63, 40 bytes', 'TCP 85 > 40000 ACK'],
      },
    },
  },
  {
    name: 'what a masqueraded server sends on its own account',
    base: { ...CLIENT, source: NAT_SERVER, sourcePort: 1234, destination: ip('10.0.0.1'), destinationPort: 443 },
    expected: { fate: 'passed', reason: expect.objectContaining({ meaning: expect.stringMatching(/^is not for the address/) }) },
  },
  {
    name: 'a new client of a persistent service',
    flow: to(PORTS.persistent),
    expected: {
      fate: 'forwarded',
      template: { kind: 'new', client: '10.0.0.0', secondsLeft: expect.closeTo(300, -0.5) },
      server: expect.objectContaining({ by: 'scheduler' }),
    },
  },
  {
    name: 'a known client of a persistent service',
    after: [{ destinationPort: PORTS.persistent, source: '10.0.0.9' }],
    flow: to(PORTS.persistent),
    expected: {
      connection: expect.objectContaining({ kind: 'new' }),
      template: { kind: 'existing', client: '10.0.0.0', secondsLeft: expect.closeTo(300, -0.5) },
      server: { server: '10.2.0.2:80', method: 'dr', by: 'template' },
      candidates: undefined,
    },
  },
  {
    name: 'the connection of a persistent client',
    after: [{ destinationPort: PORTS.persistent }],
    flow: to(PORTS.persistent),
    expected: {
      connection: expect.objectContaining({ kind: 'existing' }),
      template: expect.objectContaining({ kind: 'existing' }),
      server: expect.objectContaining({ by: 'connection' }),
    },
  },
  {
    name: 'IPv6: a new connection',
    base: CLIENT6,
    expected: { fate: 'forwarded', service: '[fd00:9::9]:tcp:80', connection: expect.objectContaining({ kind: 'new' }) },
  },
  {
    name: 'IPv6: an established connection of a persistent client',
    base: { ...CLIENT6, destinationPort: 87 },
    after: [
      { ...FRAME6, destinationPort: 87 },
      { ...FRAME6, destinationPort: 87, flags: 'A' },
    ],
    expected: {
      connection: expect.objectContaining({ kind: 'existing', state: 'ESTABLISHED' }),
      template: expect.objectContaining({ kind: 'existing', client: 'fd00::' }),
      out: { interface: 'lo', packet: expect.arrayContaining(['IPv6 fd00::1 > fd00:9::9, hop limit 63, 60 bytes']) },
    },
  },
  {
    name: 'IPv6: an echo request',
    base: { ...CLIENT6, protocol: 'icmp', sourcePort: 0, destinationPort: 0 },
    expected: { fate: 'passed', ...reason('PASS_ICMP') },
  },
  {
    name: 'IPv6: no server',
    base: { ...CLIENT6, destinationPort: PORTS.empty },
    expected: {
      fate: 'answered',
      ...reason('REJECT_NO_SERVER'),
      out: expect.objectContaining({ packet: expect.arrayContaining(['ICMPv6 type 1 code 4']) }),
    },
  },
  {
    name: 'an echo request',
    base: { ...CLIENT, protocol: 'icmp', sourcePort: 0, destinationPort: 0 },
    expected: { fate: 'passed', ...reason('PASS_ICMP'), service: undefined },
  },
  {
    name: 'a port without a service',
    flow: to(99),
    expected: { fate: 'passed', ...reason('PASS_NO_SERVICE'), service: undefined, out: undefined },
  },
  {
    name: 'another address',
    flow: { destination: ip('10.9.9.8') },
    expected: { fate: 'passed', reason: { meaning: expect.any(String), remedy: expect.any(String) } },
  },
  {
    name: 'an ACK of nothing',
    flow: { flag: 'ack' },
    expected: { fate: 'passed', ...reason('PASS_NO_CONNECTION'), service: '[10.9.9.9]:tcp:80' },
  },
  { name: "active FTP's data port", flow: { sourcePort: 20 }, expected: { fate: 'passed', ...reason('PASS_FTP_DATA') } },
  { name: 'SCTP', flow: { protocol: 'sctp' }, expected: { fate: 'passed', ...reason('PASS_NO_SERVICE') } },
  {
    name: 'the director itself as a server',
    flow: to(PORTS.local),
    expected: {
      fate: 'passed',
      ...reason('PASS_LOCAL_SERVER'),
      server: expect.objectContaining({ server: '10.2.0.77:82' }),
      connection: expect.objectContaining({ kind: 'new' }),
    },
  },
  {
    name: 'a server without a next hop',
    flow: to(PORTS.unknown),
    expected: {
      fate: 'dropped',
      ...reason('DROP_NO_NEXT_HOP'),
      out: undefined,
      server: expect.objectContaining({ server: '10.2.0.66:83' }),
    },
  },
  {
    name: 'no server',
    flow: to(PORTS.empty),
    expected: {
      fate: 'answered',
      ...reason('REJECT_NO_SERVER'),
      connection: undefined,
      out: {
        interface: 'lo',
        packet: expect.arrayContaining([
          'IPv4 10.9.9.9 > 10.0.0.1, TTL 64, 56 bytes',
          'ICMP type 3 code 3',
          'about IPv4 10.0.0.1 > 10.9.9.9, TTL 64, 40 bytes',
        ]),
      },
    },
  },
  {
    name: 'only drained servers',
    flow: to(PORTS.drained),
    expected: { ...reason('REJECT_NO_SERVER'), candidates: [expect.objectContaining({ weight: 0 })], server: undefined },
  },
  { name: 'a packet at its last hop', flow: { hops: 1 }, expected: { fate: 'answered', ...reason('REJECT_TTL_EXCEEDED') } },
  {
    name: 'a segment that is too long',
    flow: { ...to(PORTS.narrow), length: 9000 },
    expected: {
      fate: 'answered',
      ...reason('REJECT_TOO_BIG'),
      out: expect.objectContaining({ packet: expect.arrayContaining(['ICMP type 3 code 4']) }),
    },
  },
  {
    name: 'a datagram that is too long',
    base: { ...CLIENT, protocol: 'udp', destinationPort: PORTS.narrow, length: 1400 },
    expected: { fate: 'answered', ...reason('REJECT_TOO_BIG') },
  },
  {
    name: 'a connection whose server was deleted',
    after: [{}, { flags: 'A' }],
    given: (rig) => rig.plane.deleteServer(tcp(80), real(2)),
    expected: {
      fate: 'dropped',
      ...reason('DROP_SERVER_DELETED'),
      connection: expect.objectContaining({ kind: 'existing', state: 'ESTABLISHED' }),
      server: { server: '10.2.0.2:80', method: 'dr', by: 'connection' },
    },
  },
  {
    name: 'a connection that is known but whose service was deleted',
    after: [{}, { flags: 'A' }],
    given: (rig) => rig.plane.deleteService(tcp(80)),
    expected: { fate: 'dropped', ...reason('DROP_SERVER_DELETED') },
  },
];

function fillTables(rig: Rig): void {
  const { plane } = rig;
  const plain = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
  for (const address of [VIP, VIP6]) {
    const family6 = address.family === 6;
    const server = (last: number) => real(last, 1, family6 ? { address: ip(`fd00:2::${last}`) } : {});
    plane.addService({ ...plain, key: tcp(80, address) });
    for (const last of [1, 2]) plane.addServer(tcp(80, address), server(last));
    const persistence = { timeoutSeconds: 300, prefixLength: family6 ? 64 : 24 };
    plane.addService({ ...plain, key: tcp(PORTS.persistent, address), persistence });
    for (const last of [1, 2]) plane.addServer(tcp(PORTS.persistent, address), server(last));
    plane.addService({ ...plain, key: tcp(PORTS.empty, address) });
  }
  plane.addService({ ...plain, key: udp(53) });
  plane.addServer(udp(53), real(1, 1, { port: 53 }));
  plane.addService({ ...plain, key: tcp(PORTS.wlc), scheduler: 'wlc' });
  plane.addServer(tcp(PORTS.wlc), real(1, 3));
  plane.addServer(tcp(PORTS.wlc), real(2, 1));
  const single = [
    [tcp(PORTS.local), { address: LOCAL, port: PORTS.local }],
    [tcp(PORTS.unknown), { address: UNKNOWN, port: PORTS.unknown }],
    [tcp(PORTS.narrow), { address: NARROW, port: PORTS.narrow }],
    [udp(PORTS.narrow), { address: NARROW, port: PORTS.narrow }],
    [tcp(PORTS.nat), { address: NAT_SERVER, port: 8080, method: 'nat' }],
    [tcp(PORTS.tunnel), { address: ip('10.2.0.60'), port: PORTS.tunnel, method: 'tun' }],
    [tcp(PORTS.gue), { address: ip('10.2.0.61'), port: PORTS.gue, method: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'none' } }],
    [tcp(PORTS.drained), { weight: 0 }],
  ] as const;
  for (const [key, more] of single) {
    plane.addService({ ...plain, key });
    plane.addServer(key, real(3, 1, more));
  }
}

/** Everything that a packet could have changed, as one text. */
function everything(rig: Rig): string {
  const { path } = rig.plane;
  const maps = [...path.tables.map(({ entries }) => entries), path.loads, path.services, path.settings, path.servers];
  const overflow = path.tables.map((table) => [...table.overflow.keys()].length);
  const localities = [...path.localities.keys()].map((key) => `${key} ${path.localities.lookup(key)}`);
  const totals = Array.from({ length: 32 }, (_, server) => Object.values(path.totals(server)).join());
  return JSON.stringify([
    maps.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex')),
    overflow,
    localities,
    totals,
    rig.plane.reasons(),
  ]);
}

describe('trace', () => {
  let rig: Rig;
  beforeAll(() => {
    rig = new Rig({
      resolve: (address) => {
        if (address.equals(LOCAL)) return 'local';
        if (address.equals(UNKNOWN)) return undefined;
        return { ...hopTo(address), ...(address.equals(NARROW) && { mtu: 1300 }) };
      },
    });
  });
  afterAll(() => rig.close());

  async function traced({ after = [], given, base = CLIENT, flow = {} }: Omit<Case, 'expected'>): Promise<TraceReport> {
    // Loading the copy takes real time, in which the connections of the case would grow old.
    await rig.trace(CLIENT);
    fillTables(rig);
    for (const fields of after) rig.run(buildFrame(fields));
    given?.(rig);
    // Time stands still from here on.
    rig.run(buildFrame({ destination: '10.99.99.99' }));
    const before = everything(rig);
    const report = await rig.plane.trace({ ...base, ...flow });
    expect(everything(rig)).toBe(before);
    return report;
  }

  it.each(CASES.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    try {
      const report = await traced(one);
      for (const [field, value] of Object.entries(one.expected)) {
        expect(report[field as keyof TraceReport], field).toEqual(value);
      }
    } finally {
      rig.reset();
    }
  });

  it('says where the next packet really goes, scheduler by scheduler', async () => {
    for (const scheduler of ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'mh', 'fo', 'ovf'] as const) {
      rig.plane.addService({ key: tcp(80), scheduler, schedulerFlags: [], onePacket: false });
      for (const last of [1, 2, 3]) rig.plane.addServer(tcp(80), real(last, last));
      for (let client = 1; client <= 6; client++) {
        const source = `10.0.0.${client}`;
        const { server } = await rig.trace({ ...CLIENT, source: ip(source) });
        const { frame } = rig.run(buildFrame({ source }));
        expect([scheduler, client, server?.server]).toEqual([scheduler, client, `10.2.0.${frame[5]}:80`]);
      }
      rig.reset();
    }
  });

  it('says that the table is full when it is', async () => {
    fillTables(rig);
    for (let client = 0; client < 2000; client++) rig.run(buildFrame({ sourcePort: 1 + client, source: `10.0.${client % 250}.1` }));
    const before = everything(rig);
    const report = await rig.trace({ ...CLIENT, sourcePort: 40_000, source: ip('10.0.251.1') });
    const { verdict } = rig.run(buildFrame({ source: '10.0.251.1' }));
    expect(verdict).toBe('DROP');
    expect(report).toMatchObject({ fate: 'dropped', reason: { number: 1, name: 'DROP_TABLE_FULL' } });
    expect(everything(rig)).not.toBe(before);
    rig.reset();
  });

  it('follows time: a connection that ran out is none', async () => {
    fillTables(rig);
    rig.run(buildFrame());
    rig.advance(61);
    expect(await rig.trace({ ...CLIENT, flag: 'ack' })).toMatchObject({ fate: 'passed', reason: { name: 'PASS_NO_CONNECTION' } });
    rig.reset();
  });

  it.each([
    ['addresses of different families', { source: IpAddress.parse('fd00::1') as IpAddress }],
    ['a packet shorter than its headers', { length: 39 }],
    ['a packet longer than a jumbo frame', { length: 9001 }],
    ['no hops', { hops: 0 }],
    ['an interface without the packet path', { interface: 'nowhere0' }],
  ])('refuses %s', async (_, flow) => {
    rig.run(buildFrame({ protocol: PROTOCOL.udp }));
    const refusal = await rig.trace({ ...CLIENT, ...flow }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DataPlaneError);
    expect((refusal as DataPlaneError).code).toBe('invalid');
  });

  it('gives the copy up a minute after the last question', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await rig.trace(CLIENT);
      vi.advanceTimersByTime(59_000);
      await rig.trace(CLIENT);
      vi.advanceTimersByTime(59_000);
      expect(rig.plane.traces.isLoaded).toBe(true);
      vi.advanceTimersByTime(1_000);
      expect(rig.plane.traces.isLoaded).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});
