/** A command line understood. */
import type { IpAddress } from '../../base/index.ts';
import type { RealServer, RealServerKey, ServiceKey, VirtualService } from '../../model/index.ts';

/** A service as the command line says it: whether there is such a scheduler, the data plane knows. */
export interface ServiceRequest extends Omit<VirtualService, 'scheduler'> {
  readonly scheduler: string;
  /** `--pe`. */
  readonly persistenceEngine?: string;
}

export type TableView = 'default' | 'stats' | 'rate' | 'thresholds' | 'persistent-conn' | 'tun-info';

export interface TableListing {
  readonly kind: 'list-table';
  /** One service only. */
  readonly key?: ServiceKey;
  readonly view: TableView;
  readonly numeric: boolean;
  readonly sort: boolean;
  /** Numbers in full instead of with K, M, G. */
  readonly exact: boolean;
}

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'flush' }
  | { readonly kind: 'restore' }
  | { readonly kind: 'list-timeouts' }
  | { readonly kind: 'list-daemons' }
  | { readonly kind: 'start-daemon' }
  | { readonly kind: 'stop-daemon' }
  | { readonly kind: 'add-service'; readonly service: ServiceRequest }
  | { readonly kind: 'edit-service'; readonly service: ServiceRequest }
  | { readonly kind: 'delete-service'; readonly key: ServiceKey }
  | { readonly kind: 'zero'; readonly key?: ServiceKey }
  | { readonly kind: 'add-server'; readonly key: ServiceKey; readonly server: RealServer }
  | { readonly kind: 'edit-server'; readonly key: ServiceKey; readonly server: RealServer }
  | { readonly kind: 'delete-server'; readonly key: ServiceKey; readonly server: RealServerKey }
  | { readonly kind: 'add-laddr' | 'del-laddr'; readonly key: ServiceKey; readonly address: IpAddress }
  /** Of one service, or of all. */
  | { readonly kind: 'get-laddr'; readonly key?: ServiceKey; readonly numeric: boolean }
  /** Seconds; 0 keeps. */
  | { readonly kind: 'set-timeouts'; readonly tcp: number; readonly tcpFin: number; readonly udp: number }
  | { readonly kind: 'save'; readonly numeric: boolean }
  | { readonly kind: 'list-connections'; readonly numeric: boolean }
  | TableListing;
