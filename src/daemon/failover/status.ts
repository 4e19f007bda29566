/** The engine's snapshot in the words of the API: keepalived's names of the states. */
import type { VrrpStatusReport } from '../../api/index.ts';
import { formatPrefix } from '../../base/index.ts';
import type { RouterState, VrrpSettings, VrrpSnapshot } from '../../vrrp/index.ts';

const STATE_NAMES = { initialize: 'INIT', backup: 'BACKUP', active: 'MASTER', fault: 'FAULT' } as const satisfies Record<
  RouterState,
  string
>;

export function vrrpStatus(snapshot: VrrpSnapshot, settings: VrrpSettings): VrrpStatusReport {
  const vips = new Map(settings.routers.map((router) => [router.name, [...router.vips, ...router.excludedVips].map(formatPrefix)]));
  return {
    routers: snapshot.routers.map((router) => ({
      name: router.name,
      interface: router.interface,
      vrid: router.vrid,
      state: STATE_NAMES[router.state],
      basePriority: router.basePriority,
      effectivePriority: router.effectivePriority,
      ...(router.masterAddress && { masterAddress: String(router.masterAddress) }),
      vips: vips.get(router.name) ?? [],
      advertsSent: router.counters.advertsSent,
      advertsReceived: router.counters.advertsReceived,
      becameMaster: router.counters.becameActive,
      releasedMaster: router.counters.releasedActive,
      rejected: { ...router.counters.rejected } as Record<string, number>,
    })),
    groups: snapshot.groups.map((group) => ({ name: group.name, state: STATE_NAMES[group.state], members: [...group.members] })),
  };
}
