/** The links between the directors: they deliver bytes, late, twice, altered or not at all, as the faults of the moment say. */
import { type Instant, type Micros, millis, type Random } from '../src/base/index.ts';

/** A path from one director to another on a link. */
export type Path = readonly [link: string, from: number, to: number];

/** What a bad stretch does to each packet on its way to each receiver. Probabilities from 0 to 1. */
export interface Noise {
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
  /** Up to this much delay is added; packets overtake each other. */
  readonly delay: Micros;
}

export interface Copy {
  readonly delay: Micros;
  readonly packet: Uint8Array;
}

/** Delay of a good link: 50 to 500 microseconds. */
const LEAST_DELAY: Micros = 50;
export const GOOD_DELAY: Micros = 500;

const MOST_DIRECTORS = 8;

export class Network {
  private readonly random: Random;
  /** Bad stretches of a link, the worst last: several may overlap. */
  private readonly noises = new Map<string, Noise[]>();
  /** `link:from>to` that is cut, with the number of faults that cut it. */
  private readonly cuts = new Map<string, number>();
  /** By link, when the last packet of each path arrives, as long as the link is good. */
  private readonly arrivals = new Map<string, Instant[]>();
  /** Until when something sent in a bad stretch may still arrive. */
  private lateUntil = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** Every link works in both directions, without loss, and nothing late is still underway. */
  isClean(now: Instant): boolean {
    return this.noises.size === 0 && this.cuts.size === 0 && now > this.lateUntil;
  }

  addNoise(link: string, noise: Noise): void {
    this.noises.set(link, [...(this.noises.get(link) ?? []), noise]);
  }

  removeNoise(link: string, noise: Noise): void {
    const left = (this.noises.get(link) ?? []).filter((other) => other !== noise);
    if (left.length > 0) this.noises.set(link, left);
    else this.noises.delete(link);
  }

  cut(path: Path): void {
    const key = keyOf(path[0], path[1], path[2]);
    this.cuts.set(key, (this.cuts.get(key) ?? 0) + 1);
  }

  mend(path: Path): void {
    const key = keyOf(path[0], path[1], path[2]);
    const count = (this.cuts.get(key) ?? 0) - 1;
    if (count > 0) this.cuts.set(key, count);
    else this.cuts.delete(key);
  }

  /** The copies of a packet that reach one receiver, each with its delay. */
  deliver(link: string, from: number, to: number, packet: Uint8Array, now: Instant): readonly Copy[] {
    if (this.cuts.size > 0 && this.cuts.has(keyOf(link, from, to))) return [];
    const { random } = this;
    const noise = this.noises.get(link)?.at(-1);
    if (!noise) return [{ delay: this.inOrder(link, from, to, now + random.between(LEAST_DELAY, GOOD_DELAY)) - now, packet }];
    if (random.chance(noise.loss)) return [];
    const copies = random.chance(noise.duplication) ? 2 : 1;
    return Array.from({ length: copies }, () => {
      const delay = random.between(LEAST_DELAY, GOOD_DELAY + noise.delay);
      this.lateUntil = Math.max(this.lateUntil, now + delay);
      return { delay, packet: random.chance(noise.corruption) ? this.corrupt(packet) : packet };
    });
  }

  /** A good link does not reorder: nothing arrives before what was sent earlier. */
  private inOrder(link: string, from: number, to: number, arrival: Instant): Instant {
    let arrivals = this.arrivals.get(link);
    if (!arrivals) {
      arrivals = [];
      this.arrivals.set(link, arrivals);
    }
    const path = from * MOST_DIRECTORS + to;
    const ordered = Math.max(arrival, arrivals[path] ?? 0);
    arrivals[path] = ordered;
    return ordered;
  }

  /** One bit is wrong, or the end is missing. */
  private corrupt(packet: Uint8Array): Uint8Array {
    if (this.random.chance(0.2)) return packet.slice(0, this.random.below(packet.length));
    const position = this.random.below(packet.length);
    return packet.with(position, (packet[position] as number) ^ (1 << this.random.below(8)));
  }
}

function keyOf(link: string, from: number, to: number): string {
  return `${link}:${from}>${to}`;
}

/** A random bad stretch. */
export function sampleNoise(random: Random): Noise {
  return {
    loss: random.pick([0, 0.01, 0.05, 0.2, 0.5, 0.9]),
    duplication: random.pick([0, 0.1, 0.5]),
    corruption: random.pick([0, 0.01, 0.3]),
    delay: millis(random.pick([0, 5, 100, 700, 2000])),
  };
}
