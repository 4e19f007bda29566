/** How late the advertisements of an active router come, and so how much longer than the protocol says its silence may be noise. */
import { type Instant, type Micros, seconds } from '../base/index.ts';
import { MACHINE_NOISE } from './timing.ts';

/** A lateness is remembered for so long, and for twice that at most. */
const MEMORY: Micros = seconds(300);
/** The worst that was seen is not the worst there is. */
const MARGIN = 2;

/**
 * With intervals of some milliseconds the time that the protocol gives an active router is shorter than a busy or a virtual machine may
 * stand still. Where one did lately, its backups wait longer: by what they have seen, and not longer than MACHINE_NOISE in all. A delay of
 * less than an interval is not counted, nor anything where the intervals are so long that the protocol's own time bears such delays.
 */
export class Punctuality {
  /** When the next advertisement should come, by the interval of the one before; undefined where none is waited for. */
  private due: Instant | undefined;
  private worst: Micros = 0;
  private worstBefore: Micros = 0;
  private since: Instant = 0;

  /**
   * An advertisement has arrived; `isSuccessor` if it is the first of another router: the silence before says nothing about it. Returns how
   * late it was if that is worse than all that is remembered, else 0.
   */
  heard(arrived: Instant, interval: Micros, isSuccessor: boolean): Micros {
    const late = this.due === undefined || isSuccessor ? 0 : arrived - this.due;
    this.due = arrived + interval;
    return this.note(late, interval, arrived);
  }

  /** The router's state has changed: it may not have listened for a while. What it has seen until then stands. */
  listenAnew(): void {
    this.due = undefined;
  }

  /** Something was late. This machine's own delays count as well: those that share an address are alike. Returns what `heard` returns. */
  note(late: Micros, interval: Micros, now: Instant): Micros {
    if (now - this.since >= MEMORY) {
      this.worstBefore = now - this.since < 2 * MEMORY ? this.worst : 0;
      this.worst = 0;
      this.since = now;
    }
    if (late < interval || late <= this.worst) return 0;
    this.worst = late;
    return late > this.worstBefore ? late : 0;
  }

  /** What a backup waits beyond the protocol's own time, the `patience`. */
  grace(patience: Micros): Micros {
    return Math.max(0, Math.min(MARGIN * Math.max(this.worst, this.worstBefore), MACHINE_NOISE - patience));
  }
}
