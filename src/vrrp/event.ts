/** Everything that can happen to the engine. */
import type { IpAddress, IpFamily, Micros } from '../base/index.ts';
import type { VrrpChanges, VrrpSettings } from './settings.ts';

/** How one run of a tracked script ended. `status` is the exit status, or the signal number for `signal`; it is only logged. */
export type ScriptOutcome = 'success' | 'failure' | 'signal' | 'timeout';

/**
 * Timers fire in `tick` only, never in another event. The shell can therefore hand over every packet that waits in its sockets
 * before anything overdue is judged: drain, then tick. After its own pause it hands over `pause` before the packets.
 *
 * Before `start` the shell reports what it knows of everything that the settings track: `link` and `address` of each interface,
 * `file`, `process`, `source-address`. What is never reported counts as: an interface down and without an address, a file or a
 * process pending (the router does not start), a source address absent, a BFD session down, a track group whole.
 */
export type VrrpEvent =
  /** Begins the elections. */
  | { readonly kind: 'start' }
  /** Orderly end: priority 0, everything removed, STOP notified. Final: the engine ignores everything after it. */
  | { readonly kind: 'stop' }
  /** Time has passed; whatever is due happens. Call it whenever `nextDeadline()` is not in the future. */
  | { readonly kind: 'tick' }
  /**
   * A whole IP packet, header included, that carries VRRP (protocol 112) or an authentication header (51). IPv4: as a raw socket
   * gives it. IPv6: a raw socket gives source, destination and hop limit apart; `encodeIpv6` of src/wire puts them together.
   * `interface` is the name under which the routers are configured, also when the packet came in by the macvlan upon it; packets
   * of a unicast router without an interface come in under the empty name. Any bytes are allowed.
   * `waited` is for how long it had been in the socket, if that is known: a backup's patience begins with the arrival.
   */
  | { readonly kind: 'packet'; readonly interface: string; readonly packet: Uint8Array; readonly waited?: Micros }
  /**
   * `present: false`: there is no such interface (any more). It is then down, even for routers that do not track it, and when it
   * is back the addresses, routes and rules that active routers have there are put back (`dynamic_interfaces`).
   */
  | { readonly kind: 'link'; readonly interface: string; readonly up: boolean; readonly present?: boolean }
  /**
   * The interface's own first address (never one of our VIPs), or undefined when it has none of that family. For IPv6 the first
   * link-local one. `family` is needed only where there is no address to tell it; 4 unless given.
   */
  | { readonly kind: 'address'; readonly interface: string; readonly family?: IpFamily; readonly address: IpAddress | undefined }
  /** A configured source address of a router with `trackSourceAddress` is, or is not, on this host. */
  | { readonly kind: 'source-address'; readonly address: IpAddress; readonly present: boolean }
  /** A run asked for by `run-script` has ended. A command that could not be started is a failure with status 127. */
  | { readonly kind: 'script'; readonly script: string; readonly outcome: ScriptOutcome; readonly status: number }
  /** The number that a tracked file holds now; 0 when the file is absent, empty or unreadable. */
  | { readonly kind: 'file'; readonly file: string; readonly value: number }
  /** How many processes match a tracked process now. The engine applies quorum and delays. */
  | { readonly kind: 'process'; readonly process: string; readonly count: number }
  | { readonly kind: 'bfd'; readonly session: string; readonly up: boolean }
  /** A static address, route or rule of a track group was deleted and could not be put back (`whole: false`), or all are there again. */
  | { readonly kind: 'track-group'; readonly group: string; readonly whole: boolean }
  /**
   * Someone other than us removed an address; `interface` as the VIP names it, also when a macvlan carried it. Ignored unless it is a
   * tracked VIP that we hold, which is then put back.
   */
  | { readonly kind: 'vip-lost'; readonly interface: string; readonly address: IpAddress }
  /** Someone other than us removed a route or rule of a router. Ignored unless the router is active; then all its tracked ones are put back. */
  | { readonly kind: 'routes-lost'; readonly router: string }
  /** This process did not run for `duration` until now (stopped, frozen, starved), as two clocks told the shell. */
  | { readonly kind: 'pause'; readonly duration: Micros }
  /** A whole new configuration. Takes about a millisecond for each hundred routers; see `apply` for the way that does not. */
  | { readonly kind: 'reconfigure'; readonly settings: VrrpSettings }
  /** The same as `reconfigure`, with the comparison done elsewhere by `settingsChanges`: costs what has changed, and no more. */
  | { readonly kind: 'apply'; readonly changes: VrrpChanges }
  /** The counters start from zero (keepalived's STATS_CLEAR). */
  | { readonly kind: 'clear-counters' };
