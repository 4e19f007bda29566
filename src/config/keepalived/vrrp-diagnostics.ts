/** What several virtual routers, sync groups and trackers are to each other: faults that no single line shows. */
import type { SyncGroup, TrackerWeight, Vip, VirtualRouter } from '../../model/index.ts';
import { type BoundStatement, placeOf } from './bind.ts';
import type { Context } from './context.ts';
import type { Token } from './lexer.ts';
import { entriesOf } from './lower-static.ts';
import { lineOf, type ReadRouter } from './lower-vrrp.ts';
import type { Place } from './report.ts';
import { tokenPlace } from './syntax.ts';

const OWNER = 255;

export function reportRouters(routers: readonly ReadRouter[], groups: readonly SyncGroup[], context: Context): void {
  reportSharedIds(routers, context);
  reportSharedAddresses(routers, context);
  reportUnevenGroups(routers, groups, context);
  for (const read of routers) {
    reportLinkLocal(read, context);
    reportTrackers(read, groups, context);
    reportSource(read, context);
  }
}

/** `file line 5`, or `line 5` where it is the same file. */
function whereIs(bound: BoundStatement, seenFrom: BoundStatement): string {
  const { file } = bound.source;
  return `${file === seenFrom.source.file ? '' : `${file} `}line ${lineOf(bound)}`;
}

/** Two routers of one VRID hear each other, unless their groups differ or their peers have nobody in common. */
function reportSharedIds(routers: readonly ReadRouter[], { reporter }: Context): void {
  for (const [index, read] of routers.entries()) {
    const other = routers.slice(0, index).find((before) => hearEachOther(before.router, read.router));
    if (!other) continue;
    const statement = read.block.last('virtual_router_id') ?? read.bound;
    const { vrid, interface: interfaceName } = read.router;
    reporter.report(
      'config/duplicate-vrid',
      placeOf(statement),
      `virtual_router_id ${vrid} is taken on ${interfaceName} by another vrrp_instance (${whereIs(other.block.last('virtual_router_id') ?? other.bound, statement)}). The two would fight each other.`,
      { help: 'Give every virtual router of an interface its own virtual_router_id.' },
    );
  }
}

function hearEachOther(a: VirtualRouter, b: VirtualRouter): boolean {
  if (a.interface !== b.interface || a.vrid !== b.vrid || a.family !== b.family || (a.unicast !== undefined) !== (b.unicast !== undefined))
    return false;
  if (!a.unicast || !b.unicast) return a.multicastGroup.equals(b.multicastGroup);
  const peers = new Set(a.unicast.peers.map(({ address }) => address.toString()));
  return b.unicast.peers.some(({ address }) => peers.has(address.toString()));
}

/** An address of two virtual routers is removed by one while the other announces it. */
function reportSharedAddresses(routers: readonly ReadRouter[], { reporter }: Context): void {
  const seen = new Map<string, ReadRouter>();
  for (const read of routers) {
    const places = addressPlaces(read);
    for (const vip of [...read.router.vips, ...read.router.excludedVips]) {
      const key = `${vip.address} ${vip.interface}`;
      const before = seen.get(key);
      const place = places.get(vip.address.toString())?.shift() ?? placeOf(read.bound);
      if (before)
        reporter.report(
          'config/duplicate-address',
          place,
          `${vip.address} is an address of vrrp_instance ${before.router.name} already${before === read ? '' : `, and ${read.router.name} would take it away from there`}.`,
          {
            help: 'Every address belongs to one virtual router, once.',
          },
        );
      else seen.set(key, read);
    }
  }
}

/** Where the addresses of a router stand, in their order. */
function addressPlaces({ block, router }: ReadRouter): Map<string, Place[]> {
  const places = new Map<string, Place[]>();
  const entries = ['virtual_ipaddress', 'virtual_ipaddress_excluded'].flatMap((name) => entriesOf(block, name));
  const known = new Set([...router.vips, ...router.excludedVips].map(({ address }: Vip) => address.toString()));
  for (const entry of entries) {
    const token = entry.words[0] as Token;
    const text = token.text.split('/')[0] as string;
    if (!known.has(text)) continue;
    const place = tokenPlace(entry.source, token);
    places.set(text, [...(places.get(text) ?? []), place]);
  }
  return places;
}

