import { describe, expect, it } from 'vitest';
import { codes, instance, read } from './lowering.test-helper.ts';

function configuration(globals: string, before = '') {
  return read(`${before}global_defs {\n${globals}\n}\n`).configuration;
}

describe('the daemon', () => {
  it('does without global_defs', () => {
    expect(read('').configuration).toMatchObject({
      childWaitTime: 5_000_000,
      delayAfterBoot: 0,
      dynamicInterfaces: false,
      flushAtStart: false,
      vrrpProcess: { cpus: [] },
      firewall: { table: 'keepalived', chainPriority: -1, counters: false },
      dumps: { jsonVersion: 1, useInstance: false },
    });
  });

  it.each([
    [
      'startup_script "/bin/up now" bob :ops',
      { startupScript: { command: { argv: ['/bin/up', 'now'], user: 'bob', group: 'ops' }, timeout: 10_000_000 } },
    ],
    [
      'shutdown_script /bin/down\nshutdown_script_timeout 1000',
      { shutdownScript: { command: { argv: ['/bin/down'] }, timeout: 1_000_000_000 } },
    ],
    ['startup_script </bin/up', { startupScript: { command: { argv: ['/bin/up'] }, timeout: 10_000_000 } }],
    [
      'notify_fifo /run/all bob ops\nnotify_fifo_script /bin/reader',
      { notifyFifo: { path: '/run/all', user: 'bob', group: 'ops', reader: { argv: ['/bin/reader'] } } },
    ],
    [
      'vrrp_notify_fifo /run/vrrp\nlvs_notify_fifo /run/lvs bob',
      { vrrpNotifyFifo: { path: '/run/vrrp' }, lvsNotifyFifo: { path: '/run/lvs', user: 'bob' } },
    ],
    ['vrrp_priority -5\nvrrp_rt_priority 50\nvrrp_cpu_affinity 0 2', { vrrpProcess: { nice: -5, realTimePriority: 50, cpus: [0, 2] } }],
    ['checker_rt_priority 1\nbfd_priority 19', { checkerProcess: { realTimePriority: 1, cpus: [] }, bfdProcess: { nice: 19, cpus: [] } }],
    ['vrrp_startup_delay 5.5\nvrrp_delay_after_boot 30', { startupDelay: 5_500_000, delayAfterBoot: 30_000_000 }],
    [
      'dynamic_interfaces allow_if_changes\nlog_unknown_vrids\nfifo_write_vrrp_states_on_reload',
      { dynamicInterfaces: true, logUnknownVrids: true, fifoStatesOnReload: true },
    ],
    [
      'state_dump_file /a\nstats_dump_file /b\njson_dump_file /c\njson_version 2\ndata_use_instance',
      { dumps: { stateFile: '/a', statsFile: '/b', jsonFile: '/c', jsonVersion: 2, useInstance: true } },
    ],
    ['nftables mine\nnftables_priority -7\nnftables_counters', { firewall: { table: 'mine', chainPriority: -7, counters: true } }],
    ['nftables', { firewall: { table: 'keepalived', chainPriority: -1, counters: false } }],
    ['nftables_ipvs', { groupMarks: { table: 'keepalived_ipvs', chainPriority: -1, firstMark: 1000 } }],
    [
      'nftables_ipvs mine\nnftables_ipvs_priority 3\nnftables_ipvs_start_fwmark 7',
      { groupMarks: { table: 'mine', chainPriority: 3, firstMark: 7 } },
    ],
    ['lvs_flush\nlvs_flush_onstop VS\nrs_init_notifies', { flushAtStart: true, flushAtStop: true, initialNotifies: true }],
    ['reload_check_config /var/log/check', { reloadCheckLog: '/var/log/check' }],
    ['no_email_faults\nno_checker_emails', { mail: { noFaults: true, noCheckerMail: true } }],
    ['lvs_timeouts tcp 0 udp 60', { timeouts: { udp: 60_000_000 } }],
  ])('%j', (lines, expected) => {
    expect(configuration(lines)).toMatchObject(expected);
  });

  it('reads the words at the top of the file', () => {
    expect(read('instance blue\nnet_namespace lb\nchild_wait_time 9\n').configuration).toMatchObject({
      instance: 'blue',
      networkNamespace: 'lb',
      childWaitTime: 9_000_000,
    });
  });

  it('knows how connections would be synchronized', () => {
    const sync = (line: string) => configuration(`lvs_sync_daemon ${line}`, instance('')).syncDaemon;
    const text = (line: string) => {
      const { group, ...rest } = sync(line) ?? {};
      return { group: group?.toString(), ...rest };
    };
    expect(text('eth1')).toEqual({ group: '224.0.0.81', interface: 'eth1', id: 0, port: 8848, ttl: 1 });
    expect(text('eth1 V id 7 maxlen 1400 port 9000 ttl 3 group 224.0.0.82')).toEqual({
      group: '224.0.0.82',
      interface: 'eth1',
      router: 'V',
      id: 7,
      maxLength: 1400,
      port: 9000,
      ttl: 3,
    });
    expect(text('eth1 inst V')).toMatchObject({ router: 'V', id: 1 });
    expect(codes(`global_defs {\nlvs_sync_daemon eth1 X\n}`)).toEqual([
      '2 warning config/not-acted-on',
      '2 error config/unknown-reference',
    ]);
  });

  it.each([
    ['notify_fifo /run/f\nvrrp_notify_fifo /run/f', ['3 error config/duplicate-name']],
    ['vrrp_cpu_affinity 0 x', ['2 error config/bad-value']],
    ['vrrp_priority 20', ['2 error config/out-of-range']],
    ['vrrp_garp_extra_if all 86401', ['2 error config/out-of-range']],
    ['vrrp_garp_extra_if', ['2 error config/missing-value']],
    ['dynamic_interfaces bogus', ['2 error config/bad-value']],
    ['smtp_server mail 70000', ['2 error config/out-of-range']],
    ['umask IRGRP|bogus', ['2 warning config/not-acted-on', '2 error config/bad-value']],
    ['vrrp_rx_bufs_policy MTV', ['2 info config/not-acted-on', '2 error config/bad-value']],
    ['vrrp_garp_master_repeat 0', ['2 warning config/unusual-value']],
    ['enable_dbus', ['2 warning config/not-acted-on']],
    ['process_names', ['2 info config/not-acted-on']],
    ['enable_snmp_keepalived', ['2 warning config/not-acted-on']],
    ['snmp_vs_stats_update_interval 31', ['2 warning config/not-acted-on', '2 error config/out-of-range']],
    ['vrrp_vmac_garp_intvl 5', ['2 info config/deprecated-keyword']],
  ])('what is said of %j: %j', (lines, expected) => {
    expect(codes(`global_defs {\n${lines}\n}\n`)).toEqual(expected);
  });

  it('is told once of a block that is not acted on, and still what is wrong in it', () => {
    expect(codes('linkbeat_interfaces {\neth0 MII\n}\n')).toEqual(['1 warning config/not-acted-on']);
  });
});
