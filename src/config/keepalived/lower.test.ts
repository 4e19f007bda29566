import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import { type ReadOptions, readKeepalived } from './read.ts';

const GOOD = `global_defs {
    router_id A
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        10.0.0.100/24
    }
}
virtual_server 10.0.0.100 80 {
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 10.0.0.1 80 {
        HTTP_GET {
            url {
                path /
            }
        }
    }
    real_server 10.0.0.2 80 {
        TCP_CHECK {
        }
    }
}
`;

function read(text: string, options: ReadOptions = {}) {
  return readKeepalived(text, { file: 'k.conf', ...options });
}

function codes(text: string, options: ReadOptions = {}): string[] {
  return read(text, options).diagnostics.map(({ range, severity, code }) => `${range.line} ${severity} ${code}`);
}

function instance(lines: string): string {
  return `vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\n${lines}\n}\n`;
}

function router(lines: string) {
  return read(instance(lines)).configuration.routers[0];
}

function service(lines: string, servers = 'real_server 10.0.0.1 80 {\n}') {
  const text = `virtual_server 10.0.0.100 80 {\nlvs_sched rr\nlvs_method DR\nprotocol TCP\n${lines}\n${servers}\n}\n`;
  const { configuration, diagnostics } = read(text);
  return { service: configuration.services[0], codes: diagnostics.map(({ range, severity, code }) => `${range.line} ${severity} ${code}`) };
}

describe('virtual routers', () => {
  it('have keepalived defaults', () => {
    expect(router('')).toMatchObject({
      wantsMaster: false,
      priority: 100,
      advertInterval: 1_000_000,
      trackPrimary: true,
      smtpAlert: false,
    });
    expect(router('state MASTER')).toMatchObject({ wantsMaster: true, priority: 255 });
    expect(router('priority 255')).toMatchObject({ wantsMaster: true, priority: 255 });
  });

  it('read address lines', () => {
    const vips = router(
      'virtual_ipaddress {\n10.0.0.9\n10.0.0.10/24 dev eth1 label eth1:0 brd + scope link\n10.0.0.11/24 brd 10.0.0.250\n10.0.0.12/31 brd +\n}',
    )?.vips;
    expect(vips?.map(({ address, length, broadcast, ...rest }) => ({ text: `${address}/${length} ${broadcast ?? '-'}`, ...rest }))).toEqual(
      [
        { text: '10.0.0.9/32 -', interface: 'eth0' },
        { text: '10.0.0.10/24 10.0.0.255', interface: 'eth1', label: 'eth1:0', scope: 'link' },
        { text: '10.0.0.11/24 10.0.0.250', interface: 'eth0' },
        { text: '10.0.0.12/31 -', interface: 'eth0' },
      ],
    );
  });

  it.each([
    ['10.0.0.9 10.0.0.10', '6 warning config/extra-words'],
    ['10.0.0.9 dew eth1', '6 warning config/extra-words'],
    ['10.0.0.9 dev', '6 error config/missing-value'],
    ['10.0.0.9 scope here', '6 error config/bad-value'],
    ['10.0.0.9 label abcdefghijklmnop', '6 error config/bad-value'],
    ['10.0.0.9 brd x', '6 error config/bad-address'],
    ['10.0.0.9 use_vmac', '6 error config/unsupported'],
    ['10.0.0.9 no_track', '6 warning config/not-acted-on'],
  ])('address line %j: %s', (line, expected) => {
    expect(codes(instance(`virtual_ipaddress {\n${line}\n}`))).toEqual([expected]);
  });

  it('take gratuitous ARP settings from global_defs', () => {
    const text = `global_defs {\nvrrp_garp_master_repeat 2\nvrrp_garp_master_delay 1.5\nvrrp_garp_master_refresh 60\n}\n${instance('garp_master_repeat 0')}`;
    expect(read(text).configuration.routers[0]?.garp).toEqual({
      repeat: 1,
      secondBurstDelay: 1_500_000,
      refresh: 60_000_000,
      refreshRepeat: 1,
      lowerPriorityRepeat: 2,
      lowerPriorityDelay: 1_500_000,
    });
  });

  it('truncate the password to 8 bytes', () => {
    expect(router('authentication {\nauth_type PASS\nauth_pass 123456789\n}')?.authentication?.password).toEqual(
      new TextEncoder().encode('12345678'),
    );
  });

  it('read commands and the identity after them', () => {
    const { notify } = router('notify_master "/usr/local/bin/to_master.sh --mail \'the admin\'" bob ops\nnotify "logger $HOSTNAME"') ?? {};
    expect(notify).toEqual({
      master: { argv: ['/usr/local/bin/to_master.sh', '--mail', 'the admin'], user: 'bob', group: 'ops' },
      any: { argv: ['/bin/sh', '-c', 'logger $HOSTNAME'] },
    });
  });

  it('report a VRID twice on one interface, and name the other place', () => {
    const two = `${instance('')}${instance('').replace('vrrp_instance V', 'vrrp_instance W')}`;
    const [diagnostic, ...others] = read(two).diagnostics;
    expect(others).toEqual([]);
    expect(diagnostic).toMatchObject({ code: 'config/duplicate-vrid', severity: 'error', range: { line: 9 } });
    expect(diagnostic?.message).toContain('line 3');
    expect(codes(two.replace('interface eth0', 'interface eth1'))).toEqual([]);
  });

  it('report a name twice', () => {
    expect(codes(`${instance('')}${instance('')}`)).toEqual(['7 error config/duplicate-name']);
  });

  it('report missing addresses', () => {
    expect(codes(instance('').replace('no_virtual_ipaddress\n', ''))).toEqual(['1 warning config/no-address']);
  });

  it('remember nopreempt', () => {
    expect(router('nopreempt')).toMatchObject({ noPreempt: true, preemptDelay: 0 });
    expect(router('preempt_delay 2.5')).toMatchObject({ noPreempt: false, preemptDelay: 2_500_000 });
    expect(router('state MASTER\nnopreempt')).toMatchObject({ noPreempt: false });
  });
});

