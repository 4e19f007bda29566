/** A service's scheduler flags. Each of the kernel's bits has two spellings; the scheduler gives the bit its meaning. */
import type { SchedulerName } from '../model/index.ts';

export interface SchedulerFlags {
  /** Bit 0x8: where the hashed server is unusable, hash on (`sh-fallback`, `mh-fallback`, `flag-1`). */
  readonly fallback: boolean;
  /** Bit 0x10: the client's port is hashed as well (`sh-port`, `mh-port`, `flag-2`). */
  readonly port: boolean;
  /**
   * Bit 0x20, which the kernel's mh ignores (`mh-identity`, `flag-3`): mh fills its table in the order of the servers' addresses
   * and ports, not in the order in which they came. Directors with the same servers and weights then send a client to the same
   * server, whatever happened to either of them before.
   */
  readonly identity: boolean;
}

export function readSchedulerFlags(flags: readonly string[]): SchedulerFlags {
  const has = (...names: string[]): boolean => names.some((name) => flags.includes(name));
  return {
    fallback: has('sh-fallback', 'mh-fallback', 'flag-1'),
    port: has('sh-port', 'mh-port', 'flag-2'),
    identity: has('mh-identity', 'flag-3'),
  };
}

/** The schedulers that the flags mean something to. */
export function usesFlags(name: SchedulerName): boolean {
  return name === 'sh' || name === 'mh';
}
