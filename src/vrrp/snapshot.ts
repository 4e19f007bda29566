/** What status commands, dumps and metrics show: plain values, copied, safe to keep. What is configured is not repeated here. */
import type { Instant, IpAddress, IpFamily, Micros } from '../base/index.ts';
import type { VrrpRejectReason } from '../wire/index.ts';
import type { TrackerState } from './trackers.ts';

/** RFC 9568's states and keepalived's FAULT. `initialize`: before `start`, or waiting for the first result of a tracker. */
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
  readonly family: IpFamily;
  readonly group: string | undefined;
  readonly state: RouterState;
  /** Its election is won, and only its sync group holds it back (keepalived's `wantstate` of a backup). */
  readonly wantsActive: boolean;
  /** As configured. */
  readonly basePriority: number;
  readonly effectivePriority: number;
  /** Where advertisements are sent from; undefined while there is no address. */
  readonly sourceAddress: IpAddress | undefined;
  /** Who sent the last advertisement that we accepted; our own address while active; undefined before the first. */
  readonly masterAddress: IpAddress | undefined;
  /** The priority in that advertisement; our own while active; 0 before the first. */
  readonly masterPriority: number;
  /** The interval by which the active router is judged (`master_adver_int`). */
  readonly masterInterval: Micros;
  /** How long its silence is borne (`ms_down_timer`). */
  readonly masterDownTime: Micros;
  /** The next advertisement of an active router, the end of a backup's patience; undefined while nothing is awaited. */
  readonly nextDeadline: Instant | undefined;
  /** When a running preempt delay ends. */
  readonly preemptAt: Instant | undefined;
  /** When the state last changed; undefined before `start`. */
  readonly lastTransition: Instant | undefined;
  /** Why it is in FAULT, as logged. */
  readonly faultCause: string | undefined;
  /** Last sequence number of the authentication header, sent or received. */
  readonly ahSequence: number;
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
  readonly state: TrackerState;
  readonly running: boolean;
  /** Of the last run that ended by itself; undefined before that. */
  readonly lastStatus: number | undefined;
  /** keepalived's counter from 0 to rise + fall - 1. */
  readonly result: number;
}

export interface ProcessSnapshot {
  readonly name: string;
  readonly state: TrackerState;
  readonly count: number;
}

export interface InterfaceSnapshot {
  readonly name: string;
  readonly up: boolean;
  readonly present: boolean;
  /** The first own address of each family that it has. */
  readonly addresses: readonly IpAddress[];
}

/** Everything that is tracked. */
export interface TrackedSnapshot {
  readonly interfaces: readonly InterfaceSnapshot[];
  readonly scripts: readonly ScriptSnapshot[];
  readonly files: readonly { readonly name: string; readonly value: number }[];
  readonly processes: readonly ProcessSnapshot[];
  readonly bfdSessions: readonly { readonly name: string; readonly up: boolean }[];
}

export interface VrrpSnapshot extends TrackedSnapshot {
  readonly routers: readonly RouterSnapshot[];
  readonly groups: readonly GroupSnapshot[];
  /** Packets that no router could be blamed for: malformed, or of a VRID that we do not run. */
  readonly rejected: RejectCounts;
  /** Pauses of this process that were reported. */
  readonly pauses: number;
}
