/** What the schedulers that look at connection counts weigh servers by. */
import type { SchedulableServer } from './scheduler.ts';

/**
 * What an active connection weighs against an inactive one (kernel: ip_vs_dest_conn_overhead). Linux 6.1.192 and every
 * kernel that counts all connections beside the active ones has 257; older ones have 256.
 */
export const ACTIVE_COST = 257;

/** The load that lc, wlc, lblc, lblcr and twos compare. */
export function overhead(server: SchedulableServer): number {
  return server.activeConnections * ACTIVE_COST + server.inactiveConnections;
}

/** The delay that sed and nq expect: the connections that would be served at once, with the new one. */
export function expectedDelay(server: SchedulableServer): number {
  return server.activeConnections + 1;
}

/** Whether a × b > c × d, exact also where the products leave what a number holds (weights go up to 2^31). */
export function productExceeds(a: number, b: number, c: number, d: number): boolean {
  const left = a * b;
  const right = c * d;
  if (left <= Number.MAX_SAFE_INTEGER && right <= Number.MAX_SAFE_INTEGER) return left > right;
  return BigInt(a) * BigInt(b) > BigInt(c) * BigInt(d);
}

/**
 * The server with the least cost for its weight; of equals the first in the list. `isCandidate` gates every server and must
 * leave out weight 0 for the first one: later ones of weight 0 cannot win anyway.
 */
export function leastPerWeight<S extends SchedulableServer>(
  servers: Iterable<S>,
  cost: (server: S) => number,
  isCandidate: (server: S) => boolean,
): S | undefined {
  let best: S | undefined;
  let bestCost = 0;
  for (const server of servers) {
    if (!isCandidate(server)) continue;
    const itsCost = cost(server);
    if (best && !productExceeds(bestCost, server.weight, itsCost, best.weight)) continue;
    best = server;
    bestCost = itsCost;
  }
  return best;
}
