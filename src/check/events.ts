/** What goes into the check engine and what comes out of it. */
import type { Instant, IpAddress } from '../base/index.ts';
import type { CheckedService, ServerVerdict } from '../model/index.ts';
import type { LogLevel } from '../ports/index.ts';

export type CheckEvent =
  /** Start, or a reload: checks that did not change keep verdict, timer and retry count; new ones run at once. */
  | { readonly type: 'configure'; readonly services: readonly CheckedService[] }
  | { readonly type: 'connected'; readonly connection: number }
  | { readonly type: 'data'; readonly connection: number; readonly bytes: Uint8Array }
  /** The server closed its side in good order. */
  | { readonly type: 'ended'; readonly connection: number }
  /** The connection could not be made or broke; `error` is the system's code (`ECONNREFUSED`). */
  | { readonly type: 'broken'; readonly connection: number; readonly error: string }
  /** This machine lacks the means to connect (`EMFILE`, `ENOBUFS` …), which says nothing about the server. */
  | { readonly type: 'starved'; readonly connection: number; readonly error: string }
  /**
   * `nextDeadline()` has come. Deadlines after `due` are left for the next tick: a shell that was held up says with it until when
   * it has seen all that came in, so that no server is called late for a pause of ours. Without it, `now` counts.
   */
  | { readonly type: 'tick'; readonly due?: Instant }
  /** Closes everything; no verdict changes. */
  | { readonly type: 'stop' };

/** The connection to open for a check. */
export interface OpenConnection {
  readonly type: 'open';
  /** A number never used before in this engine; events about connections that were closed meanwhile are ignored. */
  readonly connection: number;
  readonly address: IpAddress;
  readonly port: number;
  readonly bindAddress?: IpAddress;
}

export type CheckEffect =
  | OpenConnection
  | { readonly type: 'send'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: 'close'; readonly connection: number }
  | { readonly type: 'verdict'; readonly verdict: ServerVerdict }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string };
