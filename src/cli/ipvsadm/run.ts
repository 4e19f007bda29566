/** Runs one ipvsadm command line on a table source. */
import { seconds } from '../../base/index.ts';
import { SCHEDULER_NAMES, type ServiceKey, serviceKeyText, type VirtualService } from '../../model/index.ts';
import { DataPlaneError, type ServiceStatus } from '../../ports/index.ts';
import type { Command, ServiceRequest, TableListing } from './command.ts';
import { HELP, VERSION_LINE } from './help.ts';
import { AddressPrinter, connectionLines, localAddressLines, ruleLines, tableLines, timeoutLine, versionLine } from './listing.ts';
import type { Names } from './names.ts';
import { parseArguments } from './parse.ts';
import { refusalText } from './refusals.ts';
import { SourceUnavailableError, type TableSource } from './source.ts';
import { EXIT_LIST, EXIT_REFUSED, EXIT_USAGE, tryHelp, UsageError } from './usage.ts';

/** Where the text goes and comes from. */
export interface IpvsadmIo {
  out(text: string): void;
  err(text: string): void;
  /** All of standard input; read by `-R` only. */
  input(): Promise<string>;
  readonly names: Names;
}

/** Runs `ipvsadm ARGV` and gives its exit code: 0 done, 1 a listing failed, 2 wrong usage, 255 refused. */
export async function runIpvsadm(argv: readonly string[], source: TableSource, io: IpvsadmIo): Promise<number> {
  return (await runLine(argv, source, io)).exitCode;
}

/** `ends`: after such a line `ipvsadm -R` does not read on. */
interface LineResult {
  readonly exitCode: number;
  readonly ends: boolean;
}

async function runLine(argv: readonly string[], source: TableSource, io: IpvsadmIo, restoring = false): Promise<LineResult> {
  let command: Command;
  try {
    command = await parseArguments(argv, io.names);
    if (restoring && command.kind === 'restore') throw tryHelp();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.err(`${error.message}\n`);
    return { exitCode: error.exitCode, ends: error.endsRestore };
  }
  try {
    const exitCode = command.kind === 'restore' ? await restore(source, io) : await perform(command, source, io);
    return { exitCode, ends: command.kind === 'help' || command.kind === 'version' };
  } catch (error) {
    if (error instanceof SourceUnavailableError) {
      io.err(`Can't initialize ipvs: ${error.message}\n`);
      return { exitCode: EXIT_USAGE, ends: true };
    }
    if (!(error instanceof DataPlaneError)) throw error;
    io.err(`${refusalText(error, command.kind)}\n`);
    return { exitCode: command.kind.startsWith('list-') ? EXIT_LIST : EXIT_REFUSED, ends: false };
  }
}

/** Lines of arguments from standard input; the last one's result is the result. Whole-line comments are skipped, as ipvsadm-restore does. */
async function restore(source: TableSource, io: IpvsadmIo): Promise<number> {
  let exitCode = 0;
  for (const line of (await io.input()).split('\n')) {
    const words = line.split(/\s+/).filter((word) => word !== '');
    while (words[0] === 'ipvsadm') words.shift();
    if (words.length === 0 || line.startsWith('#')) continue;
    const result = await runLine(words, source, io, true);
    exitCode = result.exitCode;
    if (result.ends) break;
  }
  return exitCode;
}

async function perform(command: Exclude<Command, { kind: 'restore' }>, source: TableSource, io: IpvsadmIo): Promise<number> {
  switch (command.kind) {
    case 'help':
      io.out(HELP);
      return 0;
    case 'version':
      io.out(`${VERSION_LINE}\n`);
      return 0;
    case 'list-table':
      return listTable(command, source, io);
    case 'list-connections':
      return print(await connectionLines(await source.connections(), printerFor(command.numeric, io)), io);
    case 'list-timeouts':
      return print([timeoutLine(await source.timeouts())], io);
    case 'list-daemons':
      // None can run in this version, and for none ipvsadm prints nothing.
      return 0;
    case 'save':
      return print(await ruleLines((await source.tables()).services, printerFor(command.numeric, io)), io);
    case 'get-laddr':
      return listLocalAddresses(command, source, io);
    case 'start-daemon':
    case 'stop-daemon':
      throw new DataPlaneError('unsupported', 'this version does not synchronize connections');
    default:
      await change(command, source);
      return 0;
  }
}

