/**
 * Weighted round robin (`ipvsadm -s wrr`), the kernel's own interleaving: the list is walked in passes, each with a bar
 * (`current weight`) that a server's weight must reach; the bar falls by the weights' greatest common divisor from pass
 * to pass and starts again at the top. The bar survives changes of the servers, so the order of connections depends on
 * the order in which the servers came: a service that grew server by server usually runs its first pass at bar 1.
 */
import { isUsable, type SchedulableServer, type Scheduler } from './scheduler.ts';

/** Where the walk stands. */
export interface WrrPosition {
  /** Index of the server chosen last; -1 is the head of the list. */
  readonly last: number;
  /** The bar of the running pass; 0 only while no server has a positive weight. */
  readonly currentWeight: number;
}

/** What the weights alone determine. */
export interface WrrScale {
  /** Greatest common divisor of the positive weights, 1 if there are none: the step of the bar. */
  readonly divisor: number;
  /** The highest bar: greatest weight - (divisor - 1). 0 if no weight is positive. */
  readonly top: number;
}

export function wrrScale(weights: readonly number[]): WrrScale {
  let divisor = 0;
  let greatest = 0;
  for (const weight of weights) {
    if (weight > 0) divisor = gcd(weight, divisor);
    if (weight > greatest) greatest = weight;
  }
  if (divisor === 0) divisor = 1;
  return { divisor, top: greatest - (divisor - 1) };
}

/** The position of a scheduler just bound to a service that has these weights (newest first) already. */
export function wrrInitial(weights: readonly number[]): WrrPosition {
  return { last: -1, currentWeight: wrrScale(weights).top };
}

/** The position after any server was added, edited or removed; `weights` are those after the change. */
export function wrrChanged(position: WrrPosition, weights: readonly number[]): WrrPosition {
  const { divisor, top } = wrrScale(weights);
  const bar = position.currentWeight;
  if (bar === 0 || bar > top) return { last: -1, currentWeight: top };
  // Bars are 1 modulo the divisor; the old bar is brought onto the new grid.
  return { last: -1, currentWeight: divisor > 1 ? Math.floor(bar / divisor) * divisor + 1 : bar };
}

/**
 * One step. `usable(index)` says whether a server is not overloaded. `chosen` is undefined when a whole cycle of passes
 * found nobody; `position` is then where the kernel's search stops.
 */
export function wrrNext(
  position: WrrPosition,
  weights: readonly number[],
  scale: WrrScale,
  usable: (index: number) => boolean,
): { chosen: number | undefined; position: WrrPosition } {
  if (scale.top === 0) return { chosen: undefined, position };
  const fromHead = position.last < 0;
  let bar = position.currentWeight;
  let next = position.last + 1;
  let restarted = false;
  let lastPass = false;
  for (;;) {
    for (; next < weights.length; next++) {
      if ((weights[next] as number) >= bar && usable(next)) return { chosen: next, position: { last: next, currentWeight: bar } };
      // The lowest pass after a restart has come round to where the search began: everybody was asked at bar 1.
      if (lastPass && restarted && !fromHead && next === position.last) {
        return { chosen: undefined, position: { last: next, currentWeight: bar } };
      }
    }
    next = 0;
    bar -= scale.divisor;
    if (bar <= 0) {
      bar = scale.top;
      if (lastPass || fromHead) return { chosen: undefined, position: { last: -1, currentWeight: bar } };
      restarted = true;
    }
    lastPass = bar <= scale.divisor;
  }
}

export class WrrScheduler<S extends SchedulableServer> implements Scheduler<S> {
  private readonly servers: readonly S[];
  private weights: readonly number[];
  private scale: WrrScale;
  private position: WrrPosition;

  constructor(servers: readonly S[]) {
    this.servers = servers;
    this.weights = servers.map((server) => server.weight);
    this.scale = wrrScale(this.weights);
    this.position = wrrInitial(this.weights);
  }

  added(): void {
    this.changed();
  }

  edited(): void {
    this.changed();
  }

  removed(): void {
    this.changed();
  }

  schedule(): S | undefined {
    const step = wrrNext(this.position, this.weights, this.scale, (index) => isUsable(this.servers[index] as S));
    this.position = step.position;
    return step.chosen === undefined ? undefined : this.servers[step.chosen];
  }

  private changed(): void {
    this.weights = this.servers.map((server) => server.weight);
    this.scale = wrrScale(this.weights);
    this.position = wrrChanged(this.position, this.weights);
  }
}

export function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
