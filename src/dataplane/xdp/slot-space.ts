/** Room for the schedulers' slots: contiguous runs in one shared array. */
import { DataPlaneError } from '../../ports/index.ts';

export interface Run {
  readonly offset: number;
  readonly length: number;
}

/** First fit with free runs merged: there are few runs and they change seldom. */
export class SlotSpace {
  private free: Run[];

  constructor(slots: number) {
    this.free = [{ offset: 0, length: slots }];
  }

  /** Takes the given run out of the free space (slots that were there before us). */
  reserve(wanted: Run): void {
    this.free = this.free.flatMap((run) => {
      const end = run.offset + run.length;
      const wantedEnd = wanted.offset + wanted.length;
      if (wantedEnd <= run.offset || wanted.offset >= end) return [run];
      const before = { offset: run.offset, length: wanted.offset - run.offset };
      const after = { offset: wantedEnd, length: end - wantedEnd };
      return [before, after].filter((part) => part.length > 0);
    });
  }

  allocate(length: number): Run {
    if (length === 0) return { offset: 0, length: 0 };
    const fit = this.free.find((run) => run.length >= length);
    if (!fit) throw new DataPlaneError('full', `no room for another ${length} scheduler slots`);
    const run = { offset: fit.offset, length };
    this.reserve(run);
    return run;
  }

  release(run: Run): void {
    if (run.length === 0) return;
    const all = [...this.free, run].sort((a, b) => a.offset - b.offset);
    this.free = [];
    for (const part of all) {
      const last = this.free.at(-1);
      if (last && last.offset + last.length === part.offset)
        this.free[this.free.length - 1] = { offset: last.offset, length: last.length + part.length };
      else this.free.push(part);
    }
  }
}
