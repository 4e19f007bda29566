/** Whether a busy machine alone makes a backup take over: it must not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { sleep } from '../../lab/index.ts';
import type { Machine } from '../../lab/machine.ts';
import type { Pair, Timing } from './pair.ts';

export interface Soak {
  readonly minutes: number;
  /** Takeovers that nobody's death explains. */
  readonly ours: number;
  readonly peer: number;
}

const TIMING: Timing = { version: 3, intervalMs: 10 };

/** Both pairs with 10 ms adverts for so long, while the first processor never rests. */
export async function soak(minutes: number, [ours, peer]: readonly [Pair, Pair], client: Machine): Promise<Soak> {
  await Promise.all([ours.start(TIMING, client), peer.start(TIMING, client)]);
  const before = { ours: ours.transitions(), peer: peer.transitions() };
  const burner = burn();
  try {
    await sleep(minutes * 60_000);
    return { minutes, ours: ours.transitions() - before.ours, peer: peer.transitions() - before.peer };
  } finally {
    burner.kill('SIGKILL');
    await Promise.all([ours.stop(), peer.stop()]);
  }
}

/** A loop at ordinary priority that ends with us. */
function burn(): ChildProcess {
  const loop = ['taskset', '--cpu-list', '0', process.execPath, '-e', 'for (;;);'];
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...loop], { stdio: 'ignore' });
}
