/** Keywords about the processes themselves: how they run, what they write, how they are managed. */
import {
  type ArgumentForm,
  choice,
  flag,
  integer,
  type Keyword,
  type KeywordOptions,
  LATER,
  leaf,
  line,
  none,
  optional,
  patternWord,
  seconds,
  word,
  words,
} from './keyword.ts';

const BYTES: ArgumentForm = integer(0, 0x7fffffff, 'bytes');
/** Octal, decimal or hexadecimal, or `IWGRP|IWOTH`. */
const UMASK = /^(\d+|0x[0-9a-fA-F]+|I[RWX](USR|GRP|OTH)(\|I[RWX](USR|GRP|OTH))*)$/;
const PATH: ArgumentForm = word('a path');

function processName(name: string, what: string, usual: string, alias?: string): Keyword {
  return leaf(name, word('a name'), alias === undefined ? `Name of ${what} in process lists.` : `Old name of ${alias}.`, {
    tier: 3,
    default: usual,
    support: 'cosmetic',
    reason: 'the processes keep their own names',
    ...(alias !== undefined && { aliasOf: alias, deprecated: `Write ${alias}.` }),
  });
}

/** The settings that keepalived has once for each of its three children. */
function scheduling(prefix: string, what: string, standing: Pick<KeywordOptions, 'support' | 'reason'> = {}): Keyword[] {
  const rlimit = {
    tier: 3,
    default: '10000',
    support: 'cosmetic',
    reason: 'the process waits for events all the time, and no limit on uninterrupted real-time work is set',
  } as const;
  return [
    leaf(`${prefix}_priority`, integer(-20, 19), `Nice value of ${what}.`, { tier: 3, default: '0', ...standing }),
    leaf(`${prefix}_no_swap`, none, `The memory of ${what} is never swapped out.`, {
      tier: 3,
      default: 'off',
      support: 'harmless',
      reason: 'the memory of a JavaScript engine cannot be locked without locking its whole reserve',
    }),
    leaf(`${prefix}_rt_priority`, integer(1, 99), `Real-time priority (SCHED_RR) of ${what}.`, {
      tier: 2,
      default: 'none',
      ...standing,
    }),
    leaf(`${prefix}_cpu_affinity`, words('numbers of processors', 1, 1024), `Processors that ${what} may run on.`, {
      tier: 3,
      default: 'all',
      ...standing,
    }),
    leaf(`${prefix}_rlimit_rttime`, integer(2, 0xffffffff, 'microseconds'), `Longest stretch of real-time work of ${what}.`, rlimit),
    leaf(`${prefix}_rlimit_rtime`, integer(2, 0xffffffff, 'microseconds'), `Old name of ${prefix}_rlimit_rttime.`, {
      ...rlimit,
      aliasOf: `${prefix}_rlimit_rttime`,
      deprecated: `Write ${prefix}_rlimit_rttime.`,
    }),
  ];
}

function receiveBuffer(name: string, what: string): Keyword[] {
  const shared = {
    tier: 3,
    support: 'cosmetic',
    reason: 'a full buffer is noticed, and the state is then read anew from the kernel',
  } as const;
  return [
    leaf(name, BYTES, `Receive buffer of ${what}.`, { ...shared, default: "the kernel's" }),
    leaf(`${name}_force`, flag, 'That buffer may be larger than the kernel allows everybody.', { ...shared, default: 'off' }),
  ];
}

