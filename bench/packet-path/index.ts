/**
 * `npm run bench -- packet-path`: nanoseconds per packet in the kernel, by BPF_PROG_TEST_RUN, without any network: ours beside a textbook
 * balancer and an empty program, in one run. Rounds are interleaved, so that whatever else the machine does hits all of them alike.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { setRealtimePriority } from '../../src/os/ffi/index.ts';
import { measureAll, type Settings } from './measure.ts';
import { formatReport, missedTargets, rowOf } from './report.ts';

const USAGE = `Usage: npm run bench -- packet-path [--rounds N] [--packets N] [--json] [--assert]

  --rounds N    measurements of each contender and case; the median counts (default 15)
  --packets N   packets of each measurement of established connections (default 1000000)
  --json        one JSON object on standard output
  --assert      exit status 1 when a target is missed
`;

const REALTIME_PRIORITY = 50;

interface Options extends Settings {
  readonly json: boolean;
  readonly assert: boolean;
}

/** Exit status 0: measured; 1: could not be measured, or a target was missed and --assert given; 2: wrong usage. */
export async function run(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  stayOnOneCpu();
  const samples = measureAll(options, (text) => process.stderr.write(`measuring: ${text}\n`));
  const rows = samples.map(rowOf);
  process.stdout.write(options.json ? `${JSON.stringify({ bench: 'packet-path', rows })}\n` : formatReport(samples));
  const missed = missedTargets(rows);
  for (const line of missed) process.stderr.write(`target missed: ${line}\n`);
  if (options.assert && missed.length > 0) process.exitCode = 1;
}

function parseOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: 'string', default: '15' },
        packets: { type: 'string', default: '1000000' },
        json: { type: 'boolean', default: false },
        assert: { type: 'boolean', default: false },
      },
    });
    const [rounds, packets] = [Number(values.rounds), Number(values.packets)];
    const valid = [rounds, packets].every((value) => Number.isInteger(value) && value > 0);
    return valid ? { rounds, packets, json: values.json, assert: values.assert } : undefined;
  } catch {
    return undefined;
  }
}

/** The last CPU, away from where interrupts usually go, and ahead of other programs where that is allowed. */
function stayOnOneCpu(): void {
  spawnSync('taskset', ['-p', '-c', String(availableParallelism() - 1), String(process.pid)]);
  setRealtimePriority(REALTIME_PRIORITY);
}
