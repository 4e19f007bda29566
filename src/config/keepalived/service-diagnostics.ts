/** What is legal line by line and yet not what anybody wants: findings about services as a whole. */
import { type CheckedRealServer, serverKeyText } from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, contentOf, placeOf } from './bind.ts';
import type { Context } from './context.ts';
import type { ReadService, ServerTemplate } from './lower-server.ts';

export function reportDuplicate(key: string, bound: BoundStatement, before: ReadService, { reporter }: Context): void {
  const { group } = before.service;
  const through = group === undefined ? '' : ` as a member of the group ${group}`;
  reporter.report(
    'config/duplicate-service',
    placeOf(bound),
    `The virtual service ${key} is described already ${lineOf(before.bound)}${through}.`,
    {
      help: 'Put all real servers into one virtual_server.',
    },
  );
}

function lineOf(bound: BoundStatement): string {
  return `on line ${bound.source.position(placeOf(bound).start).line}`;
}

/** Each virtual_server is looked at once, however many services its group makes of it. */
export function checkServices(services: readonly ReadService[], context: Context): void {
  const blocks = [...new Map(services.map((read) => [read.bound, read])).values()];
  const ports = new CheckedPorts();
  for (const read of blocks) {
    reportUnchecked(read, ports, context);
    reportSorryServer(read, context);
    for (const server of read.servers) reportCheckElsewhere(server, ports, context);
  }
  reportDifferentChecks(blocks, context);
}

/** What the checks of a real server look at, found out once for all blocks that say the same. */
class CheckedPorts {
  private readonly known = new Map<BoundBlock, readonly number[] | undefined>();

  /** The ports that checks are told to look at; undefined when there is no check. */
  of(bound: BoundStatement): readonly number[] | undefined {
    const content = contentOf(bound);
    if (!content) return undefined;
    if (!this.known.has(content)) this.known.set(content, portsIn(content));
    return this.known.get(content);
  }
}

function portsIn(content: BoundBlock): readonly number[] | undefined {
  const checks = content.statements.filter(({ keyword }) => keyword.block);
  return checks.length === 0 ? undefined : checks.flatMap((check) => contentOf(check)?.number('connect_port') ?? []);
}

/** A real server without a check gets connections when it is dead, too. */
function reportUnchecked({ servers, bound }: ReadService, ports: CheckedPorts, { reporter }: Context): void {
  const unchecked = servers.filter((template) => ports.of(template.bound) === undefined);
  if (unchecked.length === 0) return;
  const all = unchecked.length === servers.length;
  const places = all ? [bound] : unchecked.map((template) => template.bound);
  const subject = all ? 'None of its real servers has a check, so they count' : 'This real server has no check, so it counts';
  for (const place of places)
    reporter.report('config/no-check', placeOf(place), `${subject} as healthy whatever happens.`, {
      help: 'Add TCP_CHECK { } or HTTP_GET { … } to it.',
    });
}

function reportSorryServer({ service, servers, bound }: ReadService, { reporter }: Context): void {
  const { sorryServer } = service;
  const statement = bound.block?.last('sorry_server');
  if (!sorryServer || !statement) return;
  if (!servers.some(({ server }) => server.address.equals(sorryServer.address) && server.port === sorryServer.port)) return;
  reporter.report(
    'config/sorry-server-is-real',
    placeOf(statement),
    `The sorry server ${serverKeyText(sorryServer)} is one of the real servers: when they fail it has most likely failed with them.`,
    { help: 'Name a server that serves nothing but the apology.' },
  );
}

/** With direct routing clients reach the service's port, whatever port is checked. */
function reportCheckElsewhere({ server, bound }: ServerTemplate, ports: CheckedPorts, { reporter }: Context): void {
  if (server.method === 'nat' || server.method === 'fullnat' || server.port === 0) return;
  const checked = ports.of(bound);
  if (!checked?.some((port) => port !== server.port)) return;
  for (const check of bound.block?.statements ?? []) {
    const statement = check.block?.last('connect_port');
    const asked = check.block?.number('connect_port');
    if (!statement || asked === undefined || asked === server.port) continue;
    reporter.report(
      'config/check-elsewhere',
      placeOf(statement),
      `Clients reach port ${server.port} of this server and the check looks at port ${asked}: it can pass while the service is down.`,
      { help: `Check port ${server.port}, unless this is meant.` },
    );
  }
}

/** One server, two opinions: it could be up in one service and down in the other. */
function reportDifferentChecks(blocks: readonly ReadService[], { reporter }: Context): void {
  const seen = new Map<string, Map<string, ServerTemplate>>();
  let owners: ReadonlyMap<ServerTemplate, ReadService> | undefined;
  for (const read of blocks) {
    const { key } = read.service;
    const protocol = key.kind === 'fwmark' ? '' : key.protocol;
    const servers = seen.get(protocol) ?? new Map<string, ServerTemplate>();
    seen.set(protocol, servers);
    for (const template of read.servers) {
      const { name } = template;
      const before = servers.get(name);
      if (!before) servers.set(name, template);
      else if (describe(before.server) !== describe(template.server)) {
        owners ??= new Map(blocks.flatMap((block) => block.servers.map((server) => [server, block])));
        const other = owners.get(before) ?? read;
        reporter.report(
          'config/checks-differ',
          placeOf(template.bound),
          `${name} is checked in another way in the virtual_server ${lineOf(other.bound)}: it can be up there and down here.`,
          { help: 'Give it the same checks in both.' },
        );
      }
    }
  }
}

function describe(server: CheckedRealServer): string {
  return JSON.stringify(server.checks);
}
