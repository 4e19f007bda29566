/** Everything that can happen to the engine. */
import type { IpAddress } from '../base/index.ts';
import type { BfdSession } from '../model/index.ts';

/** A UDP payload that came to a BFD port, with what its headers said. Any bytes are allowed. */
export interface BfdReceived {
  readonly kind: 'packet';
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or hop limit as received. */
  readonly ttl: number;
  /** It came to port 4784 and not to 3784. */
  readonly multihop: boolean;
  readonly payload: Uint8Array;
}

/** Timers fire in `tick` only: the shell hands over every packet that waits in its sockets first, so that none is judged missing. */
export type BfdEvent =
  /** Sessions begin to talk. */
  | { readonly kind: 'start' }
  /** Orderly end: every neighbour is told AdminDown. Final: the engine ignores everything after it. */
  | { readonly kind: 'stop' }
  /** Time has passed; whatever is due happens. Call it whenever `nextDeadline()` is not in the future. */
  | { readonly kind: 'tick' }
  | BfdReceived
  /** A reload. Sessions are the same ones by name, unless neighbour, source or port have changed. */
  | { readonly kind: 'reconfigure'; readonly sessions: readonly BfdSession[] };
