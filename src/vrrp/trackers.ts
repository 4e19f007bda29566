/** How tracked things count: what means FAULT, what changes the priority, and what a router may ask about them. */
import type { IpAddress, IpFamily } from '../base/index.ts';
import type { TrackerWeight } from '../model/index.ts';

/** `pending`: nothing is known yet. */
export type TrackerState = 'pending' | 'up' | 'down';

/** What a router asks about the things it tracks. */
export interface TrackerView {
  linkUp(link: string): boolean;
  /** False only for an interface that was reported absent. */
  linkPresent(link: string): boolean;
  address(link: string, family: IpFamily): IpAddress | undefined;
  hasSourceAddress(address: IpAddress): boolean;
  script(name: string): TrackerState;
  /** The number in a tracked file; undefined before the first report. */
  file(name: string): number | undefined;
  process(name: string): TrackerState;
  bfd(session: string): TrackerState;
  /** Whether the static addresses, routes and rules that a router follows are all there. */
  staticsWhole(router: string): boolean;
}

/** A file that pulls this much or more below zero means FAULT; above the opposite it counts no further. */
const FILE_FAULT = -254;
const FILE_LIMIT = 253;

/** A tracker of weight 0 decides over FAULT: failing, or with `reverse` succeeding, means FAULT. */
export function meansFault(tracker: TrackerWeight, state: TrackerState): boolean {
  return tracker.weight === 0 && state === (tracker.reverse ? 'up' : 'down');
}

/** What a weighted tracker adds to the priority: a positive weight counts while up, a negative one while down. */
export function contribution(tracker: TrackerWeight, state: TrackerState): number {
  const weight = tracker.reverse ? -tracker.weight : tracker.weight;
  return state === (weight > 0 ? 'up' : 'down') ? weight : 0;
}

/** With weight 0 any number but 0 means FAULT (`reverse`: 0 does); otherwise a product of -254 or less. */
export function fileMeansFault(tracker: TrackerWeight, value: number | undefined): boolean {
  if (value === undefined) return false;
  if (tracker.weight === 0) return (value !== 0) !== tracker.reverse;
  return fileProduct(tracker, value) <= FILE_FAULT;
}

/** The number times the weight, within what a priority can bear. */
export function fileContribution(tracker: TrackerWeight, value: number | undefined): number {
  return value === undefined ? 0 : Math.min(Math.max(fileProduct(tracker, value), -FILE_LIMIT), FILE_LIMIT);
}

function fileProduct(tracker: TrackerWeight, value: number): number {
  return value * (tracker.reverse ? -tracker.weight : tracker.weight);
}
