import { describe, expect, it } from 'vitest';
import { NO_VRRP_STATUS, type ServiceHealthReport, type StatusReport, settingsToJson } from '../../api/index.ts';
import { DEFAULT_FORWARDING_SETTINGS } from '../../model/index.ts';
import { formatStatus } from './format.ts';

type ServerReport = ServiceHealthReport['servers'][number];

function report(services: readonly ServiceHealthReport[]): StatusReport {
  return {
    schemaVersion: 1,
    version: '0.1.0',
    routerId: 'LVS_DEVEL',
    uptimeSeconds: 3_725,
    configurationFiles: ['keepalived.conf'],
    dataPlane: {
      kind: 'xdp',
      interfaces: [{ name: 'eth0', mode: 'native' }],
      repairs: 0,
      settings: settingsToJson(DEFAULT_FORWARDING_SETTINGS),
      reasons: {},
    },
    failover: { alive: true },
    vrrp: NO_VRRP_STATUS,
    services: [...services],
  };
}

function server(changes: Partial<ServerReport> = {}): ServerReport {
  return { server: '10.0.0.1:80', method: 'dr', verdict: 'up', configuredWeight: 1, weight: 1, suspended: false, checks: [], ...changes };
}

function lines(servers: readonly ServerReport[], changes: Partial<ServiceHealthReport> = {}): string[] {
  const service = { service: '[10.0.0.9]:tcp:80', quorum: 'up', requiredWeight: 1, hysteresis: 0, liveWeight: 1 } as const;
  return formatStatus(report([{ ...service, servers: [...servers], ...changes }]))
    .trimEnd()
    .split('\n')
    .slice(3);
}

describe('vipwright status about services', () => {
  it('says where a weight comes from', () => {
    const weights = [
      server(),
      server({ weight: 9, measuredWeight: 9 }),
      server({ weight: 0, measuredWeight: 9, overrideWeight: 0 }),
      server({ verdict: 'down', weight: 0 }),
    ];
    expect(lines(weights)).toEqual([
      'virtual service [10.0.0.9]:tcp:80  quorum up, 3 of 4 real servers up',
      '  up        10.0.0.1:80  dr, weight 1',
      '  up        10.0.0.1:80  dr, weight 9 (measured, configured 1)',
      '  up        10.0.0.1:80  dr, weight 0 (set by an operator, configured 1)',
      '  down      10.0.0.1:80  dr, weight 0 (configured 1)',
    ]);
  });

  it('names group and tunnel, and each of several checks', () => {
    const { weight: _, ...absent } = server({ method: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'none' }, verdict: 'down' });
    const checks: ServerReport['checks'] = [
      { name: 'TCP_CHECK', verdict: 'up', reason: 'TCP_CHECK succeeded', retries: 0 },
      { name: 'HTTP_CHECK', verdict: 'down', reason: 'HTTP_CHECK failed: status code 500', retries: 0 },
    ];
    const reason = 'HTTP_CHECK failed: status code 500';
    expect(lines([{ ...absent, reason, checks }], { group: 'WEB', quorum: 'lost' })).toEqual([
      'virtual service [10.0.0.9]:tcp:80 of group WEB  quorum lost, 0 of 1 real servers up',
      `  down      10.0.0.1:80  tun gue port 6080, not in the table  ${reason}`,
      '            TCP_CHECK up: TCP_CHECK succeeded',
      `            HTTP_CHECK down: ${reason}`,
    ]);
  });

  it('says that checks are suspended, and what the sorry server does', () => {
    const { weight: _, ...undecided } = server({ verdict: 'undecided', suspended: true });
    expect(lines([undecided], { quorum: 'undecided', sorryServer: { server: '10.0.0.5:80', active: false } })).toEqual([
      'virtual service [10.0.0.9]:tcp:80  quorum undecided, 0 of 1 real servers up',
      '  checks suspended: the VIP is not on this host',
      '  undecided 10.0.0.1:80  dr, not in the table',
      '  sorry     10.0.0.5:80  standing by',
    ]);
  });
});

describe('vipwright status about the packet path', () => {
  it('shows the size of the tables and every switch by its name in the file', () => {
    const status = report([]);
    const settings = { ...status.dataPlane.settings, connectionReuse: 3, dropEntry: 2, secureTcp: 3, lblcrExpiration: 60 };
    const dataPlane = { ...status.dataPlane, settings, tableSizes: { connections: 1024, connections6: 2048 } };
    expect(
      formatStatus({ ...status, dataPlane })
        .split('\n')
        .slice(3, 11),
    ).toEqual([
      'packet path',
      '  connections 1024, connections6 2048',
      '  conn_reuse_mode 3, expire_nodest_conn off, expire_quiescent_template off',
      '  sloppy_tcp off, sloppy_sctp off, cache_bypass off',
      '  drop_entry 2 (automatic, on now), drop_packet 0 (off), secure_tcp 3 (on)',
      '  amemthresh 1024, am_droprate 10, table_threshold 10',
      '  local_out on, local_ports 1024 65535',
      '  lblc_expiration 86400, lblcr_expiration 60',
    ]);
  });
});
