/** The listings of `ipvsadm -L` and `-S`, byte for byte: trailing blanks and uneven titles are ipvsadm's. */
import { IpAddress, maxPrefixLength, toSeconds } from '../../base/index.ts';
import type { Protocol, ServiceKey, Timeouts } from '../../model/index.ts';
import type { ConnectionStatus, Counters, Rates, ServerStatus, ServiceStatus } from '../../ports/index.ts';
import type { TableListing, TableView } from './command.ts';
import type { Names } from './names.ts';
import { sortedFlags } from './values.ts';

const SERVER_TITLE = '  -> RemoteAddress:Port';

/** ipvsadm cuts IPv4 names so that the columns stay where they are. */
const MAX_SERVICE_NAME = 33;
const MAX_SERVER_NAME = 28;

/** Prints addresses: with numbers, or with names where there are any. */
export class AddressPrinter {
  private readonly names: Names | undefined;

  /** Without `names` everything is numeric. */
  constructor(names?: Names) {
    this.names = names;
  }

  async print(address: IpAddress, port: number, protocol: Protocol): Promise<string> {
    const host = (await this.names?.host(address)) ?? address.toString();
    const service = (await this.names?.portName(port, protocol)) ?? String(port);
    return address.family === 6 ? `[${host}]:${service}` : `${host}:${service}`;
  }
}

export function versionLine(tableSize: number): string {
  return `IP Virtual Server version 1.2.1 (size=${tableSize})`;
}

/** The title and one block per service. The version line is the caller's: a listing of one service has none. */
export async function tableLines(services: readonly ServiceStatus[], listing: TableListing, printer: AddressPrinter): Promise<string[]> {
  const lines = titleLines(listing.view);
  for (const service of listing.sort ? sortServices(services) : services) {
    lines.push(await serviceLine(service, listing, printer));
    for (const server of listing.sort ? sortServers(service.servers) : service.servers) {
      const name = cut(await printer.print(server.address, server.port, protocolOf(service.key)), server.address, MAX_SERVER_NAME);
      lines.push(`  -> ${name.padEnd(28)}${serverColumns(server, listing)}`);
    }
  }
  return lines;
}

/** The rules that would make this table (`ipvsadm -S`). Thresholds are not saved: ipvsadm does not either. */
export async function ruleLines(services: readonly ServiceStatus[], printer: AddressPrinter): Promise<string[]> {
  const lines: string[] = [];
  for (const service of sortServices(services)) {
    const { key, scheduler, persistence, onePacket } = service;
    const address = await serviceRule(key, printer);
    const flags = sortedFlags(service.schedulerFlags, scheduler).join(',');
    const persistent = persistence ? ` -p ${persistence.timeoutSeconds}${maskText(service, ' -M ')}` : '';
    lines.push(`-A ${address} -s ${scheduler}${persistent}${onePacket ? ' -o' : ''}${flags && ` -b ${flags}`}`);
    // Not ipvsadm's own; without local addresses there are none of these lines.
    for (const local of service.localAddresses ?? []) lines.push(`-P ${address} -z ${local}`);
    for (const server of sortServers(service.servers)) {
      const name = await printer.print(server.address, server.port, protocolOf(key));
      lines.push(`-a ${address} -r ${name} ${METHOD_LETTERS[server.method]} -w ${server.weight}${tunnelRule(server)}`);
    }
  }
  return lines;
}

export async function connectionLines(connections: Iterable<ConnectionStatus>, printer: AddressPrinter): Promise<string[]> {
  const lines = ['IPVS connection entries', connectionRow('pro', 'expire', 'state', 'source', 'virtual', 'destination')];
  for (const { protocol, state, expiresSeconds, client, clientPort, virtual, virtualPort, server, serverPort } of connections) {
    const named = protocol === 'ip' ? 'tcp' : protocol;
    const minutes = String(Math.floor(expiresSeconds / 60)).padStart(2, '0');
    const expire = `${minutes}:${String(Math.floor(expiresSeconds) % 60).padStart(2, '0')}`;
    const source = await printer.print(client, clientPort, named);
    const target = await printer.print(virtual, virtualPort, named);
    lines.push(connectionRow(protocol.toUpperCase(), expire, state, source, target, await printer.print(server, serverPort, named)));
  }
  return lines;
}

/**
 * What the ipvsadm of Alibaba's LVS and of DPVS prints for `-G`, without their column of conflicts. TOTAL is how many local addresses the
 * service has, CONNS the connections from that address, of whatever service.
 */
