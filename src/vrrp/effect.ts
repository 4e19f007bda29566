/** Everything that the engine asks for. The shell performs effects one by one in the order given: the order carries meaning. */
import type { IpAddress } from '../base/index.ts';
import type { NotifyScripts, Vip, VrrpScript } from '../model/index.ts';
import type { LogLevel } from '../ports/index.ts';

/** The words that keepalived's notify scripts, mail and log use. */
export type NotifiedState = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP';

export type VrrpEffect =
  /**
   * Send one VRRP message (no IP header) with TTL 255. `message` may be the same array as before; it is never altered.
   * A send that fails (link down) is counted by the shell and otherwise ignored: the protocol repeats itself.
   */
  | {
      readonly kind: 'transmit';
      readonly router: string;
      readonly interface: string;
      readonly source: IpAddress;
      readonly destination: IpAddress;
      readonly message: Uint8Array;
    }
  /** Add addresses; one that is there already is no error. */
  | { readonly kind: 'add-vips'; readonly router: string; readonly vips: readonly Vip[] }
  /** Remove addresses; one that is not there is no error. */
  | { readonly kind: 'remove-vips'; readonly router: string; readonly vips: readonly Vip[] }
  /** Send `count` gratuitous ARPs (unsolicited neighbour advertisements for IPv6) for each address, now. */
  | { readonly kind: 'announce'; readonly router: string; readonly vips: readonly Vip[]; readonly count: number }
  /** Run a tracked script and report its end with a `script` event. The engine never asks twice before that report. */
  | { readonly kind: 'run-script'; readonly script: VrrpScript }
  /** A state change to tell the world: notify scripts and mail. `priority` is 0 for groups, as keepalived's `notify` gets it. */
  | {
      readonly kind: 'transition';
      readonly subject: 'instance' | 'group';
      readonly name: string;
      readonly state: NotifiedState;
      readonly priority: number;
      readonly notify: NotifyScripts;
      readonly smtpAlert: boolean;
    }
  /** keepalived's wording; `debug` lines are those that keepalived prints only with `-D`. */
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string };
