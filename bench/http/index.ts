/**
 * `npm run bench -- http`: requests per second through our direct routing beside a direct connection, haproxy in TCP mode and nginx stream,
 * all in one lab and one run. Rounds are interleaved, so that whatever else the machine does hits all of them alike; medians count.
 */
import { parseArgs } from 'node:util';
import {
  bootSeedLab,
  holdsVip,
  type SeedLab,
  startHaproxy,
  startMailSink,
  startNginxStream,
  startVipwrightd,
  tableBecomes,
  VIP,
} from '../../lab/index.ts';
import { jsonReport, median, type Row } from '../report.ts';
import { CASES, type Case, type Contender, measure, type Settings } from './measure.ts';
import { formatReport, missedTargets, rowsOf } from './report.ts';

const USAGE = `Usage: npm run bench -- http [--seconds N] [--rounds N] [--connections N] [--json]

  --seconds N       length of one measurement (default 2)
  --rounds N        measurements of each contender and case; the median counts (default 5)
  --connections N   connections of each of the two clients (default 32)
  --json            one JSON object on standard output
`;

const HAPROXY = '192.168.18.221';
const NGINX = '192.168.18.222';
const SERVERS = ['192.168.18.201', '192.168.18.202'];
/** The second of the two clients. */
const CLIENT2 = '192.168.18.211';

/** Each contender is asked by two clients at once. Directly each of them has a real server for itself. */
const CONTENDERS: readonly Contender[] = [
  { name: 'direct', targets: [`http://${SERVERS[0]}/`, `http://${SERVERS[1]}/`] },
  { name: 'vipwright', targets: [`http://${VIP}/`, `http://${VIP}/`] },
  { name: 'haproxy', targets: [`http://${HAPROXY}/`, `http://${HAPROXY}/`] },
  { name: 'nginx-stream', targets: [`http://${NGINX}/`, `http://${NGINX}/`] },
];

/** Exit status 0: measured and every target met; 1: a target missed, or it could not be measured; 2: wrong usage. */
export async function run(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const seed = await bootSeedLab({
    further: [
      { name: 'haproxy', address: `${HAPROXY}/24` },
      { name: 'nginx', address: `${NGINX}/24` },
      { name: 'client2', address: `${CLIENT2}/24` },
    ],
  });
  // An interrupted bench leaves nothing behind: the lab goes with this process.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  try {
    await prepare(seed);
    const rows = await measureAll(seed, options);
    process.stdout.write(options.json ? jsonReport('http', rows) : formatReport(rows));
    const missed = missedTargets(rows);
    for (const line of missed) process.stderr.write(`target missed: ${line}\n`);
    process.exitCode = missed.length === 0 ? 0 : 1;
  } finally {
    await seed.lab.destroy();
  }
}

interface Options extends Settings {
  readonly rounds: number;
  readonly json: boolean;
}

function parseOptions(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string', default: '2' },
        rounds: { type: 'string', default: '5' },
        connections: { type: 'string', default: '32' },
        json: { type: 'boolean', default: false },
      },
    });
    const [seconds, rounds, connections] = [values.seconds, values.rounds, values.connections].map(Number);
    if (!isPositive(seconds) || !isPositive(rounds) || !isPositive(connections)) return undefined;
    return { seconds, rounds, connections, json: values.json };
  } catch {
    return undefined;
  }
}

function isPositive(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value > 0;
}

/** Starts everything that will be measured; idle contenders cost nothing. */
async function prepare(seed: SeedLab): Promise<void> {
  const { lab, master } = seed;
  for (const machine of lab.machines) {
    // One request per connection leaves thousands of finished ones in TIME_WAIT; the tables of a small machine must not be what is measured.
    await machine.sysctl({
      'net.ipv4.ip_local_port_range': '1024 65535',
      'net.ipv4.tcp_max_tw_buckets': '1024',
      'net.core.somaxconn': '4096',
    });
  }
  const servers = SERVERS.map((server) => `${server}:80`);
  await startHaproxy(lab.machine('haproxy'), servers, 2);
  await startNginxStream(lab.machine('nginx'), servers, 2);
  await startMailSink(master);
  const daemon = await startVipwrightd(master);
  const ready = (await holdsVip(master, 20_000)) && (await tableBecomes(master, (rows) => rows.length === 2, 20_000));
  if (!ready) throw new Error(`vipwrightd does not serve:\n${daemon.lines.map((line) => line.text).join('\n')}`);
}

async function measureAll(seed: SeedLab, options: Options): Promise<Row[]> {
  const clients = [seed.client, seed.lab.machine('client2')];
  const rates = new Map<string, number[]>();
  const key = (contender: Contender, what: Case): string => `${what.name} ${contender.name}`;
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const what of CASES) {
      for (const contender of CONTENDERS) {
        process.stderr.write(`round ${round}/${options.rounds}: ${what.name}, ${contender.name} ...`);
        const rate = await measure(clients, contender, what, options);
        process.stderr.write(` ${rate.toFixed(0)} requests/s\n`);
        rates.set(key(contender, what), [...(rates.get(key(contender, what)) ?? []), rate]);
      }
    }
  }
  return CASES.flatMap((what) =>
    rowsOf(
      what.name,
      CONTENDERS.map((contender) => ({ name: contender.name, rate: median(rates.get(key(contender, what)) ?? []) })),
    ),
  );
}
