/**
 * A steady request load that knows the fate of every request: a fixed number of connections at a fixed total rate, a fixed number of requests
 * on each connection (the last one says `Connection: close`), nothing ever retried, every request that was not answered whole counted as failed.
 *
 * Events on standard output: `ready`, `second` once a second, `failure` for the first failures, `summary` at SIGTERM after the requests under way.
 */
import { emit, hostAndPort, integer, parsePairs, required } from './arguments.ts';
import { HttpConnection } from './http-exchange.ts';

const pairs = parsePairs(process.argv.slice(2));
const { host, port } = hostAndPort(required(pairs, 'target'));
const connections = integer(pairs, 'connections', 32);
const rate = integer(pairs, 'rate', 3000);
const requestsEach = integer(pairs, 'requests-each', 10);
const timeoutMs = integer(pairs, 'timeout-ms', 5000);

/** Failures told one by one; the rest is only counted. */
const FAILURES_TOLD = 20;

let stopping = false;
let requests = 0;
let failed = 0;
let slowestMs = 0;
const reasons = new Map<string, number>();
const answers = new Map<string, number>();
const startedMs = nowMs();

function nowMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** One lane of the load: its requests fall due at a fixed beat, and a late one is sent at once, so that the total rate holds. */
async function lane(index: number): Promise<void> {
  const beatMs = (1000 * connections) / rate;
  let dueMs = startedMs + (beatMs * index) / connections;
  while (!stopping) {
    const connection = new HttpConnection(host, port);
    for (let number = 1; number <= requestsEach && !stopping; number += 1) {
      const waitMs = dueMs - nowMs();
      if (waitMs >= 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      dueMs = Math.max(dueMs + beatMs, nowMs() - beatMs);
      if (!(await exchange(connection, number === requestsEach))) break;
    }
    connection.close();
  }
}

async function exchange(connection: HttpConnection, last: boolean): Promise<boolean> {
  const sentMs = nowMs();
  const result = await connection.request('/', timeoutMs, last);
  requests += 1;
  slowestMs = Math.max(slowestMs, nowMs() - sentMs);
  if (typeof result !== 'string' && result.status === 200) {
    count(answers, result.body.trim());
    return true;
  }
  const reason = typeof result === 'string' ? result : `status ${result.status}`;
  failed += 1;
  count(reasons, reason);
  if (failed <= FAILURES_TOLD) emit({ event: 'failure', sentMs, failedMs: nowMs(), reason });
  return false;
}

function figures(): Readonly<Record<string, unknown>> {
  return {
    requests,
    failed,
    seconds: (nowMs() - startedMs) / 1000,
    slowestMs,
    reasons: Object.fromEntries(reasons),
    answers: Object.fromEntries(answers),
  };
}

process.on('SIGTERM', () => {
  stopping = true;
});
const ticker = setInterval(() => emit({ event: 'second', ...figures() }), 1000);
emit({ event: 'ready', atMs: nowMs() });
await Promise.all(Array.from({ length: connections }, (_, index) => lane(index)));
clearInterval(ticker);
emit({ event: 'summary', ...figures() });
