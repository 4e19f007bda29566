/** Plays a range of seeds on several threads. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { PlantedBug } from './director.ts';
import { findBug } from './planted.ts';
import { type RunResult, run } from './world.ts';

/** Seeds that one thread plays before it asks for more. */
const CHUNK = 25;

export interface SweepResult {
  readonly seeds: number;
  /** Simulated microseconds. */
  readonly simulated: number;
  readonly broken: readonly RunResult[];
}

interface Chunk {
  readonly from: number;
  readonly count: number;
}

/** Plays seeds one after the other in this thread. */
export function playRange(from: number, count: number, bug: PlantedBug): SweepResult {
  let simulated = 0;
  const broken: RunResult[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const result = run(seed, { bug });
    simulated += result.simulated;
    if (result.broken) broken.push(result);
  }
  return { seeds: count, simulated, broken };
}

/**
 * The same on `jobs` threads, each of which runs `program` with `serveSweep`. `onBroken` hears of each broken run as it is found; the
 * result has them in the order of their seeds.
 */
export async function sweep(
  program: URL,
  jobs: number,
  range: Chunk,
  bug: PlantedBug,
  onBroken: (result: RunResult) => void,
): Promise<SweepResult> {
  const end = range.from + range.count;
  let next = range.from;
  let simulated = 0;
  const broken: RunResult[] = [];
  const serve = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const give = (): void => {
        const count = Math.min(CHUNK, end - next);
        worker.postMessage({ from: next, count } satisfies Chunk);
        next += count;
      };
      worker.on('error', reject);
      worker.on('exit', () => resolve());
      worker.on('message', (result: SweepResult) => {
        simulated += result.simulated;
        for (const run of result.broken) onBroken(run);
        broken.push(...result.broken);
        give();
      });
      give();
    });
  await Promise.all(Array.from({ length: jobs }, () => serve(new Worker(program, { workerData: { bug: bug.name } }))));
  return { seeds: range.count, simulated, broken: broken.sort((a, b) => a.seed - b.seed) };
}

/** The part of a thread of a sweep. False in the main thread. An empty chunk is the end of its work. */
export function serveSweep(): boolean {
  if (isMainThread || !parentPort) return false;
  const port = parentPort;
  const bug = findBug((workerData as { readonly bug: string }).bug);
  port.on('message', ({ from, count }: Chunk) => {
    if (count <= 0 || !bug) port.close();
    else port.postMessage(playRange(from, count, bug));
  });
  return true;
}
