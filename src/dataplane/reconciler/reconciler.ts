/**
 * Keeps the data plane's tables as the director wants them: applies changes, tries again what failed, and repairs what
 * somebody else changed.
 *
 * It owns the services that it was ever asked for, as keepalived does, and within them everything: a server added to one
 * of them by hand is removed again. Services that it was never asked for are left alone. A wanted service that is there
 * already, from hands or from an earlier run, is taken over with its connections.
 */
import { earliest, type Instant, type Micros, seconds } from '../../base/index.ts';
import { type ServiceTable, serviceKeyText } from '../../model/index.ts';
import { type DataPlane, DataPlaneError, type Logger } from '../../ports/index.ts';
import { after, describeDrift, describeOperation, type Operation, perform, plan, serviceOf, type Tables } from './plan.ts';

/** What one round did. */
export interface ReconcileSummary {
  readonly applied: readonly Operation[];
  readonly failed: readonly Failure[];
  /** Differences that somebody else had made. */
  readonly drift: number;
  /** Whether the tables are now as wanted. */
  readonly converged: boolean;
}

/** `operation` is absent when the tables could not even be read. */
export interface Failure {
  readonly operation?: Operation;
  readonly error: DataPlaneError;
}

/** Totals since the start, for metrics. */
export interface ReconcileTotals {
  readonly applied: number;
  readonly failed: number;
  readonly drift: number;
}

export interface ReconcilerOptions {
  readonly plane: DataPlane;
  readonly logger: Logger;
  /** How often the tables are compared when nothing happens; 5 seconds unless told. */
  readonly checkInterval?: Micros;
}

const CHECK_INTERVAL = seconds(5);
/** After a failure: this long, then twice as long each time, up to the limit. */
const FIRST_RETRY = seconds(1);
const LAST_RETRY = seconds(60);

export class Reconciler {
  private readonly plane: DataPlane;
  private readonly logger: Logger;
  private readonly checkInterval: Micros;
  private desired: Tables = new Map();
  /** What the data plane held of ours when we last looked, with our own changes since; anything else there is drift. */
  private believed = new Map<string, ServiceTable>();
  private readonly owned = new Set<string>();
  /** Failures already logged, so that a lasting one is one line. */
  private complaints = new Set<string>();
  private retryDelay: Micros = FIRST_RETRY;
  private retryAt: Instant | undefined;
  private checkAt: Instant | undefined;
  private sums: ReconcileTotals = { applied: 0, failed: 0, drift: 0 };

  constructor(options: ReconcilerOptions) {
    this.plane = options.plane;
    this.logger = options.logger;
    this.checkInterval = options.checkInterval ?? CHECK_INTERVAL;
  }

  /** These tables are wanted from now on; servers in the order in which they are to be added. Applies at once. */
  want(tables: readonly ServiceTable[], now: Instant): ReconcileSummary {
    this.desired = new Map(tables.map((table) => [serviceKeyText(table.key), table]));
    this.retryDelay = FIRST_RETRY;
    return this.reconcile(now);
  }

  /** Compares and repairs. Call it at `nextDeadline()`, or whenever there is a suspicion. */
  reconcile(now: Instant): ReconcileSummary {
    this.checkAt = now + this.checkInterval;
    let actual: Tables;
    try {
      actual = this.readTables();
    } catch (error) {
      return this.settle([], [{ error: asDataPlaneError(error) }], 0, now);
    }
    const drift = this.noteDrift(actual);
    for (const id of this.desired.keys()) this.owned.add(id);
    this.believed = new Map([...actual].filter(([id]) => this.owned.has(id)));
    const { applied, failed } = this.apply(plan(this.desired, this.believed));
    for (const id of this.owned) {
      if (!this.desired.has(id) && !this.believed.has(id)) this.owned.delete(id);
    }
    return this.settle(applied, failed, drift, now);
  }

  /** When `reconcile` is to be called next; undefined before the first tables and after `stop`. */
  nextDeadline(): Instant | undefined {
    return earliest(this.retryAt, this.checkAt);
  }

  get totals(): ReconcileTotals {
    return this.sums;
  }

  /** Removes every service of ours; others stay. */
  stop(now: Instant): ReconcileSummary {
    const summary = this.want([], now);
    this.retryAt = undefined;
    this.checkAt = undefined;
    return summary;
  }

  /** The data plane lists servers newest first; our tables are in the order of adding. */
  private readTables(): Tables {
    return new Map(
      this.plane.services().map((service) => [serviceKeyText(service.key), { ...service, servers: [...service.servers].reverse() }]),
    );
  }

  private noteDrift(actual: Tables): number {
    const present = new Map([...actual].filter(([id]) => this.owned.has(id)));
    const undoing = plan(this.believed, present).filter((operation) => {
      // The servers of a service that is gone altogether need no lines of their own.
      return operation.kind !== 'add-server' || present.has(serviceKeyText(operation.key));
    });
    for (const operation of undoing) this.logger.log('warning', `${describeDrift(operation)}: repairing`);
    return undoing.length;
  }

  private apply(operations: readonly Operation[]): { applied: Operation[]; failed: Failure[] } {
    const applied: Operation[] = [];
    const failed: Failure[] = [];
    for (const operation of operations) {
      const id = serviceKeyText(serviceOf(operation));
      // Without its service a server cannot be added: that failure is told once, by the service.
      if (operation.kind === 'add-server' && !this.believed.has(id)) continue;
      try {
        perform(this.plane, operation);
      } catch (error) {
        failed.push({ operation, error: asDataPlaneError(error) });
        continue;
      }
      applied.push(operation);
      const table = after(this.believed.get(id), operation);
      if (table) this.believed.set(id, table);
      else this.believed.delete(id);
    }
    return { applied, failed };
  }

  private settle(applied: Operation[], failed: Failure[], drift: number, now: Instant): ReconcileSummary {
    this.complain(failed);
    if (failed.length === 0) {
      this.retryAt = undefined;
      this.retryDelay = FIRST_RETRY;
    } else {
      this.retryAt = now + this.retryDelay;
      this.retryDelay = Math.min(this.retryDelay * 2, LAST_RETRY);
    }
    this.sums = {
      applied: this.sums.applied + applied.length,
      failed: this.sums.failed + failed.length,
      drift: this.sums.drift + drift,
    };
    return { applied, failed, drift, converged: failed.length === 0 };
  }

  private complain(failed: readonly Failure[]): void {
    const lines = failed.map(({ operation, error }) => {
      const what = operation ? describeOperation(operation) : 'read the tables';
      return `Data plane: cannot ${what}: ${error.message} (${error.code})`;
    });
    for (const line of lines) {
      if (!this.complaints.has(line)) this.logger.log('error', line);
    }
    this.complaints = new Set(lines);
  }
}

/** Only refusals of the data plane are retried; any other error is a defect of ours and goes up. */
function asDataPlaneError(error: unknown): DataPlaneError {
  if (error instanceof DataPlaneError) return error;
  throw error;
}
