/** The door of `vipwright realserver`: options in, text or JSON and an exit code out. */
import { IpAddress } from '../../base/index.ts';
import { LinuxRealServerHost } from './linux-host.ts';
import type { RunState } from './plan.ts';
import { type RealServerAction, RealServerError, type RealServerReport, realServer } from './realserver.ts';

/** Where start remembers what it changed. Below /run, because a reboot undoes the changes as well. */
const DEFAULT_RECORD_PATH = '/run/vipwright/realserver.json';

/** As the command line gives them. */
export interface RealServerOptions {
  /** Addresses separated by commas. start needs it; for stop and status its absence means every VIP that start recorded. */
  readonly vip?: string | undefined;
  /** Only `dr` so far. */
  readonly mode?: string | undefined;
  readonly json?: boolean | undefined;
  /** Another place for the record: one for each network namespace that shares /run. */
  readonly state?: string | undefined;
}

export interface RealServerIo {
  out(text: string): void;
  err(text: string): void;
}

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** The Linux Standard Base's exit codes of a status action; 1 is also "partly". */
const STATUS_EXIT: Readonly<Record<RunState, number>> = { running: 0, partly: 1, stopped: 3 };

/** start and stop: 0 done (or nothing to do), 1 refused or failed and undone. status: 0 running, 1 partly, 3 stopped. All: 2 wrong usage. */
export async function runRealserver(action: string, options: RealServerOptions, io: RealServerIo): Promise<number> {
  const request = parseRequest(action, options);
  if (typeof request === 'string') return fail(io, options, EXIT_USAGE, 'realserver/usage', request);
  if (request.action !== 'status' && process.getuid?.() !== 0) {
    return fail(io, options, EXIT_FAILED, 'realserver/not-root', `${action} changes addresses and sysctls, so it must be run as root.`);
  }
  const host = new LinuxRealServerHost(options.state ?? DEFAULT_RECORD_PATH);
  try {
    const report = realServer(request.action, request.vips, host);
    io.out(options.json ? `${JSON.stringify(report)}\n` : formatReport(report));
    return request.action === 'status' ? STATUS_EXIT[report.state] : EXIT_OK;
  } catch (error) {
    const code = error instanceof RealServerError ? error.code : 'realserver/failed';
    return fail(io, options, EXIT_FAILED, code, (error as Error).message);
  } finally {
    host.close();
  }
}

function fail(io: RealServerIo, options: RealServerOptions, exitCode: number, code: string, message: string): number {
  if (options.json) io.out(`${JSON.stringify({ error: { code, message } })}\n`);
  else io.err(`vipwright realserver: ${message} [${code}]\n`);
  return exitCode;
}

interface Request {
  readonly action: RealServerAction;
  readonly vips: readonly IpAddress[] | undefined;
}

/** A string says what is wrong with the usage. */
export function parseRequest(action: string, options: RealServerOptions): Request | string {
  if (action !== 'start' && action !== 'stop' && action !== 'status') return `The action is start, stop or status, not "${action}".`;
  const mode = options.mode ?? 'dr';
  if (mode !== 'dr') return `The mode "${mode}" is not there; dr (direct routing) is the only one.`;
  if (options.vip === undefined) {
    return action === 'start' ? 'start needs the virtual addresses: --vip ADDRESS[,ADDRESS].' : { action, vips: undefined };
  }
  const vips = new Map<string, IpAddress>();
  for (const text of options.vip.split(',')) {
    const address = IpAddress.parse(text.trim());
    if (!address) return `--vip: "${text.trim()}" is not an IP address (no prefix length, no port).`;
    if (address.family === 6) return `--vip: ${address}: IPv6 is not there yet; neighbour discovery would need a filter that ARP does not.`;
    const first = address.bytes[0] as number;
    if (first === 0 || first === 127 || first >= 224)
      return `--vip: ${address} cannot be a virtual address: it is no unicast address of a network.`;
    vips.set(address.toString(), address);
  }
  return { action, vips: [...vips.values()] };
}

/** The last line has the word that init scripts and heartbeat look for: `running` or `stopped`, never both. */
export function formatReport(report: RealServerReport): string {
  const list = report.vips.join(', ');
  const verdict: Readonly<Record<RunState, string>> = {
    running: `LVS-DR real server running: ${list}`,
    partly: `LVS-DR real server partly configured: ${list}`,
    stopped: `LVS-DR real server stopped${list === '' ? '' : `: ${list}`}`,
  };
  const problems = report.problems.map((problem) => `${problem.message} [${problem.code}]`);
  return [...report.changes, ...report.notes, ...problems, verdict[report.state], ''].join('\n');
}
