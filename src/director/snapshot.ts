/** The director's state for `status`, the API and metrics. */
import type { Instant } from '../base/index.ts';
import type { ForwardingMethod, RealServerKey, ServiceKey, Tunnel } from '../model/index.ts';

/** `undecided`: no check has ended yet. */
export type ServerHealth = 'undecided' | 'up' | 'down';

/** `undecided`: first checks still run, and neither is it reached nor out of reach. */
export type QuorumState = 'undecided' | 'up' | 'lost';

export interface ServerSnapshot extends RealServerKey {
  readonly method: ForwardingMethod;
  readonly tunnel?: Tunnel;
  readonly health: ServerHealth;
  /** The file's weight. */
  readonly weight: number;
  /** What its checks make of that weight, where they do (`misc_dynamic`). */
  readonly measured?: number;
  /** An operator's weight, while one is set. */
  readonly override?: number;
  /** The weight in the data plane; undefined while the server is not in the table. */
  readonly effectiveWeight: number | undefined;
  readonly lastChange?: { readonly at: Instant; readonly reason: string };
}

export interface ServiceSnapshot {
  readonly key: ServiceKey;
  readonly group?: string;
  readonly quorum: { readonly state: QuorumState; readonly required: number; readonly hysteresis: number; readonly liveWeight: number };
  readonly sorryServer?: RealServerKey & { readonly active: boolean };
  readonly servers: readonly ServerSnapshot[];
}