/** Members that notice the loss of a MASTER at different times pull each other to and fro. */
function reportUnevenGroups(routers: readonly ReadRouter[], groups: readonly SyncGroup[], { reporter }: Context): void {
  for (const group of groups) {
    const members = routers.filter(({ router }) => group.members.includes(router.name));
    const [first, ...others] = members;
    for (const { router, bound, block } of first ? others : []) {
      if (!first || router.advertInterval * router.downTimerAdverts === first.router.advertInterval * first.router.downTimerAdverts)
        continue;
      reporter.report(
        'config/uneven-group',
        placeOf(block.last('advert_int') ?? bound),
        `${router.name} and ${first.router.name} are in the sync group ${group.name} and have different advert_int, so they would notice the loss of a MASTER at different times.`,
        { help: 'Give all members of a sync group the same advert_int.' },
      );
    }
  }
}

/** RFC 9568 section 5.2.9: the first IPv6 address is the link-local one of the virtual router. */
function reportLinkLocal({ router, bound, block }: ReadRouter, { reporter }: Context): void {
  const first = router.vips[0];
  if (
    router.family === 4 ||
    !first ||
    ((first.address.bytes[0] as number) === 0xfe && ((first.address.bytes[1] as number) & 0xc0) === 0x80)
  )
    return;
  const entry = entriesOf(block, 'virtual_ipaddress')[0];
  reporter.report(
    'config/not-link-local',
    entry ? tokenPlace(entry.source, entry.words[0] as Token) : placeOf(bound),
    `The first IPv6 address of a virtual router is its link-local one (RFC 9568), and ${first.address} is not. Routers of other makers may not take part.`,
    { help: 'Put an address such as fe80::100 first.', ...(router.strict && { severity: 'error' as const }) },
  );
}

/** A weight has nothing to change in an owner, and would tear a sync group apart. */
function reportTrackers({ router, block }: ReadRouter, groups: readonly SyncGroup[], { reporter }: Context): void {
  const group = groups.find(({ members }) => members.includes(router.name));
  const lists: readonly [string, readonly TrackerWeight[]][] = [
    ['track_interface', router.trackInterfaces],
    ['track_script', router.trackScripts],
    ['track_file', router.trackFiles],
    ['track_process', router.trackProcesses],
    ['track_bfd', router.trackBfds],
  ];
  for (const [keyword, trackers] of lists) {
    const bound = block.last(keyword);
    if (!bound || trackers.every(({ weight }) => weight === 0)) continue;
    if (router.priority === OWNER)
      reporter.report('config/no-effect', placeOf(bound), `Priority 255 never changes, so the weights of ${keyword} have no effect.`, {
        help: 'Use a priority below 255, or trackers of weight 0, which mean FAULT.',
      });
    else if (group && !group.trackingWeight)
      reporter.report(
        'config/weight-in-group',
        placeOf(bound),
        `${router.name} is in the sync group ${group.name}, whose members must not differ in priority: its trackers with a weight are ignored, as in keepalived.`,
        { help: `Put ${keyword} into the vrrp_sync_group, or sync_group_tracking_weight.` },
      );
  }
}

function reportSource({ router, block }: ReadRouter, { reporter }: Context): void {
  const bound = block.last('track_src_ip');
  if (bound && !router.sourceAddress)
    reporter.report('config/no-effect', placeOf(bound), 'track_src_ip has no effect without mcast_src_ip or unicast_src_ip.', {
      help: 'Add the source address, or remove the line.',
    });
}

/** Routers without the weighted trackers that their sync group does not allow (`sync_group_tracking_weight`). */
export function withoutGroupWeights(routers: readonly VirtualRouter[], groups: readonly SyncGroup[]): VirtualRouter[] {
  return routers.map((router) => {
    const group = groups.find(({ members }) => members.includes(router.name));
    if (!group || group.trackingWeight) return router;
    return {
      ...router,
      trackInterfaces: unweighted(router.trackInterfaces),
      trackScripts: unweighted(router.trackScripts),
      trackFiles: unweighted(router.trackFiles),
      trackProcesses: unweighted(router.trackProcesses),
      trackBfds: unweighted(router.trackBfds),
    };
  });
}

function unweighted<T extends TrackerWeight>(trackers: readonly T[]): T[] {
  return trackers.filter(({ weight }) => weight === 0);
}
