/** What holds as long as the daemon runs: static addresses, routes and rules, gaps between announcements, delays of interfaces. */
import type { Micros } from '../../base/index.ts';
import type { AnnouncementPacing, InterfaceDelay, StaticNetwork, VirtualRouter } from '../../model/index.ts';
import { type BoundBlock, type BoundEntry, isNumber, isText, linePart, nameOf, placeOf } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, wordValue } from './lexer.ts';
import { readLine } from './lines.ts';
import { readStaticAddress } from './lower-address.ts';
import { readRoute } from './lower-route.ts';
import { readRule } from './lower-rule.ts';
import { namesIn } from './lower-tracked.ts';
import { tokenPlace } from './syntax.ts';
import { INTERFACE_DELAY_LINE } from './table-track.ts';

export function readStaticNetwork(root: BoundBlock, routers: readonly VirtualRouter[], context: Context): StaticNetwork {
  const trackGroups = readTrackGroups(root, routers, context);
  const known = (entry: BoundEntry, token: Token | undefined): boolean => reportGroup(entry, token, trackGroups, context);
  return {
    addresses: entriesOf(root, 'static_ipaddress').flatMap((entry) => {
      const read = readStaticAddress(entry, context.globals.defaultInterface, context);
      const token = read?.trackGroup?.valueToken;
      if (!read) return [];
      return [{ ...read.vip, ...(token && known(entry, token) && { trackGroup: wordValue(token) }) }];
    }),
    routes: entriesOf(root, 'static_routes').flatMap((entry) => {
      const read = readRoute(entry, undefined, context);
      return read && known(entry, read.trackGroup) ? [read.route] : [];
    }),
    rules: entriesOf(root, 'static_rules').flatMap((entry) => {
      const read = readRule(entry, context);
      return read && known(entry, read.trackGroup) ? [read.rule] : [];
    }),
    trackGroups,
  };
}

export function entriesOf(block: BoundBlock, name: string): BoundEntry[] {
  return block.all(name).flatMap((bound) => bound.block?.entries ?? []);
}

function reportGroup(entry: BoundEntry, token: Token | undefined, groups: StaticNetwork['trackGroups'], { reporter }: Context): boolean {
  const name = token && wordValue(token);
  if (!token || groups.some((group) => group.name === name)) return true;
  if (!reporter.lostNames.has(wordValue(token)))
    reporter.report('config/unknown-reference', tokenPlace(entry.source, token), `There is no track_group ${name}.`, {
      help: `Define it: track_group ${name} { group { … } }`,
    });
  return false;
}

function readTrackGroups(root: BoundBlock, routers: readonly VirtualRouter[], { reporter }: Context): StaticNetwork['trackGroups'] {
  return root.all('track_group').flatMap((bound) => {
    if (!bound.block) return [];
    const members = namesIn(bound.block, 'group').flatMap(({ token, source }) => {
      const name = wordValue(token);
      if (routers.some((router) => router.name === name)) return [name];
      if (!reporter.lostNames.has(name))
        reporter.report('config/unknown-reference', tokenPlace(source, token), `There is no vrrp_instance ${name}.`, {
          help: 'Names are case-sensitive.',
        });
      return [];
    });
    return [{ name: nameOf(bound), members }];
  });
}

/** garp_group blocks, and for all other interfaces the gaps of global_defs. */
export function readPacing(root: BoundBlock, globals: BoundBlock, context: Context): AnnouncementPacing[] {
  const garpDefault = globals.number('vrrp_garp_interval') ?? 0;
  const gnaDefault = globals.number('vrrp_gna_interval') ?? 0;
  const taken = new Set<string>();
  const groups = root.all('garp_group').flatMap((bound): AnnouncementPacing[] => {
    const { block } = bound;
    if (!block) return [];
    const single = block.text('interface');
    const named = [...namesIn(block, 'interfaces').map(({ token }) => wordValue(token)), ...(single === undefined ? [] : [single])];
    const interfaces = named.filter((name) => !taken.has(name));
    for (const name of named) {
      if (taken.has(name))
        context.reporter.report(
          'config/two-groups',
          placeOf(bound),
          `The interface ${name} is in a garp_group already; the first one counts.`,
        );
      taken.add(name);
    }
    if (interfaces.length === 0) {
      if (named.length === 0)
        context.reporter.report('config/no-effect', placeOf(bound), 'A garp_group without interface or interfaces { … } has no effect.');
      return [];
    }
    if (!block.has('garp_interval') && !block.has('gna_interval')) {
      context.reporter.report('config/no-effect', placeOf(bound), 'A garp_group without garp_interval or gna_interval has no effect.');
      return [];
    }
    return [{ interfaces, ...gaps(block.number('garp_interval') ?? garpDefault, block.number('gna_interval') ?? gnaDefault) }];
  });
  return garpDefault > 0 || gnaDefault > 0 ? [...groups, { interfaces: [], ...gaps(garpDefault, gnaDefault) }] : groups;
}

function gaps(garpInterval: Micros, gnaInterval: Micros): Pick<AnnouncementPacing, 'garpInterval' | 'gnaInterval'> {
  return { garpInterval, gnaInterval };
}

export function readInterfaceDelays(root: BoundBlock, context: Context): InterfaceDelay[] {
  return entriesOf(root, 'interface_up_down_delays').flatMap((entry): InterfaceDelay[] => {
    const line = readLine('a line of interface_up_down_delays', INTERFACE_DELAY_LINE, entry, context.reporter);
    const name = linePart(line, 0, isText);
    const down = linePart(line, 1, isNumber);
    if (name === undefined || down === undefined) return [];
    context.interfaces.push({ interface: name, place: tokenPlace(entry.source, entry.words[0] as Token) });
    return [{ interface: name, down, up: linePart(line, 2, isNumber) ?? down }];
  });
}
