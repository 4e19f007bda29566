/** What the engine is told to run, and the difference between two such values. */
import type { Micros } from '../base/index.ts';
import {
  type InterfaceDelay,
  routerKey,
  type SyncGroup,
  type TrackFile,
  type TrackProcess,
  type VirtualRouter,
  type VrrpScript,
} from '../model/index.ts';
import { sameValue } from './same-value.ts';

/**
 * All virtual routers of one process. A reload hands over a whole new value, or what has changed in it; a router is the same one
 * across a reload when VRID, family, interface and the way it is sent (`routerKey`) are equal, whatever its name.
 */
export interface VrrpSettings extends SharedSettings {
  readonly routers: readonly VirtualRouter[];
}

/** Everything but the routers: short lists, compared and replaced as a whole. */
export interface SharedSettings {
  readonly groups: readonly SyncGroup[];
  readonly scripts: readonly VrrpScript[];
  readonly files: readonly TrackFile[];
  readonly processes: readonly TrackProcess[];
  readonly interfaceDelays: readonly InterfaceDelay[];
  /** Members follow the static addresses, routes and rules of the group (`track_group`). */
  readonly trackGroups: readonly { readonly name: string; readonly members: readonly string[] }[];
  /** The router whose state gives the connection-sync daemon its role. */
  readonly syncDaemonRouter?: string;
  /** No router becomes active before this long after `start`: the longer of `vrrp_startup_delay` and what is left of `vrrp_delay_after_boot`. */
  readonly startupDelay: Micros;
  /** Advertisements with a VRID that no router has on that interface are logged. */
  readonly logUnknownVrids?: boolean;
}

/** For a process without virtual routers, and to spread over. */
export const EMPTY_VRRP_SETTINGS: VrrpSettings = {
  routers: [],
  groups: [],
  scripts: [],
  files: [],
  processes: [],
  interfaceDelays: [],
  trackGroups: [],
  startupDelay: 0,
};

/** What a reload changes. Plain values: it can be sent to the thread where the engine lives. */
export interface VrrpChanges {
  /** Keys of routers that are no more. */
  readonly removed: readonly string[];
  /** New routers, and routers that have changed. */
  readonly routers: readonly VirtualRouter[];
  /** Absent when nothing has changed in it. */
  readonly shared?: SharedSettings;
}

/** Pure and without the engine, so that a busy comparison can run outside the thread that must advertise on time. */
export function settingsChanges(before: VrrpSettings, after: VrrpSettings): VrrpChanges {
  const known = new Map(before.routers.map((router) => [routerKey(router), router]));
  const routers: VirtualRouter[] = [];
  for (const router of after.routers) {
    const key = routerKey(router);
    const existing = known.get(key);
    known.delete(key);
    if (!existing || !sameValue(existing, router)) routers.push(router);
  }
  const [was, is] = [sharedPart(before), sharedPart(after)];
  return { removed: [...known.keys()], routers, ...(!sameValue(was, is) && { shared: is }) };
}

/** The settings after a change: routers keep their places, new ones come last. */
export function withChanges(settings: VrrpSettings, changes: VrrpChanges): VrrpSettings {
  const routers = new Map(settings.routers.map((router) => [routerKey(router), router]));
  for (const key of changes.removed) routers.delete(key);
  for (const router of changes.routers) routers.set(routerKey(router), router);
  return { ...(changes.shared ?? sharedPart(settings)), routers: [...routers.values()] };
}

function sharedPart(settings: VrrpSettings): SharedSettings {
  const { routers: _, ...shared } = settings;
  return shared;
}
