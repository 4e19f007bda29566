/** virtual_server to the model: one virtual service, or one for each member of its group. */
import { type IpFamily, maxPrefixLength } from '../../base/index.ts';
import {
  type CheckedRealServer,
  type CheckedService,
  type Protocol,
  type RealServer,
  type ServiceKey,
  serviceKeyText,
} from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, placeOf } from './bind.ts';
import { type Context, commandOf } from './context.ts';
import { readDefence } from './lower-defence.ts';
import { type Destination, type Member, readDestination, readServiceGroups } from './lower-group.ts';
import { type LocalGroups, readLocalAddresses, readLocalGroups } from './lower-local.ts';
import { type Method, readMethod } from './lower-method.ts';
import { DEFAULT_PERSISTENCE, readScheduling, type Scheduling } from './lower-scheduling.ts';
import { instantiate, instantiateSorry, type ReadService, readRealServers, readSorryServer, type ServerTemplate } from './lower-server.ts';
import { readTimeouts } from './lower-timeouts.ts';
import { type Followed, type ServiceContext, serviceContext } from './service-context.ts';
import { checkServices, reportDuplicate } from './service-diagnostics.ts';

export function readServices(root: BoundBlock, base: Context, followed: Followed): CheckedService[] {
  const context = serviceContext(root, base, followed);
  const groups = readServiceGroups(root, context);
  const locals = readLocalGroups(root, context);
  const services = new Map<string, ReadService>();
  for (const bound of root.all('virtual_server')) {
    const destination = bound.block && readDestination(bound, groups, context);
    if (!bound.block || !destination) continue;
    for (const read of readService(bound, bound.block, destination, locals, context)) {
      const key = serviceKeyText(read.service.key);
      const before = services.get(key);
      if (before) reportDuplicate(key, bound, before, context);
      else services.set(key, read);
    }
  }
  const all = [...services.values()];
  checkServices(all, context);
  return all.map(({ service }) => service);
}

function readService(
  bound: BoundStatement,
  block: BoundBlock,
  destination: Destination,
  groups: LocalGroups,
  context: ServiceContext,
): ReadService[] {
  const protocol = readProtocol(bound, block, destination, context);
  const method: Method = readMethod(block.last('lvs_method'), context) ?? { method: 'dr' };
  const servers = readRealServers(bound, block, destination, method, context);
  if (servers.length === 0) {
    // Where a real_server is there and could not be read, that has been said.
    if (!block.has('real_server'))
      context.reporter.report('config/empty-service', placeOf(bound), `${wordsText(bound)} has no real_server and is dropped.`);
    return [];
  }
  const family = readFamily(block, destination, servers);
  const scheduling = readScheduling(bound, block, protocol, destination, family, context);
  const defence = readDefence(
    block,
    protocol,
    destination,
    servers.map(({ server }) => server),
    context,
  );
  const timeouts = readTimeouts(block, protocol, destination, context);
  const localAddresses = readLocalAddresses(bound, block, servers, family, groups, context);
  const policy = readPolicy(block, servers, destination, context);
  const sorry = readSorryServer(block, destination, method, context);
  reportOnePacket(block, scheduling.onePacket, [...servers, ...(sorry ? [sorry] : [])], context);
  reportForeignServers(servers, family, context);
  return destination.members.flatMap((member): ReadService[] => {
    const key = readKey(member, protocol, family);
    const own = servers.filter(({ server }) => serves(server, familyOf(key)));
    if (own.length === 0) return [];
    const { persistence, ...rest } = scheduling;
    const kept =
      persistence ??
      (key.kind === 'address' && key.port === 0
        ? { timeoutSeconds: DEFAULT_PERSISTENCE, prefixLength: maxPrefixLength(familyOf(key)) }
        : undefined);
    const service: CheckedService = {
      key,
      ...(destination.group !== undefined && { group: destination.group }),
      ...rest,
      ...(kept && { persistence: kept }),
      ...(defence && { defence }),
      ...(timeouts && { timeouts }),
      ...(localAddresses.length > 0 && { localAddresses }),
      servers: own.map((template) => instantiate(template, key)),
      ...policy,
      ...(sorry && { sorryServer: instantiateSorry(sorry, key) }),
    };
    return [{ service, bound, servers: own }];
  });
}

/** Full NAT finds a reply's client by the connection, and one-packet scheduling keeps none. */
function reportOnePacket(
  block: BoundBlock,
  onePacket: boolean,
  servers: readonly { readonly server: Pick<RealServer, 'method'> }[],
  { reporter }: ServiceContext,
): void {
  const statement = block.last('ops');
  if (!statement || !onePacket || !servers.some(({ server }) => server.method === 'fullnat')) return;
  reporter.report(
    'config/unsupported',
    placeOf(statement),
    'One-packet scheduling keeps no connections, and full NAT needs them for the replies.',
    {
      help: 'Remove ops, or choose another lvs_method.',
    },
  );
}

