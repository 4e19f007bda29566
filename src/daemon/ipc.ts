/**
 * What the two processes say to each other over Node's IPC channel. The channel itself is the guard: when one process dies, by
 * whatever signal, the kernel closes it and the other one knows at once.
 */
import type { VrrpStatusReport } from '../api/index.ts';
import type { Configuration } from '../model/index.ts';

/** A change of state of a virtual router or a sync group, for mail. States are keepalived's words. */
export interface TransitionNotice {
  readonly kind: 'instance' | 'group';
  readonly name: string;
  readonly state: 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP';
}

/** What the director must know besides the configuration. */
export interface DirectorSettings {
  readonly files: readonly string[];
  readonly runDir: string;
  readonly detail: boolean;
}

export type ToDirector =
  /** The whole configuration as one process read it (without the virtual routers' passwords); first at start, then at each reload. */
  | { readonly type: 'configure'; readonly configuration: Configuration; readonly settings: DirectorSettings }
  | { readonly type: 'transition'; readonly notice: TransitionNotice }
  | { readonly type: 'vrrp-status'; readonly id: number; readonly status: VrrpStatusReport }
  | { readonly type: 'stop' };

export type ToFailover =
  /** The tables stand, the socket answers. */
  | { readonly type: 'ready' }
  | { readonly type: 'vrrp-status?'; readonly id: number }
  /** Start-up failed for a reason that a restart does not cure. */
  | { readonly type: 'fatal'; readonly message: string };
