/**
 * Records what Debian's kernel does, in a virtual machine, or checks that it still does what was recorded:
 * `node dist/lab/programs/kernel-record.js record|check`. See lab/kernel/README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { craftedHistories } from '../kernel/crafted-histories.ts';
import { formatHistories } from '../kernel/histories.ts';
import { prepareImage, runInMachine } from '../kernel/index.ts';
import { ANSWERS_FILE, type Answer, networkSteps, PLAN_FILE, type Step } from '../kernel/plan.ts';
import { CACHE_LIFETIME_SECONDS, randomHistories } from '../kernel/random-histories.ts';
import { answered, stepsOf } from '../kernel/record-histories.ts';
import { recordedStates, stateSteps } from '../kernel/record-states.ts';
import { compiled, projectRoot } from '../paths.ts';

const SEED = 5;
const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'mh', 'sed', 'nq', 'fo', 'ovf'];
const MODULES = ['ip_vs', 'veth', 'dummy', ...SCHEDULERS.map((name) => `ip_vs_${name}`)];
const TIMEOUT_MS = 3_600_000;

/** The recordings by name. */
async function recordings(): Promise<Map<string, string>> {
  const random = randomHistories(SEED);
  const histories = [...random, ...craftedHistories(random.length + 1)];
  const expirations = ['lblc', 'lblcr'].map((name): Step => {
    return { kind: 'run', argv: ['sysctl', '-q', '-w', `net.ipv4.vs.${name}_expiration=${CACHE_LIFETIME_SECONDS}`] };
  });
  const parts: readonly (readonly Step[])[] = [[...networkSteps(), ...expirations], ...histories.map(stepsOf), stateSteps()];
  const image = await prepareImage();
  console.error(`Linux ${image.version}: ${histories.length} histories, ${parts.flat().length} steps`);
  const results = await runInMachine(image, {
    argv: [process.execPath, compiled('lab/programs/kernel-guest.js')],
    files: { [PLAN_FILE]: JSON.stringify(parts.flat()) },
    results: [ANSWERS_FILE],
    modules: MODULES,
    timeoutMs: TIMEOUT_MS,
  });
  const answers = JSON.parse(results.get(ANSWERS_FILE) ?? '[]') as Answer[];
  const answersOf = parts.map((steps, index) => {
    const begin = parts.slice(0, index).flat().length;
    return answers.slice(begin, begin + steps.length);
  });
  const recorded = histories.map((history, index) => answered(history, answersOf[index + 1] ?? []));
  const linux = image.version.replace(/-.*/, '');
  const origin = `# Recorded from Linux ${linux} (Debian ${image.version}), module ip_vs. See README.md.\n`;
  return new Map([
    [`histories-linux-${linux}.txt`, `${origin}\n${formatHistories(recorded)}`],
    [`states-linux-${linux}.txt`, `${origin}${recordedStates(answersOf.at(-1) ?? [])}`],
  ]);
}

/** How long things took is not the same everywhere. */
function timeless(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/^\d+\.\d\d /, ''));
}

/** Says where a recording is not what was recorded before; true when it is the same. */
function isSame(name: string, text: string): boolean {
  const before = timeless(readFileSync(fileOf(name), 'utf8'));
  const now = timeless(text);
  const at = now.findIndex((line, index) => line !== before[index]);
  if (at < 0 && before.length === now.length) return true;
  console.error(`${name}:${at + 1}: recorded\n  ${before[at]}\nnow\n  ${now[at]}`);
  return false;
}

function fileOf(name: string): string {
  return join(projectRoot, 'test/golden/ipvs', name);
}

const [verb] = process.argv.slice(2);
if (verb === 'record') {
  for (const [name, text] of await recordings()) writeFileSync(fileOf(name), text);
} else if (verb === 'check') {
  const same = [...(await recordings())].map(([name, text]) => isSame(name, text));
  process.exitCode = same.every(Boolean) ? 0 : 1;
} else {
  console.error('usage: node dist/lab/programs/kernel-record.js record|check');
  process.exitCode = 2;
}
