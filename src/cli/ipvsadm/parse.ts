/** From arguments to a command, judging in ipvsadm's order so that the first complaint is the one ipvsadm makes. */
import { IpAddress, type IpFamily, maxPrefixLength } from '../../base/index.ts';
import { type ForwardingMethod, type Protocol, type RealServer, type ServiceKey, serviceKeyText, type Tunnel } from '../../model/index.ts';
import type { Command, ServiceRequest, TableView } from './command.ts';
import { checkCommand, checkTunnel, type TunnelType } from './legality.ts';
import type { Names } from './names.ts';
import { type CommandName, type Occurrence, type OptionName, OptionReader } from './options.ts';
import { tryHelp, UsageError } from './usage.ts';
import { type Endpoint, parseEndpoint, parseFlags, parseMask, parseNumber } from './values.ts';

const DEFAULT_SCHEDULER = 'wlc';
const DEFAULT_PERSISTENCE_SECONDS = 360;
/** 31 days: the longest persistence and the longest time-out. */
const MAX_SECONDS = 2_678_400;
const MAX_INT = 0x7fff_ffff;
/** IP_VS_SCHEDNAME_MAXLEN less the final zero: longer names are cut. */
const MAX_NAME = 15;

/** What the options have said so far. */
interface Draft {
  protocol?: Protocol;
  key?: ServiceKey;
  family: IpFamily;
  scheduler: string;
  flags: string;
  persistenceSeconds?: number;
  prefixLength?: number;
  engine: string;
  method: ForwardingMethod;
  server?: { address: IpAddress; port: number };
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  tunnelType: TunnelType;
  tunnelPort: number;
}

/** Understands `argv` (without the program's name). Throws UsageError. No argument at all lists the table with names. */
export async function parseArguments(argv: readonly string[], names: Names): Promise<Command> {
  if (argv.length === 0) return { kind: 'list-table', view: 'default', numeric: false, sort: true, exact: false };
  const reader = new OptionReader(argv);
  const command = readCommand(reader);
  if (command === 'help' || command === 'version') return { kind: command };
  const given = new Set<OptionName>();
  const draft: Draft = {
    family: 4,
    scheduler: DEFAULT_SCHEDULER,
    flags: '',
    engine: '',
    method: 'dr',
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnelType: 'ipip',
    tunnelPort: 0,
  };
  for (let option = reader.next(); option; option = reader.next()) await take(option, draft, given, names);
  const timeouts = command === 'set' ? readTimeouts(reader.leftovers) : undefined;
  const [unexpected] = timeouts ? reader.leftovers.slice(3) : reader.leftovers;
  if (unexpected !== undefined) throw new UsageError(`unexpected argument ${unexpected}`);
  const flags = parseFlags(draft.flags, draft.scheduler);
  checkCommand(command, given);
  return timeouts ?? build(command, draft, given, flags);
}

function readCommand(reader: OptionReader): CommandName {
  let first: Occurrence | undefined;
  try {
    first = reader.next();
  } catch {
    throw tryHelp();
  }
  const command = first?.spelling.command;
  if (!first || !command) throw tryHelp();
  if (command === 'start-daemon' || command === 'stop-daemon') {
    if (first.value !== 'master' && first.value !== 'backup') {
      throw new UsageError(command === 'start-daemon' ? 'illegal start-daemon parameter specified' : 'illegal start_daemon specified');
    }
  }
  return command;
}

function readTimeouts(words: readonly string[]): Command {
  const [tcp, tcpFin, udp] = words;
  if (tcp === undefined || tcpFin === undefined || udp === undefined) throw new UsageError('--set option requires 3 timeout values');
  return { kind: 'set-timeouts', tcp: timeoutValue(tcp, 0), tcpFin: timeoutValue(tcpFin, 0), udp: timeoutValue(udp, 0) };
}

async function take({ spelling, value = '', word }: Occurrence, draft: Draft, given: Set<OptionName>, names: Names): Promise<void> {
  const { option, variant } = spelling;
  if (spelling.command) throw new UsageError(`invalid option \`${word}'`);
  if (!option) {
    if (variant === 'ipv6') takeIpv6(draft);
    return;
  }
  if (given.has(option)) throw new UsageError(`multiple '${option}' options specified`);
  given.add(option);
  if (option === 'service-address') return takeService(variant as Protocol | 'fwmark', value, draft, names);
  if (option === 'real-server') return takeServer(value, draft, names);
  if (option === 'persistent') draft.persistenceSeconds = spelling.value === 'optional' ? persistence(value, word, spelling) : 0;
  else takeSimple(option, value, variant, draft);
}