export async function localAddressLines(
  services: readonly ServiceStatus[],
  connections: Iterable<ConnectionStatus>,
  printer: AddressPrinter,
): Promise<string[]> {
  const uses = new Map<string, number>();
  for (const { local } of connections) if (local) uses.set(String(local.address), (uses.get(String(local.address)) ?? 0) + 1);
  const row = (...cells: readonly [string, string, string, string]): string =>
    `${cells[0].padEnd(20)} ${cells[1].padEnd(8)} ${cells[2].padEnd(20)} ${cells[3]}`;
  const lines = [row('VIP:VPORT', 'TOTAL', 'SNAT_IP', 'CONNS')];
  for (const { key, localAddresses = [] } of sortServices(services)) {
    const name = key.kind === 'fwmark' ? await serviceName(key, printer) : await printer.print(key.address, key.port, key.protocol);
    for (const [index, local] of localAddresses.entries()) {
      const [first, total] = index === 0 ? [name, String(localAddresses.length)] : ['', ''];
      lines.push(row(first, total, String(local), String(uses.get(String(local)) ?? 0)));
    }
  }
  return lines;
}

export function timeoutLine({ tcp, tcpFin, udp }: Timeouts): string {
  return `Timeout (tcp tcpfin udp): ${toSeconds(tcp)} ${toSeconds(tcpFin)} ${toSeconds(udp)}`;
}

function connectionRow(protocol: string, expire: string, state: string, source: string, virtual: string, destination: string): string {
  return `${protocol.padEnd(3)} ${expire.padEnd(6)} ${state.padEnd(11)} ${source.padEnd(18)} ${virtual.padEnd(18)} ${destination}`;
}

function titleLines(view: TableView): string[] {
  const local = 'Prot LocalAddress:Port';
  const figures = (...names: string[]): string => `${local.padEnd(33)} ${names.map((name) => name.padStart(8)).join(' ')}`;
  switch (view) {
    case 'default':
      return [`${local} Scheduler Flags`, `${SERVER_TITLE}           Forward Weight ActiveConn InActConn`];
    case 'tun-info':
      return [`${local} Scheduler Flags`, `${SERVER_TITLE}           Forward TunnelInfo    Weight ActiveConn InActConn`];
    case 'stats':
      return [figures('Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes'), SERVER_TITLE];
    case 'rate':
      return [figures('CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS'), SERVER_TITLE];
    case 'thresholds':
      return [`${local.padEnd(33)} Uthreshold Lthreshold ActiveConn InActConn `, SERVER_TITLE];
    case 'persistent-conn':
      return [`${local.padEnd(33)} Weight    PersistConn ActiveConn InActConn `, SERVER_TITLE];
  }
}

async function serviceLine(service: ServiceStatus, { view, exact }: TableListing, printer: AddressPrinter): Promise<string> {
  const name = await serviceName(service.key, printer);
  if (view === 'stats') return `${name.padEnd(33)}${figureColumns(service.counters, exact)}`;
  if (view === 'rate') return `${name.padEnd(33)}${figureColumns(service.rates, exact)}`;
  const { scheduler, persistence, onePacket } = service;
  const flags = sortedFlags(service.schedulerFlags, scheduler).join(',');
  const persistent = persistence ? ` persistent ${persistence.timeoutSeconds}${maskText(service, ' mask ')}` : '';
  return `${name} ${scheduler}${flags && ` (${flags})`}${persistent}${onePacket ? ' ops' : ''}`;
}

async function serviceName(key: ServiceKey, printer: AddressPrinter): Promise<string> {
  if (key.kind === 'fwmark') return `FWM  ${key.mark}${key.family === 6 ? ' IPv6' : ''}`;
  const name = await printer.print(key.address, key.port, key.protocol);
  return `${key.protocol.toUpperCase().padEnd(4)} ${cut(name, key.address, MAX_SERVICE_NAME)}`;
}

const METHOD_NAMES = { nat: 'Masq', dr: 'Route', tun: 'Tunnel', fullnat: 'FullNat' } as const;
const METHOD_LETTERS = { nat: '-m', dr: '-g', tun: '-i', fullnat: '--fullnat' } as const;

/** Everything after the server's name, the separating blank included. */
function serverColumns(server: ServerStatus, { view, exact }: TableListing): string {
  const { method, weight, activeConnections, inactiveConnections } = server;
  const counts = ` ${left(activeConnections, 10)} ${left(inactiveConnections, 10)}`;
  switch (view) {
    case 'stats':
      return figureColumns(server.counters, exact);
    case 'rate':
      return rateColumns(server.rates, exact);
    case 'thresholds':
      return ` ${left(server.upperThreshold, 10)} ${left(server.lowerThreshold, 10)}${counts}`;
    case 'persistent-conn':
      return ` ${left(weight, 9)} ${left(server.persistentConnections, 11)}${counts}`;
    case 'tun-info':
      return ` ${METHOD_NAMES[method].padEnd(7)} ${tunnelInfo(server).padEnd(13)} ${left(weight, 6)}${counts}`;
    case 'default':
      return ` ${METHOD_NAMES[method].padEnd(7)} ${left(weight, 6)}${counts}`;
  }
}

function figureColumns(figures: Counters | Rates, exact: boolean): string {
  const { connections, inPackets, outPackets, inBytes, outBytes } = figures;
  return [connections, inPackets, outPackets, inBytes, outBytes].map((value) => figure(value, exact)).join('');
}

