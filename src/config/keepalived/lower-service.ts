/** virtual_server and real_server to the model. */
import { IpAddress } from '../../base/index.ts';
import {
  type CheckedRealServer,
  type CheckedService,
  type ForwardingMethod,
  type Persistence,
  type Protocol,
  type RealServer,
  type RealServerKey,
  type SchedulerName,
  type ServiceKey,
  serverKeyText,
  serviceKeyText,
} from '../../model/index.ts';
import { readAddress, readInteger } from './arguments.ts';
import { type BoundBlock, type BoundStatement, placeOf, wordsOf } from './bind.ts';
import { type Context, commandOf } from './context.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import { readChecks } from './lower-check.ts';
import { tokenPlace } from './syntax.ts';

/** What `persistence_timeout` without a number means, as `ipvsadm -p` does. */
const DEFAULT_PERSISTENCE = 360;
const MAX_PERSISTENCE = 2678400;
const SUPPORTED_SCHEDULERS: readonly string[] = ['rr', 'wrr'];

export function readServices(root: BoundBlock, context: Context): CheckedService[] {
  const services = new Map<string, { service: CheckedService; bound: BoundStatement }>();
  for (const bound of root.all('virtual_server')) {
    const service = bound.block && readService(bound, bound.block, context);
    if (!service) continue;
    const key = serviceKeyText(service.key);
    const before = services.get(key);
    if (before) {
      const line = before.bound.source.position(placeOf(before.bound).start).line;
      context.reporter.report(
        'config/duplicate-service',
        placeOf(bound),
        `The virtual service ${key} is described already on line ${line}.`,
        { help: 'Put all real servers into one virtual_server.' },
      );
    } else services.set(key, { service, bound });
  }
  return [...services.values()].map(({ service }) => service);
}

function readService(bound: BoundStatement, block: BoundBlock, context: Context): CheckedService | undefined {
  const key = readKey(bound, block, context);
  if (!key) return undefined;
  const method = readMethod(block.last('lvs_method'), context) ?? 'dr';
  const servers = readServers(bound, block, key, method, context);
  if (servers.length === 0) {
    // Where a real_server is there and could not be read, that has been said.
    if (!block.has('real_server'))
      context.reporter.report('config/empty-service', placeOf(bound), `${wordsText(bound)} has no real_server and is dropped.`);
    return undefined;
  }
  const persistence = readPersistence(block, context);
  const quorumUp = commandOf(block, 'quorum_up', context);
  const quorumDown = commandOf(block, 'quorum_down', context);
  const sorry = readSorryServer(block, key, method, context);
  return {
    key,
    scheduler: readScheduler(block, context),
    schedulerFlags: [],
    ...(persistence && { persistence }),
    onePacket: false,
    servers,
    ...readQuorum(block, servers, context),
    ...(quorumUp && { quorumUp }),
    ...(quorumDown && { quorumDown }),
    ...(sorry && { sorryServer: sorry }),
    alpha: block.flag('alpha') ?? false,
    smtpAlert: block.flag('smtp_alert') ?? context.globals.alerts.service,
  };
}

function wordsText(bound: BoundStatement): string {
  return bound.statement.words.map((word) => word.text).join(' ');
}

/** Only address services so far; `fwmark N` and `group NAME` are reported. */
function readKey(bound: BoundStatement, block: BoundBlock, context: Context): (ServiceKey & { kind: 'address' }) | undefined {
  const [first, second] = wordsOf(bound);
  if (!first) return undefined;
  const text = wordValue(first);
  if (text === 'fwmark' || text === 'group') {
    context.reporter.report(
      'config/unsupported',
      placeOf(bound),
      `A virtual_server by ${text} is understood but not acted on in this version.`,
      { help: 'Write one virtual_server for each address and port.' },
    );
    return undefined;
  }
  const address = readIpv4(first, bound, 'virtual servers', context);
  const port = second ? readInteger(second, 0, 65535, 'The port', bound.source, context.reporter) : 0;
  if (!address || port === undefined) return undefined;
  return { kind: 'address', protocol: readProtocol(block, context), address, port };
}