export const PROCESSES: readonly Keyword[] = [
  ...scheduling('vrrp', 'the process that speaks VRRP'),
  ...scheduling('checker', 'the process that checks real servers'),
  ...scheduling('bfd', 'the process that speaks BFD', {
    support: 'cosmetic',
    reason: 'BFD is spoken by the thread that speaks VRRP, as the settings of that one say',
  }),
  leaf(
    'max_auto_priority',
    optional(integer(-1, 99)),
    'How far the daemon may raise its own real-time priority when its timers run late.',
    {
      tier: 2,
      default: '0, which is off',
      support: 'harmless',
      reason: 'the priority is what vrrp_rt_priority says from the start; late timers are reported and judged as a pause',
    },
  ),
  leaf('min_auto_priority_delay', integer(1, 10_000_000, 'microseconds'), 'How late a timer must be for that.', {
    tier: 3,
    default: '1000000',
    support: 'harmless',
    reason: 'the priority is what vrrp_rt_priority says from the start',
  }),
  leaf('process_names', none, 'Each process gets its usual name.', {
    tier: 3,
    default: 'off',
    support: 'cosmetic',
    reason: 'the processes keep their own names',
  }),
  processName('process_name', 'the parent process', 'keepalived'),
  processName('vrrp_process_name', 'the process that speaks VRRP', 'keepalived_vrrp'),
  processName('checker_process_name', 'the process that checks real servers', 'keepalived_ipvs'),
  processName('lvs_process_name', 'the process that checks real servers', 'keepalived_ipvs', 'checker_process_name'),
  processName('bfd_process_name', 'the process that speaks BFD', 'keepalived_bfd'),
  ...receiveBuffer('vrrp_netlink_cmd_rcv_bufs', 'the netlink socket for commands'),
  ...receiveBuffer('vrrp_netlink_monitor_rcv_bufs', 'the netlink socket for events'),
  ...receiveBuffer('lvs_netlink_cmd_rcv_bufs', "the checking process's netlink socket for commands"),
  ...receiveBuffer('lvs_netlink_monitor_rcv_bufs', "the checking process's netlink socket for events"),
  ...receiveBuffer('process_monitor_rcv_bufs', 'the socket for process events'),
  leaf('vrrp_rx_bufs_policy', line([[choice('MTU', 'ADVERT')], [BYTES]]), 'How the receive buffers for advertisements are sized.', {
    tier: 3,
    default: "the system's",
    support: 'cosmetic',
    reason: "the receive buffers have the system's size",
  }),
  leaf('vrrp_rx_bufs_multiplier', integer(1, 0xffffffff), 'Factor of that policy.', {
    tier: 3,
    default: '3',
    support: 'cosmetic',
    reason: "the receive buffers have the system's size",
  }),
];

export const DUMPS: readonly Keyword[] = [
  leaf('state_dump_file', PATH, 'Where the state is written on SIGUSR1.', { tier: 3, default: '/tmp/keepalived.data', since: LATER }),
  leaf('stats_dump_file', PATH, 'Where the counters are written on SIGUSR2.', { tier: 3, default: '/tmp/keepalived.stats', since: LATER }),
  leaf('json_dump_file', PATH, 'Where state and counters are written as JSON.', { tier: 3, default: '/tmp/keepalived.json', since: LATER }),
  leaf('json_version', integer(1, 2), 'Form of that JSON: an array, or an object with two of them.', {
    since: LATER,
    tier: 2,
    default: '1',
  }),
  leaf('data_use_instance', flag, 'The names of dumps carry the names of instance and namespace.', { tier: 3, default: 'off' }),
  leaf('umask', patternWord('a number, or permission bits with | between', UMASK, 'IWGRP|IWOTH'), 'Permissions that files do not get.', {
    tier: 3,
    default: 'IWGRP|IWOTH',
    support: 'harmless',
    reason: 'dumps are readable by their owner alone, and pipes have the owner that the file names',
  }),
];

export const LANGUAGE: readonly Keyword[] = [
  leaf('random_seed', integer(0, 0xffffffff), 'Start of the random numbers of the parameter _RANDOM.', {
    tier: 3,
    default: 'another one each time',
  }),
  leaf(
    'include_check',
    words('read, match, wildcard_match, brace_match, each perhaps after + or -', 0, 4),
    'Which problems of includes are errors.',
    {
      tier: 2,
      default: 'none',
      repeatable: true,
    },
  ),
  leaf(
    'reload_check_config',
    optional(word('a log file')),
    'The new configuration is tested before a reload, which vipwright always does.',
    {
      tier: 2,
      default: 'off',
    },
  ),
  leaf('iproute_usr_dir', word('a directory'), 'Where the names of routing tables and protocols come from, after iproute_etc_dir.', {
    tier: 3,
    default: '/usr/share/iproute2',
    since: LATER,
  }),
  leaf('iproute_etc_dir', word('a directory'), 'Where the names of routing tables and protocols are looked for first.', {
    tier: 3,
    default: '/etc/iproute2',
    since: LATER,
  }),
  leaf('tmp_config_directory', word('a directory'), 'Where the consolidated copy of the configuration is kept.', {
    tier: 3,
    default: 'memory',
    support: 'cosmetic',
    reason: 'the files are read once, and no copy is made',
  }),
  leaf('config_save_dir', word('a directory'), 'Where copies of configuration and state are kept at every reload.', {
    tier: 3,
    default: 'none',
    support: 'harmless',
    reason: 'a reload logs what it changes, and vipwright config diff shows it beforehand',
  }),
  leaf('reload_time_file', word('an absolute path'), 'File with the time of a reload to come.', {
    tier: 3,
    default: 'none',
    support: 'harmless',
    reason: 'reloads are not scheduled; let cron or a systemd timer send SIGHUP',
  }),
  leaf('reload_repeat', none, 'That reload comes every day.', {
    tier: 3,
    default: 'off',
    support: 'harmless',
    reason: 'reloads are not scheduled; let cron or a systemd timer send SIGHUP',
  }),
  leaf('reload_file', optional(word('an absolute path')), 'File that is there while the configuration is being read.', {
    tier: 3,
    default: 'keepalived.reload in the directory of pid files',
    support: 'harmless',
    reason: 'the files are read in one go at the signal; write new ones under another name and rename them',
  }),
];

