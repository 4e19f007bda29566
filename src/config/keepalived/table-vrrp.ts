/** vrrp_sync_group and vrrp_instance. */
import { address, block, choice, command, entries, flag, integer, type Keyword, leaf, named, none, seconds, word } from './keyword.ts';
import { ANY_SECONDS } from './table-global.ts';

const COUNT = integer(0, 0xffffffff);

const NOTIFY: readonly Keyword[] = [
  leaf('notify_master', command, 'Command on becoming MASTER.'),
  leaf('notify_backup', command, 'Command on becoming BACKUP.'),
  leaf('notify_fault', command, 'Command on going to FAULT.'),
  leaf('notify_stop', command, 'Command when the daemon stops.'),
  leaf('notify', command, 'Command on every change; gets INSTANCE or GROUP, the name, the state and the priority as further arguments.'),
  leaf('smtp_alert', flag, 'Mail on every change of state.', { default: 'smtp_alert of global_defs, else off' }),
];

const TRACKERS: readonly Keyword[] = [
  entries('track_interface', 'Interfaces whose failure means FAULT or changes the priority.'),
  entries('track_script', 'Scripts whose failure means FAULT or changes the priority.'),
  ...named('refused', 'track_file{} track_process{} track_bfd{}'),
];

export const VRRP_SYNC_GROUP = block('vrrp_sync_group', word('name'), 'Virtual routers that change state together.', [
  entries('group', 'The members.'),
  ...NOTIFY,
  ...TRACKERS,
  ...named('harmless', 'global_tracking sync_group_tracking_weight notify_priority_changes'),
]);

const ANNOUNCING: readonly Keyword[] = [
  leaf('garp_master_delay', ANY_SECONDS, 'Delay before the second burst of gratuitous ARP; 0 means no second burst.', {
    default: 'vrrp_garp_master_delay',
  }),
  leaf('garp_master_repeat', COUNT, 'Gratuitous ARPs in a burst.', { default: 'vrrp_garp_master_repeat' }),
  leaf('garp_master_refresh', ANY_SECONDS, 'Period of gratuitous ARP while MASTER.', { default: 'vrrp_garp_master_refresh' }),
  leaf('garp_master_refresh_repeat', COUNT, 'Gratuitous ARPs per period.', { default: 'vrrp_garp_master_refresh_repeat' }),
  leaf('garp_lower_prio_delay', ANY_SECONDS, 'Delay of the second burst after a lower-priority advertisement.', {
    default: 'vrrp_garp_lower_prio_delay',
  }),
  leaf('garp_lower_prio_repeat', COUNT, 'Gratuitous ARPs after a lower-priority advertisement.', {
    default: 'vrrp_garp_lower_prio_repeat',
  }),
];

const AUTHENTICATION = block('authentication', none, 'Password authentication of VRRP version 2 (sent in clear).', [
  leaf('auth_type', choice('PASS', 'AH'), 'PASS, a password of at most 8 bytes.', {
    required: 'Write auth_type PASS, or remove the block.',
  }),
  leaf('auth_pass', word('password'), 'The password.', { required: 'Write auth_pass and the password, or remove the block.' }),
]);

export const VRRP_INSTANCE = block('vrrp_instance', word('name'), 'A virtual router.', [
  leaf('state', choice('MASTER', 'BACKUP'), 'The state it would like to have. The election decides.', { default: 'BACKUP' }),
  leaf('interface', word('interface'), 'Where it speaks VRRP, and where its addresses go.', {
    required: 'Write interface and the name of a network interface.',
  }),
  leaf('virtual_router_id', integer(1, 255), 'The VRID, equal on all directors of this virtual router.', {
    required: 'Write virtual_router_id and a number from 1 to 255, the same on both directors.',
  }),
  leaf('version', integer(2, 3), 'VRRP version.', { default: 'vrrp_version' }),
  leaf('priority', integer(1, 255), 'Who has more is MASTER; 255 owns the addresses.', { default: '100' }),
  leaf('advert_int', seconds(0.01, 255), 'Time between advertisements, equal on all directors. Whole seconds in version 2.', {
    default: '1',
  }),
  AUTHENTICATION,
  entries('virtual_ipaddress', 'Addresses that move with the virtual router.'),
  entries('virtual_ipaddress_excluded', 'Addresses that move too but are not advertised.'),
  leaf('no_virtual_ipaddress', none, 'There are no addresses, on purpose.', { default: 'off' }),
  leaf('nopreempt', none, 'Do not take over from a living MASTER with lower priority.', { default: 'off' }),
  leaf('preempt', none, 'The opposite of nopreempt.', { default: 'on' }),
  leaf('preempt_delay', seconds(0, 1000), 'Wait this long before taking over from a lower priority.', { default: '0' }),
  leaf('dont_track_primary', none, 'The loss of its own interface is no FAULT.', { default: 'off' }),
  leaf('mcast_src_ip', address, 'Source of advertisements.', { default: 'the first address of the interface' }),
  leaf('mcast_dst_ip', word('multicast group'), 'Group that advertisements are sent to.', { default: 'vrrp_mcast_group4' }),
  leaf('accept', none, 'The MASTER answers on its addresses.', { default: 'on' }),
  ...ANNOUNCING,
  ...NOTIFY,
  ...TRACKERS,
  block('auth_hmac', none, 'HMAC-SHA256 on advertisements.', named('harmless', 'key active_key time_window anti_replay mode'), {
    support: 'refused',
  }),
  ...named(
    'refused',
    `unicast_peer{} use_vmac use_vmac_addr vmac_xmit_base use_ipvlan unicast_fault_no_peer native_ipv6 vrf
    virtual_routes{} virtual_rules{} no_accept strict_mode down_timer_adverts`,
  ),
  ...named(
    'harmless',
    `unicast_src_ip check_unicast_src old_unicast_checksum track_src_ip unicast_ttl promote_secondaries
    linkbeat_use_polling v3_checksum_as_v2 notify_deleted notify_master_rx_lower_pri notify_priority_changes
    lvs_sync_daemon_interface timer_expired_backup thread_timer_expired garp_extra_if vmac_garp_intvl lower_prio_no_advert
    higher_prio_send_advert owner_ignore_adverts`,
  ),
  ...named('cosmetic', 'skip_check_adv_addr debug kernel_rx_buf_size'),
]);
