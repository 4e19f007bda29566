/** What a scheduler is: the reference versions choose connection by connection exactly as the kernel's IPVS does. */
import type { Instant, IpAddress, IpFamily, Micros, Random } from '../base/index.ts';

/** What a scheduler may ask about a real server. The owner keeps the figures current; a scheduler never writes them. */
export interface SchedulableServer {
  readonly address: IpAddress;
  readonly port: number;
  /** 0 takes no new connections. */
  readonly weight: number;
  /** The last weight that was not 0; 0 if there never was one. mh builds from it, so that draining moves no other client. */
  readonly lastWeight: number;
  /** Set while the server is over its upper threshold (IP_VS_DEST_F_OVERLOAD). */
  readonly overloaded: boolean;
  /** False once the server was taken out of the service; the caches of lblc and lblcr may still know it. */
  readonly available: boolean;
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
  schedule(request: ScheduleRequest, now: Instant): S | undefined;
}

export interface SchedulerOptions {
  /** The service's scheduler flags as ipvsadm spells them (`sh-port`, `mh-fallback`, `flag-1` …). See flags.ts. */
  readonly flags: readonly string[];
  /** The service's family. mh hashes the servers' addresses in it. */
  readonly family: IpFamily;
  /** What twos draws from. */
  readonly random: Random;
  /** When the scheduler is bound to the service; the caches of lblc and lblcr are swept every minute from then on. */
  readonly now: Instant;
  /** How long lblc and lblcr remember a virtual address nobody asks for, and lblcr a superfluous server (sysctl lblc(r)_expiration). */
  readonly cacheLifetime: Micros;
}

/** True when a server may take new connections at all. */
export function isUsable(server: SchedulableServer): boolean {
  return server.weight > 0 && !server.overloaded;
}

/** For schedulers that keep nothing from one connection to the next: changes of the servers do not concern them. */
export abstract class StatelessScheduler<S extends SchedulableServer> implements Scheduler<S> {
  protected readonly servers: readonly S[];

  constructor(servers: readonly S[]) {
    this.servers = servers;
  }

  added(): void {
    // Weights and counts are read at the time of choosing.
  }

  edited(): void {
    // As above.
  }

  removed(): void {
    // As above.
  }

  abstract schedule(request: ScheduleRequest, now: Instant): S | undefined;
}
