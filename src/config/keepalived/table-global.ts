/** global_defs: mail, scripts, VRRP and LVS settings of the whole daemon. The rest of it is in table-process.ts. */
import {
  type ArgumentForm,
  block,
  choice,
  command,
  entries,
  flag,
  integer,
  type Keyword,
  LATER,
  leaf,
  line,
  multicast,
  none,
  optional,
  seconds,
  word,
  words,
} from './keyword.ts';
import { DUMPS, LANGUAGE, MANAGEMENT, PROCESSES } from './table-process.ts';

/** keepalived reads times as seconds with a fraction; this is its upper bound (the microseconds of a 32-bit second count). */
export const ANY_SECONDS: ArgumentForm = seconds(0, 4294.967295);
export const COUNT: ArgumentForm = integer(0, 0xffffffff);
/** A gap of 0 is written by leaving the keyword out. */
export const GAP: ArgumentForm = seconds(0.000001, 4294.967295);
export const USER: ArgumentForm = line([word('a user'), [word('a group')]]);
const FIFO: ArgumentForm = line([word('a path'), [word('a user')], [word('a group')]]);
const DELAY: ArgumentForm = seconds(0.001, 4294.967295);
const SCRIPT_TIME: ArgumentForm = integer(1, 1000, 'seconds');
const ALL: ArgumentForm = choice('all');
const TABLE_NAME: ArgumentForm = optional(word('a table'));
const INT32: ArgumentForm = integer(-2147483648, 2147483647);

/** A group of addresses is as many services here; with IPVS a mark makes one of them. */
const NO_MARKS = {
  support: 'cosmetic',
  reason: 'every member of a virtual_server_group is a service of its own, and needs no firewall mark',
} as const;

const MAIL: readonly Keyword[] = [
  leaf('router_id', word('a name'), 'Node label in mail subjects.', { default: 'the host name' }),
  entries('notification_email', 'Recipients of alert mail. Without any, no mail is sent.', { entry: words('mail addresses', 1, 1000) }),
  leaf('notification_email_from', word('a mail address'), 'From address of alert mail.', { default: 'keepalived@ and the host name' }),
  leaf('smtp_server', line([word('a host name or address'), [integer(1, 65535)]]), 'Relay that takes the alert mail (plain SMTP).', {
    default: '127.0.0.1 25',
  }),
  leaf('smtp_connect_timeout', GAP, 'How long the relay may take to answer.', { default: '30' }),
  leaf('smtp_helo_name', word('a name'), 'How the daemon introduces itself to the relay.', { tier: 2, default: 'the host name' }),
  leaf('smtp_alert', flag, 'Default for every smtp_alert of the file.', { default: 'on for real servers, off elsewhere' }),
  leaf('smtp_alert_vrrp', flag, 'Default for smtp_alert of virtual routers and sync groups.', { tier: 2, default: 'smtp_alert' }),
  leaf('smtp_alert_checker', flag, 'Default for smtp_alert of virtual and real servers.', { tier: 2, default: 'smtp_alert' }),
  leaf('no_email_faults', none, 'No mail for transitions to FAULT.', { tier: 3, default: 'off' }),
  leaf('no_checker_emails', flag, 'Mail only when a real server is really added or removed, not for each check.', {
    tier: 2,
    default: 'off',
  }),
];

