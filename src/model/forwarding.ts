/** How a director treats connections: IPVS's sysctl switches (net.ipv4.vs.*) as settings. */
import { type Micros, seconds } from '../base/index.ts';
import type { SchedulerName } from './service.ts';

/**
 * Of a defence against floods: 0 never; 1 while memory or room in the connection tables is scarce; 3 always. 2 is what 1 turns into while
 * it is on, as in IPVS.
 */
export type DefenceMode = 0 | 1 | 2 | 3;

/** IPVS's defences that depend on how much is left of what connections take. */
export interface DefenceSettings {
  /** `drop_entry`: connections that look like those of a flood give up their places. */
  readonly dropEntry: DefenceMode;
  /** `drop_packet`: one of so many new connections is refused. */
  readonly dropPacket: DefenceMode;
  /** `secure_tcp`: the state table that SYN floods do less harm to. */
  readonly secureTcp: DefenceMode;
  /** `amemthresh`: free memory, in pages of 4096 bytes, below which it is scarce. */
  readonly memoryThreshold: number;
  /** `am_droprate`: of so many new connections drop_packet refuses one in its mode 3. */
  readonly dropRate: number;
  /** Free places of a connection table, in percent, below which they are scarce. IPVS's table grows and has nothing of the kind. */
  readonly tableThreshold: number;
}

export interface ForwardingSettings extends DefenceSettings {
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
  /** `cache_bypass`: what goes by a firewall mark and finds no real server goes on to where it was going. */
  readonly cacheBypass: boolean;
  /** `lblc_expiration`: how long lblc remembers the server of a virtual address that nobody asks for. */
  readonly lblcExpiration: Micros;
  /** `lblcr_expiration`: how long lblcr leaves a set of servers as it is. */
  readonly lblcrExpiration: Micros;
  /** `local_out`: what the director itself sends to a virtual service of its own goes to the real servers too. */
  readonly localOut: boolean;
  /** Ports that full NAT uses of each local address. */
  readonly localPorts: PortRange;
}

/** Both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The kernel's defaults, but for conn_reuse_mode: with direct routing and tunnels nobody sees the server's FIN, a connection stays in
 * FIN_WAIT for two minutes, and with the kernel's 1 a client that takes its port again meanwhile would come to the same server, drained and
 * stopped though it be.
 */
export const DEFAULT_FORWARDING_SETTINGS: ForwardingSettings = {
  expireConnectionsOfDeleted: false,
  expireTemplatesOfQuiescent: false,
  connectionReuse: 3,
  sloppyTcp: false,
  sloppySctp: false,
  cacheBypass: false,
  dropEntry: 0,
  dropPacket: 0,
  secureTcp: 0,
  memoryThreshold: 1024,
  dropRate: 10,
  tableThreshold: 10,
  lblcExpiration: seconds(86_400),
  lblcrExpiration: seconds(86_400),
  localOut: true,
  localPorts: { first: 1024, last: 65_535 },
};

/** The time for which a service's scheduler remembers virtual addresses. */
export function cacheLifetimeOf(scheduler: SchedulerName, settings: ForwardingSettings): Micros {
  return scheduler === 'lblcr' ? settings.lblcrExpiration : settings.lblcExpiration;
}

/** Connections that the tables of each address family hold. They are made with the packet path and keep their size as long as it runs. */
export interface ConnectionTableSizes {
  readonly connections: number;
  readonly connections6: number;
}

/** 8 MiB of IPv4 connections and 4 MiB of IPv6 ones. */
export const DEFAULT_TABLE_SIZES: ConnectionTableSizes = { connections: 262_144, connections6: 65_536 };

/** Two GiB each; a table is mapped into the director's memory as a whole. */
export const MAX_TABLE_SIZES: ConnectionTableSizes = { connections: 67_108_864, connections6: 33_554_432 };
