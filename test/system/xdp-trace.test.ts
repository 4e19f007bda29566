/** `trace`: the loaded program's own answer for every kind of outcome, and that nothing at all changes by the question. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { IpAddress } from '../../src/base/index.ts';
import { DataPlaneError, type TraceReport } from '../../src/ports/index.ts';
import { ip, real, tcp } from '../compliance/harness.ts';
import { buildFrame, PROTOCOL } from './xdp-frames.ts';
import { hopTo, Rig } from './xdp-support.ts';
import { CASES } from './xdp-trace-cases.ts';
import { type Case, CLIENT, fillTables, LOCAL, NARROW, PORTS, UNKNOWN } from './xdp-trace-tables.ts';
import { fromFullNatServer, TRANSLATED } from './xdp-trace-translated.ts';

/** Everything that a packet could have changed, as one text. */
function everything(rig: Rig): string {
  const { path } = rig.plane;
  const maps = [...path.tables.map(({ entries }) => entries), path.loads, path.services, path.settings, path.servers, path.localAddresses];
  const overflow = path.tables.map((table) => [...table.overflow.keys()].length);
  const remembered = [path.localities, path.proxied, path.knownClients, path.sources, ...Object.values(path.overflowWays)].map((map) =>
    [...map.keys()].map((key) => `${key} ${map.lookup(key)}`),
  );
  const totals = Array.from({ length: 32 }, (_, server) => Object.values(path.totals(server)).join());
  return JSON.stringify([
    maps.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex')),
    overflow,
    remembered,
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
    const report = await rig.plane.trace({ ...base, ...(typeof flow === 'function' ? flow(rig) : flow) });
    expect(everything(rig)).toBe(before);
    return report;
  }

  it.each([...CASES, ...TRANSLATED].map((one) => [one.name, one] as const))('%s', async (_, one) => {
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

  it('follows the replies of full NAT to connections that the overflow map has', async () => {
    fillTables(rig);
    for (let client = 0; client < 600; client++) rig.run(buildFrame({ destinationPort: PORTS.fullNat, sourcePort: 1 + client }));
    const { overflow } = rig.plane.path.tables[0];
    expect([...overflow.keys()].length).toBeGreaterThan(3);
    // They come last in the list.
    for (const { client, clientPort, local } of [...rig.plane.connections()].slice(-3)) {
      const report = await rig.trace({ ...CLIENT, ...fromFullNatServer(local) });
      expect(report.out?.packet.slice(1)).toEqual([
        `IPv4 10.9.9.9 > ${client}, TTL 63, 40 bytes`,
        `TCP ${PORTS.fullNat} > ${clientPort} ACK`,
      ]);
    }
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
