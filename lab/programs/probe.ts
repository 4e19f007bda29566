/**
 * Measures outages as a client feels them: every few milliseconds a new connection with one request, each with a short time-out of its own,
 * whatever happened to those before. An outage runs from the start of the last probe that was answered to the first answer of a later one,
 * if any probe sent between them failed.
 *
 * Events on standard output: `ready` with the first answer, `outage` when one has ended, `beat` ten times a second, `summary` at SIGTERM.
 */
import { emit, hostAndPort, integer, parsePairs, required } from './arguments.ts';
import { HttpConnection } from './http-exchange.ts';

interface Probe {
  readonly startedMs: number;
  doneMs: number | undefined;
  /** Why there was no answer; undefined for an answered one. */
  reason: string | undefined;
}

const pairs = parsePairs(process.argv.slice(2));
const { host, port } = hostAndPort(required(pairs, 'target'));
const intervalMs = integer(pairs, 'interval-ms', 5);
const timeoutMs = integer(pairs, 'timeout-ms', 250);

/** Sent and not judged yet, in the order of sending; a probe is judged when all before it are done. */
const pending: Probe[] = [];
const reasons = new Map<string, number>();
let sent = 0;
let answered = 0;
let lastAnswered: Probe | undefined;
let failedSince = 0;
let judgedUntilMs = 0;

function nowMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

async function send(): Promise<void> {
  const probe: Probe = { startedMs: nowMs(), doneMs: undefined, reason: undefined };
  sent += 1;
  pending.push(probe);
  const connection = new HttpConnection(host, port);
  const result = await connection.request('/', timeoutMs, true);
  connection.close();
  if (typeof result === 'string') probe.reason = result;
  else if (result.status !== 200) probe.reason = `status ${result.status}`;
  probe.doneMs = nowMs();
  while (pending[0]?.doneMs !== undefined) judge(pending[0], pending.shift()?.doneMs ?? 0);
}

function judge(probe: Probe, doneMs: number): void {
  judgedUntilMs = probe.startedMs;
  if (probe.reason !== undefined) {
    failedSince += 1;
    reasons.set(probe.reason, (reasons.get(probe.reason) ?? 0) + 1);
    return;
  }
  answered += 1;
  if (lastAnswered === undefined) emit({ event: 'ready', atMs: doneMs });
  else if (failedSince > 0) {
    const fromMs = lastAnswered.startedMs;
    emit({ event: 'outage', fromMs, toMs: doneMs, outageMs: doneMs - fromMs, failed: failedSince });
  }
  lastAnswered = probe;
  failedSince = 0;
}

setInterval(() => void send(), intervalMs);
setInterval(() => emit({ event: 'beat', untilMs: judgedUntilMs, down: failedSince > 0 }), 100);

process.on('SIGTERM', () => {
  emit({ event: 'summary', sent, answered, failed: sent - answered - pending.length, reasons: Object.fromEntries(reasons) });
  process.exit(0);
});
