/** A director that dies and starts again goes on with the maps that it pinned: same tables, same connections, same counts. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IpAddress } from '../../src/base/index.ts';
import type { NextHop } from '../../src/dataplane/xdp/index.ts';
import { type BpfFileSystem, ensureBpfFileSystem } from '../../src/os/bpffs/index.ts';
import type { ConnectionStatus } from '../../src/ports/index.ts';
import { ip, real, tcp } from '../compliance/harness.ts';
import { inNamespace, run, VethPair } from './support.ts';
import { buildFrame, type FrameFields, seeFrame } from './xdp-frames.ts';
import { CLIENT6, real6, TO, tcp6, UDP6, udp6, VIP6 } from './xdp-ipv6-fixtures.ts';
import { hopTo, macOf, Rig } from './xdp-support.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;

let directory: string;
let mounted: BpfFileSystem;
let rigs: Rig[];
let pins: { readonly directory: string; readonly tablesFile: string };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipwright-pins-'));
  mounted = ensureBpfFileSystem(join(directory, 'bpf'));
  pins = { directory: join(mounted.path, 'maps'), tablesFile: join(directory, 'tables.json') };
  mkdirSync(pins.directory);
  rigs = [];
});

afterEach(() => {
  // Whoever "died" in a test only lets go of its memory; the last one detaches.
  for (const rig of rigs.slice(0, -1)) rig.plane.path.close();
  rigs.at(-1)?.close();
  mounted.unmount();
  rmSync(directory, { recursive: true });
});

function start(connections = 256): Rig {
  const rig = new Rig({ connections, pins });
  rigs.push(rig);
  return rig;
}

/** The tables are saved once a turn of the event loop. */
function saved(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function send(rig: Rig, fields: FrameFields): string {
  const { verdict, frame } = rig.run(buildFrame(fields));
  return verdict === 'TX' ? seeFrame(frame).destinationMac : verdict;
}

function web(rig: Rig, count: number, port = 80): void {
  rig.plane.addService({ key: tcp(port), ...PLAIN });
  for (let octet = 1; octet <= count; octet++) rig.plane.addServer(tcp(port), real(octet, octet, { port }));
}

function server(octet: number): string {
  return macOf(ip(`10.2.0.${octet}`));
}

/** Opens connections from these source ports and says where they went. */
function open(rig: Rig, ports: readonly number[]): string[] {
  return ports.map((sourcePort) => send(rig, { sourcePort }));
}

/** The connections, whatever time they have left: that goes on running between two looks. */
function listed(rig: Rig): ConnectionStatus[] {
  return Array.from(rig.plane.connections(), (connection) => ({ ...connection, expiresSeconds: 0 }));
}

describe('after a crash', () => {
  it('has the same tables, counts and statistics', async () => {
    const first = start();
    web(first, 3);
    first.plane.addService({ key: tcp(443), ...PLAIN, scheduler: 'wrr', persistence: { timeoutSeconds: 90, prefixLength: 24 } });
    first.plane.addServer(tcp(443), real(1, 7, { port: 443, upperThreshold: 9, lowerThreshold: 4 }));
    first.plane.addServer(tcp(443), real(2, 0, { port: 443, method: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'none' } }));
    open(first, [1001, 1002, 1003, 1004]);
    send(first, { sourcePort: 1001, flags: 'FA' });
    send(first, { sourcePort: 1005, destinationPort: 443 });
    await saved();
    const before = first.plane.services();
    const connections = listed(first);
    const second = start();
    expect([second.plane.path.inherited, second.log]).toEqual([true, []]);
    expect(second.plane.services()).toEqual(before);
    expect(listed(second)).toEqual(connections);
    expect(before[0]?.servers.map((one) => [one.activeConnections, one.inactiveConnections])).toEqual([
      [1, 1],
      [1, 0],
      [1, 0],
    ]);
  });

  it('sends every connection to the server that it had, and opens new ones', async () => {
    const first = start();
    web(first, 3);
    const ports = Array.from({ length: 30 }, (_, index) => 1000 + index);
    const before = open(first, ports);
    await saved();
    const second = start();
    expect(ports.map((sourcePort) => send(second, { sourcePort, flags: 'A' }))).toEqual(before);
    expect(open(second, [2000, 2001, 2002]).sort()).toEqual([server(1), server(2), server(3)]);
    second.advance(961);
    expect(second.plane.services()[0]?.servers.map((one) => one.activeConnections)).toEqual([0, 0, 0]);
  });

  it('goes on with IPv6 just so: tables, masqueraded connections and templates', async () => {
    const first = start();
    first.plane.addService({ key: tcp6(80), ...PLAIN, persistence: { timeoutSeconds: 90, prefixLength: 64 } });
    for (const number of [1, 2]) first.plane.addServer(tcp6(80), real6(number, number, { port: 8080, method: 'nat' }));
    first.plane.addService({ key: udp6(53), ...PLAIN, timeouts: { udp: 77_000_000 } });
    first.plane.addServer(udp6(53), real(1, 1, { port: 53, method: 'tun' }));
    const home = send(first, TO);
    send(first, UDP6);
    await saved();
    const before = [first.plane.services(), listed(first)];
    const second = start();
    expect([second.plane.path.inherited, second.log]).toEqual([true, []]);
    expect([second.plane.services(), listed(second)]).toEqual(before);
    expect(send(second, { ...TO, flags: 'A' })).toBe(home);
    expect(send(second, { ...TO, source: 'fd00::77' })).toBe(home);
    const server = second.plane.services()[0]?.servers.find(({ address }) => macOf(address) === home)?.address;
    const answer = { source: String(server), sourcePort: 8080, destination: CLIENT6, destinationPort: 40_000, flags: 'SA' };
    expect(seeFrame(second.run(buildFrame(answer)).frame).source).toBe(String(VIP6));
  });

  it('still drops the packets of a deleted server, and gives its number to nobody while it has connections', async () => {
    const first = start();
    web(first, 2);
    expect(open(first, [1000])).toEqual([server(2)]);
    first.plane.deleteServer(tcp(80), real(2));
    await saved();
    const second = start();
    expect(send(second, { sourcePort: 1000, flags: 'A' })).toBe('DROP');
    second.plane.addServer(tcp(80), real(9));
    expect(send(second, { sourcePort: 1000, flags: 'A' })).toBe('DROP');
    expect(second.plane.services()[0]?.servers.map((one) => one.activeConnections)).toEqual([0, 0]);
  });

  it('may change its tables like any other', async () => {
    const first = start();
    web(first, 2);
    await saved();
    const second = start();
    web(second, 2, 443);
    second.plane.deleteService(tcp(80));
    expect([send(second, {}), send(second, { destinationPort: 443 })]).toEqual(['PASS', server(2)]);
    await saved();
    const third = start();
    expect(third.plane.services().map((service) => service.key)).toEqual([tcp(443)]);
    expect(send(third, { destinationPort: 443, flags: 'A' })).toBe(server(2));
  });

  it('starts empty when the saved tables cannot be read', async () => {
    const first = start();
    web(first, 1);
    await saved();
    writeFileSync(pins.tablesFile, '{"services":');
    const second = start();
    expect(second.plane.services()).toEqual([]);
    expect(send(second, {})).toBe('PASS');
    web(second, 1);
    expect(send(second, {})).toBe(server(1));
  });

  it('keeps its tables, their size and their connections where another size is wanted', async () => {
    const first = start(256);
    web(first, 1);
    const before = open(first, [1000]);
    await saved();
    const second = start(1024);
    expect([second.plane.path.inherited, second.log, second.plane.tableSizes]).toEqual([true, [], { connections: 256, connections6: 256 }]);
    expect([send(second, { sourcePort: 1000, flags: 'A' })]).toEqual(before);
  });

  it('gives up maps of another size, with their connections, where nobody has written down which', async () => {
    const first = start(256);
    web(first, 1);
    open(first, [1000]);
    await saved();
    rmSync(pins.tablesFile);
    const second = start(1024);
    expect(second.plane.path.inherited).toBe(false);
    expect(second.log.join()).toMatch(/given up.*connections.*mismatch/s);
    expect([second.plane.tableSize, [...second.plane.connections()].length]).toEqual([1024, 0]);
    web(second, 1);
    expect(send(second, {})).toBe(server(1));
  });
});

