/** vrrp_sync_group and vrrp_instance. */
import {
  type ArgumentForm,
  address,
  block,
  choice,
  command,
  entries,
  flag,
  integer,
  type Keyword,
  LATER,
  type LineForm,
  leaf,
  line,
  multicast,
  none,
  optional,
  seconds,
  word,
  words,
} from './keyword.ts';
import { ANY_SECONDS, COUNT } from './table-global.ts';
import { ROUTE_LINE, RULE_LINE, VIRTUAL_ADDRESS_LINE } from './table-lines.ts';
import { TRACKERS } from './table-track.ts';

const EXTRA: ArgumentForm = line([[choice('all')], integer(0, 86400, 'seconds')]);

export const UNICAST_PEER_LINE: LineForm = line(
  [address],
  leaf('min_ttl', integer(0, 255), 'Least TTL of what comes from the peer.', { default: 'any' }),
  leaf('max_ttl', integer(0, 255), 'Greatest TTL of what comes from the peer.', { default: 'any' }),
);

const NOTIFY: readonly Keyword[] = [
  leaf('notify_master', command, 'Command on becoming MASTER.'),
  leaf('notify_backup', command, 'Command on becoming BACKUP.'),
  leaf('notify_fault', command, 'Command on going to FAULT.'),
  leaf('notify_stop', command, 'Command when the daemon stops; it has a second.'),
  leaf('notify', command, 'Command on every change; gets INSTANCE or GROUP, the name, the state and the priority as further arguments.'),
  leaf('smtp_alert', flag, 'Mail on every change of state.', { default: 'smtp_alert of global_defs, else off' }),
  leaf('notify_priority_changes', flag, 'Changes of priority are written to the notify pipes.', {
    tier: 3,
    default: 'vrrp_notify_priority_changes',
  }),
];

export const VRRP_SYNC_GROUP = block('vrrp_sync_group', word('a name'), 'Virtual routers that change state together.', [
  entries('group', 'The members; a virtual router is in one group at most.', { entry: words('names of vrrp_instance blocks', 1, 1000) }),
  ...NOTIFY,
  ...TRACKERS,
  leaf('global_tracking', none, "Any member's trackers count for the whole group.", {
    tier: 3,
    default: 'off',
    deprecated: 'Write the trackers into the vrrp_sync_group.',
  }),
  leaf('sync_group_tracking_weight', none, 'Trackers of the group and its members may have weights.', { tier: 3, default: 'off' }),
]);

const ANNOUNCING: readonly Keyword[] = [
  leaf('garp_master_delay', ANY_SECONDS, 'Delay before the second burst of gratuitous ARP; 0 means no second burst.', {
    default: 'vrrp_garp_master_delay',
  }),
  leaf('garp_master_repeat', COUNT, 'Gratuitous ARPs in a burst; 0 counts as 1.', { tier: 2, default: 'vrrp_garp_master_repeat' }),
  leaf('garp_master_refresh', ANY_SECONDS, 'Period of gratuitous ARP while MASTER.', { tier: 2, default: 'vrrp_garp_master_refresh' }),
  leaf('garp_master_refresh_repeat', COUNT, 'Gratuitous ARPs per period.', { tier: 2, default: 'vrrp_garp_master_refresh_repeat' }),
  leaf('garp_lower_prio_delay', ANY_SECONDS, 'Delay of the second burst after a lower-priority advertisement.', {
    tier: 3,
    default: 'vrrp_garp_lower_prio_delay',
  }),
  leaf('garp_lower_prio_repeat', COUNT, 'Gratuitous ARPs after a lower-priority advertisement.', {
    tier: 3,
    default: 'vrrp_garp_lower_prio_repeat',
  }),
  leaf('garp_extra_if', EXTRA, 'Period of announcements on the other interfaces that carry addresses: macvlans of ours, or all of them.', {
    tier: 3,
    default: 'vrrp_garp_extra_if',
  }),
  leaf('vmac_garp_intvl', EXTRA, 'Old name of garp_extra_if.', { tier: 3, aliasOf: 'garp_extra_if', deprecated: 'Write garp_extra_if.' }),
];

const AUTHENTICATION = block('authentication', none, 'Authentication of VRRP version 2 (a password in clear, or an IPsec header).', [
  leaf('auth_type', choice('PASS', 'AH'), 'PASS, a password sent in clear, or AH, an authentication header (IPv4 only).', {
    required: 'Write auth_type PASS, or remove the block.',
  }),
  leaf('auth_pass', word('a password'), 'The password, at most 8 bytes.', {
    required: 'Write auth_pass and the password, or remove the block.',
  }),
]);

