/** How a director treats connections: IPVS's sysctl switches (net.ipv4.vs.*) as settings. */
import { type Micros, seconds } from '../base/index.ts';

export interface ForwardingSettings {
  /** `expire_nodest_conn`: connections of a deleted server end at once, and of one with weight 0 at their next SYN. */
  readonly expireConnectionsOfDeleted: boolean;
  /** `expire_quiescent_template`: persistence holds no client with a server of weight 0. */
  readonly expireTemplatesOfQuiescent: boolean;
  /** `conn_reuse_mode`, its bits: 1, a SYN begins anew where the old connection is in TIME_WAIT or CLOSE; 2, also in FIN_WAIT. */
  readonly connectionReuse: 0 | 1 | 2 | 3;
  /** `sloppy_tcp`: any TCP segment but a reset may begin a connection. */
  readonly sloppyTcp: boolean;
  /** `sloppy_sctp`: any SCTP packet but an ABORT may. */
  readonly sloppySctp: boolean;
  /** `secure_tcp`: the state table that SYN floods do less harm to. */
  readonly secureTcp: boolean;
  /** `lblc_expiration`, `lblcr_expiration`. */
  readonly cacheLifetime: Micros;
}

/** The kernel's defaults. */
export const DEFAULT_FORWARDING_SETTINGS: ForwardingSettings = {
  expireConnectionsOfDeleted: false,
  expireTemplatesOfQuiescent: false,
  connectionReuse: 1,
  sloppyTcp: false,
  sloppySctp: false,
  secureTcp: false,
  cacheLifetime: seconds(86_400),
};
