/** The engine's snapshot in the words of the API: keepalived's names of the states. */
import type { VrrpStatusReport } from '../../api/index.ts';
import { formatPrefix, type Instant, toSeconds } from '../../base/index.ts';
import type { BfdSnapshot } from '../../bfd/index.ts';
import type { VirtualRouter } from '../../model/index.ts';
import type { RouterSnapshot, RouterState, VrrpSettings, VrrpSnapshot } from '../../vrrp/index.ts';
import { allVips } from './interfaces.ts';

const STATE_NAMES = { initialize: 'INIT', backup: 'BACKUP', active: 'MASTER', fault: 'FAULT' } as const satisfies Record<
  RouterState,
  string
>;

export function vrrpStatus(snapshot: VrrpSnapshot, settings: VrrpSettings, bfd: BfdSnapshot, now: Instant): VrrpStatusReport {
  const configured = new Map(settings.routers.map((router) => [router.name, router]));
  return {
    routers: snapshot.routers.map((router) => routerStatus(router, configured.get(router.name), now)),
    groups: snapshot.groups.map((group) => ({ name: group.name, state: STATE_NAMES[group.state], members: [...group.members] })),
    trackers: trackersStatus(snapshot, bfd),
    rejected: { ...snapshot.rejected },
    pauses: snapshot.pauses,
  };
}

function routerStatus(router: RouterSnapshot, configured: VirtualRouter | undefined, now: Instant): VrrpStatusReport['routers'][number] {
  const { counters } = router;
  return {
    name: router.name,
    interface: router.interface,
    ...(configured?.vmac && { vmac: configured.vmac.name }),
    vrid: router.vrid,
    version: router.version,
    family: router.family,
    ...(router.group !== undefined && { group: router.group }),
    state: STATE_NAMES[router.state],
    ...(router.lastTransition !== undefined && { secondsInState: toSeconds(now - router.lastTransition) }),
    ...(router.faultCause !== undefined && { faultCause: router.faultCause }),
    basePriority: router.basePriority,
    effectivePriority: router.effectivePriority,
    ...(router.sourceAddress && { sourceAddress: String(router.sourceAddress) }),
    ...(router.masterAddress && { masterAddress: String(router.masterAddress) }),
    masterPriority: router.masterPriority,
    advertIntervalSeconds: toSeconds(configured?.advertInterval ?? router.masterInterval),
    vips: configured ? allVips(configured).map(formatPrefix) : [],
    advertsSent: counters.advertsSent,
    advertsReceived: counters.advertsReceived,
    becameMaster: counters.becameActive,
    releasedMaster: counters.releasedActive,
    priorityZeroSent: counters.priorityZeroSent,
    priorityZeroReceived: counters.priorityZeroReceived,
    rejected: { ...counters.rejected },
  };
}

function trackersStatus(snapshot: VrrpSnapshot, bfd: BfdSnapshot): VrrpStatusReport['trackers'] {
  return {
    interfaces: snapshot.interfaces.map(({ name, up, present, addresses }) => ({ name, up, present, addresses: addresses.map(String) })),
    scripts: snapshot.scripts.map(({ name, state, running, lastStatus }) => ({
      name,
      state,
      running,
      ...(lastStatus !== undefined && { lastStatus }),
    })),
    files: snapshot.files.map(({ name, value }) => ({ name, value })),
    processes: snapshot.processes.map(({ name, state, count }) => ({ name, state, count })),
    bfdSessions: bfd.sessions.map(({ name, neighbor, state, remoteState, counters }) => ({
      name,
      neighbor: String(neighbor),
      state,
      remoteState,
      packetsSent: counters.packetsSent,
      packetsReceived: counters.packetsReceived,
      detectionsExpired: counters.detectionsExpired,
    })),
  };
}