const SCRIPTS: readonly Keyword[] = [
  leaf('script_user', USER, 'Identity under which every script runs.', { default: 'keepalived_script' }),
  leaf('enable_script_security', none, 'Refuse scripts that run as root and that others could alter.', { default: 'off' }),
  leaf('startup_script', command, 'Command run once, before everything else starts.', { tier: 2 }),
  leaf('startup_script_timeout', SCRIPT_TIME, 'How long the startup script may run before it is ended.', { tier: 3, default: '10' }),
  leaf('shutdown_script', command, 'Command run once, after everything else has ended.', { tier: 2 }),
  leaf('shutdown_script_timeout', SCRIPT_TIME, 'How long the shutdown script may run before it is ended.', { tier: 3, default: '10' }),
  leaf('notify_fifo', FIFO, 'Named pipe that gets a line for every event of virtual routers and services.', { tier: 2 }),
  leaf('notify_fifo_script', command, 'Program that reads that pipe; gets its path as last argument.', { tier: 2 }),
  leaf('vrrp_notify_fifo', FIFO, 'Named pipe for the events of virtual routers and sync groups only.', { tier: 2 }),
  leaf('vrrp_notify_fifo_script', command, 'Program that reads that pipe; gets its path as last argument.', { tier: 2 }),
  leaf('lvs_notify_fifo', FIFO, 'Named pipe for the events of virtual and real servers only.', { tier: 2 }),
  leaf('lvs_notify_fifo_script', command, 'Program that reads that pipe; gets its path as last argument.', { tier: 2 }),
  leaf('vrrp_notify_priority_changes', flag, 'Changes of priority are written to the pipes too.', { tier: 3, default: 'off' }),
  leaf('fifo_write_vrrp_states_on_reload', none, 'The pipes get the present states after a reload.', { tier: 3, default: 'off' }),
  leaf('rs_init_notifies', flag, 'Up notifications also for real servers that are there at start.', { tier: 2, default: 'off' }),
  leaf('use_symlink_paths', flag, 'Symbolic links in the paths of scripts are kept as they are written.', {
    since: LATER,
    tier: 3,
    default: 'off',
    support: 'cosmetic',
    reason: 'scripts are always run under the path that the file gives',
  }),
  leaf('set_supplementary_groups', flag, 'Scripts get all groups of their user, not only the one named.', {
    since: LATER,
    tier: 3,
    default: 'off',
    support: 'harmless',
    reason: 'scripts run with one group, named in the file or the first of their user',
  }),
];

const ANNOUNCING: readonly Keyword[] = [
  leaf('vrrp_garp_master_delay', ANY_SECONDS, 'Delay before the second burst of gratuitous ARP; 0 means no second burst.', {
    tier: 2,
    default: '5',
  }),
  leaf('vrrp_garp_master_repeat', COUNT, 'Gratuitous ARPs in a burst; 0 counts as 1.', { tier: 2, default: '5' }),
  leaf('vrrp_garp_master_refresh', ANY_SECONDS, 'Period of gratuitous ARP while MASTER; 0 means none.', { tier: 2, default: '0' }),
  leaf('vrrp_garp_master_refresh_repeat', COUNT, 'Gratuitous ARPs per period.', { tier: 2, default: '1' }),
  leaf('vrrp_garp_lower_prio_delay', ANY_SECONDS, 'Delay of the second burst after a lower-priority advertisement.', {
    tier: 3,
    default: 'vrrp_garp_master_delay',
  }),
  leaf('vrrp_garp_lower_prio_repeat', COUNT, 'Gratuitous ARPs after a lower-priority advertisement.', {
    tier: 3,
    default: 'vrrp_garp_master_repeat',
  }),
  leaf('vrrp_garp_interval', GAP, 'Gap between gratuitous ARPs on one interface.', { tier: 2, default: 'none' }),
  leaf('vrrp_gna_interval', GAP, 'Gap between unsolicited neighbour advertisements on one interface.', { tier: 2, default: 'none' }),
  leaf('vrrp_min_garp', flag, 'One gratuitous ARP and no second burst.', { tier: 2, default: 'off' }),
  leaf(
    'vrrp_garp_extra_if',
    line([[ALL], integer(1, 86400, 'seconds')]),
    'Period of announcements on the other interfaces that carry addresses: macvlans of ours, or all of them.',
    { tier: 3, default: 'none' },
  ),
  leaf('vrrp_vmac_garp_intvl', line([[ALL], integer(1, 86400, 'seconds')]), 'Old name of vrrp_garp_extra_if.', {
    tier: 3,
    aliasOf: 'vrrp_garp_extra_if',
    deprecated: 'Write vrrp_garp_extra_if.',
  }),
];

