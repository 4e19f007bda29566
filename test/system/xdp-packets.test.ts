/** What the packet path does around the frames that the tables in fixtures/ show: ways that change, a plane that closes, limits. */
import { afterEach, describe, expect, it } from 'vitest';
import { possibleCpus } from '../../src/os/bpf/index.ts';
import { ip, real, tcp, udp } from '../compliance/harness.ts';
import { buildFrame, seeFrame } from './xdp-frames.ts';
import { hopTo, macOf, type Passage, Rig, type RigOptions } from './xdp-support.ts';

const SERVER = ip('10.2.0.1');
const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;

let rig: Rig | undefined;
afterEach(() => {
  rig?.close();
  rig = undefined;
});

/** TCP port 80 and UDP port 53, each with the one server 10.2.0.1. */
function ready(options: RigOptions = {}): Rig {
  rig = new Rig(options);
  rig.plane.addService({ key: tcp(80), ...PLAIN });
  rig.plane.addServer(tcp(80), real(1));
  rig.plane.addService({ key: udp(53), ...PLAIN });
  rig.plane.addServer(udp(53), real(1, 1, { port: 53 }));
  return rig;
}

describe('ways out', () => {
  it('follows a server whose MAC address changed', () => {
    let suffix = 1;
    const on = ready({ resolve: (address) => ({ ...hopTo(address), destinationMac: Uint8Array.of(2, 0, 0, 0, 0, suffix) }) });
    expect(seeFrame(on.run(buildFrame()).frame).destinationMac).toBe('02:00:00:00:00:01');
    suffix = 2;
    on.plane.resolveAll();
    expect(seeFrame(on.run(buildFrame({ flags: 'A' })).frame).destinationMac).toBe('02:00:00:00:00:02');
  });

  it('goes on using a way that is lost for a moment', () => {
    let known = true;
    const on = ready({ resolve: (address) => (known ? hopTo(address) : undefined) });
    known = false;
    on.plane.resolveAll();
    expect(seeFrame(on.run(buildFrame()).frame).destinationMac).toBe(macOf(SERVER));
  });
});

describe('the plane', () => {
  it('still answers when it is closed, from what it knew', () => {
    const on = ready();
    on.run(buildFrame());
    on.plane.close();
    on.plane.tick();
    on.plane.resolveAll();
    expect(on.plane.services()).toHaveLength(2);
    expect([...on.plane.connections()]).toEqual([]);
  });
});

describe('many services', () => {
  it('are each found, also where several share a place; one that is deleted is found no more', () => {
    const on = ready();
    const { nearServices } = on.plane.path;
    const ports = Array.from({ length: 200 }, (_, index) => 1001 + index);
    const send = (port: number): Passage => on.run(buildFrame({ destinationPort: port }));
    const serverOf = (port: number): string => seeFrame(send(port).frame).destinationMac;
    const wanted = (port: number): string => macOf(ip(`10.2.1.${port - 1000}`));
    for (const port of ports) {
      on.plane.addService({ key: tcp(port), ...PLAIN });
      on.plane.addServer(tcp(port), { ...real(1), address: ip(`10.2.1.${port - 1000}`) });
    }
    // Some share a place, and most do not.
    const places = nearServices.filter((word) => word !== 0n).length;
    expect(places).toBeLessThan(ports.length);
    expect(places).toBeGreaterThan(ports.length * 0.75);
    expect(ports.map(serverOf)).toEqual(ports.map(wanted));
    const [deleted, kept] = [ports.filter((port) => port % 2 === 0), ports.filter((port) => port % 2 === 1)];
    for (const port of deleted) on.plane.deleteService(tcp(port));
    on.advance(902);
    expect(new Set(deleted.map((port) => send(port).verdict))).toEqual(new Set(['PASS']));
    expect(kept.map(serverOf)).toEqual(kept.map(wanted));
  });
});

describe('limits', () => {
  it('sends a thousand ICMP errors per second and CPU, and no more', () => {
    const on = ready();
    on.plane.editServer(tcp(80), real(1, 0));
    const verdicts = Array.from({ length: possibleCpus() * 1000 + 1 }, () => on.run(buildFrame()).verdict);
    expect(verdicts.slice(0, 1000)).not.toContain('DROP');
    expect(verdicts).toContain('DROP');
    expect(on.plane.reasons().DROP_REJECT_LIMITED).toBe(verdicts.filter((verdict) => verdict === 'DROP').length);
    on.advance(1);
    expect(on.run(buildFrame()).verdict).toBe('TX');
  });

  it('a full table overflows, then refuses; what is in it stays, and there is room again when its time is up', () => {
    const on = ready({ connections: 4 });
    const { path } = on.plane;
    const places = path.tableSize(4) + path.tableOf(4).overflow.shape.maxEntries;
    const open = (client: number): Passage => on.run(buildFrame({ sourcePort: 1000 + client }));
    const clients = Array.from({ length: places + 10 }, (_, client) => client);
    const entered = clients.filter((client) => open(client).verdict === 'TX');
    expect(entered.length).toBeGreaterThanOrEqual(path.tableOf(4).overflow.shape.maxEntries);
    expect(entered.length).toBeLessThanOrEqual(places);
    expect(on.plane.reasons().DROP_TABLE_FULL).toBe(clients.length - entered.length);
    expect([...on.plane.connections()]).toHaveLength(entered.length);
    expect(on.plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: entered.length, inactiveConnections: 0 });
    for (const client of entered) expect(on.run(buildFrame({ sourcePort: 1000 + client, flags: 'A' })).verdict).toBe('TX');
    on.advance(902);
    expect([...on.plane.connections()]).toEqual([]);
    expect(path.settings.u32(0, 'overflow_count')).toBe(0);
    expect(on.plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: 0, inactiveConnections: 0 });
    expect(open(1).verdict).toBe('TX');
  });
});
