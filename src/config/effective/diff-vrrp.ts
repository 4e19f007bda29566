/** What a reload would change about virtual routers, sync groups and what they follow. */
import {
  type Configuration,
  routerKey,
  type SyncGroup,
  type TrackerWeight,
  type UnicastPeer,
  type VirtualRouter,
} from '../../model/index.ts';
import { type Change, compareFields, type Fields } from './change.ts';
import { commandText, routeText, ruleText, secondsText, vipText, weightText } from './words.ts';

const SAME_EVERYWHERE = 'set it alike on every director of the virtual router, or they will not hear each other';
const tracked =
  (key: string) =>
  (value: TrackerWeight): string =>
    `${(value as unknown as Record<string, string>)[key]} (${weightText(value)})`;
const command = (name: string) => ({ name, text: commandText });
const time = (name: string, effect?: string) => ({ name, text: secondsText, ...(effect !== undefined && { effect }) });

const TRACKERS: Fields = {
  trackInterfaces: { item: 'tracked interface', each: tracked('interface') },
  trackScripts: { item: 'tracked script', each: tracked('script') },
  trackFiles: { item: 'tracked file', each: tracked('file') },
  trackProcesses: { item: 'tracked process', each: tracked('process') },
  trackBfds: { item: 'tracked BFD session', each: tracked('bfd') },
};

const NOTIFY: Fields = {
  'notify.master': command('notify_master'),
  'notify.backup': command('notify_backup'),
  'notify.fault': command('notify_fault'),
  'notify.stop': command('notify_stop'),
  'notify.any': command('notify'),
  'notify.deleted': {
    name: 'notify_deleted',
    text: (value: true | Parameters<typeof commandText>[0]) => (value === true ? 'on' : commandText(value)),
  },
  'notify.lowerPriorityHeard': command('notify_master_rx_lower_pri'),
  notifyPriorityChanges: { name: 'notify_priority_changes' },
  smtpAlert: { name: 'smtp_alert' },
};

const ROUTER: Fields = {
  ...TRACKERS,
  ...NOTIFY,
  name: { name: 'name', effect: 'it stays the same virtual router and keeps its state' },
  priority: { name: 'priority', effect: priorityEffect },
  advertInterval: {
    name: 'advert_int',
    text: secondsText,
    effect: 'in version 2 set it alike on every director of the virtual router, or they will not hear each other',
  },
  version: { name: 'version', effect: SAME_EVERYWHERE },
  authentication: { name: 'authentication', secret: true, effect: SAME_EVERYWHERE },
  wantsMaster: { name: 'state', text: (value: boolean) => (value ? 'MASTER' : 'BACKUP'), effect: 'the election decides as before' },
  noPreempt: {
    name: 'nopreempt',
    effect: (_from, to) =>
      to ? 'it no longer takes over from a living director of lower priority' : 'it takes over from a living director of lower priority',
  },
  preemptDelay: time('preempt_delay'),
  downTimerAdverts: { name: 'down_timer_adverts', effect: 'so many advertisements may be missed before it takes over' },
  vips: {
    item: 'virtual_ipaddress',
    each: vipText,
    added: 'where the virtual router is active the address is put on and announced',
    removed: 'where the virtual router is active the address is taken off',
  },
  excludedVips: {
    item: 'virtual_ipaddress_excluded',
    each: vipText,
    added: 'where the virtual router is active the address is put on and announced',
    removed: 'where the virtual router is active the address is taken off',
  },
  routes: { item: 'virtual route', each: routeText },
  rules: { item: 'virtual rule', each: ruleText },
  'unicast.peers': {
    item: 'unicast peer',
    each: (peer: UnicastPeer) => `${peer.address}`,
    added: 'it hears our advertisements from now on',
    removed: 'it no longer hears us, and takes over if it does not know another way',
  },
  sourceAddress: { name: 'source address' },
  multicastGroup: { name: 'mcast_dst_ip', effect: SAME_EVERYWHERE },
  accept: { name: 'accept', effect: (_from, to) => (to ? 'the VIPs answer' : 'the VIPs no longer answer while it does not own them') },
  trackPrimary: { name: 'tracking of its own interface' },
  'garp.repeat': { name: 'garp_master_repeat' },
  'garp.secondBurstDelay': time('garp_master_delay'),
  'garp.refresh': time('garp_master_refresh'),
  'garp.refreshRepeat': { name: 'garp_master_refresh_repeat' },
  'garp.lowerPriorityRepeat': { name: 'garp_lower_prio_repeat' },
  'garp.lowerPriorityDelay': time('garp_lower_prio_delay'),
  'garp.extraInterfaces.period': time('garp_extra_if'),
};

