/**
 * The table of mh (Maglev hashing): every server walks the slots in a permutation of its own, and takes the next free ones in
 * turns, as many a turn as its weight says. Servers that come or go disturb few other slots.
 */
import type { IpFamily } from '../base/index.ts';
import { foldAddress, sipHash } from './hash.ts';
import type { SchedulableServer } from './scheduler.ts';
import { gcd } from './wrr.ts';

/** CONFIG_IP_VS_MH_TAB_INDEX 12, the default and Debian's choice. A prime, so that every step visits every slot. */
export const MH_TABLE_SIZE = 4093;
/** Half of the table index: a turn is at most 2^6 - 1 slots. */
const TURN_BITS = 6;

export const MH_HASH_KEY = 2_654_435_761;
const SKIP_KEY = 2_654_446_892;

interface Walker {
  readonly index: number;
  readonly skip: number;
  readonly turns: number;
  slot: number;
}

/** The index of the server of each slot. Empty when no server ever had a weight, or there are more servers than slots. */
export function fillMh(servers: readonly SchedulableServer[], family: IpFamily, byIdentity: boolean): readonly number[] {
  const walkers = walkersOf(servers, family, byIdentity);
  if (walkers.length === 0 || servers.length > MH_TABLE_SIZE) return [];
  const slots = new Array<number>(MH_TABLE_SIZE).fill(-1);
  let left = MH_TABLE_SIZE;
  for (;;) {
    for (const walker of walkers) {
      for (let turn = 0; turn < walker.turns; turn++) {
        while (slots[walker.slot] !== -1) walker.slot = (walker.slot + walker.skip) % MH_TABLE_SIZE;
        slots[walker.slot] = walker.index;
        if (--left === 0) return slots;
      }
    }
  }
}

function walkersOf(servers: readonly SchedulableServer[], family: IpFamily, byIdentity: boolean): Walker[] {
  const divisor = servers.reduce((divisorSoFar, { lastWeight }) => gcd(lastWeight, divisorSoFar), 0);
  if (divisor === 0) return [];
  const greatest = Math.max(...servers.map(({ lastWeight }) => lastWeight)) / divisor;
  const shift = Math.max(0, 32 - Math.clz32(greatest) - TURN_BITS);
  const order = servers.map((server, index) => ({ server, index }));
  if (byIdentity) order.sort((a, b) => a.server.address.compare(b.server.address) || a.server.port - b.server.port);
  return order
    .filter(({ server }) => server.lastWeight > 0)
    .map(({ server, index }) => {
      const value = (foldAddress(server.address, family) + server.port) >>> 0;
      return {
        index,
        slot: sipHash(value, MH_HASH_KEY) % MH_TABLE_SIZE,
        skip: (sipHash(value, SKIP_KEY) % (MH_TABLE_SIZE - 1)) + 1,
        turns: Math.max(1, Math.floor(server.lastWeight / divisor) >> shift),
      };
    });
}
