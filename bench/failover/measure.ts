/** The takeovers of one row, ours and keepalived's in turn. */
import type { Machine } from '../../lab/machine.ts';
import { type Pair, PRIORITY, type Timing } from './pair.ts';
import type { TakeoverAnswer } from './prober.ts';

export interface Case extends Timing {
  readonly name: string;
  readonly signal: 'SIGKILL' | 'SIGTERM';
}

/** Outages in ms. Number n of both: the same round, and the same moment of a death. */
export interface Samples {
  readonly case: Case;
  readonly ours: number[];
  readonly peer: number[];
}

const TIMINGS: readonly (Timing & { readonly name: string })[] = [
  { name: 'v2, 1 s', version: 2, intervalMs: 1000 },
  { name: 'v3, 100 ms', version: 3, intervalMs: 100 },
  { name: 'v3, 10 ms', version: 3, intervalMs: 10 },
];

export const CASES: readonly Case[] = TIMINGS.flatMap(({ name, ...timing }) => [
  { ...timing, name: `${name}, killed`, signal: 'SIGKILL' },
  { ...timing, name: `${name}, stopped`, signal: 'SIGTERM' },
]);

/** Intervals so long leave time enough for both makes' takeovers at once; short ones must not disturb each other. */
const TOGETHER_FROM_MS = 1000;

/** What the protocol itself makes a client wait, in the middle: a death is on average half an interval after the last advertisement. */
export function protocolMs({ version, intervalMs, signal }: Case): number {
  const skewMs = ((256 - PRIORITY) / 256) * (version === 2 ? 1000 : intervalMs);
  return signal === 'SIGTERM' ? skewMs : 3 * intervalMs + skewMs - intervalMs / 2;
}

/**
 * The outage as it had been for a death in the middle between two advertisements: how much earlier or later it was is known exactly, and is
 * no merit of either make. A stopped director says so itself, whenever that is.
 */
export function inTheMiddle({ outageMs, phaseMs }: TakeoverAnswer, { signal, intervalMs }: Case): number {
  return signal === 'SIGTERM' ? outageMs : outageMs + phaseMs - intervalMs / 2;
}

/** On a machine that stands still for seconds a round may fail: it is played again, so often in a row of the table. */
const FAILURES_BORNE = 3;

export async function measureCase(
  what: Case,
  pairs: readonly [Pair, Pair],
  client: Machine,
  takeovers: number,
  say: (text: string) => void,
): Promise<Samples> {
  const samples: Samples = { case: what, ours: [], peer: [] };
  let failures = 0;
  let running = false;
  try {
    while (samples.ours.length < takeovers) {
      try {
        await Promise.all(pairs.map((pair) => (running ? pair.restore(what) : pair.start(what, client))));
        running = true;
        await playRound(what, pairs, takeovers, samples, say);
      } catch (error) {
        if (++failures > FAILURES_BORNE) throw error;
        say(`${what.name}: once more, from the start: ${(error as Error).message}`);
        await Promise.all(pairs.map((pair) => pair.stop()));
        running = false;
      }
    }
  } finally {
    await Promise.all(pairs.map((pair) => pair.stop()));
  }
  return samples;
}

async function playRound(
  what: Case,
  [ours, peer]: readonly [Pair, Pair],
  takeovers: number,
  samples: Samples,
  say: (text: string) => void,
): Promise<void> {
  const round = samples.ours.length;
  // Every phase of the interval once, near ones not one after the other; the same ones for both.
  const phaseMs = ((((round * 7) % takeovers) + 0.5) / takeovers) * what.intervalMs;
  const outage = async (pair: Pair): Promise<number> => inTheMiddle(await pair.takeover(what.signal, phaseMs), what);
  let [our, their] = [0, 0];
  if (what.intervalMs >= TOGETHER_FROM_MS) [our, their] = await Promise.all([outage(ours), outage(peer)]);
  else if (round % 2 === 0) [our, their] = [await outage(ours), await outage(peer)];
  else {
    their = await outage(peer);
    our = await outage(ours);
  }
  samples.ours.push(our);
  samples.peer.push(their);
  say(`${what.name} ${round + 1}/${takeovers}: ours ${our.toFixed(2)} ms, ${peer.make} ${their.toFixed(2)} ms`);
}
