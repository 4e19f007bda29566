/** What will happen when: a binary heap of actions; those of one instant run in the order in which they were added. */
import type { Instant } from '../src/base/index.ts';

interface Entry {
  readonly at: Instant;
  readonly order: number;
  readonly action: () => void;
}

export class Agenda {
  private readonly heap: Entry[] = [];
  private added = 0;

  add(at: Instant, action: () => void): void {
    const entry = { at, order: this.added++, action };
    let i = this.heap.push(entry) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = this.heap[up] as Entry;
      if (!isBefore(entry, parent)) break;
      this.heap[i] = parent;
      i = up;
    }
    this.heap[i] = entry;
  }

  next(): Instant | undefined {
    return this.heap[0]?.at;
  }

  runNext(): void {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (!first || !last) return;
    if (this.heap.length > 0) this.sink(last);
    first.action();
  }

  private sink(entry: Entry): void {
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      const a = this.heap[left];
      const b = this.heap[left + 1];
      const isRight = a !== undefined && b !== undefined && isBefore(b, a);
      const child = isRight ? b : a;
      if (!child || !isBefore(child, entry)) break;
      this.heap[i] = child;
      i = isRight ? left + 1 : left;
    }
    this.heap[i] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
