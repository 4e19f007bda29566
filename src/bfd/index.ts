/**
 * Bidirectional forwarding detection (RFC 5880, RFC 5881, RFC 5883) as keepalived has it: asynchronous mode, no echo, no
 * authentication. Pure.
 *
 * ```ts
 * const engine = new BfdEngine(sessions, seed);
 * engine.handle({ kind: 'start' }, now);
 * for (const effect of engine.drain()) perform(effect);
 * // then: packets as they come, and `tick` whenever engine.nextDeadline() has been reached and the sockets are drained
 * ```
 */
export type { BfdEffect } from './effect.ts';
export { BfdEngine } from './engine.ts';
export type { BfdEvent, BfdReceived } from './event.ts';
export type { BfdCounters, BfdSessionSnapshot, BfdSnapshot } from './snapshot.ts';
