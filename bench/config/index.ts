/**
 * `npm run bench -- config`: how long it takes to read and judge a large configuration: `vipwright check` beside `keepalived -t`, whole
 * processes in one run, alternating. What Node needs to start at all is measured too, and subtracted.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { jsonReport } from '../report.ts';
import { configurationText } from './file.ts';
import { measureAll } from './measure.ts';
import { formatReport, missedTargets, rowsOf } from './report.ts';

const USAGE = `Usage: npm run bench -- config [--servers N] [--rounds N] [--json]

  --servers N   real servers in the file, each with a TCP_CHECK (default 10000)
  --rounds N    runs of each program; the median counts (default 7)
  --json        one JSON object on standard output
`;

interface Options {
  readonly servers: number;
  readonly rounds: number;
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
  const folder = mkdtempSync(join(tmpdir(), 'vipwright-bench-'));
  try {
    const file = join(folder, 'keepalived.conf');
    writeFileSync(file, configurationText(options.servers));
    const samples = await measureAll(file, options.rounds, (text) => void process.stderr.write(`${text}\n`));
    const rows = rowsOf(options.servers, samples);
    process.stdout.write(options.json ? jsonReport('config', rows) : formatReport(rows));
    const missed = missedTargets(rows);
    for (const line of missed) process.stderr.write(`target missed: ${line}\n`);
    process.exitCode = missed.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function parseOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        servers: { type: 'string', default: '10000' },
        rounds: { type: 'string', default: '7' },
        json: { type: 'boolean', default: false },
      },
    });
    const [servers, rounds] = [Number(values.servers), Number(values.rounds)];
    const positive = [servers, rounds].every((value) => Number.isInteger(value) && value > 0);
    return positive && servers <= 60_000 ? { servers, rounds, json: values.json } : undefined;
  } catch {
    return undefined;
  }
}
