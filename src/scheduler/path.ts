/**
 * What the packet path needs to run a scheduler by itself: data to install, in one of three forms. `cycle`: walk a list of
 * slots. `hash`: find a slot from the packet's addresses. `scan`: go through the servers and compare their counts.
 */
import type { IpFamily } from '../base/index.ts';
import type { SchedulerName } from '../model/index.ts';
import { ACTIVE_COST } from './cost.ts';
import { readSchedulerFlags, type SchedulerFlags } from './flags.ts';
import { fillSlots, HASHED_SCHEDULERS, type HashedSchedulerName, type SlotHash, slotHash } from './hashed.ts';
import type { SchedulableServer } from './scheduler.ts';
import { DEFAULT_SLOT_LIMIT, type ServerChange, SLOT_SCHEDULERS, SlotSchedule, type SlotScheduler } from './slots.ts';

/**
 * How a scan over the servers (newest first) finds the one. Servers of weight 0 and overloaded ones are never asked. Where
 * two are equal the first stays.
 */
export interface ScanRule {
  /** `least-cost`: the lowest cost. `greatest-weight`: the highest weight. `two-draws`: see TwosScheduler, then the lower cost per weight. */
  readonly pick: 'least-cost' | 'greatest-weight' | 'two-draws';
  /** cost = base + active × activeConnections + inactive × inactiveConnections. */
  readonly base: number;
  readonly active: number;
  readonly inactive: number;
  /** Costs are compared per weight: b replaces a where cost(a) × weight(b) > cost(b) × weight(a), in 64 bits. */
  readonly perWeight: boolean;
  /** The first server without active connections wins at once. */
  readonly idleFirst: boolean;
  /** A server with more active connections than its weight is full. */
  readonly fullAboveWeight: boolean;
  /** What is remembered per virtual address: nothing, one server (lblc), a set of servers (lblcr). */
  readonly remembers: 'nothing' | 'server' | 'set';
}

export type PathDescription =
  /** Walked by one atomic increment per connection; the cursor starts at 0 with each new list. See slots.ts. */
  | { readonly kind: 'cycle'; readonly slots: readonly number[]; readonly exact: boolean }
  /** Entries are indexes into the list of servers (newest first). Empty, or `hash.size` of them. */
  | { readonly kind: 'hash'; readonly slots: readonly number[]; readonly hash: SlotHash }
  | { readonly kind: 'scan'; readonly rule: ScanRule };

const BY_OVERHEAD: ScanRule = {
  pick: 'least-cost',
  base: 0,
  active: ACTIVE_COST,
  inactive: 1,
  perWeight: true,
  idleFirst: false,
  fullAboveWeight: false,
  remembers: 'nothing',
};
const BY_DELAY: ScanRule = { ...BY_OVERHEAD, base: 1, active: 1, inactive: 0 };
const BY_WEIGHT: ScanRule = { ...BY_OVERHEAD, pick: 'greatest-weight', active: 0, inactive: 0 };

type ScanSchedulerName = Exclude<SchedulerName, SlotScheduler | HashedSchedulerName>;

const SCAN_RULES: Readonly<Record<ScanSchedulerName, ScanRule>> = {
  lc: { ...BY_OVERHEAD, perWeight: false },
  wlc: BY_OVERHEAD,
  sed: BY_DELAY,
  nq: { ...BY_DELAY, idleFirst: true },
  fo: BY_WEIGHT,
  ovf: { ...BY_WEIGHT, fullAboveWeight: true },
  twos: { ...BY_OVERHEAD, pick: 'two-draws' },
  lblc: { ...BY_OVERHEAD, remembers: 'server' },
  lblcr: { ...BY_OVERHEAD, remembers: 'set' },
};

/** Keeps one service's description through the changes of its servers. */
export class PathSchedule {
  private readonly name: SchedulerName;
  private readonly family: IpFamily;
  private readonly flags: SchedulerFlags;
  private readonly cycle: SlotSchedule | undefined;
  private description: PathDescription;

  /** `servers` newest first; a fresh service passes []. `limit` is the packet path's room for one service's cycle. */
  constructor(
    service: { readonly scheduler: SchedulerName; readonly schedulerFlags: readonly string[] },
    family: IpFamily,
    servers: readonly SchedulableServer[],
    limit: number = DEFAULT_SLOT_LIMIT,
  ) {
    this.name = service.scheduler;
    this.family = family;
    this.flags = readSchedulerFlags(service.schedulerFlags);
    if (isOneOf(SLOT_SCHEDULERS, this.name)) this.cycle = new SlotSchedule(this.name, weightsOf(servers), limit);
    this.description = this.describe(servers);
  }

  /** What to install. */
  get current(): PathDescription {
    return this.description;
  }

  /** Servers changed; `servers` are those after the change, `taken` is how many slots were taken from the current cycle (0 for other kinds). */
  change(change: ServerChange, servers: readonly SchedulableServer[], taken: number): PathDescription {
    this.cycle?.change(change, weightsOf(servers), taken);
    this.description = this.describe(servers);
    return this.description;
  }

  private describe(servers: readonly SchedulableServer[]): PathDescription {
    const { name, family, flags } = this;
    if (this.cycle) return { kind: 'cycle', ...this.cycle.current };
    if (isOneOf(HASHED_SCHEDULERS, name)) {
      return { kind: 'hash', slots: fillSlots(name, servers, family, flags), hash: slotHash(name, flags) };
    }
    return { kind: 'scan', rule: SCAN_RULES[name as ScanSchedulerName] };
  }
}

function weightsOf(servers: readonly SchedulableServer[]): number[] {
  return servers.map(({ weight }) => weight);
}

function isOneOf<T extends SchedulerName>(names: readonly T[], name: SchedulerName): name is T {
  return (names as readonly SchedulerName[]).includes(name);
}