describe('on an interface', () => {
  /** The number of the program that ip(8) shows on eth0 of the namespace. */
  function programOn(namespace: string): string | undefined {
    return /prog\/xdp id (\d+)/.exec(run('ip', '-n', namespace, '-d', 'link', 'show', 'eth0'))?.[1];
  }

  function startIn(namespace: string): Rig {
    return inNamespace(namespace, () => {
      const rig = start();
      rig.plane.attach(['eth0']);
      return rig;
    });
  }

  it('stays over a crash, is exchanged without a gap, and is gone after close', async () => {
    const pair = new VethPair('xdp');
    try {
      const first = startIn(pair.first);
      expect(first.plane.attachments()).toEqual([{ name: 'eth0', mode: 'generic' }]);
      const before = programOn(pair.first);
      expect(before).toBeDefined();
      await saved();
      const linksOf = (): string[] => readdirSync(pins.directory).filter((name) => name.startsWith('link_'));
      // That on eth0, and that on the interface by which the director's own packets come in.
      const links = linksOf();
      expect(links).toHaveLength(2);
      const second = startIn(pair.first);
      expect(linksOf()).toEqual(links);
      const after = programOn(pair.first);
      expect(after).toBeDefined();
      expect(after).not.toBe(before);
      inNamespace(pair.first, () => second.close());
      // The first one is not dead, only forgotten: its descriptor of the link is what still holds it.
      first.plane.close();
      rigs.length = 0;
      expect([programOn(pair.first), linksOf()]).toEqual([undefined, []]);
    } finally {
      pair.remove();
    }
  });

  it('sends by the way to a server from its first packet on', async () => {
    const pair = new VethPair('xdp');
    try {
      const interfaceIndex = Number(/^(\d+):/.exec(run('ip', '-n', pair.first, '-o', 'link', 'show', 'eth0'))?.[1]);
      const startWith = (resolve: (address: IpAddress) => NextHop | undefined): Rig =>
        inNamespace(pair.first, () => {
          const rig = new Rig({ connections: 256, pins, resolve });
          rigs.push(rig);
          return rig;
        });
      const first = startWith((address) => ({ ...hopTo(address), interfaceIndex }));
      inNamespace(pair.first, () => web(first, 1));
      const sent = (rig: Rig): string => inNamespace(pair.first, () => rig.run(buildFrame({ flags: 'S' })).verdict);
      expect(sent(first)).toBe('REDIRECT');
      await saved();
      // It is on no port yet, and has not asked for the way.
      expect(sent(startWith(() => undefined))).toBe('REDIRECT');
    } finally {
      pair.remove();
    }
  });
});

describe('next hops', () => {
  it('are asked for again after a restart', async () => {
    web(start(), 1);
    await saved();
    const moved = Uint8Array.of(2, 9, 9, 9, 9, 9);
    const resolve = (address: IpAddress) => ({ ...hopTo(address), destinationMac: moved });
    const second = new Rig({ connections: 256, pins, resolve });
    rigs.push(second);
    expect(send(second, {})).toBe('02:09:09:09:09:09');
  });
});
