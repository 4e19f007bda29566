/** The virtual routers in the form of keepalived 2.2.7's `keepalived.json`. Passwords are left out, which keepalived's has. */
import { toSeconds } from '../../../base/index.ts';
import type { NotifyScripts, ScriptCommand, VirtualRouter } from '../../../model/index.ts';
import type { RouterSnapshot } from '../../../vrrp/index.ts';
import { errorCounts } from './stats.ts';
import { type DumpSubject, dumpedRouters, STATE_NUMBERS, wallTime } from './subject.ts';
import { commandWords, routeWords, ruleWords, vipWords } from './words.ts';

const AUTH_TYPES = { pass: 1, ah: 2 } as const;

/** Version 1 is the list of virtual routers; version 2 has it under `vrrp`, beside the tracked processes. */
export function formatJson(subject: DumpSubject): string {
  const vrrp = dumpedRouters(subject).map(({ router, state }) => ({
    data: { ...settingsPart(router), ...statePart(router, state, subject), ...listsPart(router, subject) },
    stats: statsPart(state),
  }));
  if (subject.configuration.dumps.jsonVersion === 1) return `${JSON.stringify(vrrp)}\n`;
  const processes = new Map(subject.dump.snapshot.processes.map((entry) => [entry.name, entry]));
  const track_process = subject.settings.processes.map(({ name, command, quorum, weight }) => {
    const entry = processes.get(name);
    return {
      name,
      process: command,
      min_processes: quorum,
      num_cur_proc: entry?.count ?? 0,
      have_quorum: entry?.state === 'up',
      weight: weight.weight,
    };
  });
  return `${JSON.stringify({ vrrp, track_process })}\n`;
}

function settingsPart(router: VirtualRouter) {
  const { garp } = router;
  const device = router.vmac?.name ?? router.interface;
  return {
    iname: router.name,
    dont_track_primary: router.trackPrimary ? 0 : 1,
    skip_check_adv_addr: router.skipCheckAdvertisedAddresses ? 1 : 0,
    strict_mode: router.strict ? 1 : 0,
    vmac_ifname: router.vmac?.name ?? '',
    ifp_ifname: device,
    garp_delay: toSeconds(garp.secondBurstDelay),
    garp_refresh: toSeconds(garp.refresh),
    garp_rep: garp.repeat,
    garp_refresh_rep: garp.refreshRepeat,
    garp_lower_prio_delay: toSeconds(garp.lowerPriorityDelay),
    garp_lower_prio_rep: garp.lowerPriorityRepeat,
    lower_prio_no_advert: router.lowerPriorityNoAdvert ? 1 : 0,
    higher_prio_send_advert: router.higherPrioritySendAdvert ? 1 : 0,
    vrid: router.vrid,
    promote_secondaries: router.promoteSecondaries,
    adver_int: toSeconds(router.advertInterval),
    accept: router.accept ? 1 : 0,
    nopreempt: router.noPreempt,
    preempt_delay: toSeconds(router.preemptDelay),
    version: router.version,
    smtp_alert: router.smtpAlert,
    notify_deleted: router.notify.deleted !== undefined,
    ...scriptsPart(router.notify),
    auth_type: router.authentication ? AUTH_TYPES[router.authentication.type] : 0,
  };
}

function scriptsPart(notify: NotifyScripts): Record<string, string> {
  const commands: [string, ScriptCommand | true | undefined][] = [
    ['script_backup', notify.backup],
    ['script_master', notify.master],
    ['script_fault', notify.fault],
    ['script_stop', notify.stop],
    ['script_deleted', notify.deleted],
    ['script_master_rx_lower_pri', notify.lowerPriorityHeard],
    ['script', notify.any],
  ];
  return Object.fromEntries(commands.flatMap(([key, command]) => (command && command !== true ? [[key, commandWords(command)]] : [])));
}

function statePart(router: VirtualRouter, state: RouterSnapshot, subject: DumpSubject) {
  return {
    master_priority: state.state === 'active' ? 0 : state.masterPriority,
    last_transition: wallTime(state.lastTransition, subject),
    base_priority: state.basePriority,
    effective_priority: state.effectivePriority,
    vipset: state.state === 'active' && router.vips.length > 0,
    master_adver_int: toSeconds(state.masterInterval),
    state: STATE_NUMBERS[state.state],
    wantstate: state.wantsActive ? STATE_NUMBERS.active : STATE_NUMBERS[state.state],
  };
}

/** keepalived leaves out the lists that are empty. */
function listsPart(router: VirtualRouter, { dump }: DumpSubject): Record<string, string[]> {
  const held = new Set(dump.held);
  const lists: [string, string[]][] = [
    ['vips', router.vips.map((vip) => vipWords(router, vip, held))],
    ['evips', router.excludedVips.map((vip) => vipWords(router, vip, held))],
    ['vroutes', router.routes.map(routeWords)],
    ['vrules', router.rules.map(ruleWords)],
  ];
  return Object.fromEntries(lists.filter(([, list]) => list.length > 0));
}

function statsPart(state: RouterSnapshot) {
  const { counters } = state;
  const errors = errorCounts(state);
  return {
    advert_rcvd: counters.advertsReceived,
    advert_sent: counters.advertsSent,
    become_master: counters.becameActive,
    release_master: counters.releasedActive,
    packet_len_err: errors.length,
    advert_interval_err: errors.interval,
    ip_ttl_err: errors.ttl,
    invalid_type_rcvd: errors.type,
    addr_list_err: errors.addresses,
    invalid_authtype: errors.authUnknown,
    authtype_mismatch: errors.authMismatch,
    auth_failure: errors.authFailure,
    pri_zero_rcvd: counters.priorityZeroReceived,
    pri_zero_sent: counters.priorityZeroSent,
  };
}
