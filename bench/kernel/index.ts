/**
 * `npm run bench -- kernel`: the packet path and the kernel's IPVS in one virtual machine with Debian's kernel, over the same veth pairs.
 * The machine's clock counts instructions, so figures repeat whatever else the host does; cache misses are not in them.
 */
import { parseArgs } from 'node:util';
import { compiled } from '../../lab/index.ts';
import { prepareImage, runInMachine } from '../../lab/kernel/index.ts';
import { jsonReport } from '../report.ts';
import { ANSWER_FILE, type Answer, PLAN_FILE, type Plan } from './plan.ts';
import { formatReport, rowsOf } from './report.ts';

const USAGE = `Usage: npm run bench -- kernel [--rounds N] [--json]

  --rounds N    measurements of each contender and case; at most 20; the median counts (default 3)
  --json        one JSON object on standard output

Needs what lab/kernel/README.md names. Takes about three minutes.
`;

const TIMEOUT_MS = 1_200_000;
/** So many that the new connections of all have room in the tables. */
const MAX_ROUNDS = 20;

/** Exit status 0: measured, and ours ahead; 1: behind, or it could not be measured; 2: wrong usage. */
export async function run(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const plan: Plan = { rounds: options.rounds, flows: 1024, packets: { established: 16_384, opening: 16_384 } };
  const image = await prepareImage();
  const results = await runInMachine(image, {
    argv: [process.execPath, compiled('bench/kernel/guest.js')],
    files: { [PLAN_FILE]: JSON.stringify(plan) },
    results: [ANSWER_FILE],
    modules: ['veth'],
    timeoutMs: TIMEOUT_MS,
  });
  const answer = JSON.parse(results.get(ANSWER_FILE) ?? '') as Answer;
  const rows = rowsOf(answer);
  process.stdout.write(options.json ? jsonReport('kernel', rows) : formatReport(answer, rows));
  process.exitCode = rows.every(({ ratio }) => ratio > 1) ? 0 : 1;
}

function parseOptions(args: readonly string[]): { readonly rounds: number; readonly json: boolean } | undefined {
  try {
    const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string' }, json: { type: 'boolean', default: false } } });
    const rounds = Number(values.rounds ?? 3);
    return Number.isInteger(rounds) && rounds > 0 && rounds <= MAX_ROUNDS ? { rounds, json: values.json } : undefined;
  } catch {
    return undefined;
  }
}
