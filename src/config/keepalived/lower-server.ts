/** real_server and sorry_server to the model. */
import type { IpAddress } from '../../base/index.ts';
import {
  type Check,
  type CheckedRealServer,
  type CheckedService,
  type RealServer,
  type ServiceKey,
  serverKeyText,
} from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, contentOf, isAddress, isNumber, linePart, placeOf } from './bind.ts';
import { commandOf } from './context.ts';
import { tokenEnd } from './lexer.ts';
import { readChecks } from './lower-check.ts';
import type { Destination } from './lower-group.ts';
import { type Method, readMethod } from './lower-method.ts';
import { effects, readContent, type ServiceContext } from './service-context.ts';
import { tokenPlace } from './syntax.ts';
import type { LineValue } from './value.ts';

/** A real server as the block describes it. Its port is the service's unless the file gives one and the method can change it. */
export interface ServerTemplate {
  readonly server: CheckedRealServer;
  /** What identifies it among the servers of its block. */
  readonly name: string;
  readonly ownPort: boolean;
  readonly bound: BoundStatement;
}

/** A virtual service with the block that it comes from. */
export interface ReadService {
  readonly service: CheckedService;
  readonly bound: BoundStatement;
  readonly servers: readonly ServerTemplate[];
}

interface SorryTemplate {
  readonly server: RealServer;
  readonly ownPort: boolean;
}

/** The real server as it stands in one of the services of its block. */
export function instantiate({ server, ownPort }: ServerTemplate, key: ServiceKey): CheckedRealServer {
  return ownPort || server.port === portOf(key) ? server : { ...server, port: portOf(key) };
}

export function instantiateSorry({ server, ownPort }: SorryTemplate, key: ServiceKey): RealServer {
  return ownPort || server.port === portOf(key) ? server : { ...server, port: portOf(key) };
}

/** Packets with a firewall mark keep the port that they came with. */
function portOf(key: ServiceKey): number {
  return key.kind === 'fwmark' ? 0 : key.port;
}

export function readRealServers(
  owner: BoundStatement,
  block: BoundBlock,
  destination: Destination,
  method: Method,
  context: ServiceContext,
): ServerTemplate[] {
  const templates = new Map<string, ServerTemplate>();
  const reader = new ServerReader(block, destination, method, context);
  for (const bound of block.all('real_server')) {
    const read = reader.read(bound);
    if (!read) continue;
    const { name } = read;
    if (!templates.has(name)) templates.set(name, read);
    else
      context.reporter.report(
        'config/duplicate-server',
        placeOf(bound),
        `The real server ${name} is in ${owner.statement.words.map((word) => word.text).join(' ')} already. This one is dropped.`,
        { help: 'Remove one of them.' },
      );
  }
  return [...templates.values()];
}

/** Reads the real servers of one virtual_server. */
class ServerReader {
  private readonly parent: BoundBlock;
  private readonly destination: Destination;
  private readonly ports: readonly number[];
  private readonly inherited: Method;
  private readonly context: ServiceContext;
  /** Servers whose blocks were read without a word, for those that say the same. */
  private readonly known = new Map<BoundBlock, CheckedRealServer>();

  constructor(parent: BoundBlock, destination: Destination, inherited: Method, context: ServiceContext) {
    this.parent = parent;
    this.destination = destination;
    this.ports = portsOf(destination);
    this.inherited = inherited;
    this.context = context;
  }

  read(bound: BoundStatement): ServerTemplate | undefined {
    const content = contentOf(bound);
    if (!content) return undefined;
    const before = effects(this.context);
    const like = this.known.get(content);
    const method = like ?? this.method(bound);
    const key = readServerAddress(bound, this.destination, this.ports, method, this.context);
    if (!key) return undefined;
    if (like && like.port === key.port && like.address.family === key.address.family)
      return template(atAddress(like, key.address), key, bound);
    const server = this.server(bound, key, method);
    if (server && before === effects(this.context)) this.known.set(content, server);
    return server && template(server, key, bound);
  }

  private method(bound: BoundStatement): Method {
    return readContent(bound, this.context, (block, context) => readMethod(block.last('lvs_method'), context)) ?? this.inherited;
  }

  private server(bound: BoundStatement, key: ServerAddress, method: Method): CheckedRealServer | undefined {
    return readContent(bound, this.context, (block, context) => readServer(key, block, this.parent, method, context));
  }
}

function template(server: CheckedRealServer, { ownPort }: ServerAddress, bound: BoundStatement): ServerTemplate {
  return { server, name: serverKeyText(server), ownPort, bound };
}

function readServer(
  key: ServerAddress,
  block: BoundBlock,
  parent: BoundBlock,
  { method, tunnel }: Method,
  context: ServiceContext,
): CheckedRealServer {
  const notifyUp = commandOf(block, 'notify_up', context);
  const notifyDown = commandOf(block, 'notify_down', context);
  const { upperThreshold, lowerThreshold } = readThresholds(block, context);
  return {
    address: key.address,
    port: key.port,
    method,
    weight: block.number('weight') ?? parent.number('weight') ?? 1,
    upperThreshold,
    lowerThreshold,
    checks: readChecks(key, [block, parent], context),
    inhibitOnFailure: block.flag('inhibit_on_failure') ?? parent.flag('inhibit_on_failure') ?? false,
    alpha: block.flag('alpha') ?? parent.has('alpha'),
    smtpAlert: block.flag('smtp_alert') ?? context.globals.alerts.server,
    ...(tunnel && { tunnel }),
    ...(notifyUp && { notifyUp }),
    ...(notifyDown && { notifyDown }),
  };
}

