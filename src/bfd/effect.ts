/** Everything that the engine asks for, in the order in which it must be done. */
import type { BfdSession } from '../model/index.ts';
import type { LogLevel } from '../ports/index.ts';
import type { BfdState } from '../wire/index.ts';

export type BfdEffect =
  /**
   * Send one UDP payload from `session.source` (else the kernel's choice) and a port of 49152 to 65535 that stays the session's own,
   * to `session.neighbor`, port 3784 (4784 with `multihop`), with `session.ttl`. A send that fails is a lost packet.
   */
  | { readonly kind: 'transmit'; readonly session: BfdSession; readonly bytes: Uint8Array }
  /** The session's state has changed. Whoever tracks it counts it as up while `to` is `up`, and as down before the first change. */
  | { readonly kind: 'state-changed'; readonly session: BfdSession; readonly from: BfdState; readonly to: BfdState }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string };
