/** `npm run sim -- --seeds N [--from S] [--trace SEED] [--bug NAME]`: plays many runs and reports every break with its seed. */
import { parseArgs } from 'node:util';
import { MICROS_PER_SECOND } from '../src/base/index.ts';
import type { PlantedBug } from './director.ts';
import { NO_BUG, PLANTED_BUGS } from './planted.ts';
import { LEGEND } from './trace.ts';
import { run } from './world.ts';

const USAGE = `Usage: npm run sim -- [--seeds N] [--from S] [--trace SEED] [--bug NAME]
  --seeds N     how many runs of 10 simulated minutes (default 500)
  --from S      the first seed (default 1)
  --trace SEED  plays one run and prints every event
  --bug NAME    plants a bug: ${PLANTED_BUGS.map((bug) => bug.name).join(', ')}
Exit code 0: no invariant break; 1: at least one; 2: bad usage.`;

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly trace: number | undefined;
  readonly bug: PlantedBug;
}

function parse(args: string[]): Options | undefined {
  const natural = (text: string | undefined, fallback: number): number =>
    text === undefined ? fallback : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({ args, options: { seeds: text, from: text, trace: text, bug: text } });
    const bug = values.bug === undefined ? NO_BUG : PLANTED_BUGS.find((candidate) => candidate.name === values.bug);
    const seeds = natural(values.seeds, 500);
    const from = natural(values.from, 1);
    const trace = values.trace === undefined ? undefined : natural(values.trace, 0);
    if (!bug || Number.isNaN(seeds) || Number.isNaN(from) || Number.isNaN(trace)) return undefined;
    return { seeds, from, trace, bug };
  } catch {
    return undefined;
  }
}

function main(): number {
  const options = parse(process.argv.slice(2));
  if (!options) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const { trace, bug } = options;
  const isTrace = trace !== undefined;
  if (isTrace) process.stdout.write(`${LEGEND}\n`);
  const first = isTrace ? trace : options.from;
  const count = isTrace ? 1 : options.seeds;
  let simulated = 0;
  let breaks = 0;
  for (let seed = first; seed < first + count; seed++) {
    const result = run(seed, bug, isTrace ? (line) => process.stdout.write(`${line}\n`) : undefined);
    simulated += result.simulated;
    if (!result.broken) continue;
    breaks++;
    const { invariant, detail, at } = result.broken;
    process.stdout.write(`seed ${seed}: ${invariant} at ${at / MICROS_PER_SECOND} s: ${detail} (replay: --trace ${seed})\n`);
  }
  const hours = (simulated / MICROS_PER_SECOND / 3600).toFixed(1);
  process.stdout.write(`${count} seeds, ${hours} simulated hours, ${breaks} invariant breaks\n`);
  return breaks === 0 ? 0 : 1;
}

process.exitCode = main();
