/** New connections that are refused, of a source that makes too many; and connections that make room when it is scarce. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_FORWARDING_SETTINGS } from '../../src/model/index.ts';
import { real, tcp, udp } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL } from './xdp-frames.ts';
import { real6, tcp6 } from './xdp-ipv6-fixtures.ts';
import { Rig } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;

let rig: Rig;
beforeAll(() => {
  rig = new Rig({ connections: 4096 });
});
afterEach(() => rig.reset());
afterAll(() => rig.close());

const UDP: FrameFields = { protocol: PROTOCOL.udp, destinationPort: 53 };
let port = 1024;

/** How many of so many new connections are let through. */
function admitted(count: number, fields: FrameFields = {}): number {
  let through = 0;
  for (let n = 0; n < count; n++) if (rig.run(buildFrame({ ...fields, sourcePort: port++ })).verdict === 'TX') through++;
  return through;
}

function counted(reason: string, work: () => void): number {
  const before = rig.plane.reasons()[reason] as number;
  work();
  return (rig.plane.reasons()[reason] as number) - before;
}

describe('new connections of one source', () => {
  const limit = { perSecond: 10, burst: 20 };
  const defence = { synProxy: false, sourceLimit: limit };

  it('are as many as the burst at once, and as many as the rate afterwards', () => {
    rig.plane.addService({ key: tcp(80), ...PLAIN, defence });
    rig.plane.addServer(tcp(80), real(1));
    expect(counted('DROP_SOURCE_LIMIT', () => expect(admitted(30)).toBe(20))).toBe(10);
    rig.advance(1);
    expect(admitted(30)).toBe(11);
    rig.advance(100);
    expect(admitted(30)).toBe(20);
  });

  it('are counted for each source and each service, UDP too; what is no new connection is not', () => {
    rig.plane.addService({ key: tcp(80), ...PLAIN, defence });
    rig.plane.addServer(tcp(80), real(1));
    rig.plane.addService({ key: tcp(81), ...PLAIN, defence });
    rig.plane.addServer(tcp(81), real(1, 1, { port: 81 }));
    rig.plane.addService({ key: udp(53), ...PLAIN, defence });
    rig.plane.addServer(udp(53), real(1, 1, { port: 53 }));
    const last = port + 19;
    expect([admitted(25), admitted(25, { destinationPort: 81 }), admitted(25, UDP)]).toEqual([20, 20, 20]);
    expect(admitted(25, { source: '10.0.0.2' })).toBe(20);
    for (let segment = 0; segment < 50; segment++) expect(rig.run(buildFrame({ sourcePort: last, flags: 'A' })).verdict).toBe('TX');
  });

  it('of an IPv6 network are counted together', () => {
    rig.plane.addService({ key: tcp6(80), ...PLAIN, defence });
    rig.plane.addServer(tcp6(80), real6(1));
    const from = (source: string): number => admitted(15, { source, destination: 'fd00:9::9' });
    expect([from('fd00:0:0:1::1'), from('fd00:0:0:1::2'), from('fd00:0:0:2::1')]).toEqual([15, 5, 15]);
  });

  it('may change while the service is there', () => {
    rig.plane.addService({ key: tcp(80), ...PLAIN, defence });
    rig.plane.addServer(tcp(80), real(1));
    expect(admitted(30)).toBe(20);
    rig.plane.editService({ key: tcp(80), ...PLAIN });
    expect(admitted(30)).toBe(30);
    rig.plane.editService({ key: tcp(80), ...PLAIN, defence: { synProxy: false, sourceLimit: { perSecond: 1, burst: 1 } } });
    expect(admitted(30)).toBeLessThanOrEqual(1);
  });
});

describe('drop_entry', () => {
  const COUNT = 400;
  const left = (): number => [...rig.plane.connections()].length;
  afterEach(() => rig.plane.setSettings(DEFAULT_FORWARDING_SETTINGS));

  it('ends every n-th idle connection of n packets, in each of the 32 parts of the table in turn', () => {
    rig.plane.addService({ key: udp(53), ...PLAIN });
    rig.plane.addServer(udp(53), real(1, 1, { port: 53 }));
    for (const packets of [1, 2, 4]) {
      const first = port;
      admitted(COUNT, UDP);
      for (let more = 1; more < packets; more++) {
        rig.advance(1);
        for (let again = 0; again < COUNT; again++) rig.run(buildFrame({ ...UDP, sourcePort: first + again }));
      }
      rig.advance(62);
      expect(left()).toBe(COUNT);
      rig.plane.setSettings({ dropEntry: 3 });
      rig.advance(32);
      rig.plane.setSettings({ dropEntry: 0 });
      expect(COUNT - left(), `${packets} packets`).toBeGreaterThanOrEqual(Math.floor(COUNT / packets));
      expect(COUNT - left(), `${packets} packets`).toBeLessThanOrEqual(Math.ceil(COUNT / packets) + 1);
      rig.plane.setSettings({ dropEntry: 3 });
      rig.advance(300);
      expect(left()).toBe(0);
      rig.plane.setSettings({ dropEntry: 0 });
    }
  });

  it('by itself while the table is nearly full, until there is room again', () => {
    rig.plane.addService({ key: tcp(80), ...PLAIN });
    rig.plane.addServer(tcp(80), real(1));
    rig.plane.setSettings({ dropEntry: 1 });
    const free = (connections: number): number => 1 - connections / rig.plane.tableSize;
    admitted(3600);
    rig.advance(1);
    expect([rig.plane.settings().dropEntry, left()]).toEqual([1, 3600]);
    admitted(200);
    rig.advance(1);
    expect([rig.plane.settings().dropEntry, left() < 3800]).toEqual([2, true]);
    rig.advance(10);
    expect(rig.plane.settings().dropEntry).toBe(1);
    expect(free(left())).toBeGreaterThanOrEqual(0.1);
    expect(left()).toBeGreaterThan(3300);
  });

  it('ends templates that no established connection stands for, but those of one-packet scheduling', () => {
    const persistence = { timeoutSeconds: 300, prefixLength: 32 };
    rig.plane.addService({ key: tcp(80), ...PLAIN, persistence });
    rig.plane.addServer(tcp(80), real(1));
    rig.plane.addService({ key: udp(53), ...PLAIN, onePacket: true, persistence });
    rig.plane.addServer(udp(53), real(1, 1, { port: 53 }));
    for (let host = 1; host <= 40; host++) {
      rig.run(buildFrame({ source: `10.0.1.${host}`, sourcePort: 2000 }));
      rig.run(buildFrame({ ...UDP, source: `10.0.2.${host}`, sourcePort: 2000 }));
      rig.run(buildFrame({ source: `10.0.3.${host}`, sourcePort: 2000 }));
      rig.run(buildFrame({ source: `10.0.3.${host}`, sourcePort: 2000, flags: 'A' }));
    }
    rig.plane.setSettings({ dropEntry: 3 });
    rig.advance(65);
    const templates = [...rig.plane.connections()].filter(({ clientPort }) => clientPort === 0);
    const networks = [1, 2, 3].map((network) => templates.filter(({ client }) => String(client).startsWith(`10.0.${network}.`)).length);
    expect(networks).toEqual([0, 40, 40]);
  });
});
