import { describe, expect, it } from 'vitest';
import { codes, instance, NO_TRACKERS, read, router } from './lowering.test-helper.ts';

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

  it('take gratuitous ARP settings from global_defs', () => {
    const text = `global_defs {\nvrrp_garp_master_repeat 2\nvrrp_garp_master_delay 1.5\nvrrp_garp_master_refresh 60\n}\n${instance('garp_master_repeat 0')}`;
    expect(read(text).configuration.routers[0]?.garp).toEqual({
      repeat: 1,
      secondBurstDelay: 1_500_000,
      refresh: 60_000_000,
      refreshRepeat: 1,
      lowerPriorityRepeat: 2,
      lowerPriorityDelay: 1_500_000,
      extraInterfaces: { period: 0, all: false },
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

  it('read what is rarely asked for', () => {
    expect(router('notify_deleted\nnotify_master_rx_lower_pri /bin/lower')?.notify).toEqual({
      deleted: true,
      lowerPriorityHeard: { argv: ['/bin/lower'] },
    });
    expect(router('notify_deleted "/bin/gone now" bob')?.notify).toEqual({ deleted: { argv: ['/bin/gone', 'now'], user: 'bob' } });
    expect(router('promote_secondaries\ndont_track_primary\ngarp_extra_if all 100')).toMatchObject({
      promoteSecondaries: true,
      trackPrimary: false,
      garp: { extraInterfaces: { period: 100_000_000, all: true } },
    });
    expect(router('unicast_peer {\nfd00::2\n}')).toMatchObject({ family: 6, version: 3 });
  });

  it('report the loopback interface', () => {
    expect(codes(instance('').replace('eth0', 'lo'))).toEqual(['2 error config/bad-value']);
  });

  it('report missing addresses', () => {
    expect(codes(instance('virtual_ipaddress {\n}').replace('no_virtual_ipaddress\n', ''))).toEqual(['1 warning config/no-address']);
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
      {
        name: 'G',
        members: ['V', 'W'],
        notify: {},
        notifyPriorityChanges: false,
        smtpAlert: true,
        globalTracking: false,
        trackingWeight: false,
        ...NO_TRACKERS,
      },
    ]);
    expect(codes(group('V W') + two)).toEqual([]);
    expect(codes(group('V') + two)).toEqual(['1 warning config/one-member-group']);
    expect(codes(group('V\nX') + two)).toEqual(['4 error config/unknown-reference']);
    expect(codes(group('V\nV') + two)).toEqual(['4 error config/two-groups']);
    expect(codes(group('') + two)).toEqual(['1 error config/missing-keyword']);
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
    ['lvs_timeouts tcp', 'config/incomplete-line'],
    ['lvs_timeouts', 'config/incomplete-line'],
    ['vrrp_mcast_group4 10.0.0.1', 'config/bad-address'],
    ['smtp_alert maybe', 'config/bad-value'],
    ['smtp_connect_timeout -1', 'config/out-of-range'],
  ])('%j is an error', (line, code) => {
    expect(codes(`global_defs {\n${line}\n}`)).toEqual([`2 error ${code}`]);
  });
});
