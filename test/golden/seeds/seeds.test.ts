import { DEFAULT_FORWARDING_SETTINGS, DEFAULT_TABLE_SIZES } from '../../../src/model/index.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/index.ts';
import { parse, print, ROOT_SCOPE, Reporter, readKeepalived, SourceText } from '../../../src/config/index.ts';
import type { Configuration } from '../../../src/model/index.ts';

const SECOND = 1_000_000;

function textOf(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}

function read(file: string) {
  return readKeepalived(textOf(file), { file });
}

/** `LINE:COLUMN SEVERITY CODE`, with what was meant where there is a suggestion. */
function brief(file: string): string[] {
  return read(file).diagnostics.map(({ range, severity, code, help }) => {
    const meant = /^Did you mean (\S+)\?/.exec(help ?? '')?.[1];
    return `${range.line}:${range.column} ${severity} ${code}${meant === undefined ? '' : ` → ${meant}`}`;
  });
}

const ip = (text: string): IpAddress => IpAddress.parse(text) as IpAddress;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const EXPECTED_DIAGNOSTICS: Readonly<Record<string, readonly string[]>> = {
  '000-master.conf': ['29:5 info config/not-acted-on', '40:13 info config/deprecated-keyword', '52:13 info config/deprecated-keyword'],
  '000-slave.conf': ['29:5 info config/not-acted-on', '40:13 info config/deprecated-keyword', '52:13 info config/deprecated-keyword'],
  '001-master.conf': [
    '11:5 warning config/stray-text',
    '33:5 warning config/unknown-keyword',
    '35:5 warning config/unknown-keyword',
    '36:5 warning config/unknown-keyword → smtp_alert',
    '46:5 warning config/unknown-keyword → lvs_sync_daemon_interface',
    '53:9 warning config/unknown-keyword',
    '63:5 warning config/stray-brace',
    '64:1 warning config/stray-brace',
    '68:5 warning config/unknown-keyword → lvs_sync_daemon_interface',
    '74:1 warning config/unknown-keyword',
    '92:5 info config/not-acted-on',
    '100:13 info config/deprecated-keyword',
    '105:1 warning config/early-close-brace',
    '114:9 info config/deprecated-keyword',
  ],
  '001-slave.conf': [
    '13:5 warning config/unknown-keyword → smtp_connect_timeout',
    '24:5 warning config/unknown-keyword → smtp_alert',
    '36:5 warning config/unknown-keyword → lvs_sync_daemon_interface',
    '42:1 warning config/unknown-keyword',
    '53:5 warning config/unknown-keyword → lvs_sync_daemon_interface',
    '59:1 warning config/unknown-keyword',
    '77:1 warning config/early-close-brace',
    '85:9 info config/deprecated-keyword',
    '95:9 info config/deprecated-keyword',
  ],
  '003-single-10.0.0.50.conf': single(),
  '003-single-10.0.0.51.conf': single(),
  '003-dual-10.0.0.50.conf': [...single(), '47:19 warning config/password-truncated'],
  '003-dual-10.0.0.51.conf': [...single(), '47:19 warning config/password-truncated'],
  '003-lvs-10.0.0.50.conf': lvs(),
  '003-lvs-10.0.0.51.conf': lvs(),
};

/** Page 003 begins with "!", two blanks and so on: the first odd space of a statement is on line 3. */
function single(): string[] {
  return ['3:12 warning config/odd-space', '14:12 info config/shell-command', '27:19 warning config/password-truncated'];
}

function lvs(): string[] {
  return [
    '3:12 warning config/odd-space',
    '12:4 warning config/unknown-keyword → vrrp_mcast_group4',
    '15:12 info config/shell-command',
    '28:19 warning config/password-truncated',
    '54:9 info config/deprecated-keyword',
    '65:9 info config/deprecated-keyword',
    '78:19 warning config/password-truncated',
    '105:9 info config/deprecated-keyword',
    '116:9 info config/deprecated-keyword',
  ];
}

