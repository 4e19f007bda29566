/** Everything that can happen to the engine. */
import type { IpAddress, Micros } from '../base/index.ts';
import type { VrrpSettings } from './settings.ts';

/** How one run of a tracked script ended. `status` is the exit status, or the signal number for `signal`; it is only logged. */
export type ScriptOutcome = 'success' | 'failure' | 'signal' | 'timeout';

/**
 * Timers fire in `tick` only, never in another event. The shell can therefore hand over every packet that waits in its sockets
 * before anything overdue is judged: drain, then tick. After its own pause it hands over `pause` before the packets.
 */
export type VrrpEvent =
  /** Begins the elections. Before it the shell reports `link` and `address` of each interface; one not reported counts as down. */
  | { readonly kind: 'start' }
  /** Orderly end: priority 0, VIPs removed, STOP notified. Final: the engine ignores everything after it. */
  | { readonly kind: 'stop' }
  /** Time has passed; whatever is due happens. Call it whenever `nextDeadline()` is not in the future. */
  | { readonly kind: 'tick' }
  /** A whole IPv4 packet of protocol 112, header included, as a raw socket gives it. Any bytes are allowed. */
  | { readonly kind: 'packet'; readonly interface: string; readonly packet: Uint8Array }
  | { readonly kind: 'link'; readonly interface: string; readonly up: boolean }
  /** The interface's own first address (never one of our VIPs), or undefined when it has none. */
  | { readonly kind: 'address'; readonly interface: string; readonly address: IpAddress | undefined }
  /** A run asked for by `run-script` has ended. A command that could not be started is a failure with status 127. */
  | { readonly kind: 'script'; readonly script: string; readonly outcome: ScriptOutcome; readonly status: number }
  /** Someone other than us removed an address. Ignored unless it is a VIP that we hold, which is then put back. */
  | { readonly kind: 'vip-lost'; readonly interface: string; readonly address: IpAddress }
  /** This process did not run for `duration` until now (stopped, frozen, starved), as two clocks told the shell. */
  | { readonly kind: 'pause'; readonly duration: Micros }
  | { readonly kind: 'reconfigure'; readonly settings: VrrpSettings };
