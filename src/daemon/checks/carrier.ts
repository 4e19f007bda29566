/** What carries one attempt of a check: a connection, a socket for datagrams, a program. Its shell tells the engine what it brings. */
import type { CheckEvent } from '../../check/index.ts';

export interface Carrier {
  send(bytes: Uint8Array): void;
  /** Ends it; nothing is emitted afterwards. */
  close(): void;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** An event about this carrier, without its number. */
export type CarrierEvent = DistributiveOmit<Extract<CheckEvent, { connection: number }>, 'connection'>;

/** Called later only, never while the carrier is being opened. */
export type Emit = (event: CarrierEvent) => void;

/** Errors that mean that this machine, not the server, lacks something. */
const OWN_FAULTS = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EAGAIN']);

/** Without a source port or address of its own, EADDRNOTAVAIL means that the ephemeral ports are used up. */
export function faultOf(error: NodeJS.ErrnoException, bound: boolean): CarrierEvent {
  const code = error.code ?? error.message;
  const own = OWN_FAULTS.has(code) || (code === 'EADDRNOTAVAIL' && !bound);
  return { type: own ? 'starved' : 'broken', error: code };
}
