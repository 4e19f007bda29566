/**
 * Tables for the packet path: the order in which a scheduler will choose, written out as a list of slots that the packet
 * path walks with one atomic increment per new connection (`slots[cursor++ % slots.length]`).
 *
 * The list is one whole period of the scheduler. It begins at the scheduler's present position, and because the kernel's
 * wrr keeps its bar on the grid of the divisor, that position lies on the steady cycle: there is no separate first pass,
 * only a rotation. So the walk from slot 0 is the kernel's sequence for ever, until the servers change.
 *
 * **Overload**: the packet path takes the next slot when a slot's server is over its threshold; skipping slots is
 * exactly what the kernel does, since its walk does not depend on who was skipped. After one whole period without a
 * usable server the connection is refused.
 *
 * **History**: where wrr's bar stands when servers change decides the order afterwards. The owner therefore hands
 * `SlotSchedule.change` the number of slots that the packet path has taken since the list was published (its cursor,
 * which starts at 0 with each list); from it follow the pointer and the bar that the kernel would have. A connection
 * that arrives between the reading of the cursor and the publishing of the new list uses the old list and is not
 * counted: at most that handful of connections separates us from a kernel that takes a lock there.
 */
import { assert } from '../base/index.ts';
import { RR_INITIAL, type RrPosition, rrAdded, rrRemoved } from './rr.ts';
import { type WrrPosition, wrrChanged, wrrInitial, wrrNext, wrrScale } from './wrr.ts';

/** The schedulers whose order a slot list can hold, because it depends on nothing but the servers. */
export const SLOT_SCHEDULERS = ['rr', 'wrr'] as const;
export type SlotScheduler = (typeof SLOT_SCHEDULERS)[number];

export const DEFAULT_SLOT_LIMIT = 4096;

/** The written-out order. Entries are indexes into the list of servers (newest first). Empty: nobody may take connections. */
export interface SlotList {
  readonly slots: readonly number[];
  /** False when the exact cycle is longer than the limit and the weights were scaled down to fit. */
  readonly exact: boolean;
}

/** `bars[i]` is wrr's current weight while slot i is chosen; with it a cursor is turned back into a position. */
export interface WrrSlotList extends SlotList {
  readonly bars: readonly number[];
}

/** What happened to the list of servers; `index` is where the removed server was, or where the edited one is. */
export type ServerChange = { readonly kind: 'added' } | { readonly kind: 'edited' | 'removed'; readonly index: number };

/** One period of rr from `position` on: every server with a positive weight once. */
export function expandRr(weights: readonly number[], position: RrPosition): SlotList {
  const slots: number[] = [];
  for (let step = 1; step <= weights.length; step++) {
    const index = (position + step) % weights.length;
    if ((weights[index] as number) > 0) slots.push(index);
  }
  return { slots, exact: true };
}

/**
 * One period of wrr from `position` on: sum(weights) / gcd(weights) slots. Longer than `limit`, the weights are scaled
 * down (each keeps at least one slot) and `exact` is false. `limit` must be at least the number of servers.
 */
export function expandWrr(weights: readonly number[], position: WrrPosition, limit: number = DEFAULT_SLOT_LIMIT): WrrSlotList {
  assert(limit >= weights.length, `slot limit ${limit} is below the number of servers, ${weights.length}`);
  const { divisor } = wrrScale(weights);
  const period = sum(weights) / divisor;
  if (period <= limit) return { ...walk(weights, position, period), exact: true };
  const scaled = weights.map((weight) => (weight > 0 ? Math.max(1, Math.floor((weight / sum(weights)) * (limit - weights.length))) : 0));
  const before = wrrScale(weights);
  const after = wrrScale(scaled);
  const ratio = before.top / after.top;
  const start = wrrChanged({ last: -1, currentWeight: Math.max(1, Math.floor(position.currentWeight / ratio)) }, scaled);
  const list = walk(scaled, { last: position.last, currentWeight: start.currentWeight }, sum(scaled) / after.divisor);
  return { slots: list.slots, bars: list.bars.map((bar) => Math.max(1, Math.min(before.top, Math.round(bar * ratio)))), exact: false };
}

/** Keeps one service's slot list through the changes of its servers, with the history that wrr depends on. */
export class SlotSchedule {
  private readonly scheduler: SlotScheduler;
  private readonly limit: number;
  private weights: readonly number[];
  private rr: RrPosition = RR_INITIAL;
  private wrr: WrrPosition;
  private list: WrrSlotList;

  /** `weights` in scheduling order (newest first); a fresh service passes []. `limit` is the packet path's room per service. */
  constructor(scheduler: SlotScheduler, weights: readonly number[], limit: number = DEFAULT_SLOT_LIMIT) {
    this.scheduler = scheduler;
    this.limit = limit;
    this.weights = [...weights];
    this.wrr = wrrInitial(weights);
    this.list = this.expand();
  }

  /** The list to publish; the packet path's cursor starts at 0 with it. */
  get current(): SlotList {
    return this.list;
  }

  /**
   * Servers changed: gives the new list to publish. `weights` are those after the change, `taken` is how many slots the
   * packet path has taken from the current list (skipped ones included; also beyond one period).
   */
  change(change: ServerChange, weights: readonly number[], taken: number): SlotList {
    this.advance(taken);
    this.weights = [...weights];
    if (change.kind === 'added') this.rr = rrAdded(this.rr);
    if (change.kind === 'removed') this.rr = rrRemoved(this.rr, change.index);
    this.wrr = wrrChanged(this.wrr, weights);
    this.list = this.expand();
    return this.list;
  }

  private advance(taken: number): void {
    if (taken <= 0 || this.list.slots.length === 0) return;
    const index = (taken - 1) % this.list.slots.length;
    const last = this.list.slots[index] as number;
    if (this.scheduler === 'rr') this.rr = last;
    else this.wrr = { last, currentWeight: this.list.bars[index] as number };
  }

  private expand(): WrrSlotList {
    if (this.scheduler === 'rr') return { ...expandRr(this.weights, this.rr), bars: [] };
    return expandWrr(this.weights, this.wrr, this.limit);
  }
}

function walk(weights: readonly number[], start: WrrPosition, count: number): { slots: number[]; bars: number[] } {
  const scale = wrrScale(weights);
  const slots: number[] = [];
  const bars: number[] = [];
  let position = start;
  for (let taken = 0; taken < count; taken++) {
    const step = wrrNext(position, weights, scale, () => true);
    assert(step.chosen !== undefined, 'a positive weight is always found');
    position = step.position;
    slots.push(step.chosen);
    bars.push(position.currentWeight);
  }
  return { slots, bars };
}

function sum(weights: readonly number[]): number {
  return weights.reduce((total, weight) => total + weight, 0);
}
