/** The takeovers of one row, ours and keepalived's in turn. */
import type { Machine } from '../../lab/machine.ts';
import { type Pair, PRIORITY, type Timing } from './pair.ts';

export interface Case extends Timing {
  readonly name: string;
  readonly signal: 'SIGKILL' | 'SIGTERM';
}

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

export async function measureCase(
  what: Case,
  [ours, peer]: readonly [Pair, Pair],
  client: Machine,
  takeovers: number,
  say: (text: string) => void,
): Promise<Samples> {
  const samples: Samples = { case: what, ours: [], peer: [] };
  await Promise.all([ours.start(what, client), peer.start(what, client)]);
  try {
    for (let round = 0; round < takeovers; round += 1) {
      // Every phase of the interval once, near ones not one after the other; the same ones for both.
      const phaseMs = ((((round * 7) % takeovers) + 0.5) / takeovers) * what.intervalMs;
      const measureOurs = async (): Promise<void> => void samples.ours.push(await ours.takeover(what.signal, phaseMs));
      const measurePeer = async (): Promise<void> => void samples.peer.push(await peer.takeover(what.signal, phaseMs));
      const [first, second] = round % 2 === 0 ? [measureOurs, measurePeer] : [measurePeer, measureOurs];
      if (what.intervalMs >= TOGETHER_FROM_MS) await Promise.all([first(), second()]);
      else {
        await first();
        await second();
      }
      say(
        `${what.name} ${round + 1}/${takeovers}: ours ${samples.ours.at(-1)?.toFixed(1)} ms, ${peer.make} ${samples.peer.at(-1)?.toFixed(1)} ms`,
      );
      if (round + 1 < takeovers) await Promise.all([ours.restore(what), peer.restore(what)]);
    }
  } finally {
    await Promise.all([ours.stop(), peer.stop()]);
  }
  return samples;
}
