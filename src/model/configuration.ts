/** A whole configuration, as the daemon runs it: the result of lowering any dialect. Immutable. */
import type { IpAddress, IpFamily, Micros } from '../base/index.ts';
import type { Check } from './check.ts';
import type { ConnectionTableSizes, ForwardingSettings } from './forwarding.ts';
import type { PolicyRule, Route } from './route.ts';
import type { RealServer, Timeouts, VirtualService } from './service.ts';
import type {
  AnnouncementPacing,
  BfdSession,
  InterfaceDelay,
  ScriptCommand,
  SyncGroup,
  TrackFile,
  TrackProcess,
  Vip,
  VirtualRouter,
  VrrpScript,
} from './vrrp.ts';

/** Where alert mail goes (global_defs). No recipients means no mail. */
export interface MailSettings {
  readonly recipients: readonly string[];
  readonly from: string;
  /** Relay as host name or address. */
  readonly server: string;
  readonly port: number;
  readonly heloName?: string;
  readonly timeout: Micros;
  /** No mail for transitions to FAULT (`no_email_faults`). */
  readonly noFaults: boolean;
  /** Mail only when a real server is really added or removed (`no_checker_emails`). */
  readonly noCheckerMail: boolean;
}

/** A real server with its checks: one `real_server { }`. */
export interface CheckedRealServer extends RealServer {
  readonly checks: readonly Check[];
  /** Keep it in the table with weight 0 instead of removing it (`inhibit_on_failure`). */
  readonly inhibitOnFailure: boolean;
  /** Down until its checks pass (`alpha`). */
  readonly alpha: boolean;
  readonly smtpAlert: boolean;
  readonly notifyUp?: ScriptCommand;
  readonly notifyDown?: ScriptCommand;
}

/** One `virtual_server { }`: the service, its servers in file order, and the policy around them. */
export interface CheckedService extends VirtualService {
  /** The name of the virtual_server_group that it is one member of. All members of a group share the checks of their real servers. */
  readonly group?: string;
  readonly servers: readonly CheckedRealServer[];
  /** Least total weight of live servers (`quorum`, default 1). */
  readonly quorum: number;
  readonly hysteresis: number;
  readonly quorumUp?: ScriptCommand;
  readonly quorumDown?: ScriptCommand;
  /** Used alone while the quorum is lost. */
  readonly sorryServer?: RealServer;
  /** The sorry server gets weight 0 instead of being removed (`sorry_server_inhibit`). */
  readonly sorryServerInhibit: boolean;
  /** All servers start down until their first check passes (`alpha`). */
  readonly alpha: boolean;
  /** The down commands run when the daemon stops (`omega`). */
  readonly omega: boolean;
  /** No checks while the VIP is not on this host (`ha_suspend`). */
  readonly haSuspend: boolean;
  /** Mail on quorum changes. */
  readonly smtpAlert: boolean;
}

/** A FIFO that gets a line for every transition, and the program that reads it (`notify_fifo`, `notify_fifo_script` …). */
export interface NotifyFifo {
  readonly path: string;
  readonly user?: string;
  readonly group?: string;
  /** Started before the first line, with the path as its last argument. */
  readonly reader?: ScriptCommand;
}

/** How one of the processes runs (`vrrp_priority`, `vrrp_rt_priority`, `vrrp_cpu_affinity` …). */
export interface ProcessSettings {
  /** -20 to 19. */
  readonly nice?: number;
  /** SCHED_RR priority, 1 to 99. */
  readonly realTimePriority?: number;
  readonly cpus: readonly number[];
}

/** The IPVS connection-sync daemon (`lvs_sync_daemon`). */
export interface SyncDaemon {
  readonly interface: string;
  /** The virtual router whose state decides between master and backup; absent means both always. */
  readonly router?: string;
  /** 0 to 255; the VRID of the virtual router unless given. */
  readonly id: number;
  readonly maxLength?: number;
  readonly port: number;
  readonly ttl: number;
  readonly group: IpAddress;
}

/** How packets to the VIPs of a virtual router that does not accept them are dropped. */
export interface FirewallSettings {
  /** nftables table (`nftables`), `keepalived` unless given. */
  readonly table: string;
  readonly chainPriority: number;
  readonly counters: boolean;
}