const VRRP: readonly Keyword[] = [
  leaf('vrrp_version', integer(2, 3), 'VRRP version of every virtual router over IPv4 that names none. Over IPv6 that is version 3.', {
    default: '2',
  }),
  leaf('vrrp_mcast_group4', multicast(4), 'IPv4 group that advertisements are sent to.', { tier: 3, default: '224.0.0.18' }),
  leaf('vrrp_mcast_group6', multicast(6), 'IPv6 group that advertisements are sent to.', { tier: 3, default: 'ff02::12' }),
  leaf(
    'vrrp_strict',
    flag,
    'RFC behaviour to the letter for every virtual router: no unicast, no passwords, no answers from the addresses unless owner.',
    {
      default: 'off',
    },
  ),
  leaf('vrrp_down_timer_adverts', integer(1, 100), 'Advertisements missed before the MASTER counts as gone.', { tier: 3, default: '3' }),
  leaf('vrrp_check_unicast_src', none, 'Unicast advertisements must come from a listed peer.', { tier: 2, default: 'off' }),
  leaf('vrrp_skip_check_adv_addr', flag, 'The address list of a MASTER that keeps advertising is not compared again.', { default: 'off' }),
  leaf('vrrp_lower_prio_no_advert', flag, 'A MASTER stays silent on a lower-priority advertisement.', {
    tier: 2,
    default: 'off, in strict mode on',
  }),
  leaf('vrrp_higher_prio_send_advert', flag, 'A MASTER that loses sends one more advertisement.', { tier: 3, default: 'off' }),
  leaf('vrrp_owner_ignore_adverts', flag, 'A MASTER of priority 255 ignores advertisements.', { since: LATER, tier: 3, default: 'off' }),
  leaf('v3_checksum_as_v2', flag, 'No pseudo-header in the checksum of version 3 over IPv4, as RFC 9568 and some vendors have it.', {
    tier: 2,
    default: 'off',
    since: LATER,
  }),
  leaf('vrrp_startup_delay', DELAY, 'Time after start in which no virtual router becomes MASTER.', { tier: 2, default: '0' }),
  leaf('vrrp_delay_after_boot', DELAY, 'Time after the boot of the host in which no virtual router becomes MASTER.', {
    tier: 3,
    default: '0',
    since: LATER,
  }),
  leaf('dynamic_interfaces', optional(choice('allow_if_changes')), 'Interfaces may be absent, and come and go.', {
    tier: 2,
    default: 'off',
  }),
  leaf('default_interface', word('an interface'), 'Interface of static addresses that name none.', { tier: 2, default: 'eth0' }),
  leaf('log_unknown_vrids', none, 'Advertisements with a VRID that is not configured are logged.', { tier: 3, default: 'off' }),
  leaf('vmac_prefix', word('a prefix', 8), 'Start of the names of generated macvlans.', { tier: 3, default: 'vrrp' }),
  leaf('vmac_addr_prefix', word('a prefix', 8), 'Start of the names of macvlans made for single addresses.', {
    tier: 3,
    default: 'vmac_prefix',
    support: 'cosmetic',
    reason: 'all generated macvlans are named after vmac_prefix',
  }),
  leaf('disable_local_igmp', none, 'No IGMP reports for 224.0.0.0/24.', {
    tier: 3,
    default: 'off',
    support: 'harmless',
    reason: 'IGMP is left to the kernel and its sysctl igmp_link_local_mcast_reports',
  }),
];

