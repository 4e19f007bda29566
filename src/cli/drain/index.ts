/** `vipwright drain`: takes a real server out of service, and follows its connections until they have ended. */
import { ApiClient, type DrainJson } from '../../api/index.ts';
import { IpAddress } from '../../base/index.ts';
import { DataPlaneError } from '../../ports/index.ts';

export interface DrainOptions {
  readonly deadline?: string;
  readonly restore?: true;
  readonly wait: boolean;
  readonly json?: true;
  readonly socket: string;
}

export interface DrainIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

const EXIT_USAGE = 2;
const POLL_MS = 1000;
const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 };
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/** Returns 0 when the server has no connection left or was given back, 1 when the daemon refused, 2 for wrong usage. */
export async function runDrain(service: string, server: string, options: DrainOptions, io: DrainIo): Promise<number> {
  const key = parseService(service);
  const real = parseEndpoint(server);
  const seconds = options.deadline === undefined ? undefined : parseSeconds(options.deadline);
  const wrong = !key ? service : !real ? server : seconds === null ? options.deadline : undefined;
  if (!key || !real || seconds === null)
    return fail(`'${wrong}' is not understood; write for example 192.0.2.80:80/tcp 10.0.0.1:80 --deadline 60s`, io);
  const client = new ApiClient(options.socket);
  const request = {
    service: key,
    server: real,
    ...(seconds !== undefined && { deadlineSeconds: seconds }),
    ...(options.restore && { restore: true }),
  };
  try {
    await client.requestDrain(request);
  } catch (error) {
    if (!(error instanceof DataPlaneError)) throw error;
    io.err(`vipwright: ${error.message}\n`);
    return 1;
  }
  if (options.restore) return told(options.json ? { restored: server } : `${server} takes connections again`, io);
  for (;;) {
    const { drains } = await client.drains();
    const drain = drains.find((one) => sameAs(one.service, key) && sameAs(one.server, real));
    if (!drain) return told(options.json ? { restored: server } : `${server} takes connections again`, io);
    const isOver = drain.state !== 'draining' || !options.wait;
    if (options.json ? isOver : true) told(options.json ? drain : progressOf(server, drain), io);
    if (isOver) return 0;
    await io.sleep(POLL_MS);
  }
}

function told(what: string | object, io: DrainIo): number {
  io.out(`${typeof what === 'string' ? what : JSON.stringify(what)}\n`);
  return 0;
}

function fail(message: string, io: DrainIo): number {
  io.err(`vipwright: ${message}\n`);
  return EXIT_USAGE;
}

function progressOf(server: string, { state, secondsLeft, activeConnections, inactiveConnections }: DrainJson): string {
  const left = `${activeConnections} active and ${inactiveConnections} inactive connections`;
  if (state === 'empty') return `${server} has no connection left`;
  if (state === 'ended') return `${server}: the deadline has come, its connections were ended (${left} now)`;
  return `${server} has ${left}${secondsLeft === undefined ? '' : `, ${Math.ceil(secondsLeft)} s left`}`;
}

/** Both are as the daemon and we write them, so the same words mean the same thing. */
function sameAs(a: object, b: object): boolean {
  const sorted = (value: object): string => JSON.stringify(Object.entries(value).sort(([x], [y]) => x.localeCompare(y)));
  return sorted(a) === sorted(b);
}

/** `ADDRESS:PORT`, or with a protocol behind it. */
function parseService(text: string) {
  const [endpoint = '', name = 'tcp'] = text.split('/');
  const protocol = PROTOCOLS.find((known) => known === name.toLowerCase());
  const parsed = parseEndpoint(endpoint);
  return protocol && parsed && { kind: 'address' as const, protocol, ...parsed };
}

function parseEndpoint(text: string): { readonly address: string; readonly port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const address = IpAddress.parse(bracketed ?? plain ?? '');
  return address && Number(port) <= 65_535 ? { address: String(address), port: Number(port) } : undefined;
}

/** `60`, `60s`, `5m`, `1h`; null for anything else. */
function parseSeconds(text: string): number | null {
  const [, count, unit = ''] = /^(\d{1,7})([smh]?)$/.exec(text) ?? [];
  return count === undefined ? null : Number(count) * (UNITS[unit] as number);
}
