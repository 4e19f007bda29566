/** What the reactor's thread and the failover process's main thread say to each other. Plain data: it is cloned on the way. */
import type { VrrpStatusReport } from '../../api/index.ts';
import type { ScriptCommand } from '../../model/index.ts';
import type { LogLevel } from '../../ports/index.ts';
import type { ScriptOutcome, VrrpEffect, VrrpSettings } from '../../vrrp/index.ts';

export type Transition = Extract<VrrpEffect, { kind: 'transition' }>;

export type ToThread =
  | { readonly type: 'reconfigure'; readonly settings: VrrpSettings }
  | { readonly type: 'script-ended'; readonly script: string; readonly outcome: ScriptOutcome; readonly status: number }
  | { readonly type: 'status?'; readonly id: number }
  | { readonly type: 'stop' };

export type FromThread =
  /** The descriptor that wakes the thread, which otherwise sleeps in the kernel and sees no message. */
  | { readonly type: 'started'; readonly wakeFd: number }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'run-script'; readonly script: string; readonly command: ScriptCommand; readonly timeout: number }
  | { readonly type: 'transition'; readonly transition: Transition }
  | { readonly type: 'status'; readonly id: number; readonly status: VrrpStatusReport }
  | { readonly type: 'stopped' };

/** What the thread is made with. */
export interface ThreadData {
  readonly settings: VrrpSettings;
}
