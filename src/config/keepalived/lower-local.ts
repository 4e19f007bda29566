/** local_address_group, and laddr_group_name of virtual servers: where full NAT sends from. */
import type { IpAddress, IpFamily } from '../../base/index.ts';
import { type BoundBlock, type BoundStatement, nameOf, placeOf } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, wordValue } from './lexer.ts';
import { readAddresses } from './lower-group.ts';
import type { ServerTemplate } from './lower-server.ts';
import { tokenPlace } from './syntax.ts';

export type LocalGroups = ReadonlyMap<string, readonly IpAddress[]>;

export function readLocalGroups(root: BoundBlock, context: Context): LocalGroups {
  const groups = new Map<string, readonly IpAddress[]>();
  for (const bound of root.all('local_address_group')) {
    const name = nameOf(bound);
    if (!bound.block || name === '') continue;
    if (groups.has(name)) {
      const help = 'Give one of them another name.';
      context.reporter.report('config/duplicate-name', placeOf(bound), `There is a local_address_group ${name} already.`, { help });
      continue;
    }
    const addresses = bound.block.entries.flatMap(({ words, source }) => {
      const first = words[0] as Token;
      return readAddresses(wordValue(first), tokenPlace(source, first), context);
    });
    groups.set(name, [...new Map(addresses.map((address) => [String(address), address])).values()]);
  }
  return groups;
}

/** The local addresses of a service; empty where it needs none, or where what it names has been reported. */
export function readLocalAddresses(
  bound: BoundStatement,
  block: BoundBlock,
  servers: readonly ServerTemplate[],
  family: IpFamily,
  groups: LocalGroups,
  { reporter }: Context,
): readonly IpAddress[] {
  const statement = block.last('laddr_group_name');
  const name = block.text('laddr_group_name');
  const needed = servers.some(({ server }) => server.method === 'fullnat');
  if (!statement || name === undefined) {
    if (needed)
      reporter.report('config/missing-keyword', placeOf(bound), 'Full NAT needs local addresses, and this virtual_server names none.', {
        help: 'Write laddr_group_name NAME, and the addresses into local_address_group NAME { … }.',
      });
    return [];
  }
  const group = groups.get(name);
  if (!group) {
    reporter.report('config/unknown-reference', placeOf(statement), `There is no local_address_group ${name}.`, {
      help: 'Names are case-sensitive.',
    });
    return [];
  }
  if (!needed)
    reporter.report('config/no-effect', placeOf(statement), 'laddr_group_name concerns full NAT only (lvs_method FNAT). It is ignored.', {
      help: 'Remove it.',
    });
  const own = group.filter((address) => address.family === family);
  if (needed && own.length === 0)
    reporter.report('config/family-mismatch', placeOf(statement), `local_address_group ${name} has no IPv${family} address.`, {
      help: "Give it addresses of the virtual service's family.",
    });
  const taken = own.find((address) => servers.some(({ server }) => server.address.equals(address)));
  if (taken)
    reporter.report('config/bad-value', placeOf(statement), `The local address ${taken} of ${name} is one of the real servers.`, {
      help: 'Local addresses are addresses of the director.',
    });
  return needed ? own : [];
}
