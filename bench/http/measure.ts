/** One measurement: wrk on each client at the same time, the sum of their rates. */
import type { Machine } from '../../lab/machine.ts';

export interface Contender {
  readonly name: string;
  /** One URL for each client. */
  readonly targets: readonly string[];
}

export interface Case {
  readonly name: string;
  readonly headers: readonly string[];
}

export const CASES: readonly Case[] = [
  { name: 'keep-alive', headers: [] },
  { name: 'one request per connection', headers: ['-H', 'Connection: close'] },
];

export interface Settings {
  readonly seconds: number;
  readonly connections: number;
}

/** Requests per second of all clients together. A request that failed makes the measurement worthless, so it throws. */
export async function measure(clients: readonly Machine[], contender: Contender, what: Case, settings: Settings): Promise<number> {
  const rates = await Promise.all(
    clients.map(async (client, index) => {
      const url = contender.targets[index];
      if (url === undefined) throw new Error(`${contender.name} has no target for client ${index + 1}`);
      const argv = ['wrk', '-t', '1', '-c', String(settings.connections), '-d', `${settings.seconds}s`, ...what.headers, url];
      return parseWrk(await client.runOrThrow(argv, { timeoutMs: (settings.seconds + 30) * 1000 }), `${what.name}, ${contender.name}`);
    }),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}

/** wrk's report; `name` is for the message when it counts errors. */
export function parseWrk(report: string, name: string): number {
  const rate = Number(/^Requests\/sec: +([\d.]+)$/m.exec(report)?.[1]);
  if (!Number.isFinite(rate)) throw new Error(`${name}: wrk did not report a rate:\n${report}`);
  const errors = /^ +(Socket errors: .*|Non-2xx or 3xx responses: .*)$/m.exec(report)?.[1];
  if (errors !== undefined) throw new Error(`${name}: ${errors}`);
  return rate;
}
