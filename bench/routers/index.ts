/**
 * `npm run bench -- routers`: a thousand virtual routers as Active in one daemon, one advertisement a second each: what they cost in processor
 * time and memory, and what a reload that changes one line does to the others. Ours beside keepalived, in one lab and one run.
 */
import { parseArgs } from 'node:util';
import { Lab, sleep } from '../../lab/index.ts';
import { jsonReport, type Row, rounded } from '../report.ts';
import { changedRouters, latenessMs, listen } from './adverts.ts';
import { Contender } from './contender.ts';

const USAGE = `Usage: npm run bench -- routers [--routers N] [--seconds N] [--json]

  --routers N   virtual routers in each daemon (default 1000)
  --seconds N   over which processor time is counted (default 20)
  --json        one JSON object on standard output
`;

const INTERVAL_MS = 1000;
/** What a reload may delay an advertisement by. */
const LATE_LIMIT_MS = 20;
/** After the last transition: the announcements are out. */
const SETTLE_MS = 5000;
const LISTEN_SECONDS = 8;
const RELOAD_AFTER_MS = 2500;
const PEER = 'keepalived';

interface Figures {
  readonly cpuPercent: number;
  readonly memoryMiB: number;
  readonly restLatenessMs: number;
  readonly reloadLatenessMs: number;
  readonly touched: number;
}

interface Options {
  readonly routers: number;
  readonly seconds: number;
  readonly json: boolean;
}

/** Exit status 0: measured and every target met; 1: a target missed, or it could not be measured; 2: wrong usage. */
export async function run(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const lab = await Lab.create();
  // An interrupted bench leaves nothing behind: the lab goes with this process.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  try {
    const ours = await measure(lab, 'vipwright', 1, options);
    const peer = await measure(lab, 'keepalived', 2, options);
    const rows = rowsOf(options.routers, ours, peer);
    process.stdout.write(options.json ? jsonReport('routers', rows) : formatReport(rows));
    const missed = missedTargets(ours);
    for (const line of missed) process.stderr.write(`target missed: ${line}\n`);
    process.exitCode = missed.length === 0 ? 0 : 1;
  } finally {
    await lab.destroy();
  }
}

async function measure(lab: Lab, make: 'vipwright' | 'keepalived', number: number, { routers, seconds }: Options): Promise<Figures> {
  const say = (text: string): void => void process.stderr.write(`${make}: ${text}\n`);
  const contender = await Contender.boot(lab, make, routers, number);
  say(`starting ${routers} virtual routers`);
  await contender.start(routers);
  await sleep(SETTLE_MS);
  say(`counting processor time for ${seconds} s`);
  const before = contender.cpuSeconds();
  await sleep(seconds * 1000);
  const cpuPercent = (100 * (contender.cpuSeconds() - before)) / seconds;
  const memoryMiB = contender.memoryMiB();
  say(`listening for ${LISTEN_SECONDS} s, and again during a reload`);
  const rest = await listen(contender.watcher, LISTEN_SECONDS, async () => undefined);
  let lines: readonly string[] = [];
  const during = await listen(contender.watcher, LISTEN_SECONDS, async () => {
    await sleep(RELOAD_AFTER_MS);
    contender.configure(routers, 149);
    lines = await contender.reload();
  });
  for (const adverts of [rest, during]) {
    const heard = new Set(adverts.map(({ router }) => router)).size;
    if (heard !== routers) throw new Error(`${make}: ${heard} of ${routers} routers were heard`);
  }
  await contender.stop();
  // A router is touched if the log names it, or if it says something else afterwards.
  const named = new Set(lines.flatMap((line) => /\((VI_\d+_\d+)\)/.exec(line)?.[1] ?? []));
  const touched = Math.max(named.size, changedRouters(during).length);
  return {
    cpuPercent,
    memoryMiB,
    restLatenessMs: latenessMs(rest, INTERVAL_MS),
    reloadLatenessMs: latenessMs(during, INTERVAL_MS),
    touched,
  };
}

function rowsOf(routers: number, ours: Figures, peer: Figures): Row[] {
  const row = (name: string, figure: keyof Figures, unit: Row['unit']): Row => {
    const [our, their] = [rounded(ours[figure]), rounded(peer[figure])];
    return { case: name, ours: our, peer: their, peerName: PEER, floor: 0, unit, ratio: rounded(our / their) };
  };
  return [
    row(`${routers} routers, processor time`, 'cpuPercent', '% of a core'),
    row(`${routers} routers, memory`, 'memoryMiB', 'MiB'),
    row('latest advertisement at rest', 'restLatenessMs', 'ms'),
    row('latest advertisement around a reload', 'reloadLatenessMs', 'ms'),
    row('routers touched by a reload of one', 'touched', 'routers'),
  ];
}

function missedTargets(ours: Figures): string[] {
  const late =
    ours.reloadLatenessMs <= LATE_LIMIT_MS
      ? []
      : [`around the reload an advertisement was ${ours.reloadLatenessMs.toFixed(1)} ms late, at most ${LATE_LIMIT_MS} ms is wanted`];
  return ours.touched === 1 ? late : [...late, `a reload that changes one router touched ${ours.touched}`];
}

function formatReport(rows: readonly Row[]): string {
  const line = (name: string, unit: string, ours: string, peer: string): string =>
    [name.padEnd(38), unit.padEnd(11), ours.padStart(9), peer.padStart(10)].join('  ');
  const lines = rows.map((row) => line(row.case, row.unit, row.ours.toFixed(1), row.peer.toFixed(1)));
  return `${[line('', '', 'ours', PEER), ...lines].join('\n')}\n`;
}

function parseOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        routers: { type: 'string', default: '1000' },
        seconds: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
      },
    });
    const [routers, seconds] = [Number(values.routers), Number(values.seconds)];
    const positive = [routers, seconds].every((value) => Number.isInteger(value) && value > 0);
    return positive && routers <= 10_000 ? { routers, seconds, json: values.json } : undefined;
  } catch {
    return undefined;
  }
}
