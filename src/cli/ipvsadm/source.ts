/** Where the tables are: the daemon, or in tests a data plane. Each change is one call of the DataPlane port. */
import type { RealServer, RealServerKey, ServiceKey, Timeouts, VirtualService } from '../../model/index.ts';
import type { ConnectionStatus, ServiceStatus } from '../../ports/index.ts';

/** Refusals come as DataPlaneError, a daemon that cannot be reached as SourceUnavailableError. */
export interface TableSource {
  tables(): Promise<{ readonly tableSize: number; readonly services: readonly ServiceStatus[] }>;
  connections(): Promise<readonly ConnectionStatus[]>;
  timeouts(): Promise<Timeouts>;
  addService(service: VirtualService): Promise<void>;
  editService(service: VirtualService): Promise<void>;
  deleteService(key: ServiceKey): Promise<void>;
  addServer(service: ServiceKey, server: RealServer): Promise<void>;
  editServer(service: ServiceKey, server: RealServer): Promise<void>;
  deleteServer(service: ServiceKey, server: RealServerKey): Promise<void>;
  flush(): Promise<void>;
  zero(key?: ServiceKey): Promise<void>;
  setTimeouts(timeouts: Timeouts): Promise<void>;
}

/** There is nobody to ask. */
export class SourceUnavailableError extends Error {
  override readonly name = 'SourceUnavailableError';
}
