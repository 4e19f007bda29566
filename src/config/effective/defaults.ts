/**
 * What a keyword comes to in the end: where its default depends on other settings, or where a reader corrects what is written, the
 * value is taken from the model. Everything else is in the keyword table.
 */
import type { Check, CheckedRealServer, CheckedService, Configuration, SyncGroup, VirtualRouter, VrrpScript } from '../../model/index.ts';
import { secondsText, wordText } from './words.ts';

/** The words after the keyword; undefined where the table knows better, empty where the keyword means nothing. */
export type Effective<T> = (object: T) => string | undefined;

const flag = (on: boolean): string => (on ? 'on' : 'off');

export const GLOBAL: Readonly<Record<string, Effective<Configuration>>> = {
  router_id: ({ routerId }) => routerId && wordText(routerId),
  notification_email_from: ({ mail }) => wordText(mail.from),
  smtp_server: ({ mail }) => `${wordText(mail.server)} ${mail.port}`,
  smtp_connect_timeout: ({ mail }) => secondsText(mail.timeout),
};

export const ROUTER: Readonly<Record<string, Effective<VirtualRouter>>> = {
  state: ({ wantsMaster }) => (wantsMaster ? 'MASTER' : 'BACKUP'),
  version: ({ version }) => String(version),
  priority: ({ priority }) => String(priority),
  advert_int: ({ advertInterval }) => secondsText(advertInterval),
  smtp_alert: ({ smtpAlert }) => flag(smtpAlert),
  mcast_dst_ip: ({ multicastGroup, unicast }) => (unicast ? '' : String(multicastGroup)),
  down_timer_adverts: ({ downTimerAdverts }) => String(downTimerAdverts),
  unicast_ttl: ({ unicast }) => (unicast ? String(unicast.ttl) : ''),
  v3_checksum_as_v2: ({ version, checksumWithoutPseudoHeader }) => (version === 3 ? flag(checksumWithoutPseudoHeader) : ''),
  garp_master_delay: ({ garp }) => secondsText(garp.secondBurstDelay),
  garp_master_repeat: ({ garp }) => String(garp.repeat),
  garp_master_refresh: ({ garp }) => secondsText(garp.refresh),
  garp_master_refresh_repeat: ({ garp }) => String(garp.refreshRepeat),
  garp_lower_prio_delay: ({ garp }) => secondsText(garp.lowerPriorityDelay),
  garp_lower_prio_repeat: ({ garp }) => String(garp.lowerPriorityRepeat),
  strict_mode: ({ strict }) => flag(strict),
  lower_prio_no_advert: ({ lowerPriorityNoAdvert }) => flag(lowerPriorityNoAdvert),
  higher_prio_send_advert: ({ higherPrioritySendAdvert }) => flag(higherPrioritySendAdvert),
  owner_ignore_adverts: ({ ownerIgnoreAdverts }) => flag(ownerIgnoreAdverts),
  skip_check_adv_addr: ({ skipCheckAdvertisedAddresses }) => flag(skipCheckAdvertisedAddresses),
  notify_priority_changes: ({ notifyPriorityChanges }) => flag(notifyPriorityChanges),
};

export const GROUP: Readonly<Record<string, Effective<SyncGroup>>> = {
  smtp_alert: ({ smtpAlert }) => flag(smtpAlert),
  notify_priority_changes: ({ notifyPriorityChanges }) => flag(notifyPriorityChanges),
};

export const SCRIPT: Readonly<Record<string, Effective<VrrpScript>>> = {
  interval: ({ interval }) => secondsText(interval),
  timeout: ({ timeout }) => secondsText(timeout),
};

export const SERVICE: Readonly<Record<string, Effective<CheckedService>>> = {
  lvs_sched: ({ scheduler }) => scheduler,
  quorum: ({ quorum }) => String(quorum),
  hysteresis: ({ hysteresis }) => String(hysteresis),
  smtp_alert: ({ smtpAlert }) => flag(smtpAlert),
  protocol: ({ key }) => (key.kind === 'address' ? key.protocol.toUpperCase() : undefined),
};

export const SERVER: Readonly<Record<string, Effective<CheckedRealServer>>> = {
  weight: ({ weight }) => String(weight),
  uthreshold: ({ upperThreshold }) => String(upperThreshold),
  lthreshold: ({ lowerThreshold }) => String(lowerThreshold),
  inhibit_on_failure: ({ inhibitOnFailure }) => flag(inhibitOnFailure),
  alpha: ({ alpha }) => flag(alpha),
  smtp_alert: ({ smtpAlert }) => flag(smtpAlert),
  lvs_method: ({ method, tunnel }) => (tunnel ? undefined : method.toUpperCase()),
};

