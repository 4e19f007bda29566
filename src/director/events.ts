/** What goes into the director engine and what comes out of it. */
import type { CheckChange, CheckedService, RealServerKey, ScriptCommand, ServerVerdict, ServiceKey, ServiceTable } from '../model/index.ts';
import type { LogLevel } from '../ports/index.ts';
import type { Mail } from './mail.ts';
import type { NoticePolicy } from './voice.ts';

export type DirectorEvent =
  /** Start, or a reload: only the differences act; servers that stay keep their state, their override and their place. */
  | {
      readonly type: 'configure';
      readonly services: readonly CheckedService[];
      readonly policy: NoticePolicy;
    }
  | { readonly type: 'verdict'; readonly verdict: ServerVerdict }
  | { readonly type: 'check-changed'; readonly change: CheckChange }
  /** An operator's weight for a server, above the file's: 0 drains it. Undefined gives the file's weight back. */
  | { readonly type: 'override'; readonly service: ServiceKey; readonly server: RealServerKey; readonly weight: number | undefined }
  /** The daemon ends in good order: every service leaves the data plane. */
  | { readonly type: 'stop' };

export type DirectorEffect =
  /**
   * The whole desired state, at most once in a drain and first in it, so that scripts and mail speak of what already holds.
   * Tables of services that did not change are the same objects as last time.
   */
  | { readonly type: 'tables'; readonly tables: readonly ServiceTable[] }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'mail'; readonly mail: Mail }
  /** Run in order per `object` (keepalived's name of the real or virtual server). */
  | { readonly type: 'script'; readonly command: ScriptCommand; readonly object: string }
  /** For the notify FIFOs of services, with its end. */
  | { readonly type: 'line'; readonly line: string };
