/** The configuration that a director of a scenario runs. */
import { IpAddress, seconds } from '../src/base/index.ts';
import type { SyncGroup, Trackers, Vip, VirtualRouter, VrrpScript } from '../src/model/index.ts';
import { EMPTY_VRRP_SETTINGS, type VrrpSettings } from '../src/vrrp/index.ts';
import type { TrackerKind } from './faults.ts';
import { addressOf, OWNER_PRIORITY, type PlannedRouter, type Scenario } from './scenario.ts';

const GROUPS = { 4: IpAddress.fromV4Number(0xe0000012), 6: IpAddress.parse('ff02::12') as IpAddress };
const PASSWORD = new TextEncoder().encode('sim-pass');

/** The names of what may be tracked. */
export const TRACKED = { script: 'chk', link: 'eth9', bfd: 'peer', file: 'level' } as const;

/** What a director of the scenario is told to run, with these priorities, one for each unit. */
export function settingsOf(scenario: Scenario, director: number, priorities: readonly number[]): VrrpSettings {
  const routers = scenario.routers.map((router) => routerOf(scenario, director, router, priorities[router.unit] as number));
  return {
    ...EMPTY_VRRP_SETTINGS,
    routers,
    groups: scenario.shape === 'group' ? [groupOf(scenario, routers)] : [],
    scripts: [scriptOf(scenario)],
    files: [{ name: TRACKED.file, path: '/run/level', weight: { weight: 0, reverse: false } }],
    startupDelay: scenario.startupDelay,
  };
}

/** In a group the group tracks, so that its members keep equal priorities. */
function groupOf(scenario: Scenario, routers: readonly VirtualRouter[]): SyncGroup {
  return {
    name: 'G',
    members: routers.map((router) => router.name),
    notify: {},
    notifyPriorityChanges: false,
    smtpAlert: false,
    globalTracking: false,
    trackingWeight: true,
    ...trackersOf(scenario),
  };
}

/** Run only if somebody tracks it. */
function scriptOf({ rise, fall }: Scenario): VrrpScript {
  return {
    name: TRACKED.script,
    command: { argv: ['/bin/true'] },
    interval: seconds(5),
    timeout: seconds(5),
    weight: { weight: 0, reverse: false },
    rise,
    fall,
    initFail: false,
  };
}

function trackersOf({ trackers }: Scenario): Trackers {
  const weights = (kind: TrackerKind) =>
    trackers.filter((tracker) => tracker.kind === kind).map(({ weight }) => ({ weight, reverse: false }));
  return {
    trackScripts: weights('script').map((weight) => ({ script: TRACKED.script, ...weight })),
    trackInterfaces: weights('link').map((weight) => ({ interface: TRACKED.link, ...weight })),
    trackFiles: weights('file').map((weight) => ({ file: TRACKED.file, ...weight })),
    trackProcesses: [],
    trackBfds: weights('bfd').map((weight) => ({ bfd: TRACKED.bfd, ...weight })),
  };
}

const NO_TRACKERS: Trackers = { trackScripts: [], trackInterfaces: [], trackFiles: [], trackProcesses: [], trackBfds: [] };

function routerOf(scenario: Scenario, director: number, plan: PlannedRouter, priority: number): VirtualRouter {
  const { version, family, interval, noPreempt, preemptDelay, lowerPriorityNoAdvert, higherPrioritySendAdvert } = scenario;
  const isOwner = priority === OWNER_PRIORITY;
  return {
    name: plan.name,
    interface: plan.link,
    vrid: plan.vrid,
    version,
    family,
    wantsMaster: isOwner,
    priority,
    advertInterval: interval,
    ...authenticationOf(scenario),
    trackSourceAddress: false,
    multicastGroup: GROUPS[family],
    ...unicastOf(scenario, director, plan.link),
    vips: [vipOf(scenario, plan)],
    excludedVips: [],
    routes: [],
    rules: [],
    promoteSecondaries: false,
    // The reader of keepalived.conf takes both from an owner.
    noPreempt: noPreempt && !isOwner,
    preemptDelay: isOwner ? 0 : preemptDelay,
    downTimerAdverts: scenario.downTimerAdverts,
    accept: true,
    strict: false,
    skipCheckAdvertisedAddresses: false,
    checksumWithoutPseudoHeader: false,
    lowerPriorityNoAdvert,
    higherPrioritySendAdvert,
    ownerIgnoreAdverts: false,
    garp: {
      repeat: 5,
      secondBurstDelay: seconds(5),
      refresh: 0,
      refreshRepeat: 1,
      lowerPriorityRepeat: 5,
      lowerPriorityDelay: seconds(5),
      extraInterfaces: { period: 0, all: false },
    },
    trackPrimary: true,
    notify: {},
    notifyPriorityChanges: false,
    smtpAlert: false,
    ...(scenario.shape === 'group' ? NO_TRACKERS : trackersOf(scenario)),
  };
}

function authenticationOf({ authentication }: Scenario): Pick<VirtualRouter, 'authentication'> {
  return authentication === 'none' ? {} : { authentication: { type: authentication, password: PASSWORD } };
}

function unicastOf(scenario: Scenario, director: number, link: string): Pick<VirtualRouter, 'unicast'> {
  if (!scenario.unicast) return {};
  const others = Array.from(scenario.directors, (_, i) => i).filter((other) => other !== director);
  const peers = others.map((other) => ({ address: addressOf(scenario.family, other, link) }));
  return { unicast: { peers, ttl: 255, checkSource: true, faultWithoutPeer: false } };
}

function vipOf({ family }: Scenario, { vrid, link }: PlannedRouter): Vip {
  const v6 = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, vrid);
  const address = family === 4 ? IpAddress.fromV4Number(0x0a000064 + vrid * 0x100) : (IpAddress.fromBytes(v6) as IpAddress);
  return {
    address,
    length: family === 4 ? 32 : 128,
    interface: link,
    home: false,
    deprecated: family === 6,
    tracked: true,
    onVmac: false,
  };
}
