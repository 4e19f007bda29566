import { mkdtempSync, rmSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpAddress } from '../base/index.ts';
import { MemoryDataPlane } from '../dataplane/index.ts';
import { DEFAULT_FORWARDING_SETTINGS, type RealServer, type VirtualService } from '../model/index.ts';
import { DataPlaneError, type TraceFlow, type TraceReport } from '../ports/index.ts';
import { ApiClient, ConnectionError } from './client.ts';
import {
  connectionFromJson,
  type DrainReport,
  type DrainRequest,
  realServerToJson,
  serviceKeyToJson,
  serviceStatusFromJson,
  settingsToJson,
  virtualServiceToJson,
} from './convert.ts';
import { NO_VRRP_STATUS, type StatusReport } from './schema.ts';
import { createApi, listen } from './server.ts';

const ip = (text: string) => IpAddress.parse(text) as IpAddress;
const key = { kind: 'address', protocol: 'tcp', address: ip('192.168.18.200'), port: 80 } as const;
const service: VirtualService = { key, scheduler: 'rr', schedulerFlags: [], onePacket: false };
const server: RealServer = { address: ip('192.168.18.201'), port: 80, method: 'dr', weight: 1, upperThreshold: 0, lowerThreshold: 0 };

const report: StatusReport = {
  schemaVersion: 1,
  version: '0.1.0',
  routerId: 'LVS_DEVEL',
  uptimeSeconds: 1,
  configurationFiles: ['keepalived.conf'],
  dataPlane: { kind: 'memory', interfaces: [], repairs: 0, settings: settingsToJson(DEFAULT_FORWARDING_SETTINGS), reasons: {} },
  failover: { alive: true },
  vrrp: NO_VRRP_STATUS,
  services: [
    {
      service: '[192.168.18.200]:tcp:80',
      group: 'WEB',
      quorum: 'up',
      requiredWeight: 1,
      hysteresis: 0,
      liveWeight: 9,
      servers: [
        {
          server: '192.168.18.201:80',
          method: 'tun',
          tunnel: { type: 'gue', port: 6080, checksum: 'none' },
          verdict: 'up',
          configuredWeight: 1,
          measuredWeight: 9,
          weight: 9,
          reason: 'MISC_CHECK succeeded with weight 9',
          suspended: false,
          checks: [{ name: 'MISC_CHECK', verdict: 'up', reason: 'MISC_CHECK succeeded with weight 9', retries: 0 }],
        },
      ],
    },
  ],
};

/** Says what it was asked. */
function traced(flow: TraceFlow): TraceReport {
  if (flow.interface === 'eth9') throw new DataPlaneError('invalid', 'the packet path is not on eth9');
  return { interface: flow.interface ?? 'eth0', packet: [`${flow.source} ${flow.destination} ${flow.flag} ${flow.hops}`], fate: 'passed' };
}

function drained({ service, server, deadlineSeconds, restore }: DrainRequest): DrainReport {
  if (restore) throw new DataPlaneError('no-such-server', 'it is not there');
  return [{ service, server, state: 'draining', secondsLeft: deadlineSeconds ?? -1, activeConnections: 2, inactiveConnections: 1 }];
}