describe('scripts and groups', () => {
  const script = 'vrrp_script s {\nscript "/bin/check a"\ninterval 2\nweight -5 reverse\nfall 3\n}\n';

  it('track scripts with their own weight or the given one', () => {
    const { configuration, diagnostics } = read(`${instance('track_script {\ns\n}')}${script}`);
    expect(diagnostics).toEqual([]);
    expect(configuration.scripts).toEqual([
      {
        name: 's',
        command: { argv: ['/bin/check', 'a'] },
        interval: 2_000_000,
        timeout: 2_000_000,
        weight: { weight: -5, reverse: true },
        rise: 1,
        fall: 3,
        initFail: false,
      },
    ]);
    expect(configuration.routers[0]?.trackScripts).toEqual([{ script: 's', weight: -5, reverse: true }]);
    expect(read(`${script}${instance('track_script {\ns weight 7 noreverse\n}')}`).configuration.routers[0]?.trackScripts).toEqual([
      { script: 's', weight: 7, reverse: false },
    ]);
  });

  it('report a script that is not there, but not one that was lost with its block', () => {
    expect(codes(instance('track_script {\nnope\n}'))).toEqual(['6 error config/unknown-reference']);
    expect(codes(`vrrp_scripp s {\nscript /bin/true\n}\n${instance('track_script {\ns\n}')}`)).toEqual(['1 error config/unknown-block']);
  });

  it('build groups', () => {
    const two = `${instance('')}${instance('').replace('vrrp_instance V', 'vrrp_instance W').replace('eth0', 'eth1')}`;
    const group = (members: string) => `vrrp_sync_group G {\ngroup {\n${members}\n}\nsmtp_alert\n}\n`;
    expect(read(group('V\nW') + two).configuration.groups).toEqual([
      { name: 'G', members: ['V', 'W'], notify: {}, smtpAlert: true, trackInterfaces: [], trackScripts: [] },
    ]);
    expect(codes(group('V W') + two)).toEqual([]);
    expect(codes(group('V') + two)).toEqual(['1 warning config/one-member-group']);
    expect(codes(group('V\nX') + two)).toEqual(['4 error config/unknown-reference']);
    expect(codes(group('V\nV') + two)).toEqual(['4 error config/two-groups']);
    expect(codes(group('') + two)).toEqual(['1 error config/missing-keyword']);
  });
});

