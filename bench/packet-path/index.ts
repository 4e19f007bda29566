/**
 * `npm run bench -- packet-path`: what a packet costs in the packet path, beside a textbook balancer on BPF_MAP_TYPE_LRU_HASH and beside
 * an empty program, by BPF_PROG_TEST_RUN. Nothing is attached to any interface.
 */
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { jsonReport } from '../report.ts';
import { measureAll } from './measure.ts';
import { formatReport, missedTargets, rowOf } from './report.ts';

const USAGE = `Usage: npm run bench -- packet-path [--rounds N] [--packets N] [--quick] [--json]

  --rounds N    timed runs of each program, case and load; the median counts (default 11)
  --packets N   packets that each program gets in a round, a power of two (default 1048576)
  --quick       few and short runs, judged by nobody: only shows that everything works
  --json        one JSON object on standard output
`;

const QUICK = { rounds: 2, packets: 4096 };

interface Options {
  readonly rounds: number;
  readonly packets: number;
  readonly quick: boolean;
  readonly json: boolean;
  /** We are the process that measures, on one CPU and ahead of all others. */
  readonly pinned: boolean;
}

/** Exit status 0: measured and every target met; 1: a target missed, or it could not be measured; 2: wrong usage. */
export async function run(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
  } else if (options.pinned) {
    report(options);
  } else {
    process.exitCode = await measureAside(args);
  }
}

/**
 * Runs the bench once more as a process that stays on one CPU, with real-time priority where that is allowed, and gives its exit status.
 * What ends us ends it too.
 */
function measureAside(args: readonly string[]): Promise<number> {
  const cpu = String(availableParallelism() - 1);
  const realTime = spawnSync('chrt', ['-f', '50', 'true']).status === 0 ? ['chrt', '-f', '50'] : [];
  if (realTime.length === 0) process.stderr.write('no real-time priority here: expect more noise\n');
  const words = ['-c', cpu, ...realTime, process.execPath, process.argv[1] as string, 'packet-path', '--pinned', ...args];
  const child = spawn('taskset', words, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function report(options: Options): void {
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  const samples = measureAll({ rounds: options.rounds, packets: options.packets, progress });
  const rows = samples.map(rowOf);
  process.stdout.write(options.json ? jsonReport('packet-path', rows) : formatReport(samples));
  if (options.quick) return;
  const missed = missedTargets(rows);
  for (const line of missed) process.stderr.write(`target missed: ${line}\n`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

function parseOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: 'string' },
        packets: { type: 'string' },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        pinned: { type: 'boolean', default: false },
      },
    });
    const rounds = Number(values.rounds ?? (values.quick ? QUICK.rounds : 11));
    const packets = Number(values.packets ?? (values.quick ? QUICK.packets : 1_048_576));
    const usable = Number.isInteger(rounds) && rounds > 0 && Number.isInteger(Math.log2(packets)) && packets > 1;
    return usable ? { rounds, packets, quick: values.quick, json: values.json, pinned: values.pinned } : undefined;
  } catch {
    return undefined;
  }
}
