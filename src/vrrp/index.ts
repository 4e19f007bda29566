/**
 * Virtual routers: VRRP version 2 (RFC 3768) and version 3 (RFC 9568), IPv4 and IPv6, with keepalived's behaviour. Pure.
 *
 * ```ts
 * const engine = new VrrpEngine(settings);
 * engine.handle({ kind: 'link', interface: 'eth0', up: true }, now);
 * engine.handle({ kind: 'address', interface: 'eth0', address }, now);
 * engine.handle({ kind: 'start' }, now);
 * engine.drainTo(perform);
 * // then: packets as they come, and `tick` whenever engine.nextDeadline() has been reached and the sockets are drained
 * ```
 */
export type { NoticeWord, NotifiedState, TransmitEffect, VrrpEffect } from './effect.ts';
export { VrrpEngine } from './engine.ts';
export type { ScriptOutcome, VrrpEvent } from './event.ts';
export { Farewell } from './farewell.ts';
export { sendingAnnouncement } from './messages.ts';
export {
  EMPTY_VRRP_SETTINGS,
  type SharedSettings,
  settingsChanges,
  type VrrpChanges,
  type VrrpSettings,
  withChanges,
} from './settings.ts';
export type {
  GroupSnapshot,
  InterfaceSnapshot,
  ProcessSnapshot,
  RejectCounts,
  RouterCounters,
  RouterSnapshot,
  RouterState,
  ScriptSnapshot,
  TrackedSnapshot,
  VrrpSnapshot,
} from './snapshot.ts';
export { masterDownTime, peersPatience, skewTime } from './timing.ts';
export type { TrackerState } from './trackers.ts';