describe('virtual services', () => {
  it('hand settings down from service to server to check', () => {
    const { service: read } = service(
      'delay_loop 10\nconnect_timeout 2\nweight 3\nvirtualhost www.example.com\ninhibit_on_failure\nalpha',
      `real_server 10.0.0.1 80 {
        connect_timeout 4
        HTTP_GET {
          url {
            path /a
          }
          url {
            path /b
            virtualhost b.example.com
            status_code 200 301-302
            digest 9B3A0C85A887A256D6939DA88AABD8CD
          }
          connect_timeout 6
          connect_port 8080
        }
        TCP_CHECK {
          nb_get_retry 7
          delay_loop 1
        }
      }`,
    );
    expect(read).toMatchObject({ alpha: true, quorum: 1 });
    expect(read?.servers[0]).toMatchObject({ weight: 3, inhibitOnFailure: true });
    const address = IpAddress.parse('10.0.0.1');
    expect(read?.servers[0]?.checks).toEqual([
      {
        kind: 'http',
        delayLoop: 10_000_000,
        connectTimeout: 6_000_000,
        retry: 1,
        delayBeforeRetry: 3_000_000,
        target: { address, port: 8080 },
        httpVersion: '1.0',
        urls: [
          { path: '/a', statusCodes: [{ from: 200, to: 299 }], virtualHost: 'www.example.com' },
          {
            path: '/b',
            statusCodes: [
              { from: 200, to: 200 },
              { from: 301, to: 302 },
            ],
            digest: '9b3a0c85a887a256d6939da88aabd8cd',
            virtualHost: 'b.example.com',
          },
        ],
      },
      {
        kind: 'tcp',
        delayLoop: 1_000_000,
        connectTimeout: 4_000_000,
        retry: 7,
        delayBeforeRetry: 1_000_000,
        target: { address, port: 80 },
      },
    ]);
  });

  it.each([
    ['persistence_timeout', { timeoutSeconds: 360, prefixLength: 32 }, []],
    ['persistence_timeout 50\npersistence_granularity 255.255.255.0', { timeoutSeconds: 50, prefixLength: 24 }, []],
    ['persistence_timeout 0', undefined, ['5 error config/out-of-range']],
    ['persistence_timeout 50\npersistence_granularity 255.0.255.0', { timeoutSeconds: 50, prefixLength: 32 }, ['6 error config/bad-value']],
  ])('%j', (lines, expected, said) => {
    const read = service(lines);
    expect(read.service?.persistence).toEqual(expected);
    expect(read.codes).toEqual(said);
  });

  it('lower the quorum to what can be reached', () => {
    expect(service('quorum 5').service?.quorum).toBe(1);
    expect(service('quorum 2', 'real_server 10.0.0.1 80 {\nweight 3\n}').service?.quorum).toBe(2);
    expect(service('quorum 2\nhysteresis 2', 'real_server 10.0.0.1 80 {\nweight 3\n}').codes).toEqual(['6 error config/out-of-range']);
  });

  it('have a sorry server', () => {
    expect(service('sorry_server 10.0.0.9 80').service?.sorryServer).toMatchObject({
      address: IpAddress.parse('10.0.0.9'),
      port: 80,
      method: 'dr',
      weight: 1,
    });
  });

  it('are dropped without real servers', () => {
    expect(service('', '')).toEqual({ service: undefined, codes: ['1 warning config/empty-service'] });
  });

  it('are reported when described twice', () => {
    const text = GOOD + GOOD.slice(GOOD.indexOf('virtual_server'));
    expect(codes(text)).toEqual(['33 error config/duplicate-service']);
    expect(codes(text.replace(/(.*)protocol TCP/s, '$1protocol udp'))).toEqual([]);
  });

  it('choose mail by the three defaults', () => {
    const alerts = (global: string) => {
      const { routers, services } = read(`global_defs {\n${global}\n}\n${GOOD}`).configuration;
      return [routers[0]?.smtpAlert, services[0]?.smtpAlert, services[0]?.servers[0]?.smtpAlert];
    };
    expect(alerts('')).toEqual([false, false, true]);
    expect(alerts('smtp_alert on')).toEqual([true, true, true]);
    expect(alerts('smtp_alert off\nsmtp_alert_vrrp')).toEqual([true, false, false]);
  });
});

describe('global_defs', () => {
  it('read time-outs, mail and identity', () => {
    const { configuration, diagnostics } = read(
      'global_defs {\nlvs_timeouts tcp 3600 udp 60\nsmtp_server mail.example.com 2525\nscript_user nobody nogroup\nenable_script_security\nvrrp_startup_delay 5\nnotification_email {\na@example.com b@example.com\nc@example.com }\n}\n',
      { hostName: 'lb1' },
    );
    expect(diagnostics).toEqual([]);
    expect(configuration).toMatchObject({
      timeouts: { tcp: 3_600_000_000, udp: 60_000_000 },
      mail: {
        server: 'mail.example.com',
        port: 2525,
        from: 'keepalived@lb1',
        recipients: ['a@example.com', 'b@example.com', 'c@example.com'],
      },
      scriptUser: 'nobody',
      scriptGroup: 'nogroup',
      scriptSecurity: true,
      startupDelay: 5_000_000,
    });
  });

  it.each([
    ['lvs_timeouts tcp', 'config/missing-value'],
    ['lvs_timeouts tcp 900 sctp 1', 'config/bad-value'],
    ['vrrp_mcast_group4 10.0.0.1', 'config/bad-address'],
    ['smtp_alert maybe', 'config/bad-value'],
    ['smtp_connect_timeout -1', 'config/out-of-range'],
  ])('%j is an error', (line, code) => {
    expect(codes(`global_defs {\n${line}\n}`)).toEqual([`2 error ${code}`]);
  });
});