const GROUP: Fields = {
  ...TRACKERS,
  ...NOTIFY,
  members: {
    item: 'member',
    each: (name: string) => name,
    added: 'it changes state with the others',
    removed: 'it changes state by itself',
  },
};

const SCRIPT: Fields = {
  command: { name: 'script', text: commandText, effect: 'it runs at once, the result so far holds until it has ended' },
  interval: time('interval'),
  timeout: time('timeout'),
  weight: { name: 'weight', text: weightText },
};

const TIMES: Fields = Object.fromEntries(
  ['terminateDelay', 'forkDelay', 'down', 'up', 'requiredMinRx', 'desiredMinTx', 'idleTx', 'garpInterval', 'gnaInterval'].map((name) => [
    name,
    time(name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
  ]),
);

function priorityEffect(from: number | undefined, to: number | undefined): string {
  return (to ?? 0) > (from ?? 0)
    ? `as backup it takes over from an active director below ${to}, unless nopreempt keeps it from doing so`
    : `as active director it gives way to one above ${to}`;
}

export function diffRouters(before: readonly VirtualRouter[], after: readonly VirtualRouter[]): Change[] {
  const old = new Map(before.map((router) => [routerKey(router), router]));
  const changes: Change[] = [];
  for (const router of after) {
    const known = old.get(routerKey(router));
    old.delete(routerKey(router));
    const object = `virtual router ${router.name}`;
    if (known) changes.push(...compareFields(known.name === router.name ? object : `virtual router ${known.name}`, known, router, ROUTER));
    else changes.push({ object, kind: 'added', effect: `${placeText(router)}: it begins as backup` });
  }
  const gone = [...old.values()].map((router): Change => {
    const effect = `${placeText(router)}: where it is active it says so, gives up its addresses, and another director takes over`;
    return { object: `virtual router ${router.name}`, kind: 'removed', effect };
  });
  return [...gone, ...changes];
}

function placeText({ vrid, interface: link }: VirtualRouter): string {
  return `VRID ${vrid} on ${link}`;
}

/** Things with names: groups, scripts, and everything else that is followed. */
export function diffNamed(before: Configuration, after: Configuration): Change[] {
  return [
    ...diffByName(
      'sync group',
      before.groups,
      after.groups,
      GROUP,
      ({ members }: SyncGroup) => `${members.join(', ')} change state together`,
    ),
    ...diffByName('script', before.scripts, after.scripts, SCRIPT),
    ...diffByName('track file', before.trackFiles, after.trackFiles, SCRIPT),
    ...diffByName('track process', before.trackProcesses, after.trackProcesses, { ...SCRIPT, ...TIMES, command: { name: 'process' } }),
    ...diffByName('BFD session', before.bfdSessions, after.bfdSessions, { ...SCRIPT, ...TIMES }),
    ...diffByName('interface', named(before.interfaceDelays), named(after.interfaceDelays), TIMES),
  ];
}

function named<T extends { readonly interface: string }>(values: readonly T[]): (T & { readonly name: string })[] {
  return values.map((value) => ({ ...value, name: value.interface }));
}

function diffByName<T extends { readonly name: string }>(
  what: string,
  before: readonly T[],
  after: readonly T[],
  fields: Fields,
  addedEffect?: (value: T) => string,
): Change[] {
  const old = new Map(before.map((value) => [value.name, value]));
  const changes: Change[] = [];
  for (const value of after) {
    const known = old.get(value.name);
    old.delete(value.name);
    const object = `${what} ${value.name}`;
    if (known) changes.push(...compareFields(object, known, value, fields));
    else changes.push({ object, kind: 'added', ...(addedEffect && { effect: addedEffect(value) }) });
  }
  return [...[...old.keys()].map((name): Change => ({ object: `${what} ${name}`, kind: 'removed' })), ...changes];
}
