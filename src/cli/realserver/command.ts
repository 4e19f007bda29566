/** The door of `vipwright realserver`: options in, text or JSON and an exit code out. */
import { formatPrefix, IpAddress, parsePrefix } from '../../base/index.ts';
import type { DecapsulatorStatus, RunState, ToaReaderStatus } from './assess.ts';
import { LinuxRealServerHost } from './linux-host.ts';
import { RealServerError, type RealServerReport, type RealServerRequest, realServer, type TunnelRequest } from './realserver.ts';
import { networkOf } from './toa.ts';
import { describeTunnel, TUNNEL_TYPES } from './tunnel.ts';

/** Where start remembers what it changed. Below /run, because a reboot undoes the changes as well. */
const DEFAULT_RECORD_PATH = '/run/vipwright/realserver.json';

/** As the command line gives them. */
export interface RealServerOptions {
  /** Addresses separated by commas. start needs it; for stop and status its absence means every VIP that start recorded. */
  readonly vip?: string | undefined;
  /** `dr` (default), `tun` or `fullnat`. */
  readonly mode?: string | undefined;
  /** Of the mode `tun`: `ipip` (default), `gue` or `gre`. */
  readonly tunType?: string | undefined;
  /** GUE's UDP port. */
  readonly tunPort?: string | undefined;
  /** Addresses from which tunnelled packets are accepted, separated by commas; or `any`. */
  readonly director?: string | undefined;
  /** Interfaces that they come by, separated by commas. */
  readonly interface?: string | undefined;
  /** Of the mode `fullnat`: prefixes of the addresses that directors send from, separated by commas. */
  readonly localAddress?: string | undefined;
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
    const report = realServer(request, host);
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

/** A string says what is wrong with the usage. */
export function parseRequest(action: string, options: RealServerOptions): RealServerRequest | string {
  if (action !== 'start' && action !== 'stop' && action !== 'status') return `The action is start, stop or status, not "${action}".`;
  const mode = options.mode ?? 'dr';
  if (mode === 'nat') return 'The mode "nat" needs nothing of this tool: the real server only sends its replies through the director.';
  if (mode !== 'dr' && mode !== 'tun' && mode !== 'fullnat')
    return `The mode "${mode}" is not there; it is dr (direct routing), tun (tunnels) or fullnat (full NAT).`;
  if (action === 'start' && options.vip === undefined) return 'start needs the virtual addresses: --vip ADDRESS[,ADDRESS].';
  const vips = options.vip === undefined ? undefined : parseAddresses('--vip', options.vip);
  if (typeof vips === 'string') return vips;
  const wrong = vips?.find((address) => !isUnicast(address));
  if (wrong) return `--vip: ${wrong} cannot be a virtual address: it is no unicast address of a network.`;
  if (action !== 'start') return { action, vips };
  const foreign = (mode === 'tun' ? undefined : parseNoTunnel(options)) ?? (mode === 'fullnat' ? undefined : parseNoLocals(options));
  if (foreign !== undefined) return foreign;
  if (mode === 'dr') return { action, vips };
  if (mode === 'fullnat') {
    const localAddresses = parseLocals(options);
    return typeof localAddresses === 'string' ? localAddresses : { action, vips, localAddresses };
  }
  const tunnel = parseTunnel(options);
  return typeof tunnel === 'string' ? tunnel : { action, vips, tunnel };
}

function parseNoLocals({ localAddress }: RealServerOptions): string | undefined {
  return localAddress === undefined ? undefined : '--local-address belongs to --mode fullnat.';
}

/** Whoever is believed may be any client: so nobody is unless it is said. */
function parseLocals({ localAddress }: RealServerOptions): readonly string[] | string {
  if (localAddress === undefined) return '--mode fullnat needs the addresses that directors send from: --local-address PREFIX[,PREFIX].';
  const prefixes = new Set<string>();
  for (const text of localAddress.split(',')) {
    const prefix = parsePrefix(text.trim());
    if (!prefix) return `--local-address: "${text.trim()}" is neither an IP address nor a prefix.`;
    prefixes.add(formatPrefix(networkOf(prefix)));
  }
  return [...prefixes];
}

function parseNoTunnel({ tunType, tunPort, director, interface: name }: RealServerOptions): string | undefined {
  const isThere = [tunType, tunPort, director, name].some((option) => option !== undefined);
  return isThere ? '--tun-type, --tun-port, --director and --interface belong to --mode tun.' : undefined;
}

/** Whoever may send packets in tunnels may send them from any address: so nobody may unless it is said. */
function parseTunnel(options: RealServerOptions): TunnelRequest | string {
  const type = TUNNEL_TYPES.find((name) => name === (options.tunType ?? 'ipip'));
  if (!type) return `--tun-type is ${TUNNEL_TYPES.join(', ')}, not "${options.tunType}".`;
  const port = options.tunPort === undefined ? 0 : Number(options.tunPort);
  if (type === 'gue' && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
    return 'The tunnel gue needs --tun-port PORT, 1 to 65535.';
  if (type !== 'gue' && options.tunPort !== undefined) return `The tunnel ${type} has no --tun-port.`;
  if (options.director === undefined)
    return '--mode tun needs the addresses that the directors send from: --director ADDRESS[,ADDRESS]; or "any", which lets everybody send packets from any address.';
  const interfaces = options.interface === undefined ? undefined : [...new Set(options.interface.split(',').map((name) => name.trim()))];
  if (options.director === 'any') {
    if (!interfaces) return '--director any needs --interface NAME[,NAME]: where tunnels may come from.';
    return { type, port, directors: 'any', interfaces };
  }
  const directors = parseAddresses('--director', options.director);
  return typeof directors === 'string' ? directors : { type, port, directors, interfaces };
}

/** Each once. A string says which is none. */
function parseAddresses(option: string, list: string): readonly IpAddress[] | string {
  const addresses = new Map<string, IpAddress>();
  for (const text of list.split(',')) {
    const address = IpAddress.parse(text.trim());
    if (!address) return `${option}: "${text.trim()}" is not an IP address (no prefix length, no port).`;
    addresses.set(address.toString(), address);
  }
  return [...addresses.values()];
}

/** Of a network: not of this host alone, nor of a link alone, where a director in another segment could not reach it. */
function isUnicast(address: IpAddress): boolean {
  const [first = 0, second = 0] = address.bytes;
  if (address.family === 4) return first !== 0 && first !== 127 && first < 224;
  return first !== 0 && first !== 0xff && !(first === 0xfe && (second & 0xc0) === 0x80);
}

/** The last line has the word that init scripts and heartbeat look for: `running` or `stopped`, never both. */
export function formatReport(report: RealServerReport): string {
  const list = report.vips.join(', ');
  const name = `LVS-${report.mode.toUpperCase()} real server`;
  const verdict: Readonly<Record<RunState, string>> = {
    running: `${name} running: ${list}`,
    partly: `${name} partly configured: ${list}`,
    stopped: `LVS real server stopped${list === '' ? '' : `: ${list}`}`,
  };
  const tunnels = report.action === 'status' ? report.decapsulators.map(formatDecapsulator) : [];
  const toa = report.action === 'status' && report.toaReader ? [formatToaReader(report.toaReader)] : [];
  const problems = report.problems.map((problem) => `${problem.message} [${problem.code}]`);
  return [...report.changes, ...report.notes, ...tunnels, ...toa, ...problems, verdict[report.state], ''].join('\n');
}

function formatDecapsulator(status: DecapsulatorStatus): string {
  const from = status.directors === 'any' ? 'anybody' : status.directors.join(', ');
  return `${status.interface}: ${describeTunnel(status)} from ${from} to ${status.hosts.join(', ')}; packets: ${formatCounts(status.counts)}`;
}

function formatToaReader({ localAddresses, counts }: ToaReaderStatus): string {
  return `clients are believed from ${localAddresses.join(', ')}; connections: ${formatCounts(counts)}`;
}

function formatCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