function readProtocol(block: BoundBlock, { reporter }: Context): Protocol {
  const bound = block.last('protocol');
  if (bound?.value !== 'SCTP') return bound?.value === 'TCP' ? 'tcp' : 'udp';
  reporter.report('config/unsupported', placeOf(bound), 'SCTP is understood but not acted on in this version.');
  return 'sctp';
}

/** IPv4 only in this version: IPv6 is reported as such, anything else as a bad address. */
function readIpv4(token: Token, bound: BoundStatement, what: string, { reporter }: Context): IpAddress | undefined {
  const address = readAddress(token, bound.source, reporter);
  if (address?.family !== 6) return address;
  reporter.report('config/unsupported', tokenPlace(bound.source, token), `IPv6 ${what} are understood but not acted on in this version.`);
  return undefined;
}

function readScheduler(block: BoundBlock, { reporter }: Context): SchedulerName {
  const bound = block.last('lvs_sched');
  const name = block.text('lvs_sched') as SchedulerName | undefined;
  if (bound && name !== undefined && !SUPPORTED_SCHEDULERS.includes(name)) {
    reporter.report('config/unsupported', placeOf(bound), `The scheduler ${name} is understood but not acted on in this version.`, {
      help: `Use ${SUPPORTED_SCHEDULERS.join(' or ')}.`,
    });
  }
  return name ?? 'wlc';
}

function readMethod(bound: BoundStatement | undefined, { reporter }: Context): ForwardingMethod | undefined {
  const token = bound && wordsOf(bound)[0];
  if (!bound || !token) return undefined;
  const text = wordValue(token);
  if (text === 'DR') {
    const extra = wordsOf(bound)[1];
    if (extra)
      reporter.report(
        'config/extra-words',
        { source: bound.source, start: extra.start, end: tokenEnd(wordsOf(bound).at(-1) as Token) },
        'DR takes no options; the rest of the line is ignored.',
      );
    return 'dr';
  }
  if (text === 'NAT' || text === 'TUN')
    reporter.report('config/unsupported', placeOf(bound), `The forwarding method ${text} is understood but not acted on in this version.`, {
      help: 'Use DR, with the virtual address on the loopback interface of every real server.',
    });
  else
    reporter.report('config/bad-value', tokenPlace(bound.source, token), `${bound.keyword.name} takes NAT, DR or TUN, not ${token.text}.`, {
      ...(['nat', 'dr', 'tun'].includes(text.toLowerCase()) && { help: `Did you mean ${text.toUpperCase()}?` }),
    });
  return text === 'NAT' ? 'nat' : text === 'TUN' ? 'tun' : undefined;
}

function readPersistence(block: BoundBlock, { reporter }: Context): Persistence | undefined {
  const bound = block.last('persistence_timeout');
  if (!bound) return undefined;
  const token = wordsOf(bound)[0];
  const timeoutSeconds = token
    ? readInteger(token, 1, MAX_PERSISTENCE, 'persistence_timeout', bound.source, reporter)
    : DEFAULT_PERSISTENCE;
  if (timeoutSeconds === undefined) return undefined;
  return { timeoutSeconds, prefixLength: readGranularity(block.last('persistence_granularity'), reporter) ?? 32 };
}

/** A netmask (`255.255.255.0`) as prefix length. */
function readGranularity(bound: BoundStatement | undefined, reporter: Context['reporter']): number | undefined {
  const token = bound?.statement.words[1];
  if (!bound || !token) return undefined;
  const text = wordValue(token);
  if (/^\d+$/.test(text)) return readInteger(token, 1, 32, 'persistence_granularity', bound.source, reporter);
  const mask = IpAddress.parse(text);
  const bits = mask?.family === 4 ? mask.toV4Number().toString(2).padStart(32, '0') : '';
  if (/^1+0*$/.test(bits)) return bits.lastIndexOf('1') + 1;
  reporter.report(
    'config/bad-value',
    tokenPlace(bound.source, token),
    `persistence_granularity takes a netmask such as 255.255.255.0, not ${token.text}.`,
  );
  return undefined;
}

