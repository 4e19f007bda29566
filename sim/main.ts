/** `npm run sim`: plays many runs, and reports every break with its seed and the shortest schedule that still shows it. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { MICROS_PER_SECOND, toSeconds } from '../src/base/index.ts';
import type { PlantedBug } from './director.ts';
import { findBug, PLANTED_BUGS } from './planted.ts';
import { sampleScenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import { serveSweep, sweep } from './sweep.ts';
import { describeFault, describeScenario, LEGEND } from './trace.ts';
import { type RunResult, run } from './world.ts';

const USAGE = `Usage: npm run sim -- [--seeds N] [--from S] [--jobs N] [--bug NAME]
       npm run sim -- --trace SEED [--faults LIST] [--directors LIST] [--bug NAME]
  --seeds N         how many runs of 10 simulated minutes (default 500)
  --from S          the first seed (default 1)
  --jobs N          threads (default: as many as there are processors)
  --trace SEED      plays one run and prints every event
  --faults LIST     only these faults of its schedule, by number, separated by commas; - for none
  --directors LIST  only these directors, likewise
  --bug NAME        plants a bug: ${PLANTED_BUGS.map((bug) => bug.name).join(', ')}
Exit code 0: no invariant break; 1: at least one; 2: bad usage.`;

/** Breaks for which the shortest schedule is sought; further ones are only named. */
const SHRUNK = 3;

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly jobs: number;
  readonly trace: number | undefined;
  readonly faults: readonly number[] | undefined;
  readonly directors: readonly number[] | undefined;
  readonly bug: PlantedBug;
}

function parse(args: string[]): Options | undefined {
  const natural = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Number.NaN);
  const list = (text: string | undefined): number[] | undefined => (text === '-' ? [] : text?.split(',').map(natural));
  try {
    const text = { type: 'string' } as const;
    const options = { seeds: text, from: text, jobs: text, trace: text, faults: text, directors: text, bug: text };
    const { values } = parseArgs({ args, options });
    const bug = findBug(values.bug ?? 'none');
    const seeds = natural(values.seeds ?? '500');
    const from = natural(values.from ?? '1');
    const jobs = natural(values.jobs ?? String(availableParallelism()));
    const trace = values.trace === undefined ? undefined : natural(values.trace);
    const faults = list(values.faults);
    const directors = list(values.directors);
    const numbers = [seeds, from, jobs, trace ?? 0, ...(faults ?? []), ...(directors ?? [])];
    if (!bug || jobs === 0 || numbers.some((number) => Number.isNaN(number))) return undefined;
    return { seeds, from, jobs, trace, faults, directors, bug };
  } catch {
    return undefined;
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function traceOne(seed: number, options: Options): number {
  say(LEGEND);
  say(`# seed ${seed}: ${describeScenario(sampleScenario(seed))}`);
  const { faults, directors, bug } = options;
  const result = run(seed, { bug, trace: say, ...(faults && { faults }), ...(directors && { directors }) });
  return summarise(1, result.simulated, result.broken ? 1 : 0);
}

/** What broke, the shortest way to it, and the command that shows it event by event. */
function explain(broken: RunResult, bug: PlantedBug): void {
  const { seed } = broken;
  const scenario = sampleScenario(seed);
  const { faults, directors, result } = shrink(broken, bug);
  const { invariant, detail, at } = result.broken ?? { invariant: '', detail: '', at: 0 };
  say(`seed ${seed}, shortest schedule: ${describeScenario(scenario)}`);
  say(`  directors ${directors.map((i) => `d${i} from ${toSeconds(scenario.directors[i]?.startsAt ?? 0)} s`).join(', ')}`);
  for (const i of faults) {
    const planned = scenario.faults[i];
    if (planned) say(`  ${toSeconds(planned.at)} s, fault ${i}: ${describeFault(planned.fault)}`);
  }
  say(`  ${toSeconds(at)} s: ${invariant}: ${detail}`);
  const plant = bug.name === 'none' ? '' : ` --bug ${bug.name}`;
  say(`  npm run sim -- --trace ${seed} --faults ${faults.join() || '-'} --directors ${directors.join() || '-'}${plant}`);
}

function summarise(seeds: number, simulated: number, breaks: number): number {
  say(`${seeds} seeds, ${(simulated / MICROS_PER_SECOND / 3600).toFixed(1)} simulated hours, ${breaks} invariant breaks`);
  return breaks === 0 ? 0 : 1;
}

async function sweepMany({ seeds, from, jobs, bug }: Options): Promise<number> {
  const result = await sweep(new URL(import.meta.url), jobs, { from, count: seeds }, bug, ({ seed, broken }) => {
    if (broken) say(`seed ${seed}: ${broken.invariant} at ${toSeconds(broken.at)} s: ${broken.detail}`);
  });
  for (const broken of result.broken.slice(0, SHRUNK)) explain(broken, bug);
  return summarise(result.seeds, result.simulated, result.broken.length);
}

async function main(): Promise<number> {
  const options = parse(process.argv.slice(2));
  if (!options) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  return options.trace === undefined ? sweepMany(options) : traceOne(options.trace, options);
}

if (!serveSweep()) {
  // The reader of a long trace may close the pipe early.
  process.stdout.on('error', () => process.exit());
  process.exitCode = await main();
}
