/** What goes into the check engine and what comes out of it. */
import type { Instant, IpAddress } from '../base/index.ts';
import type { CheckChange, CheckedService, CheckTls, ScriptCommand, ServerVerdict } from '../model/index.ts';
import type { LogLevel } from '../ports/index.ts';

export type CheckEvent =
  /** Start, or a reload: checks that did not change keep verdict, timer and retry count; new ones run at once. */
  | { readonly type: 'configure'; readonly services: readonly CheckedService[] }
  | { readonly type: 'connected'; readonly connection: number }
  | { readonly type: 'data'; readonly connection: number; readonly bytes: Uint8Array }
  /** The server closed its side in good order. */
  | { readonly type: 'ended'; readonly connection: number }
  /** A program of a check has ended. */
  | { readonly type: 'exited'; readonly connection: number; readonly end: ProgramEnd }
  /** The connection could not be made or broke; `error` is the system's code (`ECONNREFUSED`). */
  | { readonly type: 'broken'; readonly connection: number; readonly error: string }
  /** This machine lacks the means to connect (`EMFILE`, `ENOBUFS` …), which says nothing about the server. */
  | { readonly type: 'starved'; readonly connection: number; readonly error: string }
  /**
   * `nextDeadline()` has come. Deadlines after `due` are left for the next tick: a shell that was held up says with it until when
   * it has seen all that came in, so that no server is called late for a pause of ours. Without it, `now` counts.
   */
  | { readonly type: 'tick'; readonly due?: Instant }
  /** A track file that a FILE_CHECK follows holds this number now. */
  | { readonly type: 'number'; readonly trackFile: string; readonly value: number }
  /** A BFD session that a BFD_CHECK follows went up or down. */
  | { readonly type: 'session'; readonly session: string; readonly up: boolean }
  /** The addresses, as text, that this host holds from now on. Services with `ha_suspend` are checked while theirs is among them; none is before this event. */
  | { readonly type: 'addresses'; readonly addresses: ReadonlySet<string> }
  /** Closes everything; no verdict changes. */
  | { readonly type: 'stop' };

/** How a program ended: by itself with a status, by a signal that nobody of us sent, or it could not be started. */
export type ProgramEnd =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'not-started'; readonly reason: string };

/** `udp` is a connected socket that reports ICMP errors; `icmp` carries ICMP messages without their IP header. */
export type Transport = 'tcp' | 'udp' | 'icmp';

/** The connection to open for a check. */
export interface OpenConnection {
  readonly type: 'open';
  /** A number never used before in this engine; events about connections that were closed meanwhile are ignored. */
  readonly connection: number;
  readonly transport: Transport;
  readonly address: IpAddress;
  /** 0 with `icmp`. */
  readonly port: number;
  readonly bindAddress?: IpAddress;
  readonly bindPort?: number;
  /** TLS over `tcp`; `connected` means that the handshake is done. The certificate of the server is not verified. */
  readonly tls?: CheckTls;
}

export type CheckEffect =
  | OpenConnection
  /** Run a program; `close` ends it early. */
  | { readonly type: 'run'; readonly connection: number; readonly command: ScriptCommand }
  | { readonly type: 'send'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: 'close'; readonly connection: number }
  | { readonly type: 'verdict'; readonly verdict: ServerVerdict }
  /** After the verdict that it brought, if it brought one. */
  | { readonly type: 'check-changed'; readonly change: CheckChange }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string };