/** Addresses, routes and rules that stay as long as the daemon runs (`static_*`). */
export interface StaticNetwork {
  readonly addresses: readonly (Vip & { readonly trackGroup?: string })[];
  readonly routes: readonly Route[];
  readonly rules: readonly PolicyRule[];
  /** `track_group`: virtual routers that change state with the static things that name the group. */
  readonly trackGroups: readonly { readonly name: string; readonly members: readonly string[] }[];
}

/** Where dumps go (`state_dump_file`, `stats_dump_file`, `json_dump_file`), and in which form. */
export interface DumpSettings {
  readonly stateFile?: string;
  readonly statsFile?: string;
  readonly jsonFile?: string;
  readonly jsonVersion: 1 | 2;
  /** Names carry instance and namespace (`data_use_instance`). */
  readonly useInstance: boolean;
}

/** What a firewall-mark service of a group needs (`nftables_ipvs`). */
export interface MarkSettings {
  readonly table: string;
  readonly chainPriority: number;
  readonly firstMark: number;
  readonly family?: IpFamily;
}

export interface Configuration {
  /** Node label in mail subjects (`router_id`), default the host name. */
  readonly routerId?: string;
  /** Label of this daemon among several on the host (`instance`). */
  readonly instance?: string;
  /** Everything runs in this network namespace (`net_namespace`). */
  readonly networkNamespace?: string;
  readonly mail: MailSettings;
  /** Scripts that root would run are refused when others could alter them (`enable_script_security`). */
  readonly scriptSecurity: boolean;
  readonly scriptUser?: string;
  readonly scriptGroup?: string;
  /** Run once before everything, and after everything (`startup_script`, `shutdown_script`). */
  readonly startupScript?: { readonly command: ScriptCommand; readonly timeout: Micros };
  readonly shutdownScript?: { readonly command: ScriptCommand; readonly timeout: Micros };
  /** Time after start during which no virtual router becomes MASTER (`vrrp_startup_delay`); after boot (`vrrp_delay_after_boot`). */
  readonly startupDelay: Micros;
  readonly delayAfterBoot: Micros;
  /** Interfaces may be absent, and come and go (`dynamic_interfaces`). */
  readonly dynamicInterfaces: boolean;
  readonly logUnknownVrids: boolean;
  /** FIFOs for all events, for VRRP's, for those of services. */
  readonly notifyFifo?: NotifyFifo;
  readonly vrrpNotifyFifo?: NotifyFifo;
  readonly lvsNotifyFifo?: NotifyFifo;
  /** FIFOs get the present states after a reload (`fifo_write_vrrp_states_on_reload`). */
  readonly fifoStatesOnReload: boolean;
  readonly vrrpProcess: ProcessSettings;
  readonly checkerProcess: ProcessSettings;
  readonly bfdProcess: ProcessSettings;
  /** How long a stop may take before it is forced (`child_wait_time`). */
  readonly childWaitTime: Micros;
  readonly dumps: DumpSettings;
  /** The new configuration is tested before a reload (always; the keyword names a log file). */
  readonly reloadCheckLog?: string;
  readonly scripts: readonly VrrpScript[];
  readonly trackFiles: readonly TrackFile[];
  readonly trackProcesses: readonly TrackProcess[];
  readonly bfdSessions: readonly BfdSession[];
  readonly routers: readonly VirtualRouter[];
  readonly groups: readonly SyncGroup[];
  readonly pacing: readonly AnnouncementPacing[];
  readonly interfaceDelays: readonly InterfaceDelay[];
  readonly staticNetwork: StaticNetwork;
  readonly firewall: FirewallSettings;
  readonly services: readonly CheckedService[];
  /** One firewall mark for each virtual_server_group (`nftables_ipvs`). */
  readonly groupMarks?: MarkSettings;
  readonly syncDaemon?: SyncDaemon;
  /** Connection time-outs (`lvs_timeouts`); absent parts keep IPVS's defaults. */
  readonly timeouts: Partial<Timeouts>;
  /** `packet_path`: how the director treats connections; what is absent there is as in IPVS. */
  readonly forwarding: ForwardingSettings;
  readonly tableSizes: ConnectionTableSizes;
  /** The table is emptied at start (`lvs_flush`), at stop (`lvs_flush_on_stop`). */
  readonly flushAtStart: boolean;
  readonly flushAtStop: boolean;
  /** UP notifications for servers present at start (`rs_init_notifies`). */
  readonly initialNotifies: boolean;
}
