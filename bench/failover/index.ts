/**
 * `npm run bench -- failover`: how long a client has no answer when the active director is killed or stopped, ours beside keepalived in one
 * lab and one run, their takeovers in turn; and whether a busy core alone makes a backup take over.
 */
import { parseArgs } from 'node:util';
import { Lab } from '../../lab/index.ts';
import { jsonReport } from '../report.ts';
import { CASES, measureCase, type Samples } from './measure.ts';
import { Pair } from './pair.ts';
import { formatReport, missedTargets, rowOf, soakRow } from './report.ts';
import { type Soak, soak } from './soak.ts';

const USAGE = `Usage: npm run bench -- failover [--rows TEXT] [--takeovers N] [--soak MINUTES] [--quick] [--json]

  --rows TEXT       only the rows in whose name this is, for example "10 ms, killed"
  --takeovers N     takeovers of each make in each row; the median counts (default 30)
  --soak MINUTES    how long nothing may happen with 10 ms adverts and a busy core (default 10; 0 leaves it out)
  --quick           four takeovers and six seconds: shows that everything works, and measures little
  --json            one JSON object on standard output
`;

interface Options {
  readonly rows: string;
  readonly takeovers: number;
  readonly minutes: number;
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
    const { samples, soaked } = await measureAll(lab, options);
    const rows = [...samples.map(rowOf), ...(soaked === undefined ? [] : [soakRow(soaked)])];
    process.stdout.write(options.json ? jsonReport('failover', rows) : formatReport(samples, soaked));
    const missed = missedTargets(samples, soaked);
    for (const line of missed) process.stderr.write(`target missed: ${line}\n`);
    process.exitCode = missed.length === 0 ? 0 : 1;
  } finally {
    await lab.destroy();
  }
}

async function measureAll(lab: Lab, { rows, takeovers, minutes }: Options): Promise<{ samples: Samples[]; soaked: Soak | undefined }> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const client = await lab.addMachine({ name: 'client', address: '10.66.0.10/24' });
  const ours = await Pair.boot(lab, { make: 'vipwright', vip: '10.66.0.101', vrid: 51, addresses: ['10.66.0.21', '10.66.0.22'] });
  const peer = await Pair.boot(lab, { make: 'keepalived', vip: '10.66.0.102', vrid: 52, addresses: ['10.66.0.31', '10.66.0.32'] });
  const samples: Samples[] = [];
  for (const what of CASES.filter(({ name }) => name.includes(rows)))
    samples.push(await measureCase(what, [ours, peer], client, takeovers, say));
  if (minutes === 0) return { samples, soaked: undefined };
  say(`waiting ${minutes} minutes, in which nothing may happen`);
  return { samples, soaked: await soak(minutes, [ours, peer], client) };
}

function parseOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rows: { type: 'string', default: '' },
        takeovers: { type: 'string' },
        soak: { type: 'string' },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const takeovers = Number(values.takeovers ?? (values.quick ? 4 : 30));
    const minutes = Number(values.soak ?? (values.quick ? 0.1 : 10));
    if (!Number.isInteger(takeovers) || takeovers <= 0 || !(minutes >= 0)) return undefined;
    return { rows: values.rows, takeovers, minutes, json: values.json };
  } catch {
    return undefined;
  }
}