/** A server's packet rates are never shortened, its byte rates are. */
function rateColumns({ connections, inPackets, outPackets, inBytes, outBytes }: Rates, exact: boolean): string {
  const plain = [connections, inPackets, outPackets].map((value) => ` ${String(value).padStart(8)}`);
  return [...plain, figure(inBytes, exact), figure(outBytes, exact)].join('');
}

/** A number in nine columns, its first a blank: large ones in thousands, millions … unless they are wanted exactly. */
export function figure(value: bigint | number, exact: boolean): string {
  const whole = BigInt(value);
  if (exact) return ` ${String(whole).padStart(8)}`;
  const [limitless, ...units] = FIGURE_UNITS;
  const { divisor, letter } = units.find((unit) => whole < unit.below) ?? limitless;
  return letter === '' ? String(whole).padStart(9) : `${String(whole / divisor).padStart(8)}${letter}`;
}

interface FigureUnit {
  readonly below: bigint;
  readonly divisor: bigint;
  readonly letter: string;
}

const FIGURE_UNITS: readonly [FigureUnit, ...FigureUnit[]] = [
  { below: 0n, divisor: 10n ** 12n, letter: 'T' },
  { below: 10n ** 8n, divisor: 1n, letter: '' },
  { below: 10n ** 9n, divisor: 10n ** 3n, letter: 'K' },
  { below: 10n ** 11n, divisor: 10n ** 6n, letter: 'M' },
  { below: 10n ** 14n, divisor: 10n ** 9n, letter: 'G' },
];

const CHECKSUM_TEXTS = { none: '-c', csum: '+c', remcsum: 'r+c' } as const;

function tunnelInfo({ method, tunnel }: ServerStatus): string {
  if (method !== 'tun') return 'n/a';
  if (!tunnel || tunnel.type === 'ipip') return 'ipip';
  const port = tunnel.type === 'gue' ? `:${tunnel.port}` : '';
  return `${tunnel.type}${port}:${CHECKSUM_TEXTS[tunnel.checksum]}`;
}

const CHECKSUM_OPTIONS = { none: '--tun-nocsum', csum: '--tun-csum', remcsum: '--tun-remcsum' } as const;

function tunnelRule({ method, tunnel }: ServerStatus): string {
  if (method !== 'tun') return '';
  if (!tunnel || tunnel.type === 'ipip') return ' --tun-type ipip';
  const port = tunnel.type === 'gue' ? ` --tun-port ${tunnel.port}` : '';
  return ` --tun-type ${tunnel.type}${port} ${CHECKSUM_OPTIONS[tunnel.checksum]}`;
}

async function serviceRule(key: ServiceKey, printer: AddressPrinter): Promise<string> {
  if (key.kind === 'fwmark') return `-f ${key.mark}${key.family === 6 ? ' -6' : ''}`;
  const option = { tcp: '-t', udp: '-u', sctp: '--sctp-service' }[key.protocol];
  return `${option} ${await printer.print(key.address, key.port, key.protocol)}`;
}

/** The persistence mask where it is not that of single clients: dotted for IPv4, a length for IPv6. */
function maskText({ key, persistence }: ServiceStatus, before: string): string {
  const family = key.kind === 'fwmark' ? key.family : key.address.family;
  if (!persistence || persistence.prefixLength === maxPrefixLength(family)) return '';
  const length = persistence.prefixLength;
  if (family === 6) return `${before}${length}`;
  return `${before}${IpAddress.fromV4Number(length === 0 ? 0 : (-1 << (32 - length)) >>> 0)}`;
}

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;

function sortServices(services: readonly ServiceStatus[]): ServiceStatus[] {
  return [...services].sort((a, b) => compareKeys(a.key, b.key));
}

/** Firewall marks come last; then by family, protocol, address and port. */
function compareKeys(a: ServiceKey, b: ServiceKey): number {
  if (a.kind === 'fwmark' || b.kind === 'fwmark') {
    const mark = (key: ServiceKey): number => (key.kind === 'fwmark' ? key.mark : 0);
    const family = (key: ServiceKey): number => (key.kind === 'fwmark' ? key.family : 0);
    return mark(a) - mark(b) || family(a) - family(b);
  }
  return (
    a.address.family - b.address.family ||
    PROTOCOL_NUMBERS[a.protocol] - PROTOCOL_NUMBERS[b.protocol] ||
    a.address.compare(b.address) ||
    a.port - b.port
  );
}

function sortServers(servers: readonly ServerStatus[]): ServerStatus[] {
  return [...servers].sort((a, b) => a.address.compare(b.address) || a.port - b.port);
}

/** Port names of a firewall mark's servers are looked up as TCP's. */
function protocolOf(key: ServiceKey): Protocol {
  return key.kind === 'fwmark' ? 'tcp' : key.protocol;
}

function cut(name: string, address: IpAddress, length: number): string {
  return address.family === 4 ? name.slice(0, length) : name;
}

function left(value: number, width: number): string {
  return String(value).padEnd(width);
}
