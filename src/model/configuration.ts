/** A whole configuration, as the daemon runs it: the result of lowering any dialect. Immutable. */
import type { Micros } from '../base/index.ts';
import type { Check } from './check.ts';
import type { RealServer, Timeouts, VirtualService } from './service.ts';
import type { ScriptCommand, SyncGroup, VirtualRouter, VrrpScript } from './vrrp.ts';

/** Where alert mail goes (global_defs). No recipients means no mail. */
export interface MailSettings {
  readonly recipients: readonly string[];
  readonly from: string;
  /** Relay as host name or address. */
  readonly server: string;
  readonly port: number;
  readonly heloName?: string;
  readonly timeout: Micros;
}

/** A real server with its checks: one `real_server { }`. */
export interface CheckedRealServer extends RealServer {
  readonly checks: readonly Check[];
  /** Keep it in the table with weight 0 instead of removing it (`inhibit_on_failure`). */
  readonly inhibitOnFailure: boolean;
  readonly smtpAlert: boolean;
  readonly notifyUp?: ScriptCommand;
  readonly notifyDown?: ScriptCommand;
}

/** One `virtual_server { }`: the service, its servers in file order, and the policy around them. */
export interface CheckedService extends VirtualService {
  readonly servers: readonly CheckedRealServer[];
  /** Least total weight of live servers (`quorum`, default 1). */
  readonly quorum: number;
  readonly hysteresis: number;
  readonly quorumUp?: ScriptCommand;
  readonly quorumDown?: ScriptCommand;
  /** Used alone while the quorum is lost. */
  readonly sorryServer?: RealServer;
  /** All servers start down until their first check passes (`alpha`). */
  readonly alpha: boolean;
  /** Mail on quorum changes. */
  readonly smtpAlert: boolean;
}

export interface Configuration {
  /** Node label in mail subjects (`router_id`), default the host name. */
  readonly routerId?: string;
  readonly mail: MailSettings;
  /** Scripts that root would run are refused when others could alter them (`enable_script_security`). */
  readonly scriptSecurity: boolean;
  readonly scriptUser?: string;
  readonly scriptGroup?: string;
  /** Seconds after start during which no virtual router becomes MASTER (`vrrp_startup_delay`). */
  readonly startupDelay: Micros;
  readonly scripts: readonly VrrpScript[];
  readonly routers: readonly VirtualRouter[];
  readonly groups: readonly SyncGroup[];
  readonly services: readonly CheckedService[];
  /** Connection time-outs (`lvs_timeouts`); absent parts keep IPVS's defaults. */
  readonly timeouts: Partial<Timeouts>;
}
