/** Listings with figures in them, against what ipvsadm 1.31 printed for the same figures. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/index.ts';
import type { TableListing, TableView } from '../../../src/cli/ipvsadm/command.ts';
import { AddressPrinter, connectionLines, tableLines, versionLine } from '../../../src/cli/ipvsadm/listing.ts';
import type { ConnectionStatus, Counters, ServiceStatus } from '../../../src/ports/index.ts';

const recording = readFileSync(new URL('persist-stats-sysctl-linux-6.1.192.txt', import.meta.url), 'utf8');
/** The listings in the recording, each from its first line to the next one's. */
const sections = recording.split(/^(?=IP Virtual Server|IPVS connection|Pro FromIP|   Total Incoming)/m);

function ip(text: string): IpAddress {
  return IpAddress.parse(text)!;
}

function figures(connections: number, inPackets: number, inBytes: number): Counters {
  const [c, p, b] = [BigInt(connections), BigInt(inPackets), BigInt(inBytes)];
  return { connections: c, inPackets: p, outPackets: 0n, inBytes: b, outBytes: 0n };
}

const NO_RATES = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

function server(octet: number, persistent: number, active: number, counters: Counters, bytesPerSecond: number) {
  return {
    address: ip(`10.2.0.${octet}`),
    port: 80,
    method: 'dr' as const,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    activeConnections: active,
    inactiveConnections: 0,
    persistentConnections: persistent,
    counters,
    rates: { ...NO_RATES, inBytes: bytesPerSecond },
  };
}

/** The recorded table, its servers newest first as the data plane gives them. */
const service: ServiceStatus = {
  key: { kind: 'address', protocol: 'tcp', address: ip('10.9.9.9'), port: 80 },
  scheduler: 'rr',
  schedulerFlags: [],
  persistence: { timeoutSeconds: 100, prefixLength: 32 },
  onePacket: false,
  counters: figures(3, 4, 240),
  rates: { ...NO_RATES, inBytes: 18 },
  servers: [server(3, 1, 3, figures(5, 6, 360), 27), server(2, 0, 0, figures(0, 0, 0), 0), server(1, 0, 0, figures(3, 3, 180), 13)],
};

async function ours(view: TableView, exact = false): Promise<string> {
  const listing: TableListing = { kind: 'list-table', view, numeric: true, sort: true, exact };
  const lines = [versionLine(4096), ...(await tableLines([service], listing, new AddressPrinter()))];
  return lines.map((line) => `${line}\n`).join('');
}

function connection(text: string): ConnectionStatus {
  const [expires, state, client, clientPort, virtualPort, octet, serverPort] = text.split(' ') as [string, ...string[]];
  return {
    protocol: 'tcp',
    state: state ?? '',
    expiresSeconds: Number(expires),
    client: ip(client ?? ''),
    clientPort: Number(clientPort),
    virtual: ip('10.9.9.9'),
    virtualPort: Number(virtualPort),
    server: ip(`10.2.0.${octet}`),
    serverPort: Number(serverPort),
  };
}

describe('recorded listings', () => {
  it('persistent connections', async () => {
    expect(sections[2]).toBe(await ours('persistent-conn'));
  });

  it('statistics, rates and exact statistics', async () => {
    expect(sections[4]).toBe(await ours('stats'));
    expect(sections[5]).toBe(await ours('rate'));
    expect(sections[6]).toBe(await ours('stats', true));
  });

  it('connections, a template and an invalidated one among them', async () => {
    const connections = [
      '54 SYN_RECV 10.0.0.109 47982 80 3 80',
      '53 SYN_RECV 10.0.0.109 47966 80 3 80',
      '53 SYN_RECV 10.0.0.109 47954 80 3 80',
      '98 NONE 10.0.0.109 0 80 2 80',
      '94 NONE 10.0.0.109 0 65535 3 65535',
      '58 SYN_RECV 10.0.0.109 44966 80 2 80',
    ].map(connection);
    const lines = await connectionLines(connections, new AddressPrinter());
    expect(sections[8]?.split('net.ipv4')[0]).toBe(lines.map((line) => `${line}\n`).join(''));
  });
});
