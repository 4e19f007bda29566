/** One real server of one service, as the director sees it. */
import type { Instant } from '../base/index.ts';
import { type CheckedRealServer, type RealServer, realServerText, type ServiceKey } from '../model/index.ts';
import type { ServerHealth, ServerSnapshot } from './snapshot.ts';

export class DirectedServer {
  /** keepalived's name: `[10.0.0.1]:tcp:80`. */
  readonly name: string;
  config: CheckedRealServer;
  health: ServerHealth = 'undecided';
  /** What it was taken for before its first check had ended. */
  readonly assumed: 'up' | 'down';
  /** What the world believes, so that no state is told twice: at first what is assumed. */
  believed: 'up' | 'down';
  /** An operator's weight. */
  override: number | undefined;
  /** The weight that its checks give it, where they do. */
  measured: number | undefined;
  /** Its weight in the data plane since before this process started; counts until the first verdict. */
  inherited: number | undefined;
  lastChange: { readonly at: Instant; readonly reason: string } | undefined;

  constructor(service: ServiceKey, config: CheckedRealServer, assumed: 'up' | 'down', inherited: number | undefined) {
    this.name = realServerText(service, config);
    this.config = config;
    this.assumed = assumed;
    this.believed = assumed;
    this.inherited = inherited;
  }

  /** The weight it has while it is up. */
  get weight(): number {
    return this.override ?? this.measured ?? this.config.weight;
  }

  /**
   * Its weight in the table, or undefined when it is not to be there. `displaced` while the sorry server serves alone: then a
   * server that takes no new connections anyway (drained, or inhibited) may stay for those that it has.
   */
  tableWeight(displaced: boolean): number | undefined {
    const { inhibitOnFailure } = this.config;
    if (this.health === 'undecided' && this.inherited !== undefined) return this.inherited === 0 ? 0 : this.weight;
    if (this.health === 'up' && !displaced) return this.weight;
    if (this.health === 'up' && this.weight === 0) return 0;
    return inhibitOnFailure ? 0 : undefined;
  }

  /** What the data plane is told about it. */
  row(weight: number): RealServer {
    const { address, port, method, tunnel, upperThreshold, lowerThreshold } = this.config;
    return { address, port, method, ...(tunnel && { tunnel }), weight, upperThreshold, lowerThreshold };
  }

  snapshot(displaced: boolean): ServerSnapshot {
    return {
      address: this.config.address,
      port: this.config.port,
      method: this.config.method,
      ...(this.config.tunnel && { tunnel: this.config.tunnel }),
      health: this.health,
      weight: this.config.weight,
      ...(this.measured === undefined ? {} : { measured: this.measured }),
      ...(this.override === undefined ? {} : { override: this.override }),
      effectiveWeight: this.tableWeight(displaced),
      ...(this.lastChange ? { lastChange: this.lastChange } : {}),
    };
  }
}
