/** The links between the directors: they deliver bytes, late, twice, altered or not at all, as the faults of the moment say. */
import type { Micros, Random } from '../src/base/index.ts';
import { millis } from '../src/base/index.ts';

/** What a bad stretch does to each packet on its way to each receiver. Probabilities from 0 to 1. */
export interface Noise {
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
  /** Up to this much delay is added; packets overtake each other. */
  readonly delay: Micros;
}

/** Delay of a good link: 50 to 500 microseconds. */
const LEAST_DELAY: Micros = 50;
export const GOOD_DELAY: Micros = 500;

export class Network {
  private readonly random: Random;
  private noise: Noise | undefined;
  /** `link:from>to` that is cut, with the number of faults that cut it. */
  private readonly cuts = new Map<string, number>();
  /** Until when something sent in a bad stretch may still arrive. */
  private lateUntil = 0;

  constructor(random: Random) {
    this.random = random;
  }

  isClean(now: number): boolean {
    return this.noise === undefined && this.cuts.size === 0 && now > this.lateUntil;
  }

  setNoise(noise: Noise | undefined): void {
    this.noise = noise;
  }

  cut(link: string, from: number, to: number): void {
    const path = `${link}:${from}>${to}`;
    this.cuts.set(path, (this.cuts.get(path) ?? 0) + 1);
  }

  mend(link: string, from: number, to: number): void {
    const path = `${link}:${from}>${to}`;
    const count = (this.cuts.get(path) ?? 0) - 1;
    if (count > 0) this.cuts.set(path, count);
    else this.cuts.delete(path);
  }

  /** The copies of a packet that reach one receiver, each with its delay. */
  deliver(link: string, from: number, to: number, packet: Uint8Array, now: number): { delay: Micros; packet: Uint8Array }[] {
    if (this.cuts.size > 0 && this.cuts.has(`${link}:${from}>${to}`)) return [];
    const { random, noise } = this;
    if (!noise) return [{ delay: random.between(LEAST_DELAY, GOOD_DELAY), packet }];
    if (random.chance(noise.loss)) return [];
    const copies = random.chance(noise.duplication) ? 2 : 1;
    return Array.from({ length: copies }, () => {
      const delay = random.between(LEAST_DELAY, GOOD_DELAY + noise.delay);
      this.lateUntil = Math.max(this.lateUntil, now + delay);
      return { delay, packet: random.chance(noise.corruption) ? this.corrupt(packet) : packet };
    });
  }

  private corrupt(packet: Uint8Array): Uint8Array {
    const altered = Uint8Array.from(packet);
    const position = this.random.below(altered.length);
    altered[position] = (altered[position] as number) ^ (1 << this.random.below(8));
    return altered;
  }
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
