/** The talk with a server that one check holds: bytes in, bytes and a result out. The engine owns connections and time. */

/** Why a round of a check failed. */
export interface Failure {
  /** In our words: `connection refused`, `status code 500`. */
  readonly reason: string;
  /** The line for the log, in keepalived's words, about the server of that name (`[10.0.0.1]:tcp:80`). */
  readonly line: (server: string) => string;
}

/** What the engine does next. `reconnect` closes this connection and opens another one for the rest of the same round. */
export type Step =
  | { readonly kind: 'wait' }
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  | { readonly kind: 'reconnect' }
  /** `weight` is what the check makes of the server's weight (`misc_dynamic`). */
  | { readonly kind: 'passed'; readonly weight?: number }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** One round of a check. Made anew for each round; after `passed` or `failed` it is not used again. Of a program, starting is connecting. */
export interface Dialogue {
  connected(): Step;
  data(bytes: Uint8Array): Step;
  /** The server closed its side. */
  ended(): Step;
  /** Nothing came for the check's time-out, or the whole exchange took too long. */
  timedOut(connected: boolean): Step;
  /** The connection could not be made, or broke. `error` is the system's code, such as ECONNREFUSED. */
  broken(connected: boolean, error: string): Failure;
}

/** The step that ends a round without success. */
export function failed(reason: string, line: Failure['line']): Step {
  return { kind: 'failed', failure: { reason, line } };
}

const ERROR_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the server',
  EPIPE: 'connection reset by the server',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  EADDRNOTAVAIL: 'the bindto address is not on this machine',
  EACCES: 'not permitted (firewall or socket rights)',
};

/** A system error code in words; an unknown one stands for itself. */
export function errorWords(code: string): string {
  return ERROR_WORDS[code] ?? code;
}

/**
 * `undecided` until the first round ended. Then one failure means down, so that a dead server gets no traffic at start;
 * later a live server is declared down only after `retry` more failures, and a dead one up after one success.
 */
export type CheckVerdict = 'undecided' | 'up' | 'down';
