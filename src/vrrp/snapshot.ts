/** What status commands and metrics show: plain values, copied, safe to keep. */
import type { Instant, IpAddress } from '../base/index.ts';
import type { VrrpRejectReason } from '../wire/index.ts';

/** RFC 9568's states and keepalived's FAULT. `initialize`: before `start`, or waiting for the first result of a tracked script. */
export type RouterState = 'initialize' | 'backup' | 'active' | 'fault';

/** Rejected packets by numbered reason; reasons that never occurred are absent. */
export type RejectCounts = Readonly<Partial<Record<VrrpRejectReason, number>>>;

export interface RouterCounters {
  readonly advertsReceived: number;
  readonly advertsSent: number;
  readonly becameActive: number;
  readonly releasedActive: number;
  readonly priorityZeroReceived: number;
  readonly priorityZeroSent: number;
  readonly rejected: RejectCounts;
}

export interface RouterSnapshot {
  readonly name: string;
  readonly interface: string;
  readonly vrid: number;
  readonly version: 2 | 3;
  readonly group: string | undefined;
  readonly state: RouterState;
  readonly basePriority: number;
  readonly effectivePriority: number;
  /** Who sent the last advertisement that we accepted; our own address while active; undefined before the first. */
  readonly masterAddress: IpAddress | undefined;
  /** The priority in that advertisement; our own while active; 0 before the first. */
  readonly masterPriority: number;
  /** When the state last changed; undefined before `start`. */
  readonly lastTransition: Instant | undefined;
  readonly counters: RouterCounters;
}

export interface GroupSnapshot {
  readonly name: string;
  readonly members: readonly string[];
  /** The state that its members share; `initialize` while they differ. */
  readonly state: RouterState;
}

export interface ScriptSnapshot {
  readonly name: string;
  readonly state: 'pending' | 'up' | 'down';
  readonly running: boolean;
  /** Of the last run that ended by itself; undefined before that. */
  readonly lastStatus: number | undefined;
}

export interface VrrpSnapshot {
  readonly routers: readonly RouterSnapshot[];
  readonly groups: readonly GroupSnapshot[];
  readonly scripts: readonly ScriptSnapshot[];
  /** Packets that no router could be blamed for: malformed, or of a VRID that we do not run. */
  readonly rejected: RejectCounts;
  /** Pauses of this process that were reported. */
  readonly pauses: number;
}