function readQuorum(
  block: BoundBlock,
  servers: readonly CheckedRealServer[],
  { reporter }: Context,
): Pick<CheckedService, 'quorum' | 'hysteresis'> {
  const total = servers.reduce((sum, server) => sum + server.weight, 0);
  const asked = block.number('quorum') ?? 1;
  const bound = block.last('quorum');
  if (bound && asked > total) {
    reporter.report(
      'config/quorum-lowered',
      placeOf(bound),
      `The quorum ${asked} is above the total weight ${total} of the real servers and could never be reached. It is lowered to ${total}.`,
      { help: `Write quorum ${total} or less.` },
    );
  }
  const quorum = bound ? Math.min(asked, Math.max(total, 1)) : 1;
  const hysteresis = block.number('hysteresis') ?? 0;
  const hysteresisBound = block.last('hysteresis');
  if (!hysteresisBound || hysteresis < quorum) return { quorum, hysteresis };
  reporter.report(
    'config/out-of-range',
    placeOf(hysteresisBound),
    `hysteresis must be below the quorum (${quorum}), or the quorum could never be lost.`,
  );
  return { quorum, hysteresis: 0 };
}

function readSorryServer(
  block: BoundBlock,
  service: ServiceKey & { kind: 'address' },
  method: ForwardingMethod,
  context: Context,
): RealServer | undefined {
  const bound = block.last('sorry_server');
  const key = bound && readServerKey(bound, service, method, context);
  if (!key) return undefined;
  const own = readMethod(block.last('sorry_server_lvs_method'), context);
  return { ...key, method: own ?? method, weight: 1, upperThreshold: 0, lowerThreshold: 0 };
}

/** `ADDRESS [PORT]`. Direct routing delivers packets as they came, so the port is the service's whatever the file says. */
function readServerKey(
  bound: BoundStatement,
  service: ServiceKey & { kind: 'address' },
  method: ForwardingMethod,
  context: Context,
): RealServerKey | undefined {
  const [first, second] = wordsOf(bound);
  const address = first && readIpv4(first, bound, 'real servers', context);
  const port = second ? readInteger(second, 0, 65535, 'The port', bound.source, context.reporter) : service.port;
  if (!address || port === undefined) return undefined;
  if (method === 'nat' || port === service.port || !second) return { address, port };
  context.reporter.report(
    'config/port-forced',
    tokenPlace(bound.source, second),
    `Direct routing cannot change the port: ${address} gets port ${service.port} instead of ${port}, as in keepalived.`,
    {
      help: `Write ${service.port}.`,
      fix: { description: `Write ${service.port}`, start: second.start, end: tokenEnd(second), replacement: String(service.port) },
    },
  );
  return { address, port: service.port };
}

function readServers(
  owner: BoundStatement,
  block: BoundBlock,
  service: ServiceKey & { kind: 'address' },
  method: ForwardingMethod,
  context: Context,
): CheckedRealServer[] {
  const servers = new Map<string, CheckedRealServer>();
  for (const bound of block.all('real_server')) {
    const server = bound.block && readServer(bound, bound.block, block, service, method, context);
    if (!server) continue;
    const key = serverKeyText(server);
    if (!servers.has(key)) servers.set(key, server);
    else
      context.reporter.report(
        'config/duplicate-server',
        placeOf(bound),
        `The real server ${key} is in ${wordsText(owner)} already. This one is dropped.`,
        { help: 'Remove one of them.' },
      );
  }
  return [...servers.values()];
}

function readServer(
  bound: BoundStatement,
  block: BoundBlock,
  parent: BoundBlock,
  service: ServiceKey & { kind: 'address' },
  inheritedMethod: ForwardingMethod,
  context: Context,
): CheckedRealServer | undefined {
  const method = readMethod(block.last('lvs_method'), context) ?? inheritedMethod;
  const key = readServerKey(bound, service, method, context);
  if (!key) return undefined;
  const notifyUp = commandOf(block, 'notify_up', context);
  const notifyDown = commandOf(block, 'notify_down', context);
  return {
    ...key,
    method,
    weight: block.number('weight') ?? parent.number('weight') ?? 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    checks: readChecks(key, [block, parent], context),
    inhibitOnFailure: block.flag('inhibit_on_failure') ?? parent.flag('inhibit_on_failure') ?? false,
    smtpAlert: block.flag('smtp_alert') ?? context.globals.alerts.server,
    ...(notifyUp && { notifyUp }),
    ...(notifyDown && { notifyDown }),
  };
}