async function listTable(listing: TableListing, source: TableSource, io: IpvsadmIo): Promise<number> {
  const { tableSize, services } = await source.tables();
  const printer = printerFor(listing.numeric, io);
  const { key } = listing;
  if (!key) return print([versionLine(tableSize), ...(await tableLines(services, listing, printer))], io);
  return print(await tableLines([named(key, services)], listing, printer), io);
}

async function listLocalAddresses({ key, numeric }: LocalAddressListing, source: TableSource, io: IpvsadmIo): Promise<number> {
  const { services } = await source.tables();
  const wanted = key ? [named(key, services)] : services.filter(({ localAddresses = [] }) => localAddresses.length > 0);
  return print(await localAddressLines(wanted, await source.connections(), printerFor(numeric, io)), io);
}

function named(key: ServiceKey, services: readonly ServiceStatus[]): ServiceStatus {
  const service = services.find((candidate) => serviceKeyText(candidate.key) === serviceKeyText(key));
  if (!service) throw new DataPlaneError('no-such-service', `there is no service ${serviceKeyText(key)}`);
  return service;
}

/** The commands that change something; each is one call. */
type Change = Exclude<
  Command,
  { kind: 'help' | 'version' | 'restore' | 'save' | 'start-daemon' | 'stop-daemon' | 'get-laddr' | `list-${string}` }
>;
type LocalAddressListing = Extract<Command, { kind: 'get-laddr' }>;
type LocalAddressChange = Extract<Command, { kind: 'add-laddr' | 'del-laddr' }>;

function change(command: Change, source: TableSource): Promise<void> {
  switch (command.kind) {
    case 'add-service':
      return source.addService(known(command.service));
    case 'edit-service':
      return editService(known(command.service), source);
    case 'delete-service':
      return source.deleteService(command.key);
    case 'add-server':
      return source.addServer(command.key, command.server);
    case 'edit-server':
      return source.editServer(command.key, command.server);
    case 'delete-server':
      return source.deleteServer(command.key, command.server);
    case 'add-laddr':
    case 'del-laddr':
      return changeLocalAddresses(command, source);
    case 'flush':
      return source.flush();
    case 'zero':
      return source.zero(command.key);
    case 'set-timeouts':
      return source.setTimeouts({ tcp: seconds(command.tcp), tcpFin: seconds(command.tcpFin), udp: seconds(command.udp) });
  }
}

/** The local addresses have commands of their own: they stay. */
async function editService(service: VirtualService, source: TableSource): Promise<void> {
  const { services } = await source.tables();
  const before = services.find(({ key }) => serviceKeyText(key) === serviceKeyText(service.key));
  return source.editService({ ...service, ...(before?.localAddresses && { localAddresses: before.localAddresses }) });
}

/** One more or one less; connections keep theirs. */
async function changeLocalAddresses({ kind, key, address }: LocalAddressChange, source: TableSource): Promise<void> {
  const { services } = await source.tables();
  const { servers: _, counters: __, rates: ___, ...service } = named(key, services);
  const before = service.localAddresses ?? [];
  const others = before.filter((candidate) => !candidate.equals(address));
  const isThere = others.length < before.length;
  if (kind === 'add-laddr' && isThere) throw new DataPlaneError('failed', `Local address ${address} already exists`);
  if (kind === 'del-laddr' && !isThere) throw new DataPlaneError('failed', `No such local address ${address}`);
  return source.editService({ ...service, localAddresses: kind === 'add-laddr' ? [...before, address] : others });
}

/** A scheduler that exists nowhere, and any persistence engine, is refused as a kernel without that module refuses it. */
function known({ scheduler, persistenceEngine, ...service }: ServiceRequest): VirtualService {
  const name = SCHEDULER_NAMES.find((candidate) => candidate === scheduler);
  if (!name) throw new DataPlaneError('unknown-scheduler', `there is no scheduler ${scheduler}`);
  if (persistenceEngine) throw new DataPlaneError('unknown-scheduler', `there is no persistence engine ${persistenceEngine}`);
  return { ...service, scheduler: name };
}

function printerFor(numeric: boolean, io: IpvsadmIo): AddressPrinter {
  return new AddressPrinter(numeric ? undefined : io.names);
}

function print(lines: readonly string[], io: IpvsadmIo): number {
  io.out(lines.map((line) => `${line}\n`).join(''));
  return 0;
}