function readKey(member: Member, protocol: Protocol, family: IpFamily): ServiceKey {
  if (member.kind === 'fwmark') {
    return { kind: 'fwmark', mark: member.mark, family: member.family ?? family };
  }
  return { kind: 'address', protocol, address: member.address, port: member.port };
}

function familyOf(key: ServiceKey): IpFamily {
  return key.kind === 'fwmark' ? key.family : key.address.family;
}

/** The family of the service, or of most of its group. */
function readFamily(block: BoundBlock, { members }: Destination, servers: readonly ServerTemplate[]): IpFamily {
  const text = block.text('ip_family');
  const first = members.find((member) => member.kind === 'address');
  if (first?.kind === 'address') return first.address.family;
  return text === undefined ? (servers[0]?.server.address.family ?? 4) : text === 'inet6' ? 6 : 4;
}

/** Only a tunnel can carry packets of one family to a server of the other. */
function serves(server: CheckedRealServer, family: IpFamily): boolean {
  return server.address.family === family || server.method === 'tun';
}

function reportForeignServers(servers: readonly ServerTemplate[], family: IpFamily, { reporter }: ServiceContext): void {
  for (const { server, bound } of servers) {
    if (serves(server, family)) continue;
    reporter.report(
      'config/family-mismatch',
      placeOf(bound),
      `The real server ${server.address} is IPv${server.address.family} and its virtual service is IPv${family}. It is skipped, as keepalived does.`,
      { help: 'Give both addresses of one family; only a tunnel (TUN) can join the two.' },
    );
  }
}

function wordsText(bound: BoundStatement): string {
  return bound.statement.words.map((word) => word.text).join(' ');
}

function readProtocol(bound: BoundStatement, block: BoundBlock, destination: Destination, context: ServiceContext): Protocol {
  const statement = block.last('protocol');
  const text = block.text('protocol');
  const hasAddress = destination.members.some((member) => member.kind === 'address');
  if (!statement) {
    // For a plain address the table demands it already.
    if (hasAddress && destination.group !== undefined)
      context.reporter.report(
        'config/missing-keyword',
        placeOf(bound),
        `${wordsText(bound)} has no protocol, without which it cannot work.`,
        {
          help: 'Write protocol TCP or protocol UDP. keepalived would take UDP.',
        },
      );
    return 'udp';
  }
  if (!hasAddress && destination.members.length > 0)
    context.reporter.report(
      'config/no-effect',
      placeOf(statement),
      'A firewall mark stands for packets of any protocol: protocol is ignored.',
      {
        help: 'Remove the line.',
      },
    );
  return text === 'TCP' ? 'tcp' : text === 'SCTP' ? 'sctp' : 'udp';
}

type Policy = Omit<CheckedService, keyof Scheduling | 'defence' | 'key' | 'group' | 'servers' | 'sorryServer'>;

function readPolicy(block: BoundBlock, servers: readonly ServerTemplate[], destination: Destination, context: ServiceContext): Policy {
  const quorumUp = commandOf(block, 'quorum_up', context);
  const quorumDown = commandOf(block, 'quorum_down', context);
  return {
    ...readQuorum(block, servers, context),
    ...(quorumUp && { quorumUp }),
    ...(quorumDown && { quorumDown }),
    sorryServerInhibit: block.has('sorry_server_inhibit') && block.has('sorry_server'),
    alpha: block.has('alpha'),
    omega: block.has('omega'),
    haSuspend: readSuspension(block, destination, context),
    smtpAlert: block.flag('smtp_alert') ?? context.globals.alerts.service,
  };
}

function readSuspension(block: BoundBlock, destination: Destination, { reporter }: ServiceContext): boolean {
  const statement = block.last('ha_suspend');
  if (!statement) return false;
  if (destination.members.every((member) => member.kind === 'address')) return true;
  reporter.report(
    'config/no-effect',
    placeOf(statement),
    'ha_suspend goes by the virtual address, and a firewall mark has none. It is ignored, as keepalived does.',
    { help: 'Remove ha_suspend.' },
  );
  return false;
}

function readQuorum(
  block: BoundBlock,
  servers: readonly ServerTemplate[],
  { reporter }: ServiceContext,
): Pick<CheckedService, 'quorum' | 'hysteresis'> {
  const total = servers.reduce((sum, { server }) => sum + server.weight, 0);
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