const FIREWALL: readonly Keyword[] = [
  leaf('nftables', TABLE_NAME, 'The nftables table for packets to addresses that are not accepted.', { tier: 2, default: 'keepalived' }),
  leaf('nftables_priority', INT32, 'Priority of the chains in that table.', { tier: 3, default: '-1' }),
  leaf('nftables_counters', none, 'The rules count packets.', { tier: 3, default: 'off' }),
  leaf('nftables_ifindex', none, 'Sets of IPv6 link-local addresses are keyed by interface number.', {
    tier: 3,
    default: 'on where possible',
    support: 'cosmetic',
    reason: 'the sets are keyed by interface name, which nft prints readably',
  }),
  leaf(
    'vrrp_iptables',
    line([[word('an input chain')], [word('an output chain')]]),
    'The iptables chains for packets to addresses that are not accepted.',
    {
      tier: 2,
      default: 'INPUT and OUTPUT when bare',
      support: 'harmless',
      reason: 'nftables does the same in a table of its own, without touching the chains of iptables',
    },
  ),
  leaf('vrrp_ipsets', words('up to six names of ipsets', 0, 6), 'Names of the ipsets to use with iptables.', {
    tier: 3,
    default: 'keepalived, keepalived6, …',
    support: 'harmless',
    reason: 'nftables does the same with sets of its own',
  }),
];

const LVS: readonly Keyword[] = [
  leaf(
    'lvs_timeouts',
    line(
      [],
      leaf('tcp', integer(0, 2678400, 'seconds'), 'Idle established TCP connections.', { default: '900' }),
      leaf('tcpfin', integer(0, 2678400, 'seconds'), 'TCP connections after a FIN.', { default: '120' }),
      leaf('udp', integer(0, 2678400, 'seconds'), 'Idle UDP connections.', { default: '300' }),
    ),
    'Connection time-outs of the data plane; 0 leaves one as it is.',
    { tier: 2, default: '900, 120 and 300 seconds' },
  ),
  leaf('lvs_flush', none, 'The table of services is emptied at start.', { tier: 2, default: 'off' }),
  leaf('lvs_flush_on_stop', optional(choice('VS')), 'The table of services is emptied at stop, at once.', { tier: 2, default: 'off' }),
  leaf('lvs_flush_onstop', optional(choice('VS')), 'Old name of lvs_flush_on_stop.', {
    tier: 3,
    aliasOf: 'lvs_flush_on_stop',
    deprecated: 'Write lvs_flush_on_stop.',
  }),
  leaf(
    'lvs_sync_daemon',
    line(
      [word('an interface'), [word('a virtual router')]],
      leaf('inst', word('a virtual router'), 'The virtual router whose state decides.', { tier: 2 }),
      leaf('id', integer(0, 255), 'Id of the synchronization group.', { tier: 2, default: 'the VRID, or 0' }),
      leaf('maxlen', integer(1, 65507, 'bytes'), 'Longest message.', { tier: 2 }),
      leaf('port', integer(1, 65535), 'UDP port.', { tier: 2, default: '8848' }),
      leaf('ttl', integer(1, 255), 'TTL of the messages.', { tier: 2, default: '1' }),
      leaf('group', multicast(), 'Multicast group.', { tier: 2, default: '224.0.0.81' }),
    ),
    'Synchronizes connections with another director.',
    {
      tier: 2,
      support: 'harmless',
      reason: 'this version does not synchronize connections, so established ones break when the other director takes over',
    },
  ),
  leaf('nftables_ipvs', TABLE_NAME, 'Every virtual_server_group gets one firewall mark, set in this nftables table.', {
    ...NO_MARKS,
    tier: 2,
    default: 'keepalived_ipvs when bare',
  }),
  leaf('nftables_ipvs_priority', INT32, 'Priority of the chain in that table.', { ...NO_MARKS, tier: 3, default: '-1' }),
  leaf('nftables_ipvs_start_fwmark', integer(1, 0xffffffff), 'First firewall mark handed out.', { ...NO_MARKS, tier: 3, default: '1000' }),
  leaf('checker_log_all_failures', flag, 'Every failed probe is logged, not only changes of state.', { tier: 2, default: 'off' }),
];

export const GLOBAL_DEFS = block('global_defs', none, 'Settings of the whole daemon.', [
  ...MAIL,
  ...SCRIPTS,
  ...VRRP,
  ...ANNOUNCING,
  ...FIREWALL,
  ...LVS,
  ...PROCESSES,
  ...DUMPS,
  ...LANGUAGE,
  ...MANAGEMENT,
]);
