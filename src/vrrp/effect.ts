/** Everything that the engine asks for. The shell performs effects one by one in the order given: the order carries meaning. */
import type { IpAddress } from '../base/index.ts';
import type { NotifyScripts, PolicyRule, Route, Vip, VrrpScript } from '../model/index.ts';
import type { LogLevel } from '../ports/index.ts';

/** The words that keepalived's notify scripts, mail and log use. `DELETED`: a reload removed it, and the file asks for that word. */
export type NotifiedState = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP' | 'DELETED';

/** The words of events without a change of state, which go to the FIFOs only (and `MASTER_RX_LOWER_PRI` to its own command). */
export type NoticeWord = 'MASTER_RX_LOWER_PRI' | 'MASTER_PRIORITY' | 'BACKUP_PRIORITY';

/** The devices that effects name are those of the settings: a VIP that is `onVmac` goes to the macvlan of the router named. */
export type VrrpEffect =
  | TransmitEffect
  /** Add addresses, the advertised ones first; one that is there already is no error. */
  | { readonly kind: 'add-vips'; readonly router: string; readonly vips: readonly Vip[] }
  /** Remove addresses; one that is not there is no error. */
  | { readonly kind: 'remove-vips'; readonly router: string; readonly vips: readonly Vip[] }
  /** Routes and rules, after the addresses when they are added and before them, in reverse order, when they are removed. */
  | { readonly kind: 'add-routes' | 'remove-routes'; readonly router: string; readonly routes: readonly Route[] }
  | { readonly kind: 'add-rules' | 'remove-rules'; readonly router: string; readonly rules: readonly PolicyRule[] }
  /** Drop (`true`), or no longer drop, packets to addresses that this router may hold but not answer for (`no_accept`). */
  | { readonly kind: 'drop-traffic'; readonly router: string; readonly vips: readonly Vip[]; readonly drop: boolean }
  /**
   * Send `count` gratuitous ARPs (unsolicited neighbour advertisements for IPv6) for each address, now, or spread by the gaps that
   * the interfaces share (`AnnouncementPacing`). The shell forgets what still waits for a router when that router's addresses go.
   */
  | { readonly kind: 'announce'; readonly router: string; readonly vips: readonly Vip[]; readonly count: number }
  /** Run a tracked script and report its end with a `script` event. The engine never asks twice before that report. */
  | { readonly kind: 'run-script'; readonly script: VrrpScript }
  /** End a running script; its `script` event comes as ever. */
  | { readonly kind: 'kill-script'; readonly script: string }
  /** A state change to tell the world: notify scripts, FIFO and mail. `priority` is 0 for groups, as keepalived's `notify` gets it. */
  | {
      readonly kind: 'transition';
      readonly subject: 'instance' | 'group';
      readonly name: string;
      readonly state: NotifiedState;
      readonly priority: number;
      readonly notify: NotifyScripts;
      readonly smtpAlert: boolean;
    }
  /** A line for the FIFOs, and for `MASTER_RX_LOWER_PRI` the command `notify.lowerPriorityHeard`. No mail, no `notify` script. */
  | {
      readonly kind: 'notice';
      readonly subject: 'instance' | 'group';
      readonly name: string;
      readonly word: NoticeWord;
      readonly priority: number;
      readonly notify: NotifyScripts;
    }
  /** The connection-sync daemon takes this role (`lvs_sync_daemon` with a virtual router). */
  | { readonly kind: 'sync-daemon'; readonly role: 'master' | 'backup' }
  /** keepalived's wording; `debug` lines are those that keepalived prints only with `-D`. */
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string };

/**
 * Send one advertisement. Neither the bytes nor this object is ever altered, and the same object comes again for the next
 * advertisement as long as nothing in it has changed: an active router at rest allocates nothing.
 * A send that fails (link down) is counted by the shell and otherwise ignored: the protocol repeats itself.
 */
export interface TransmitEffect {
  readonly kind: 'transmit';
  readonly router: string;
  /** As configured; with a macvlan the advertisement leaves by that, unless `transmitOnBase`. */
  readonly interface: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or hop limit. */
  readonly ttl: number;
  /**
   * The whole IP packet, header and authentication header included. The IPv4 identification is 0 so that the kernel chooses one,
   * except where an authentication header covers it. IPv6: the first 40 bytes are the header, for sockets that make it themselves.
   */
  readonly packet: Uint8Array;
  /** The VRRP message inside `packet`. */
  readonly message: Uint8Array;
}
