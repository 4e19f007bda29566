/** Deadlines of a thousand routers: a binary heap, so that arming, clearing and finding the next one cost O(log n). */
import type { Instant, Micros } from '../base/index.ts';

/** One deadline that may be armed. Belongs to one queue; only the queue alters the other fields. */
export class Timer {
  readonly fire: (now: Instant) => void;
  deadline: Instant | undefined = undefined;
  /** Place in the heap, -1 while not armed. */
  index = -1;
  /** Whoever runs the clock should be wide awake when it fires, and may be so long before; 0 where it is not urgent. The owner's to set. */
  lead: Micros = 0;
  /** When it was armed among others: equal deadlines fire in this order, so that a run can be replayed exactly. */
  order = 0;

  constructor(fire: (now: Instant) => void) {
    this.fire = fire;
  }
}

export class TimerQueue {
  private readonly heap: Timer[] = [];
  private armed = 0;

  /** Arms a timer, or moves it when it is armed already. */
  set(timer: Timer, deadline: Instant): void {
    timer.deadline = deadline;
    timer.order = this.armed++;
    if (timer.index < 0) {
      timer.index = this.heap.length;
      this.heap.push(timer);
    }
    this.settle(timer);
  }

  clear(timer: Timer): void {
    if (timer.index < 0) return;
    const last = this.heap.pop() as Timer;
    if (last !== timer) {
      last.index = timer.index;
      this.heap[last.index] = last;
      this.settle(last);
    }
    timer.index = -1;
    timer.deadline = undefined;
  }

  next(): Instant | undefined {
    return this.heap[0]?.deadline;
  }

  /** How long before the next one it is worth being awake. */
  leadOfNext(): Micros {
    return this.heap[0]?.lead ?? 0;
  }

  /** Fires what is due, earliest first. A timer that is armed again for an instant not after `now` fires again. */
  runDue(now: Instant): void {
    for (let timer = this.heap[0]; timer && (timer.deadline as Instant) <= now; timer = this.heap[0]) {
      this.clear(timer);
      timer.fire(now);
    }
  }

  private settle(timer: Timer): void {
    this.up(timer);
    this.down(timer);
  }

  private up(timer: Timer): void {
    while (timer.index > 0) {
      const parent = this.heap[(timer.index - 1) >> 1] as Timer;
      if (!isBefore(timer, parent)) return;
      this.swap(timer, parent);
    }
  }

  private down(timer: Timer): void {
    for (;;) {
      const left = this.heap[2 * timer.index + 1];
      const right = this.heap[2 * timer.index + 2];
      const child = right && left && isBefore(right, left) ? right : left;
      if (!child || !isBefore(child, timer)) return;
      this.swap(timer, child);
    }
  }

  private swap(a: Timer, b: Timer): void {
    const index = a.index;
    a.index = b.index;
    b.index = index;
    this.heap[a.index] = a;
    this.heap[b.index] = b;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  const difference = (a.deadline as Instant) - (b.deadline as Instant);
  return difference !== 0 ? difference < 0 : a.order < b.order;
}
