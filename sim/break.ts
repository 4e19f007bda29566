/** A promise that was broken. */
import type { Instant } from '../src/base/index.ts';

export interface Break {
  readonly at: Instant;
  readonly invariant: string;
  readonly detail: string;
}

/** Reports a break. Only the first one of a run counts: the others may follow from it. */
export type Fail = (at: Instant, invariant: string, detail: string) => void;
