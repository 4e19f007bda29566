/** Many deadlines, the earliest at hand: a binary heap that can move and remove any item in O(log n). */
import type { Instant } from '../base/index.ts';

interface Entry<T> {
  readonly item: T;
  at: Instant;
  /** Breaks ties: of equal deadlines the one set first comes first, so that a run can be replayed exactly. */
  order: number;
  index: number;
}

export class Deadlines<T> {
  private readonly heap: Entry<T>[] = [];
  private readonly entries = new Map<T, Entry<T>>();
  private orders = 0;

  /** The earliest deadline. */
  next(): Instant | undefined {
    return this.heap[0]?.at;
  }

  /** Sets or moves the deadline of an item. */
  set(item: T, at: Instant): void {
    let entry = this.entries.get(item);
    if (!entry) {
      entry = { item, at, order: 0, index: this.heap.length };
      this.heap.push(entry);
      this.entries.set(item, entry);
    }
    entry.at = at;
    entry.order = this.orders++;
    this.settle(entry);
  }

  delete(item: T): void {
    const entry = this.entries.get(item);
    if (!entry) return;
    this.entries.delete(item);
    const last = this.heap.pop() as Entry<T>;
    if (last === entry) return;
    last.index = entry.index;
    this.heap[last.index] = last;
    this.settle(last);
  }

  /** Takes out the earliest item that is due at `now`. */
  popDue(now: Instant): T | undefined {
    const first = this.heap[0];
    if (!first || first.at > now) return undefined;
    this.delete(first.item);
    return first.item;
  }

  private settle(entry: Entry<T>): void {
    this.moveUp(entry);
    this.moveDown(entry);
  }

  private moveUp(entry: Entry<T>): void {
    while (entry.index > 0) {
      const parent = this.heap[(entry.index - 1) >> 1] as Entry<T>;
      if (!before(entry, parent)) return;
      this.swap(entry, parent);
    }
  }

  private moveDown(entry: Entry<T>): void {
    for (;;) {
      const left = this.heap[2 * entry.index + 1];
      const right = this.heap[2 * entry.index + 2];
      const child = right && left && before(right, left) ? right : left;
      if (!child || !before(child, entry)) return;
      this.swap(child, entry);
    }
  }

  private swap(a: Entry<T>, b: Entry<T>): void {
    const index = a.index;
    a.index = b.index;
    b.index = index;
    this.heap[a.index] = a;
    this.heap[b.index] = b;
  }
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