const AUTH_HMAC = block(
  'auth_hmac',
  none,
  'HMAC-SHA256 on advertisements.',
  [
    leaf('key', words('an id from 1 to 255, then hex: and digits, file: and a path, or text', 2, 2), 'A key of 32 to 64 bytes.', {
      tier: 2,
      repeatable: true,
    }),
    leaf('active_key', integer(1, 255), 'Id of the key that signs.', { since: LATER, tier: 2 }),
    leaf('time_window', integer(1, 300, 'seconds'), 'How old an advertisement may be.', {
      since: LATER,
      tier: 3,
      default: 'three intervals, at least 5',
    }),
    leaf('anti_replay', choice('time', 'monotonic'), 'How repeated advertisements are recognized.', {
      since: LATER,
      tier: 3,
      default: 'time',
    }),
    leaf('mode', choice('enforce', 'permissive', 'receive-only'), 'Whether unsigned advertisements are believed.', {
      tier: 2,
      default: 'enforce',
    }),
  ],
  {
    tier: 2,
    since: '2.4.0',
    support: 'refused',
    reason: 'the trailer has changed on the wire twice since 2.4.0; unicast with check_unicast_src keeps strangers out',
  },
);

const ELECTION: readonly Keyword[] = [
  leaf('state', choice('MASTER', 'BACKUP'), 'The state it would like to have. The election decides.', { default: 'BACKUP' }),
  leaf('interface', word('an interface'), 'Where it speaks VRRP, and where its addresses go.', {
    required: 'Write interface and the name of a network interface.',
  }),
  leaf('virtual_router_id', integer(1, 255), 'The VRID, equal on all directors of this virtual router.', {
    required: 'Write virtual_router_id and a number from 1 to 255, the same on both directors.',
  }),
  leaf('version', integer(2, 3), 'VRRP version; IPv6 is version 3 unless 2 is written here.', { default: 'vrrp_version' }),
  leaf('priority', integer(1, 255), 'Who has more is MASTER; 255 owns the addresses.', { default: '100; 255 with state MASTER' }),
  leaf(
    'advert_int',
    seconds(0.01, 255),
    'Time between advertisements, equal on all directors. Whole seconds in version 2, at most 40.95 in version 3.',
    {
      default: '1',
    },
  ),
  AUTHENTICATION,
  AUTH_HMAC,
  leaf('nopreempt', none, 'Do not take over from a living MASTER with lower priority.', { default: 'off' }),
  leaf('preempt', none, 'The opposite of nopreempt.', { tier: 3, default: 'on' }),
  leaf('preempt_delay', seconds(0, 1000), 'Wait this long before taking over from a lower priority.', { default: '0' }),
  leaf('down_timer_adverts', integer(1, 100), 'Advertisements missed before the MASTER counts as gone; equal on all directors.', {
    tier: 3,
    default: 'vrrp_down_timer_adverts',
  }),
  leaf(
    'timer_expired_backup',
    optional(integer(1, 254)),
    'With nopreempt: become BACKUP, at this priority, when own timers ran so late that another may be MASTER.',
    {
      tier: 3,
      default: 'off; 254 when bare',
      since: LATER,
    },
  ),
  leaf('thread_timer_expired', optional(integer(1, 254)), 'Old name of timer_expired_backup.', {
    since: LATER,
    tier: 3,
    aliasOf: 'timer_expired_backup',
    deprecated: 'Write timer_expired_backup.',
  }),
  leaf('strict_mode', flag, 'RFC behaviour to the letter: no unicast, no passwords, no answers from the addresses unless owner.', {
    tier: 2,
    default: 'vrrp_strict',
  }),
  leaf('lower_prio_no_advert', flag, 'As MASTER it stays silent on a lower-priority advertisement.', {
    tier: 2,
    default: 'vrrp_lower_prio_no_advert',
  }),
  leaf('higher_prio_send_advert', flag, 'As MASTER that loses it sends one more advertisement.', {
    tier: 3,
    default: 'vrrp_higher_prio_send_advert',
  }),
  leaf('owner_ignore_adverts', flag, 'As MASTER of priority 255 it ignores advertisements.', {
    since: LATER,
    tier: 3,
    default: 'vrrp_owner_ignore_adverts',
  }),
  leaf('skip_check_adv_addr', flag, 'The address list of a MASTER that keeps advertising is not compared again.', {
    tier: 2,
    default: 'vrrp_skip_check_adv_addr',
  }),
  leaf('v3_checksum_as_v2', flag, 'No pseudo-header in the checksum of version 3 over IPv4.', {
    tier: 2,
    default: "global_defs'",
    since: LATER,
  }),
];

