/** What a scheduler is: the reference versions choose connection by connection exactly as the kernel's IPVS does. */
import type { IpAddress } from '../base/index.ts';

/** What a scheduler may ask about a real server. The owner keeps the figures current; a scheduler never writes them. */
export interface SchedulableServer {
  readonly address: IpAddress;
  readonly port: number;
  /** 0 takes no new connections. */
  readonly weight: number;
  /** Set while the server is over its upper threshold (IP_VS_DEST_F_OVERLOAD); every scheduler skips it. */
  readonly overloaded: boolean;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
}

/** The new connection that wants a server. rr and wrr ignore it; the hashing and caching schedulers live on it. */
export interface ScheduleRequest {
  readonly client: IpAddress;
  readonly clientPort: number;
  readonly virtual: IpAddress;
  readonly virtualPort: number;
}

/**
 * One virtual service's scheduler. It is made with the service's **live** list of real servers in scheduling order:
 * newest first, because IPVS inserts at the head of its list. The owner changes the list and then tells the scheduler.
 */
export interface Scheduler<S extends SchedulableServer = SchedulableServer> {
  /** `server` has been inserted at index 0 of the list. */
  added(server: S): void;
  /** Weight or thresholds of `server` were set (to whatever values, also the same ones: IPVS does not compare either). */
  edited(server: S): void;
  /** `server` has been taken out of the list; `index` is where it was. */
  removed(server: S, index: number): void;
  /** The server for a new connection; undefined when none may take it (the packet is then refused). */
  schedule(request: ScheduleRequest): S | undefined;
}

/** Makes a scheduler for a live list; `flags` are the service's scheduler flags as ipvsadm spells them. */
export type SchedulerFactory = <S extends SchedulableServer>(servers: readonly S[], flags: readonly string[]) => Scheduler<S>;

/** True when a server may take new connections at all. */
export function isUsable(server: SchedulableServer): boolean {
  return server.weight > 0 && !server.overloaded;
}
