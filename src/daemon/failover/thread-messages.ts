/** What the reactor's thread and the failover process's main thread say to each other. Plain data: it is cloned on the way. */
import type { VrrpStatusReport } from '../../api/index.ts';
import type { BfdSnapshot } from '../../bfd/index.ts';
import type { AnnouncementPacing, BfdSession, FirewallSettings, ProcessSettings, ScriptCommand, StaticNetwork } from '../../model/index.ts';
import type { SavedSysctl } from '../../os/sysctl/index.ts';
import type { LogLevel } from '../../ports/index.ts';
import type { ScriptOutcome, VrrpChanges, VrrpEffect, VrrpSettings, VrrpSnapshot } from '../../vrrp/index.ts';

export type Transition = Extract<VrrpEffect, { kind: 'transition' }>;
export type Notice = Extract<VrrpEffect, { kind: 'notice' }>;

/** What the thread needs besides the virtual routers; short, so that a reload hands it over whole. */
export interface NetworkSettings {
  readonly pacing: readonly AnnouncementPacing[];
  readonly bfdSessions: readonly BfdSession[];
  readonly staticNetwork: StaticNetwork;
  readonly firewall: FirewallSettings;
}

export interface ReactorSettings extends NetworkSettings {
  readonly vrrp: VrrpSettings;
}

/** A thorough look at everything, for the files that signals ask for. */
export interface ReactorDump {
  readonly snapshot: VrrpSnapshot;
  readonly bfd: BfdSnapshot;
  /** The monotonic clock when it was made, to turn the snapshot's instants into dates. */
  readonly now: number;
  readonly links: readonly LinkDump[];
  /** Addresses, routes and rules that we hold, as text keys of `vipText` and the like. */
  readonly held: readonly string[];
}

export interface LinkDump {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  readonly running: boolean;
  readonly loopback: boolean;
  readonly multicast: boolean;
  readonly mtu: number;
  readonly mac?: Uint8Array;
  /** The interface's own first addresses, where virtual routers asked for them; else empty. */
  readonly version4: string;
  readonly version6: string;
}

export type ToThread =
  /** A reload: the routers that have changed, and the rest where it has changed. */
  | { readonly type: 'reconfigure'; readonly changes: VrrpChanges; readonly network?: NetworkSettings }
  | { readonly type: 'script-ended'; readonly script: string; readonly outcome: ScriptOutcome; readonly status: number }
  | { readonly type: 'file'; readonly file: string; readonly value: number }
  | { readonly type: 'process'; readonly process: string; readonly count: number }
  | { readonly type: 'status?'; readonly id: number }
  | { readonly type: 'dump?'; readonly id: number }
  | { readonly type: 'clear-counters' }
  | { readonly type: 'stop' };

export type FromThread =
  /** The descriptor that wakes the thread, which otherwise sleeps in the kernel and sees no message. */
  | { readonly type: 'started'; readonly wakeFd: number }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'run-script'; readonly script: string; readonly command: ScriptCommand; readonly timeout: number }
  | { readonly type: 'kill-script'; readonly script: string }
  | { readonly type: 'transition'; readonly transition: Transition }
  | { readonly type: 'notice'; readonly notice: Notice }
  | { readonly type: 'bfd-changed'; readonly session: string; readonly up: boolean }
  | { readonly type: 'sync-daemon'; readonly role: 'master' | 'backup' }
  /** What must be put back if this process dies before it can do so itself. */
  | { readonly type: 'saved-sysctls'; readonly saved: readonly SavedSysctl[] }
  | { readonly type: 'status'; readonly id: number; readonly status: VrrpStatusReport }
  | { readonly type: 'dump'; readonly id: number; readonly dump: ReactorDump }
  | { readonly type: 'stopped' };

/** What the thread is made with. */
export interface ThreadData {
  readonly settings: ReactorSettings;
  readonly process: ProcessSettings;
  /** What tracked files and processes were like at the start; later values come as messages. */
  readonly sensors: {
    readonly files: readonly { readonly file: string; readonly value: number }[];
    readonly processes: readonly { readonly process: string; readonly count: number }[];
  };
  /** For what is random in BFD: discriminators and jitter. */
  readonly seed: number;
  /** The network namespace to work in, as a path below /run/netns or /proc; absent means the process's own. */
  readonly namespacePath?: string;
  /** The daemon before this one was killed: what it left of static addresses, routes and rules is ours now. */
  readonly predecessorDied: boolean;
  /** Detail lines are wanted (-D); without, they are not even sent. */
  readonly detail: boolean;
}
