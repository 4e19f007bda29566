/**
 * Virtual routers: VRRP version 2 (RFC 3768) and version 3 over IPv4 (RFC 9568) with keepalived's behaviour. Pure.
 *
 * ```ts
 * const engine = new VrrpEngine(settings);
 * engine.handle({ kind: 'link', interface: 'eth0', up: true }, now);
 * engine.handle({ kind: 'address', interface: 'eth0', address }, now);
 * engine.handle({ kind: 'start' }, now);
 * for (const effect of engine.drain()) perform(effect);
 * // then: packets as they come, and `tick` whenever engine.nextDeadline() has been reached and the sockets are drained
 * ```
 */
export type { NotifiedState, VrrpEffect } from './effect.ts';
export { VrrpEngine } from './engine.ts';
export type { ScriptOutcome, VrrpEvent } from './event.ts';
export { sendingGratuitousArp } from './messages.ts';
export type { VrrpSettings } from './settings.ts';
export type {
  GroupSnapshot,
  RejectCounts,
  RouterCounters,
  RouterSnapshot,
  RouterState,
  ScriptSnapshot,
  VrrpSnapshot,
} from './snapshot.ts';
export { masterDownTime, peersPatience, skewTime } from './timing.ts';
