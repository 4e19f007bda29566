/** What the bench asks of the program inside the virtual machine, and what it gets back. Both travel as JSON files. */

export interface Plan {
  readonly rounds: number;
  /** Frames of one timed run: established connections, and new ones. */
  readonly packets: { readonly established: number; readonly opening: number };
  readonly flows: number;
}

export const CASES = ['established', 'opening'] as const;
export type Case = (typeof CASES)[number];
/** `floor`: the director drops every frame as it comes. The packet path comes in both modes of XDP: on veth it would itself choose the generic one. */
export const CONTENDERS = ['floor', 'native', 'generic', 'ipvs'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

/** Nanoseconds per packet, which are instructions, one figure for each round. */
export type Figures = Readonly<Record<Case, Readonly<Record<ContenderName, readonly number[]>>>>;

export interface Answer {
  readonly release: string;
  readonly figures: Figures;
}

export const PLAN_FILE = 'plan.json';
export const ANSWER_FILE = 'answer.json';