describe('the keepalived.conf texts of the pages', () => {
  it.each(Object.entries(EXPECTED_DIAGNOSTICS))('%s: every slip is named in its place, and nothing is refused', (file, expected) => {
    expect(brief(file)).toEqual(expected);
  });

  it.each(Object.keys(EXPECTED_DIAGNOSTICS))('%s prints as it was read', (file) => {
    const text = textOf(file);
    expect(print(parse(new SourceText(file, text), ROOT_SCOPE, new Reporter()))).toBe(text);
  });

  it('000-master.conf gives the whole model, defaults filled in', () => {
    const check = (address: string) => ({
      kind: 'http' as const,
      delayLoop: 6 * SECOND,
      connectTimeout: 2 * SECOND,
      retry: 3,
      delayBeforeRetry: SECOND,
      warmup: 0,
      alpha: false,
      logAllFailures: false,
      target: { address: ip(address), port: 80, mark: 0 },
      connectionClose: false,
      fastRecovery: false,
      urls: [{ path: '/', statusCodes: [{ from: 200, to: 200 }] }],
      httpVersion: '1.0' as const,
    });
    const server = (address: string) => ({
      address: ip(address),
      port: 80,
      method: 'dr' as const,
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
      checks: [check(address)],
      inhibitOnFailure: false,
      alpha: false,
      smtpAlert: true,
    });
    const expected: Configuration = {
      routerId: 'LVS_DEVEL',
      mail: {
        recipients: ['admin@example.com'],
        from: 'root',
        server: '127.0.0.1',
        port: 25,
        timeout: 30 * SECOND,
        noFaults: false,
        noCheckerMail: false,
      },
      scriptSecurity: false,
      startupDelay: 0,
      delayAfterBoot: 0,
      dynamicInterfaces: false,
      logUnknownVrids: false,
      fifoStatesOnReload: false,
      vrrpProcess: { cpus: [] },
      checkerProcess: { cpus: [] },
      bfdProcess: { cpus: [] },
      childWaitTime: 5 * SECOND,
      dumps: { jsonVersion: 1, useInstance: false },
      scripts: [],
      trackFiles: [],
      trackProcesses: [],
      bfdSessions: [],
      routers: [
        {
          name: 'VI_1',
          interface: 'eth0',
          vrid: 51,
          version: 2,
          family: 4,
          wantsMaster: true,
          priority: 101,
          advertInterval: SECOND,
          authentication: { type: 'pass', password: ascii('1111') },
          multicastGroup: ip('224.0.0.18'),
          trackSourceAddress: false,
          vips: [
            {
              address: ip('192.168.18.200'),
              length: 32,
              interface: 'eth0',
              home: false,
              deprecated: false,
              tracked: true,
              onVmac: false,
            },
          ],
          excludedVips: [],
          routes: [],
          rules: [],
          promoteSecondaries: false,
          noPreempt: false,
          preemptDelay: 0,
          downTimerAdverts: 3,
          accept: true,
          strict: false,
          skipCheckAdvertisedAddresses: false,
          checksumWithoutPseudoHeader: false,
          lowerPriorityNoAdvert: false,
          higherPrioritySendAdvert: false,
          ownerIgnoreAdverts: false,
          garp: {
            repeat: 5,
            secondBurstDelay: 5 * SECOND,
            refresh: 0,
            refreshRepeat: 1,
            lowerPriorityRepeat: 5,
            lowerPriorityDelay: 5 * SECOND,
            extraInterfaces: { period: 0, all: false },
          },
          trackInterfaces: [],
          trackScripts: [],
          trackFiles: [],
          trackProcesses: [],
          trackBfds: [],
          trackPrimary: true,
          notify: {},
          notifyPriorityChanges: false,
          smtpAlert: false,
        },
      ],
      groups: [],
      pacing: [],
      interfaceDelays: [],
      staticNetwork: { addresses: [], routes: [], rules: [], trackGroups: [] },
      firewall: { table: 'keepalived', chainPriority: -1, counters: false },
      services: [
        {
          key: { kind: 'address', protocol: 'tcp', address: ip('192.168.18.200'), port: 80 },
          scheduler: 'rr',
          schedulerFlags: [],
          onePacket: false,
          servers: [server('192.168.18.201'), server('192.168.18.202')],
          quorum: 1,
          hysteresis: 0,
          sorryServerInhibit: false,
          alpha: false,
          omega: false,
          haSuspend: false,
          smtpAlert: false,
        },
      ],
      forwarding: DEFAULT_FORWARDING_SETTINGS,
      tableSizes: DEFAULT_TABLE_SIZES,
      timeouts: {},
      flushAtStart: false,
      flushAtStop: false,
      initialNotifies: false,
    };
    expect(read('000-master.conf').configuration).toEqual(expected);
  });

  it('000-slave.conf differs from it in state and priority only', () => {
    const master = read('000-master.conf').configuration;
    const slave = read('000-slave.conf').configuration;
    expect(slave).toEqual({ ...master, routers: master.routers.map((router) => ({ ...router, wantsMaster: false, priority: 100 })) });
  });

  it.each([
    ['001-master.conf', 'LVSMaster', true, [220, 200], 30],
    ['001-slave.conf', 'LVSBACKUP', false, [120, 100], 30],
  ] as const)('%s: two routers in one group, one service with both servers', (file, routerId, wantsMaster, priorities, timeout) => {
    const { configuration } = read(file);
    expect(configuration.routerId).toBe(routerId);
    expect(configuration.mail).toMatchObject({ recipients: ['admin@example.com'], from: 'admin@example.com', timeout: timeout * SECOND });
    expect(configuration.groups).toMatchObject([{ name: 'VGM', members: ['WAN', 'LAN'] }]);
    expect(configuration.routers).toMatchObject([
      { name: 'WAN', interface: 'eth0', vrid: 50, wantsMaster, priority: priorities[0], advertInterval: 5 * SECOND },
      { name: 'LAN', interface: 'eth1', vrid: 60, wantsMaster, priority: priorities[1], advertInterval: 5 * SECOND },
    ]);
    expect(configuration.routers.map((router) => router.authentication?.password)).toEqual([ascii('1111'), ascii('1111')]);
    expect(configuration.routers.flatMap((router) => router.vips.map((vip) => `${vip.address}/${vip.length} ${vip.interface}`))).toEqual([
      '223.202.22.118/32 eth0',
      '192.168.22.118/32 eth1',
    ]);
    const [service] = configuration.services;
    expect(configuration.services).toHaveLength(1);
    expect(service).toMatchObject({ scheduler: 'wrr', persistence: { timeoutSeconds: 20, prefixLength: 32 } });
    const timing = { kind: 'tcp', delayLoop: 6 * SECOND, connectTimeout: 3 * SECOND, retry: 3, delayBeforeRetry: 3 * SECOND };
    expect(service?.servers).toMatchObject([
      { address: ip('223.202.22.116'), port: 80, weight: 100, method: 'dr', checks: [{ ...timing, target: { port: 80 } }] },
      { address: ip('223.202.22.117'), port: 80, weight: 100, method: 'dr', checks: [{ ...timing, target: { port: 80 } }] },
    ]);
  });

  it.each([
    ['003-single-10.0.0.50.conf', [['VI_1', true, 199, 100, '172.20.0.100/32']]],
    ['003-single-10.0.0.51.conf', [['VI_1', false, 199, 99, '172.20.0.100/32']]],
    [
      '003-dual-10.0.0.50.conf',
      [
        ['VI_1', true, 199, 100, '172.20.0.100/32'],
        ['VI_2', false, 200, 99, '172.20.0.101/32'],
      ],
    ],
    [
      '003-dual-10.0.0.51.conf',
      [
        ['VI_1', false, 199, 99, '172.20.0.100/32'],
        ['VI_2', true, 200, 100, '172.20.0.101/32'],
      ],
    ],
    [
      '003-lvs-10.0.0.50.conf',
      [
        ['VI_1', true, 199, 100, '172.20.0.100/16 eth0:0'],
        ['VI_2', false, 200, 99, '172.20.0.101/16 eth0:1'],
      ],
    ],
    [
      '003-lvs-10.0.0.51.conf',
      [
        ['VI_1', false, 199, 99, '172.20.0.100/16 eth0:0'],
        ['VI_2', true, 200, 100, '172.20.0.101/16 eth0:1'],
      ],
    ],
  ] as const)('%s: the routers, and the script that they track', (file, expected) => {
    const { configuration } = read(file);
    const routers = configuration.routers.map(({ name, wantsMaster, vrid, priority, vips }) => [
      name,
      wantsMaster,
      vrid,
      priority,
      vips.map((vip) => `${vip.address}/${vip.length}${vip.label === undefined ? '' : ` ${vip.label}`}`).join(),
    ]);
    expect(routers).toEqual(expected);
    for (const router of configuration.routers) {
      expect(router.authentication?.password).toEqual(ascii('c0906033'));
      expect(router.trackInterfaces).toEqual([{ interface: 'eth0', weight: 0, reverse: false }]);
      expect(router.trackScripts).toEqual([{ script: 'chk_down', weight: -2, reverse: false }]);
    }
    const [script] = configuration.scripts;
    expect(script).toMatchObject({ name: 'chk_down', interval: SECOND, timeout: SECOND, weight: { weight: -2, reverse: false } });
    expect(script?.command.argv).toEqual(['/bin/bash', '-c', expect.stringMatching(/^\[\[ -f \/etc\/keepalived\/down \]\]&& exit 1 ?\|\|exit 0$/)]);
    expect(configuration.mail).toMatchObject({ recipients: ['root@localhost'], from: 'keepalive@localhost' });
  });

  it.each(['003-lvs-10.0.0.50.conf', '003-lvs-10.0.0.51.conf'])('%s: two services with the same two servers', (file) => {
    const services = read(file).configuration.services.map(({ key, scheduler, servers }) => ({
      address: key.kind === 'address' && `${key.address}:${key.port}`,
      scheduler,
      servers: servers.map((server) => `${server.address}:${server.port}`),
      checks: servers.flatMap((server) => server.checks.map((check) => ('retry' in check ? [check.kind, check.delayLoop, check.connectTimeout, check.retry] : []))),
    }));
    const check = ['http', 3 * SECOND, 3 * SECOND, 3];
    const rest = { scheduler: 'rr', servers: ['10.0.0.91:80', '10.0.0.92:80'], checks: [check, check] };
    expect(services).toEqual([
      { address: '172.20.0.100:80', ...rest },
      { address: '172.20.0.101:80', ...rest },
    ]);
  });
});
