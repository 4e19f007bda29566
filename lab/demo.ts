/**
 * `npm run demo`: plays a scenario with a progress display.
 *
 *   node dist/lab/demo.js [--keep] [--json] [SCENARIO]
 *
 * SCENARIO is the name of one of lab/scenarios, or a file.
 * Exit 0 only if every expectation held, 1 if one did not, 2 for a wrong command line or scenario file, 128 + N after signal N.
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { projectRoot } from './paths.ts';
import { parseScenario } from './scenario/parse.ts';
import { type Observer, Player, type PlayResult } from './scenario/play.ts';
import { JsonReport, TextReport } from './scenario/report.ts';
import type { Scenario } from './scenario/scenario.ts';
import { ScenarioError } from './scenario/words.ts';

const USAGE = 'usage: npm run demo -- [--keep] [--json] [SCENARIO]\n';
const DEFAULT_SCENARIO = 'seed-000';
/** Lines of a service's log that are shown when something failed. */
const LOG_TAIL = 25;

interface Options {
  readonly keep: boolean;
  readonly json: boolean;
  readonly file: string;
}

function parseOptions(argv: readonly string[]): Options | undefined {
  const flags = argv.filter((word) => word.startsWith('-'));
  const files = argv.filter((word) => !word.startsWith('-'));
  if (files.length > 1 || flags.some((flag) => flag !== '--keep' && flag !== '--json')) return undefined;
  return { keep: flags.includes('--keep'), json: flags.includes('--json'), file: fileOf(files[0] ?? DEFAULT_SCENARIO) };
}

function fileOf(scenario: string): string {
  return /^[\w-]+$/.test(scenario) ? join(projectRoot, `lab/scenarios/${scenario}.scenario`) : resolve(scenario);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (process.getuid?.() !== 0) {
    say('demo: the lab makes network namespaces, so it has to run as root.');
    return 2;
  }
  const source = readFileSync(options.file, 'utf8');
  return play(parseScenario(source, relative(process.cwd(), options.file)), options);
}

async function play(scenario: Scenario, options: Options): Promise<number> {
  const text = new TextReport({
    write: (words) => process.stdout.write(words),
    interactive: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 80,
  });
  const json = new JsonReport();
  const observer: Observer = options.json ? json : text;
  const player = new Player(scenario, options.file, observer);
  const interrupted = interruption();
  try {
    if (!options.json) text.begin(scenario.title);
    const result = await Promise.race([player.setUp().then(() => player.play()), interrupted]);
    if (typeof result === 'number') {
      say('\ndemo: interrupted; everything is being removed.');
      return result;
    }
    if (options.json) process.stdout.write(`${json.summary(scenario.title, result)}\n`);
    else text.end(result);
    if (!result.ok) tellLogs(player);
    if (options.keep) await keep(player, result, interrupted);
    return result.ok ? 0 : 1;
  } finally {
    await player.tearDown();
  }
}

/** Resolves with the exit status of the first signal that asks us to end. Further ones change nothing: the clearing up is under way. */
function interruption(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(128 + constants.signals[signal]));
  });
}

async function keep(player: Player, result: PlayResult, interrupted: Promise<number>): Promise<void> {
  say(`\nThe lab keeps running${result.ok ? '' : ' as it was left'}. A shell in each machine, from another terminal:\n`);
  for (const machine of player.lab.machines) {
    say(`  ${machine.name.padEnd(8)} ${player.lab.addressOf(machine.name).padEnd(16)} ${machine.shellCommand()}`);
  }
  say('\nvipwright, ipvsadm (ours), ip, curl and tcpdump work there. Ctrl-C here ends everything and leaves nothing behind.');
  const alive = setInterval(() => undefined, 60_000);
  await interrupted;
  clearInterval(alive);
}

function tellLogs(player: Player): void {
  for (const machine of player.lab.machines) {
    for (const service of machine.services.filter((candidate) => candidate.name === 'vipwrightd' || candidate.name === 'keepalived')) {
      const state = service.running ? 'running' : `ended with ${service.exit?.code ?? service.exit?.signal}`;
      say(`\n${machine.name}: the last lines of ${service.name} (${state})`);
      for (const line of service.lines.slice(-LOG_TAIL)) say(`  ${line.text}`);
    }
  }
}

let status = 2;
try {
  status = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof ScenarioError ? error.message : `demo: ${error instanceof Error ? error.message : String(error)}`);
}
// Not by running dry: an interruption in the middle of booting leaves work under way that nobody waits for any more.
process.exit(status);