/** The same server at another address of its family. */
function atAddress(server: CheckedRealServer, address: IpAddress): CheckedRealServer {
  return { ...server, address, checks: server.checks.map((check) => redirected(check, server.address, address)) };
}

/** What a check connects to is either the very address of its server, or one of its own. */
function redirected(check: Check, from: IpAddress, to: IpAddress): Check {
  return 'target' in check && check.target.address === from ? { ...check, target: { ...check.target, address: to } } : check;
}

function readThresholds(block: BoundBlock, context: ServiceContext): Pick<RealServer, 'upperThreshold' | 'lowerThreshold'> {
  const upperThreshold = block.number('uthreshold') ?? 0;
  const lowerThreshold = block.number('lthreshold') ?? 0;
  const lower = block.last('lthreshold');
  if (!lower || lowerThreshold === 0) return { upperThreshold, lowerThreshold };
  if (upperThreshold === 0) {
    context.reporter.report('config/no-effect', placeOf(lower), 'lthreshold means nothing without uthreshold. It is ignored.', {
      help: 'Add uthreshold, or remove the line.',
    });
    return { upperThreshold, lowerThreshold: 0 };
  }
  if (lowerThreshold <= upperThreshold) return { upperThreshold, lowerThreshold };
  context.reporter.report(
    'config/out-of-range',
    placeOf(lower),
    `lthreshold ${lowerThreshold} is above uthreshold ${upperThreshold}; the kernel refuses such a server.`,
    { help: `Write a number up to ${upperThreshold}.` },
  );
  return { upperThreshold, lowerThreshold: 0 };
}

export function readSorryServer(
  block: BoundBlock,
  destination: Destination,
  inherited: Method,
  context: ServiceContext,
): SorryTemplate | undefined {
  const bound = block.last('sorry_server');
  const method = readMethod(block.last('sorry_server_lvs_method'), context) ?? inherited;
  const key = bound && readServerAddress(bound, destination, portsOf(destination), method, context);
  if (!bound) reportWithoutSorryServer(block, context);
  if (!key) return undefined;
  const server = { address: key.address, port: key.port, ...method, weight: 1, upperThreshold: 0, lowerThreshold: 0 };
  return { server, ownPort: key.ownPort };
}

function reportWithoutSorryServer(block: BoundBlock, { reporter }: ServiceContext): void {
  for (const name of ['sorry_server_inhibit', 'sorry_server_lvs_method']) {
    const statement = block.last(name);
    if (!statement) continue;
    reporter.report('config/no-effect', placeOf(statement), `${name} means nothing without sorry_server. It is ignored.`, {
      help: 'Add sorry_server and its address.',
    });
  }
}

interface ServerAddress {
  readonly address: IpAddress;
  /** Where checks go: the server's own port, else that of the service, or of the first of its group. */
  readonly port: number;
  readonly ownPort: boolean;
}

/** Every port of the services, once. */
function portsOf({ members }: Destination): readonly number[] {
  return [...new Set(members.map((member) => (member.kind === 'address' ? member.port : 0)))];
}

/** `ADDRESS [PORT]`. Only NAT can change the port: else it is the service's whatever the file says. */
function readServerAddress(
  bound: BoundStatement,
  destination: Destination,
  ports: readonly number[],
  { method }: Method,
  context: ServiceContext,
): ServerAddress | undefined {
  const line = typeof bound.value === 'object' && 'parts' in bound.value ? bound.value : undefined;
  const address = linePart(line, 0, isAddress);
  if (!line || !address) return undefined;
  const given = linePart(line, 1, isNumber);
  const port = ports[0] ?? 0;
  if (given === undefined) return { address, port, ownPort: false };
  if (method === 'nat' || method === 'fullnat') return { address, port: given, ownPort: true };
  if (ports.every((other) => other === given)) return { address, port: given, ownPort: false };
  reportForcedPort(bound, line, address, given, destination, port, context);
  const forced = destination.group === undefined && destination.members[0]?.kind === 'address';
  return { address, port: forced ? port : given, ownPort: false };
}

function reportForcedPort(
  bound: BoundStatement,
  line: LineValue,
  address: IpAddress,
  given: number,
  destination: Destination,
  port: number,
  { reporter }: ServiceContext,
): void {
  const token = line.parts[1]?.token;
  if (!token) return;
  const place = tokenPlace(bound.source, token);
  const start = `Direct routing cannot change the port: ${address} gets port`;
  if (destination.group !== undefined) {
    reporter.report('config/port-forced', place, `${start} of each entry of the group ${destination.group} instead of ${given}.`, {
      help: 'Leave the port out.',
    });
    return;
  }
  if (destination.members[0]?.kind === 'fwmark') {
    if (given !== 0)
      reporter.report(
        'config/port-forced',
        place,
        `Packets with a firewall mark keep the port that they came with: port ${given} is ignored, except by checks.`,
        { help: 'Leave the port out, and give the checks a connect_port.' },
      );
    return;
  }
  reporter.report('config/port-forced', place, `${start} ${port} instead of ${given}, as in keepalived.`, {
    help: `Write ${port}.`,
    fix: { description: `Write ${port}`, start: token.start, end: tokenEnd(token), replacement: String(port) },
  });
}