const TRANSPORT: readonly Keyword[] = [
  leaf('mcast_src_ip', address, 'Source of advertisements.', { tier: 2, default: 'the first address of the interface' }),
  leaf('mcast_dst_ip', multicast(), 'Group that advertisements are sent to.', {
    tier: 3,
    default: 'vrrp_mcast_group4 or vrrp_mcast_group6',
  }),
  leaf('track_src_ip', none, 'The loss of the source address means FAULT.', { tier: 2, default: 'off' }),
  leaf('unicast_src_ip', address, 'Source of advertisements to peers.', { default: 'the first address of the interface' }),
  entries('unicast_peer', 'Peers that advertisements are sent to, instead of a group.', {
    entry: UNICAST_PEER_LINE,
  }),
  leaf('unicast_ttl', integer(0, 255), 'TTL or hop limit of advertisements to peers.', { tier: 3, default: '255' }),
  leaf('check_unicast_src', none, 'Advertisements must come from a listed peer.', { tier: 2, default: 'vrrp_check_unicast_src' }),
  leaf('unicast_fault_no_peer', none, 'FAULT, and no multicast, where unicast is meant and no peer is listed.', {
    tier: 3,
    default: 'off',
  }),
  leaf('old_unicast_checksum', optional(choice('never')), 'Checksum of version 3 over unicast as before keepalived 1.3.7.', {
    tier: 3,
    default: 'recognized by itself',
    support: 'harmless',
    reason: 'the checksum is that of RFC 5798; no peer should be older than 2017',
  }),
  leaf('native_ipv6', none, 'IPv6, also without an IPv6 address in the block.', {
    tier: 3,
    default: 'what the addresses are',
    deprecated: 'The addresses of virtual_ipaddress say it.',
  }),
  leaf('vrf', word('an interface'), 'Routing domain for unicast without an interface.', {
    tier: 3,
    support: 'refused',
    reason: 'advertisements go by the interface of the virtual router',
  }),
  leaf(
    'use_vmac',
    words('perhaps the name of a macvlan and the interface below, a MAC address, netlink_notify_msg, group and a number', 0, 6),
    'The virtual router has a macvlan of its own with the MAC address of RFC 9568.',
    { tier: 2, default: 'off; the name vrrp. and the VRID when bare' },
  ),
  leaf('use_vmac_addr', none, 'Addresses on other interfaces get macvlans too.', { tier: 3, default: 'off' }),
  leaf('vmac_xmit_base', none, 'Advertisements pass through the interface below the macvlan.', {
    tier: 2,
    default: 'off; on with unicast',
  }),
  leaf('use_ipvlan', words('perhaps a name, an address, bridge, private or vepa', 0, 6), 'The virtual router has an ipvlan of its own.', {
    tier: 3,
    support: 'refused',
    reason: 'an ipvlan has the MAC address of the interface below it; use_vmac does what RFC 9568 asks for',
  }),
  leaf('dont_track_primary', none, 'The loss of its own interface is no FAULT.', { tier: 2, default: 'off' }),
  leaf('linkbeat_use_polling', none, 'The link of the interface is polled.', {
    tier: 3,
    default: 'off',
    support: 'harmless',
    reason: 'the kernel reports the state of links by netlink as it changes',
  }),
  leaf('kernel_rx_buf_size', integer(1, 0x7fffffff, 'bytes'), 'Receive buffer of the virtual router.', {
    tier: 3,
    default: 'vrrp_rx_bufs_policy',
    support: 'cosmetic',
    reason: "the receive buffers have the system's size",
  }),
];

const ADDRESSES: readonly Keyword[] = [
  entries('virtual_ipaddress', 'Addresses that move with the virtual router; all of one family.', { entry: VIRTUAL_ADDRESS_LINE }),
  entries('virtual_ipaddress_excluded', 'Addresses that move too but are not advertised; of any family.', { entry: VIRTUAL_ADDRESS_LINE }),
  leaf('no_virtual_ipaddress', none, 'There are no addresses, on purpose.', { since: LATER, tier: 3, default: 'off' }),
  entries('virtual_routes', 'Routes that move with the virtual router.', { tier: 2, entry: ROUTE_LINE }),
  entries('virtual_rules', 'Policy rules that move with the virtual router.', { tier: 2, entry: RULE_LINE }),
  leaf('promote_secondaries', none, 'Secondary addresses survive the removal of their primary one.', { tier: 3, default: 'off' }),
  leaf('accept', none, 'The MASTER answers on its addresses.', { tier: 2, default: 'on, in strict mode off' }),
  leaf('no_accept', none, 'The MASTER does not answer on its addresses unless it owns them; it only routes.', { tier: 2, default: 'off' }),
];

export const VRRP_INSTANCE = block('vrrp_instance', word('a name'), 'A virtual router.', [
  ...ELECTION,
  ...TRANSPORT,
  ...ADDRESSES,
  ...ANNOUNCING,
  ...NOTIFY,
  leaf('notify_deleted', optional(command), 'Reports DELETED, and runs the command if there is one, when a reload removes the block.', {
    tier: 3,
    default: 'FAULT is reported',
  }),
  leaf('notify_master_rx_lower_pri', command, 'Command when it hears a lower-priority advertisement as MASTER.', { tier: 2 }),
  ...TRACKERS,
  leaf('lvs_sync_daemon_interface', word('an interface'), 'Old way to synchronize connections.', {
    tier: 2,
    deprecated: 'Write lvs_sync_daemon in global_defs.',
    support: 'harmless',
    reason: 'this version does not synchronize connections, so established ones break when the other director takes over',
  }),
  leaf('debug', integer(0, 4), 'Level of messages, without effect in keepalived.', {
    tier: 3,
    default: '0',
    support: 'cosmetic',
    reason: 'keepalived does not act on it either',
  }),
]);
