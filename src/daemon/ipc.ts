/**
 * What the two processes say to each other over Node's IPC channel. The channel itself is the guard: when one process dies, by
 * whatever signal, the kernel closes it and the other one knows at once.
 */
import type { VrrpStatusReport } from '../api/index.ts';
import type { Configuration } from '../model/index.ts';
import type { SavedSysctl } from '../os/sysctl/index.ts';

/** A change of state of a virtual router or a sync group, for mail. States are keepalived's words. */
export interface TransitionNotice {
  readonly kind: 'instance' | 'group';
  readonly name: string;
  readonly state: 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP' | 'DELETED';
}

/** What the director must know besides the configuration. */
export interface DirectorSettings {
  readonly files: readonly string[];
  readonly runDir: string;
  readonly detail: boolean;
  /** The failover process, which the director watches. */
  readonly failoverPid: number;
  /** This director takes the place of one that died while the daemon went on. */
  readonly restarted: boolean;
}

export type ToDirector =
  /** The whole configuration as one process read it (without the virtual routers' passwords); first at start, then at each reload. */
  | { readonly type: 'configure'; readonly configuration: Configuration; readonly settings: DirectorSettings }
  | { readonly type: 'transition'; readonly notice: TransitionNotice }
  /** Kernel settings to put back should the failover process die. */
  | { readonly type: 'saved-sysctls'; readonly saved: readonly SavedSysctl[] }
  /** A session of bidirectional forwarding detection, for checks that follow it. */
  | { readonly type: 'bfd-changed'; readonly session: string; readonly up: boolean }
  /** The role that virtual routers give the connection-sync daemon. */
  | { readonly type: 'sync-daemon'; readonly role: 'master' | 'backup' }
  | { readonly type: 'vrrp-status'; readonly id: number; readonly status: VrrpStatusReport }
  /** Answered with `alive`: a director that lives may yet be caught in a loop. */
  | { readonly type: 'alive?' }
  | { readonly type: 'stop' };

export type ToFailover =
  /** The tables stand, the socket answers. */
  | { readonly type: 'ready' }
  | { readonly type: 'alive' }
  | { readonly type: 'vrrp-status?'; readonly id: number }
  /** A line for the notify FIFOs of services, which live in the failover process: their readers outlast a director. */
  | { readonly type: 'service-line'; readonly line: string }
  /** Start-up failed for a reason that a restart does not cure. */
  | { readonly type: 'fatal'; readonly message: string };
