/** Scheduler, flags and persistence of a virtual_server. */
import { IpAddress, type IpFamily, maxPrefixLength } from '../../base/index.ts';
import type { CheckedService, Persistence, Protocol, SchedulerName } from '../../model/index.ts';
import { readInteger } from './arguments.ts';
import { type BoundBlock, type BoundStatement, placeOf } from './bind.ts';
import { wordValue } from './lexer.ts';
import type { Destination } from './lower-group.ts';
import { refuseFeature } from './packet-path.ts';
import type { Reporter } from './report.ts';
import type { ServiceContext } from './service-context.ts';
import { tokenPlace } from './syntax.ts';

/** What `persistence_timeout` without a number means, as `ipvsadm -p` does; and what a service on all ports gets. */
export const DEFAULT_PERSISTENCE = 360;

/** Flags that only their scheduler understands. */
const OWN_FLAGS: Readonly<Record<string, SchedulerName>> = { 'sh-port': 'sh', 'sh-fallback': 'sh', 'mh-port': 'mh', 'mh-fallback': 'mh' };
const FLAGS = ['flag-1', 'flag-2', 'flag-3', ...Object.keys(OWN_FLAGS)];

export type Scheduling = Pick<CheckedService, 'scheduler' | 'schedulerFlags' | 'persistence' | 'onePacket' | 'persistenceEngine'>;

export function readScheduling(
  bound: BoundStatement,
  block: BoundBlock,
  protocol: Protocol,
  destination: Destination,
  family: IpFamily,
  context: ServiceContext,
): Scheduling {
  const scheduler = (block.text('lvs_sched') ?? 'wlc') as SchedulerName;
  const persistence = readPersistence(bound, block, destination, family, context);
  const engine = readEngine(block, persistence, context);
  return {
    scheduler,
    schedulerFlags: readFlags(block, scheduler, context),
    ...(persistence && { persistence }),
    onePacket: readOnePacket(block, protocol, destination, context),
    ...(engine !== undefined && { persistenceEngine: engine }),
  };
}

function readFlags(block: BoundBlock, scheduler: SchedulerName, { reporter }: ServiceContext): string[] {
  return FLAGS.filter((name) => {
    const statement = block.last(name);
    const owner = OWN_FLAGS[name];
    if (!statement || owner === undefined || owner === scheduler) return statement !== undefined;
    reporter.report(
      'config/no-effect',
      placeOf(statement),
      `${name} concerns the scheduler ${owner} only, and this service has ${scheduler}. It is ignored, as keepalived does.`,
      { help: `Write lvs_sched ${owner}, or remove ${name}.` },
    );
    return false;
  });
}

function readOnePacket(block: BoundBlock, protocol: Protocol, { members }: Destination, context: ServiceContext): boolean {
  const statement = block.last('ops');
  if (!statement) return false;
  if (protocol === 'udp' || members.every((member) => member.kind === 'fwmark')) return true;
  context.reporter.report(
    'config/no-effect',
    placeOf(statement),
    `One-packet scheduling is for UDP only, and this service is ${protocol.toUpperCase()}. It is ignored, as keepalived does.`,
    { help: 'Remove ops.' },
  );
  return false;
}

function readEngine(block: BoundBlock, persistence: Persistence | undefined, context: ServiceContext): string | undefined {
  const { reporter } = context;
  const statement = block.last('persistence_engine');
  const name = block.text('persistence_engine');
  if (!statement || name === undefined) return undefined;
  const place = placeOf(statement);
  if (name !== 'sip') {
    reporter.report('config/bad-value', place, `There is one persistence engine, sip; ${name} is none.`, {
      help: 'Write persistence_engine sip, or remove the line.',
    });
    return undefined;
  }
  if (!persistence) {
    reporter.report('config/no-effect', place, 'persistence_engine means nothing in a service that is not persistent. It is ignored.', {
      help: 'Add persistence_timeout, or remove the line.',
    });
    return undefined;
  }
  refuseFeature('persistenceEngines', place, context);
  return name;
}

function readPersistence(
  bound: BoundStatement,
  block: BoundBlock,
  { members }: Destination,
  family: IpFamily,
  { reporter }: ServiceContext,
): Persistence | undefined {
  const statement = block.last('persistence_timeout');
  const granularity = block.last('persistence_granularity');
  const prefixLength = (granularity && readGranularity(granularity, family, reporter)) ?? maxPrefixLength(family);
  if (statement?.value === true) return { timeoutSeconds: DEFAULT_PERSISTENCE, prefixLength };
  if (typeof statement?.value === 'number') return { timeoutSeconds: statement.value, prefixLength };
  // Where the time could not be read, that has been said.
  if (statement) return undefined;
  if (granularity) {
    reporter.report(
      'config/no-effect',
      placeOf(granularity),
      'persistence_granularity means nothing without persistence_timeout. It is ignored.',
      {
        help: 'Add persistence_timeout and a number of seconds.',
      },
    );
  }
  if (members.some((member) => member.kind === 'address' && member.port === 0)) {
    reporter.report(
      'config/zero-port',
      placeOf(bound),
      `A service on all ports must be persistent, or the connections of one client would end up on different servers. It is made persistent for ${DEFAULT_PERSISTENCE} s, as keepalived does.`,
      { help: `Write the port, or persistence_timeout ${DEFAULT_PERSISTENCE}.` },
    );
  }
  return undefined;
}

/** A netmask (`255.255.255.0`) or a prefix length. */
function readGranularity(statement: BoundStatement, family: IpFamily, reporter: Reporter): number | undefined {
  const token = statement.statement.words[1];
  if (!token) return undefined;
  const text = wordValue(token);
  const { source } = statement;
  if (/^\d+$/.test(text)) return readInteger(token, 1, maxPrefixLength(family), 'persistence_granularity', source, reporter);
  const mask = IpAddress.parse(text);
  const bits = mask?.family === 4 && family === 4 ? mask.toV4Number().toString(2).padStart(32, '0') : '';
  if (/^1+0*$/.test(bits)) return bits.lastIndexOf('1') + 1;
  const example = family === 4 ? 'a netmask such as 255.255.255.0' : 'a prefix length from 1 to 128';
  reporter.report('config/bad-value', tokenPlace(source, token), `persistence_granularity takes ${example}, not ${token.text}.`);
  return undefined;
}
