/** global_defs and the words that stand alone at the top of a file. */
import {
  type ArgumentForm,
  block,
  entries,
  flag,
  integer,
  type Keyword,
  leaf,
  named,
  none,
  plainCommand,
  seconds,
  word,
  words,
} from './keyword.ts';

/** keepalived reads times as seconds with a fraction; this is its upper bound (the microseconds of a 32-bit second count). */
export const ANY_SECONDS: ArgumentForm = seconds(0, 4294);
const COUNT = integer(0, 0xffffffff);

const MAIL: readonly Keyword[] = [
  leaf('router_id', word('name'), 'Node label in mail subjects.', { default: 'the host name' }),
  entries('notification_email', 'Recipients of alert mail. Without any, no mail is sent.'),
  leaf('notification_email_from', word('mail address'), 'From address of alert mail.', { default: 'keepalived@ and the host name' }),
  leaf('smtp_server', words('a host name or address, then perhaps a port', 1, 2), 'Relay that takes the alert mail (plain SMTP).', {
    default: '127.0.0.1 25',
  }),
  leaf('smtp_connect_timeout', seconds(0.000001, 4294), 'How long the relay may take to answer.', { default: '30' }),
  leaf('smtp_helo_name', word('name'), 'How the daemon introduces itself to the relay.', { default: 'the host name' }),
  leaf('smtp_alert', flag, 'Default for every smtp_alert of the file.', { default: 'on for real servers, off elsewhere' }),
  leaf('smtp_alert_vrrp', flag, 'Default for smtp_alert of virtual routers and sync groups.', { default: 'smtp_alert' }),
  leaf('smtp_alert_checker', flag, 'Default for smtp_alert of virtual and real servers.', { default: 'smtp_alert' }),
];

const SCRIPTS: readonly Keyword[] = [
  leaf('script_user', words('a user, then perhaps a group', 1, 2), 'Identity under which every script runs.', {
    default: 'keepalived_script',
  }),
  leaf('enable_script_security', none, 'Refuse scripts that run as root and that others could alter.', { default: 'off' }),
];

const VRRP: readonly Keyword[] = [
  leaf('vrrp_version', integer(2, 3), 'VRRP version of every virtual router that names none.', { default: '2' }),
  leaf('vrrp_mcast_group4', word('multicast group'), 'Group that advertisements are sent to.', { default: '224.0.0.18' }),
  leaf('vrrp_garp_master_delay', ANY_SECONDS, 'Delay before the second burst of gratuitous ARP; 0 means no second burst.', {
    default: '5',
  }),
  leaf('vrrp_garp_master_repeat', COUNT, 'Gratuitous ARPs in a burst.', { default: '5' }),
  leaf('vrrp_garp_master_refresh', ANY_SECONDS, 'Period of gratuitous ARP while MASTER; 0 means none.', { default: '0' }),
  leaf('vrrp_garp_master_refresh_repeat', COUNT, 'Gratuitous ARPs per period.', { default: '1' }),
  leaf('vrrp_garp_lower_prio_delay', ANY_SECONDS, 'Delay of the second burst after a lower-priority advertisement.', {
    default: 'vrrp_garp_master_delay',
  }),
  leaf('vrrp_garp_lower_prio_repeat', COUNT, 'Gratuitous ARPs after a lower-priority advertisement.', {
    default: 'vrrp_garp_master_repeat',
  }),
  leaf('vrrp_min_garp', flag, 'One gratuitous ARP and no second burst.', { default: 'off' }),
  leaf('vrrp_startup_delay', seconds(0.001, 4294), 'Time after start in which no virtual router becomes MASTER.', { default: '0' }),
];

