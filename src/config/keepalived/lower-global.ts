/** global_defs to the model: the defaults of virtual routers, mail, and time-outs. */
import { IpAddress, MICROS_PER_SECOND, type Micros, seconds } from '../../base/index.ts';
import type { GarpSettings, MailSettings, Timeouts } from '../../model/index.ts';
import { groupName } from './arguments.ts';
import { BoundBlock, isNumber, isText, linePart, placeOf } from './bind.ts';
import type { Globals } from './context.ts';
import { wordValue } from './lexer.ts';
import type { Reporter } from './report.ts';

const GROUP_V4 = IpAddress.parse('224.0.0.18') as IpAddress;
const GROUP_V6 = IpAddress.parse('ff02::12') as IpAddress;
const DOWN_TIMER_ADVERTS = 3;

/** Several global_defs blocks count as one. */
export function mergeGlobals(root: BoundBlock): BoundBlock {
  const merged = new BoundBlock();
  for (const { block } of root.all('global_defs')) for (const bound of block?.statements ?? []) merged.add(bound);
  return merged;
}

export function readGlobals(block: BoundBlock, reporter: Reporter): Globals {
  const all = block.flag('smtp_alert');
  const checkers = block.flag('smtp_alert_checker') ?? all;
  const { user, group } = identity(block, 'script_user');
  return {
    version: block.number('vrrp_version') === 3 ? 3 : 2,
    multicastGroup: block.address('vrrp_mcast_group4') ?? GROUP_V4,
    multicastGroup6: block.address('vrrp_mcast_group6') ?? GROUP_V6,
    garp: readGarp(block, reporter),
    // A real server's mail is on unless somebody turns it off; everything else is the other way round.
    alerts: { vrrp: block.flag('smtp_alert_vrrp') ?? all ?? false, service: checkers ?? false, server: checkers ?? true },
    ...(user !== undefined && { scriptUser: user }),
    ...(group !== undefined && { scriptGroup: group }),
    startupDelay: block.number('vrrp_startup_delay') ?? 0,
    strict: block.flag('vrrp_strict') ?? false,
    downTimerAdverts: block.number('vrrp_down_timer_adverts') ?? DOWN_TIMER_ADVERTS,
    checkUnicastSource: block.has('vrrp_check_unicast_src'),
    skipCheckAdvertisedAddresses: block.flag('vrrp_skip_check_adv_addr') ?? false,
    checksumWithoutPseudoHeader: block.flag('v3_checksum_as_v2') ?? false,
    lowerPriorityNoAdvert: block.flag('vrrp_lower_prio_no_advert') ?? false,
    higherPrioritySendAdvert: block.flag('vrrp_higher_prio_send_advert') ?? false,
    ownerIgnoreAdverts: block.flag('vrrp_owner_ignore_adverts') ?? false,
    notifyPriorityChanges: block.flag('vrrp_notify_priority_changes') ?? false,
    vmacPrefix: block.text('vmac_prefix') ?? 'vrrp',
    defaultInterface: block.text('default_interface') ?? 'eth0',
  };
}

/** `user [[:]group]`. */
export function identity(block: BoundBlock, name: string): { readonly user?: string; readonly group?: string } {
  const line = block.line(name);
  const user = linePart(line, 0, isText);
  const group = linePart(line, 1, isText);
  return { ...(user !== undefined && { user }), ...(group !== undefined && { group: groupName(group) }) };
}

/** Counts of announcements are at least 1. */
export function reportZero(block: BoundBlock, name: string, reporter: Reporter): void {
  const bound = block.last(name);
  if (bound && block.number(name) === 0)
    reporter.report('config/unusual-value', placeOf(bound), `${name} 0 counts as 1: without an announcement nobody would notice the move.`);
}

function readGarp(block: BoundBlock, reporter: Reporter): Globals['garp'] {
  for (const name of ['vrrp_garp_master_repeat', 'vrrp_garp_master_refresh_repeat']) reportZero(block, name, reporter);
  const minimal = block.flag('vrrp_min_garp') === true;
  const repeat = Math.max(block.number('vrrp_garp_master_repeat') ?? (minimal ? 1 : 5), 1);
  const secondBurstDelay = block.number('vrrp_garp_master_delay') ?? (minimal ? 0 : seconds(5));
  return {
    repeat,
    secondBurstDelay,
    refresh: block.number('vrrp_garp_master_refresh') ?? 0,
    refreshRepeat: Math.max(block.number('vrrp_garp_master_refresh_repeat') ?? 1, 1),
    lowerPriorityRepeat: block.number('vrrp_garp_lower_prio_repeat') ?? repeat,
    lowerPriorityDelay: block.number('vrrp_garp_lower_prio_delay') ?? secondBurstDelay,
    extraInterfaces: readExtraInterfaces(block, 'vrrp_garp_extra_if') ?? { period: 0, all: false },
  };
}

/** `[all] SECONDS`. */
export function readExtraInterfaces(block: BoundBlock, name: string): GarpSettings['extraInterfaces'] | undefined {
  const line = block.line(name);
  const period = linePart(line, 1, isNumber);
  return period === undefined ? undefined : { period: seconds(period), all: linePart(line, 0, isText) !== undefined };
}

export function readMail(block: BoundBlock, hostName: string): MailSettings {
  const recipients = block
    .all('notification_email')
    .flatMap((bound) => bound.block?.entries.flatMap((entry) => entry.words.map(wordValue)) ?? []);
  const server = block.line('smtp_server');
  const heloName = block.text('smtp_helo_name');
  return {
    recipients,
    from: block.text('notification_email_from') ?? `keepalived@${hostName}`,
    server: linePart(server, 0, isText) ?? '127.0.0.1',
    port: linePart(server, 1, isNumber) ?? 25,
    ...(heloName !== undefined && { heloName }),
    timeout: block.number('smtp_connect_timeout') ?? seconds(30),
    noFaults: block.has('no_email_faults'),
    noCheckerMail: block.flag('no_checker_emails') ?? false,
  };
}

/** `lvs_timeouts tcp 900 tcpfin 120 udp 300`, any part absent. */
export function readTimeouts(block: BoundBlock): Partial<Timeouts> {
  const names = { tcp: 'tcp', tcpfin: 'tcpFin', udp: 'udp' } as const;
  const timeouts: { -readonly [K in keyof Timeouts]?: Micros } = {};
  const line = block.line('lvs_timeouts');
  for (const [name, key] of Object.entries(names)) {
    const value = line?.words.get(name)?.value;
    // 0 means "leave the present value", as it does for ipvsadm --set.
    if (typeof value === 'number' && value > 0) timeouts[key] = value * MICROS_PER_SECOND;
  }
  return timeouts;
}
