/** The packet-forwarding side, as the director sees it. Four adapters pass one compliance suite. */
import type { IpAddress } from '../base/index.ts';
import type { ForwardingSettings, Protocol, RealServer, RealServerKey, ServiceKey, Timeouts, VirtualService } from '../model/index.ts';

/** Totals since the service or server was added or zeroed. Bytes count from the IP header on, as IPVS counts them. */
export interface Counters {
  readonly connections: bigint;
  readonly inPackets: bigint;
  readonly outPackets: bigint;
  readonly inBytes: bigint;
  readonly outBytes: bigint;
}

/** Per-second rates, smoothed as IPVS's estimator does. */
export interface Rates {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

export interface ServerStatus extends RealServer {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly counters: Counters;
  readonly rates: Rates;
}

/** A service as it stands in the data plane, its servers in scheduling order (newest first, as IPVS lists them unsorted). */
export interface ServiceStatus extends VirtualService {
  readonly servers: readonly ServerStatus[];
  readonly counters: Counters;
  readonly rates: Rates;
}

/** One line of `ipvsadm -L -c`. */
export interface ConnectionStatus {
  readonly protocol: Protocol | 'ip';
  readonly state: string;
  readonly expiresSeconds: number;
  readonly client: IpAddress;
  readonly clientPort: number;
  readonly virtual: IpAddress;
  readonly virtualPort: number;
  readonly server: IpAddress;
  readonly serverPort: number;
  /** Full NAT: where the server sees the connection come from. */
  readonly local?: LocalEndpoint;
}

export interface LocalEndpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/** Why a data plane refused a change; the CLI turns these into ipvsadm's messages. */
export type DataPlaneErrorCode =
  | 'service-exists'
  | 'no-such-service'
  | 'server-exists'
  | 'no-such-server'
  | 'unknown-scheduler'
  | 'invalid'
  | 'out-of-range'
  | 'unsupported'
  | 'full'
  | 'permission'
  | 'failed';

/** Thrown by every DataPlane method that cannot do what was asked; nothing was changed then. */
export class DataPlaneError extends Error {
  override readonly name = 'DataPlaneError';
  readonly code: DataPlaneErrorCode;

  constructor(code: DataPlaneErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A table of virtual services that forwards packets. Calls are synchronous and either take effect whole or throw DataPlaneError.
 * Time-dependent parts (expiry, rates) read the clock that the adapter was made with.
 */
export interface DataPlane {
  readonly kind: 'xdp' | 'ipvs' | 'proxy' | 'memory';
  services(): readonly ServiceStatus[];
  addService(service: VirtualService): void;
  /** Changes scheduler, flags and persistence of the service with the same key. Connections stay. */
  editService(service: VirtualService): void;
  deleteService(key: ServiceKey): void;
  addServer(service: ServiceKey, server: RealServer): void;
  /** Changes weight, method or thresholds of the server with the same key. Connections stay. */
  editServer(service: ServiceKey, server: RealServer): void;
  deleteServer(service: ServiceKey, server: RealServerKey): void;
  /** Ends the connections of a server before their time, and the templates that lead to it: as if they had expired. */
  endConnections(service: ServiceKey, server: RealServerKey): void;
  /** Deletes every service (`ipvsadm -C`). */
  flush(): void;
  /** Zeroes the counters of one service, or of all (`ipvsadm -Z`). */
  zero(key?: ServiceKey): void;
  timeouts(): Timeouts;
  setTimeouts(timeouts: Partial<Timeouts>): void;
  settings(): ForwardingSettings;
  /** Takes effect with the next packet; connections stay. */
  setSettings(settings: Partial<ForwardingSettings>): void;
  /** Connection slots of the table, printed in ipvsadm's title as `size=`. */
  readonly tableSize: number;
  connections(): Iterable<ConnectionStatus>;
  /** Periodic work (expiry, rates); the owner calls it about once a second. */
  tick(): void;
  /** Takes the data plane down without a trace: packets are no longer balanced. */
  close(): void;
}
