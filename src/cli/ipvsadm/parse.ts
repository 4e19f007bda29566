/** From arguments to a command, judging in ipvsadm's order so that the first complaint is the one ipvsadm makes. */
import { assert, maxPrefixLength } from '../../base/index.ts';
import type { RealServer, ServiceKey, Tunnel } from '../../model/index.ts';
import type { Command, ServiceRequest, TableView } from './command.ts';
import { Draft, parseTimeout } from './draft.ts';
import { checkCommand, checkTunnel } from './legality.ts';
import type { Names } from './names.ts';
import { type CommandName, type OptionName, OptionReader } from './options.ts';
import { tryHelp, UsageError } from './usage.ts';
import { parseFlags } from './values.ts';

/** Understands `argv` (without the program's name). Throws UsageError. No argument at all lists the table with names. */
export async function parseArguments(argv: readonly string[], names: Names): Promise<Command> {
  if (argv.length === 0) return { kind: 'list-table', view: 'default', numeric: false, sort: true, exact: false };
  const reader = new OptionReader(argv);
  const command = readCommand(reader);
  if (command === 'help' || command === 'version') return { kind: command };
  const draft = new Draft(names);
  for (let option = reader.next(); option; option = reader.next()) await draft.take(option);
  if (command === 'set') {
    const timeouts = readTimeouts(reader.leftovers);
    checkWhole(command, draft, reader.leftovers.slice(3));
    return timeouts;
  }
  return build(command, draft, checkWhole(command, draft, reader.leftovers));
}

/** What can only be judged when everything was read; gives the scheduler flags. */
function checkWhole(command: CommandName, draft: Draft, leftovers: readonly string[]): readonly string[] {
  if (leftovers[0] !== undefined) throw new UsageError(`unexpected argument ${leftovers[0]}`);
  const flags = parseFlags(draft.flags, draft.scheduler);
  checkCommand(command, draft.given);
  return flags;
}

function readCommand(reader: OptionReader): CommandName {
  const { spelling, value } = readFirst(reader);
  const { command } = spelling;
  if (!command) throw tryHelp();
  const isDaemon = command === 'start-daemon' || command === 'stop-daemon';
  if (isDaemon && value !== 'master' && value !== 'backup') {
    throw new UsageError(command === 'start-daemon' ? 'illegal start-daemon parameter specified' : 'illegal start_daemon specified');
  }
  return command;
}

/** Anything wrong with the first option, and ipvsadm only points to its help. */
function readFirst(reader: OptionReader): NonNullable<ReturnType<OptionReader['next']>> {
  try {
    const first = reader.next();
    if (first) return first;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
  throw tryHelp();
}

function readTimeouts(words: readonly string[]): Command {
  const [tcp, tcpFin, udp] = words;
  if (tcp === undefined || tcpFin === undefined || udp === undefined) throw new UsageError('--set option requires 3 timeout values');
  return { kind: 'set-timeouts', tcp: parseTimeout(tcp, 0), tcpFin: parseTimeout(tcpFin, 0), udp: parseTimeout(udp, 0) };
}

function build(command: Exclude<CommandName, 'help' | 'version' | 'set'>, draft: Draft, flags: readonly string[]): Command {
  const numeric = draft.given.has('numeric');
  switch (command) {
    case 'add-service':
    case 'edit-service':
      return { kind: command, service: buildService(draft, flags) };
    case 'delete-service':
      return { kind: command, key: keyOf(draft) };
    case 'add-server':
    case 'edit-server':
      return { kind: command, key: keyOf(draft), server: buildServer(draft) };
    case 'delete-server':
      return { kind: command, key: keyOf(draft), server: serverOf(draft) };
    case 'add-laddr':
    case 'del-laddr':
      return { kind: command, key: keyOf(draft), address: localAddressOf(draft) };
    case 'get-laddr':
      return { kind: command, numeric, ...(draft.key && { key: draft.key }) };
    case 'zero':
      return { kind: command, ...(draft.key && { key: draft.key }) };
    case 'save':
      return { kind: command, numeric };
    case 'list':
      return buildListing(draft, numeric);
    default:
      return { kind: command };
  }
}

function buildService(draft: Draft, flags: readonly string[]): ServiceRequest {
  const key = keyOf(draft);
  const { persistenceSeconds } = draft;
  if (key.kind === 'address' && key.port === 0 && persistenceSeconds === undefined) {
    throw new UsageError('Zero port specified for non-persistent service');
  }
  const onePacket = draft.given.has('ops');
  if (onePacket && key.kind === 'address' && key.protocol !== 'udp') {
    throw new UsageError('One-Packet Scheduling is only for UDP virtual services');
  }
  const prefixLength = draft.prefixLength ?? maxPrefixLength(draft.family);
  return {
    key,
    scheduler: draft.scheduler,
    schedulerFlags: flags,
    onePacket,
    ...(persistenceSeconds !== undefined && { persistence: { timeoutSeconds: persistenceSeconds, prefixLength } }),
    ...(draft.engine !== '' && { persistenceEngine: draft.engine }),
  };
}

function buildServer(draft: Draft): RealServer {
  const key = keyOf(draft);
  const server = serverOf(draft);
  const { method, weight, upperThreshold, lowerThreshold } = draft;
  if (method !== 'tun' && server.address.family !== draft.family) {
    throw new UsageError('Different address family is allowed only for tunneling servers');
  }
  const tunnel = buildTunnel(draft);
  // Routed and tunnelled packets arrive as they are: the server must listen on the service's port.
  const port = method !== 'nat' && method !== 'fullnat' && key.kind === 'address' ? key.port : server.port;
  return { address: server.address, port, method, ...(tunnel && { tunnel }), weight, upperThreshold, lowerThreshold };
}

function buildTunnel(draft: Draft): Tunnel | undefined {
  const options: readonly OptionName[] = ['tun-type', 'tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'];
  if (draft.method !== 'tun') {
    if (options.some((option) => draft.given.has(option))) throw new UsageError('Tunnel options conflict with forward method');
    return undefined;
  }
  checkTunnel(draft.tunnelType, draft.given);
  const checksum = draft.given.has('tun-csum') ? 'csum' : draft.given.has('tun-remcsum') ? 'remcsum' : 'none';
  return { type: draft.tunnelType, port: draft.tunnelPort, checksum };
}

function buildListing({ given, key }: Draft, numeric: boolean): Command {
  if (given.has('connection')) return { kind: 'list-connections', numeric };
  if (given.has('timeout')) return { kind: 'list-timeouts' };
  if (given.has('daemon')) return { kind: 'list-daemons' };
  const views: readonly TableView[] = ['stats', 'rate', 'thresholds', 'persistent-conn', 'tun-info'];
  const view = views.find((name) => given.has(name as OptionName)) ?? 'default';
  return { kind: 'list-table', ...(key && { key }), view, numeric, sort: !given.has('nosort'), exact: given.has('exact') };
}

/** The legality check has made sure of it. */
function keyOf({ key }: Draft): ServiceKey {
  assert(key, 'a service was named');
  return key;
}

function localAddressOf({ localAddress }: Draft): NonNullable<Draft['localAddress']> {
  assert(localAddress, 'a local address was named');
  return localAddress;
}

function serverOf({ server }: Draft): NonNullable<Draft['server']> {
  assert(server, 'a real server was named');
  return server;
}
