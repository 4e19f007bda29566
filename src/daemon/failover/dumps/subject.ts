/** What a dump is made of. */
import type { Instant } from '../../../base/index.ts';
import type { Configuration, VirtualRouter } from '../../../model/index.ts';
import type { RouterSnapshot, VrrpSettings } from '../../../vrrp/index.ts';
import type { ReactorDump } from '../thread-messages.ts';

export interface DumpSubject {
  readonly configuration: Configuration;
  readonly settings: VrrpSettings;
  readonly dump: ReactorDump;
  /** Seconds since 1970, when the dump was made. */
  readonly wallClock: number;
}

/** Each configured router with what it is doing, in the order of the file. */
export function dumpedRouters({ settings, dump }: DumpSubject): { readonly router: VirtualRouter; readonly state: RouterSnapshot }[] {
  const states = new Map(dump.snapshot.routers.map((state) => [state.name, state]));
  return settings.routers.flatMap((router) => {
    const state = states.get(router.name);
    return state ? [{ router, state }] : [];
  });
}

/** An instant of the monotonic clock as seconds since 1970, to the microsecond. */
export function wallTime(at: Instant | undefined, { dump, wallClock }: DumpSubject): number {
  return at === undefined ? 0 : Math.round((wallClock - (dump.now - at) / 1e6) * 1e6) / 1e6;
}

/** keepalived's numbers: 1 backup, 2 master, 3 fault. A router that waits for its first tracker result is 0. */
export const STATE_NUMBERS = { initialize: 0, backup: 1, active: 2, fault: 3 } as const;
export const STATE_WORDS = { initialize: 'INIT', backup: 'BACKUP', active: 'MASTER', fault: 'FAULT' } as const;