type Scheduled = Extract<Check, { readonly delayLoop: number }>;
const scheduled =
  (text: (check: Scheduled) => string): Effective<Check> =>
  (check) =>
    'delayLoop' in check ? text(check) : undefined;
const targeted =
  (text: (target: Extract<Check, { readonly kind: 'tcp' }>['target']) => string): Effective<Check> =>
  (check) =>
    'target' in check ? text(check.target) : undefined;

export const CHECK: Readonly<Record<string, Effective<Check>>> = {
  connect_ip: targeted(({ address }) => String(address)),
  connect_port: targeted(({ port }) => (port === 0 ? '' : String(port))),
  connect_timeout: (check) => ('target' in check ? secondsText(check.connectTimeout) : undefined),
  delay_loop: scheduled(({ delayLoop }) => secondsText(delayLoop)),
  retry: scheduled(({ retry }) => String(retry)),
  delay_before_retry: scheduled(({ delayBeforeRetry }) => secondsText(delayBeforeRetry)),
  warmup: scheduled(({ warmup }) => secondsText(warmup)),
  alpha: (check) => ('alpha' in check ? flag(check.alpha) : undefined),
  log_all_failures: scheduled(({ logAllFailures }) => flag(logAllFailures)),
  misc_timeout: (check) => (check.kind === 'misc' ? secondsText(check.timeout) : undefined),
};

/** Keywords of global_defs from which others take their value, nearest first. */
export const INHERITS: Readonly<Record<string, readonly string[]>> = {
  'vrrp_instance.version': ['vrrp_version'],
  'vrrp_instance.smtp_alert': ['smtp_alert_vrrp', 'smtp_alert'],
  'vrrp_instance.mcast_dst_ip': ['vrrp_mcast_group4', 'vrrp_mcast_group6'],
  'vrrp_instance.down_timer_adverts': ['vrrp_down_timer_adverts'],
  'vrrp_instance.v3_checksum_as_v2': ['v3_checksum_as_v2'],
  'vrrp_instance.garp_master_delay': ['vrrp_garp_master_delay', 'vrrp_min_garp'],
  'vrrp_instance.garp_master_repeat': ['vrrp_garp_master_repeat', 'vrrp_min_garp'],
  'vrrp_instance.garp_master_refresh': ['vrrp_garp_master_refresh'],
  'vrrp_instance.garp_master_refresh_repeat': ['vrrp_garp_master_refresh_repeat'],
  'vrrp_instance.garp_lower_prio_delay': ['vrrp_garp_lower_prio_delay', 'vrrp_garp_master_delay', 'vrrp_min_garp'],
  'vrrp_instance.garp_lower_prio_repeat': ['vrrp_garp_lower_prio_repeat', 'vrrp_garp_master_repeat', 'vrrp_min_garp'],
  'vrrp_instance.strict_mode': ['vrrp_strict'],
  'vrrp_instance.lower_prio_no_advert': ['vrrp_lower_prio_no_advert', 'vrrp_strict'],
  'vrrp_instance.higher_prio_send_advert': ['vrrp_higher_prio_send_advert'],
  'vrrp_instance.owner_ignore_adverts': ['vrrp_owner_ignore_adverts'],
  'vrrp_instance.skip_check_adv_addr': ['vrrp_skip_check_adv_addr'],
  'vrrp_instance.notify_priority_changes': ['vrrp_notify_priority_changes'],
  'vrrp_sync_group.smtp_alert': ['smtp_alert_vrrp', 'smtp_alert'],
  'vrrp_sync_group.notify_priority_changes': ['vrrp_notify_priority_changes'],
  'virtual_server.smtp_alert': ['smtp_alert_checker', 'smtp_alert'],
  'virtual_server.real_server.smtp_alert': ['smtp_alert_checker', 'smtp_alert'],
};

/** Settings of the blocks around a check or a real server that hold where it says nothing itself. */
export const FROM_PARENTS: ReadonlySet<string> = new Set([
  'weight',
  'lvs_method',
  'inhibit_on_failure',
  'alpha',
  'retry',
  'delay_before_retry',
  'warmup',
  'connect_timeout',
  'delay_loop',
  'virtualhost',
]);

/** Never printed. `auth_hmac.key` keeps its number. */
export const SECRETS: Readonly<Record<string, number>> = {
  'vrrp_instance.authentication.auth_pass': 0,
  'vrrp_instance.auth_hmac.key': 1,
  'SSL.password': 0,
};
/** As long as the longest password of VRRP, and a password itself: what is shown can be read again. */
export const MASK = '********';