describe('the API over a unix socket', () => {
  const directory = mkdtempSync(join(tmpdir(), 'vipwright-api-'));
  const path = join(directory, 'daemon.sock');
  const dataPlane = new MemoryDataPlane({ clock: { now: () => 0 } });
  const client = new ApiClient(path);
  let listener: Server;

  beforeAll(async () => {
    listener = await listen(
      createApi({
        dataPlane,
        status: async () => report,
        trace: async (flow) => traced(flow),
        drain: (request) => drained(request),
        drains: () => [],
      }),
      path,
    );
  });
  afterAll(() => {
    listener.close();
    rmSync(directory, { recursive: true });
  });

  it('asks where a packet would go', async () => {
    const flow = { protocol: 'tcp', source: '192.0.2.7', sourcePort: 40_000, destination: '192.168.18.200', destinationPort: 80 } as const;
    const whole = { ...flow, flag: 'fin', hops: 3, length: 99, interface: 'eth1' } as const;
    expect(await client.trace(flow)).toEqual({
      interface: 'eth0',
      packet: ['192.0.2.7 192.168.18.200 undefined undefined'],
      fate: 'passed',
    });
    expect(await client.trace(whole)).toEqual({ interface: 'eth1', packet: ['192.0.2.7 192.168.18.200 fin 3'], fate: 'passed' });
    const codeOf = (promise: Promise<unknown>) => promise.catch((error: DataPlaneError) => error.code);
    expect(await codeOf(client.trace({ ...flow, interface: 'eth9' }))).toBe('invalid');
    expect(await codeOf(client.trace({ ...flow, source: 'somewhere' }))).toBe('bad-request');
    expect(await codeOf(client.trace({ ...flow, sourcePort: 70_000 }))).toBe('bad-request');
  });

  it('drains real servers', async () => {
    const request = { service: serviceKeyToJson(key), server: { address: '192.168.18.201', port: 80 } };
    expect(await client.drains()).toEqual({ drains: [] });
    await client.requestDrain({ ...request, deadlineSeconds: 60 });
    const codeOf = (promise: Promise<unknown>) => promise.catch((error: DataPlaneError) => error.code);
    expect(await codeOf(client.requestDrain({ ...request, restore: true }))).toBe('no-such-server');
    expect(await codeOf(client.requestDrain({ ...request, deadlineSeconds: -1 }))).toBe('bad-request');
  });

  it('is a door for root alone', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('gives the status as the backend has it', async () => {
    expect(await client.status()).toEqual(report);
  });

  it('changes tables and lists them as the data plane does', async () => {
    await client.change({ operation: 'add-service', service: virtualServiceToJson(service) });
    await client.change({ operation: 'add-server', key: serviceKeyToJson(key), server: realServerToJson(server) });
    const listed = (await client.tables()).services.map(serviceStatusFromJson);
    expect(listed).toEqual(dataPlane.services());
    expect(listed[0]?.servers[0]?.address.equals(server.address)).toBe(true);
  });

  it('carries tunnels both ways', async () => {
    const address = ip('192.168.18.209');
    const tunnelled: RealServer = { ...server, address, method: 'tun', tunnel: { type: 'gre', port: 0, checksum: 'csum' } };
    await client.change({ operation: 'add-server', key: serviceKeyToJson(key), server: realServerToJson(tunnelled) });
    expect(dataPlane.services()[0]?.servers.find((one) => one.address.equals(address))).toMatchObject(tunnelled);
    const listed = (await client.tables()).services.map(serviceStatusFromJson);
    expect(listed).toEqual(dataPlane.services());
    await client.change({ operation: 'delete-server', key: serviceKeyToJson(key), server: { address: '192.168.18.209', port: 80 } });
  });

  it('brings the data plane’s refusals back with their codes', async () => {
    const change = client.change({ operation: 'add-service', service: virtualServiceToJson(service) });
    await expect(change).rejects.toMatchObject({ name: 'DataPlaneError', code: 'service-exists' });
  });

  it('lists connections and time-outs', async () => {
    dataPlane.receive({
      protocol: 'tcp',
      client: ip('10.0.0.1'),
      clientPort: 1024,
      virtual: key.address,
      virtualPort: 80,
      flags: { syn: true },
      length: 60,
    });
    const { connections } = await client.connections();
    expect(connections.map(connectionFromJson)).toEqual([...dataPlane.connections()]);
    expect(await client.timeouts()).toEqual({ tcp: 900, tcpFin: 120, udp: 300 });
  });

  it('refuses what is no change and what is no address', async () => {
    const bad = { operation: 'delete-service', key: { kind: 'address', protocol: 'tcp', address: 'nonsense', port: 80 } } as const;
    await expect(client.change(bad)).rejects.toMatchObject({ code: 'bad-request', message: expect.stringContaining('nonsense') });
    await expect(client.change({ operation: 'explode' } as never)).rejects.toMatchObject({ code: 'bad-request' });
  });

  it('says when nobody listens', async () => {
    await expect(new ApiClient(join(directory, 'none.sock')).status()).rejects.toThrow(ConnectionError);
  });
});