export const GLOBAL_DEFS = block('global_defs', none, 'Settings of the whole daemon.', [
  ...MAIL,
  ...SCRIPTS,
  ...VRRP,
  leaf('lvs_timeouts', words('tcp, tcpfin or udp, each with seconds', 2, 6), 'Connection time-outs of the data plane.', {
    default: '900, 120 and 300 seconds',
  }),
  ...named(
    'refused',
    `vrrp_strict vrrp_down_timer_adverts startup_script shutdown_script notify_fifo notify_fifo_script
    vrrp_notify_fifo vrrp_notify_fifo_script lvs_notify_fifo lvs_notify_fifo_script`,
  ),
  ...named(
    'harmless',
    `startup_script_timeout shutdown_script_timeout max_auto_priority min_auto_priority_delay dynamic_interfaces
    no_email_faults default_interface disable_local_igmp v3_checksum_as_v2 lvs_sync_daemon vrrp_mcast_group6 vrrp_garp_interval
    vrrp_gna_interval vrrp_garp_extra_if vrrp_vmac_garp_intvl vrrp_lower_prio_no_advert vrrp_higher_prio_send_advert vrrp_iptables
    vrrp_ipsets nftables nftables_priority nftables_ifindex vrrp_check_unicast_src vrrp_priority vrrp_no_swap vrrp_rt_priority
    vrrp_cpu_affinity vrrp_rlimit_rttime vrrp_rlimit_rtime nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark
    nftables_counters vrrp_notify_priority_changes fifo_write_vrrp_states_on_reload checker_priority checker_no_swap
    checker_rt_priority checker_cpu_affinity checker_rlimit_rttime checker_rlimit_rtime bfd_priority bfd_no_swap bfd_rt_priority
    bfd_cpu_affinity bfd_rlimit_rttime bfd_rlimit_rtime snmp_socket enable_traps enable_snmp_vrrp enable_snmp_keepalived
    enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_checker snmp_vs_stats_update_interval
    snmp_rs_stats_update_interval enable_dbus dbus_service_name dbus_no_interface_name rs_init_notifies no_checker_emails
    vrrp_delay_after_boot vrrp_owner_ignore_adverts vmac_prefix vmac_addr_prefix umask reload_time_file reload_repeat reload_file
    include_check config_save_dir tmp_config_directory data_use_instance json_version iproute_usr_dir iproute_etc_dir
    state_dump_file stats_dump_file json_dump_file use_symlink_paths set_supplementary_groups`,
  ),
  ...named(
    'cosmetic',
    `process_names process_name vrrp_process_name checker_process_name lvs_process_name bfd_process_name
    checker_log_all_failures lvs_flush lvs_flush_on_stop lvs_flush_onstop vrrp_skip_check_adv_addr vrrp_netlink_cmd_rcv_bufs
    vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs
    process_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs
    lvs_netlink_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier log_unknown_vrids random_seed
    reload_check_config`,
  ),
]);

const TRACK_FILE_WORDS = named('harmless', 'file weight init_file');

/** What may stand at the top besides the blocks that have a table of their own. */
export const TOP_LEVEL_OTHERS: readonly Keyword[] = [
  ...named('refused', 'net_namespace net_namespace_ipvs static_ipaddress{} static_routes{} static_rules{} virtual_server_group{}'),
  ...named('harmless', 'linkbeat_use_polling linkbeat_interfaces{} interface_up_down_delays{} instance child_wait_time'),
  ...named('cosmetic', 'namespace_with_ipsets use_pid_dir'),
  block('track_group', word('name'), 'Virtual routers that follow static addresses.', named('harmless', 'group{}'), { support: 'refused' }),
  block(
    'garp_group',
    none,
    'Rate limits of gratuitous ARP shared by interfaces.',
    named('harmless', 'garp_interval gna_interval interface interfaces{}'),
    { support: 'harmless' },
  ),
  block('SSL', none, 'TLS material of SSL_GET.', named('harmless', 'password ca certificate key'), { support: 'harmless' }),
  block(
    'bfd_instance',
    word('name'),
    'A BFD session (RFC 5880).',
    named(
      'harmless',
      'source_ip neighbor_ip neighbour_ip min_rx min_tx idle_tx multiplier passive ttl hoplimit max_hops multihop weight vrrp checker',
    ),
    { support: 'refused' },
  ),
  block('track_file', word('name'), 'A file whose number drives priorities.', TRACK_FILE_WORDS, { support: 'harmless' }),
  block('vrrp_track_file', word('name'), 'Old name of track_file.', TRACK_FILE_WORDS, { support: 'harmless' }),
  block(
    'vrrp_track_process',
    word('name'),
    'Watches running processes.',
    named('harmless', 'process param_match weight quorum quorum_max delay terminate_delay fork_delay full_command'),
    { support: 'harmless' },
  ),
];

export const VRRP_SCRIPT = block('vrrp_script', word('name'), 'A command run again and again, whose exit status virtual routers track.', [
  leaf('script', plainCommand, 'The command. Exit status 0 is success.', { required: 'Write script and the command to run.' }),
  leaf('interval', seconds(0.001, 4294), 'Time from one run to the next.', { default: '1' }),
  leaf('timeout', seconds(0.001, 4294), 'The run is ended and counts as failed after this long.', { default: 'interval' }),
  leaf('weight', words('-253 to 253, then perhaps reverse', 1, 2), 'Change of priority; 0 means that a failure is a FAULT.', {
    default: '0',
  }),
  leaf('rise', integer(1, 0x7fffffff), 'Successes needed to count as up.', { default: '1' }),
  leaf('fall', integer(1, 0x7fffffff), 'Failures needed to count as down.', { default: '1' }),
  leaf('user', words('a user, then perhaps a group', 1, 2), 'Identity of this script.', { default: 'script_user' }),
  leaf('init_fail', none, 'Counts as failed until the first success.', { default: 'off' }),
]);