const NO_SNMP = 'there is no SNMP agent; the API has the same numbers, also for Prometheus';
const NO_DBUS = 'there is no D-Bus service; the API and its stream of events tell the same';

function management(name: string, form: ArgumentForm, doc: string, tier: 2 | 3, reason: string, defaultText = 'off'): Keyword {
  return leaf(name, form, doc, { tier, default: defaultText, support: 'harmless', reason });
}

export const MANAGEMENT: readonly Keyword[] = [
  management('snmp_socket', word('a transport'), 'Where the SNMP master agent listens.', 2, NO_SNMP, 'unix:/var/agentx/master'),
  management('enable_traps', none, 'SNMP traps are sent.', 2, NO_SNMP),
  management('enable_snmp_vrrp', none, 'The VRRP part of the keepalived MIB is served.', 2, NO_SNMP),
  leaf('enable_snmp_keepalived', none, 'Old name of enable_snmp_vrrp.', {
    tier: 3,
    aliasOf: 'enable_snmp_vrrp',
    deprecated: 'Write enable_snmp_vrrp.',
    support: 'harmless',
    reason: NO_SNMP,
  }),
  management('enable_snmp_rfc', none, 'The MIBs of RFC 2787 and RFC 6527 are served.', 3, NO_SNMP),
  management('enable_snmp_rfcv2', none, 'The MIB of RFC 2787 is served.', 3, NO_SNMP),
  management('enable_snmp_rfcv3', none, 'The MIB of RFC 6527 is served.', 3, NO_SNMP),
  management('enable_snmp_checker', none, 'The part of the keepalived MIB about virtual and real servers is served.', 2, NO_SNMP),
  management('snmp_vs_stats_update_interval', seconds(0.001, 30), 'Greatest age of counters of virtual servers.', 3, NO_SNMP, '5'),
  management(
    'snmp_rs_stats_update_interval',
    seconds(0.001, 30),
    'Greatest age of counters of real servers.',
    3,
    NO_SNMP,
    'snmp_vs_stats_update_interval',
  ),
  management('enable_dbus', none, 'The D-Bus service is published.', 3, NO_DBUS),
  management('dbus_service_name', word('a name'), 'Name of the D-Bus service.', 3, NO_DBUS, 'org.keepalived.Vrrp1'),
  management('dbus_no_interface_name', word('a name'), 'Part of the path for virtual routers without an interface.', 3, NO_DBUS, 'none'),
];

/** Words that stand alone at the top of a file. */
export const TOP_LEVEL_WORDS: readonly Keyword[] = [
  leaf('net_namespace', word('a namespace'), 'Everything runs in this network namespace.', {
    tier: 2,
    default: 'that of the daemon',
  }),
  leaf('net_namespace_ipvs', optional(word('a namespace')), 'Network namespace of the services, the checks staying in the other one.', {
    tier: 3,
    default: 'net_namespace',
    support: 'refused',
    reason: 'the packet path works in the network namespace of the daemon',
  }),
  leaf('namespace_with_ipsets', none, 'Allows ipsets in a network namespace on kernels before 3.13.', {
    tier: 3,
    default: 'off',
    support: 'cosmetic',
    reason: 'nftables is used, and no ipsets',
  }),
  leaf('use_pid_dir', none, 'Pid files lie in a directory of their own.', {
    tier: 3,
    default: 'off',
    support: 'cosmetic',
    reason: 'where pid files lie is said on the command line',
  }),
  leaf('instance', word('a name'), 'Label of this daemon among several on the host.', { tier: 2, default: 'none' }),
  leaf('child_wait_time', integer(0, 0xffffffff, 'seconds'), 'How long a stop may take before it is forced.', { tier: 2, default: '5' }),
  leaf('linkbeat_use_polling', none, 'The state of links is polled.', {
    tier: 3,
    default: 'off',
    support: 'harmless',
    reason: 'the kernel reports the state of links by netlink as it changes',
  }),
];
