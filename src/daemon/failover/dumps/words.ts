/** Addresses, routes, rules and commands in keepalived's words, as its dumps have them. */
import { formatPrefix, type IpPrefix, maxPrefixLength } from '../../../base/index.ts';
import type { PolicyRule, Route, ScriptCommand, Vip, VirtualRouter } from '../../../model/index.ts';
import { deviceOf, vipText } from '../vip.ts';

/** `192.168.18.210/24 dev eth0 scope global label eth0:1 set`; a whole address has no length. */
export function vipWords(router: VirtualRouter, vip: Vip, held: ReadonlySet<string>): string {
  const device = deviceOf(router, vip);
  const words = [
    prefixWords(vip),
    ...(vip.peer ? [`peer ${vip.peer}`] : []),
    ...(vip.broadcast ? [`brd ${vip.broadcast}`] : []),
    `dev ${device}${device === vip.interface ? '' : `@${vip.interface}`}`,
    `scope ${vip.scope ?? 'global'}`,
    ...(vip.label === undefined ? [] : [`label ${vip.label}`]),
    ...(vip.deprecated ? ['deprecated'] : []),
    ...(vip.tracked ? [] : ['no_track']),
    ...(held.has(vipText(vip, device)) ? ['set'] : []),
    ...(router.accept || router.priority === 255 ? [] : ['nftable_set']),
  ];
  return words.join(' ');
}

function prefixWords(prefix: IpPrefix): string {
  return prefix.length === maxPrefixLength(prefix.address.family) ? String(prefix.address) : formatPrefix(prefix);
}

export function routeWords(route: Route): string {
  const [only] = route.nextHops;
  const ways =
    route.nextHops.length === 1 && only
      ? hopWords(only)
      : route.nextHops.map((hop) => `nexthop ${hopWords(hop)} weight ${hop.weight}`).join(' ');
  const words = [
    ...(route.type === 'unicast' ? [] : [route.type]),
    route.destination.length === 0 ? 'default' : formatPrefix(route.destination),
    ways,
    ...(route.preferredSource ? [`src ${route.preferredSource}`] : []),
    ...(route.metric === undefined ? [] : [`metric ${route.metric}`]),
    ...(route.table === 254 ? [] : [`table ${route.table}`]),
    `proto ${route.protocol}`,
    ...(route.tracked ? [] : ['no_track']),
  ];
  return `prepend ${words.filter((word) => word !== '').join(' ')}`;
}

function hopWords({ via, interface: device, onlink }: Route['nextHops'][number]): string {
  const family = via?.family === 6 ? 'inet6' : 'inet';
  return [...(via ? [`via ${family} ${via}`] : []), ...(device === undefined ? [] : [`dev ${device}`]), ...(onlink ? ['onlink'] : [])].join(
    ' ',
  );
}

export function ruleWords(rule: PolicyRule): string {
  const { action } = rule;
  const words = [
    ...(rule.inverted ? ['not'] : []),
    rule.from ? `from ${formatPrefix(rule.from)}` : rule.to ? '' : 'from all',
    ...(rule.to ? [`to ${formatPrefix(rule.to)}`] : []),
    ...(rule.priority === undefined ? [] : [`priority ${rule.priority}`]),
    `tos 0x${(rule.tos ?? 0).toString(16)}`,
    ...(rule.mark ? [`fwmark 0x${rule.mark.value.toString(16)}/0x${rule.mark.mask.toString(16)}`] : []),
    ...(rule.inputInterface === undefined ? [] : [`iif ${rule.inputInterface}`]),
    ...(rule.outputInterface === undefined ? [] : [`oif ${rule.outputInterface}`]),
    `protocol ${rule.protocol}`,
    action.kind === 'table' ? `lookup ${action.table}` : action.kind === 'goto' ? `goto ${action.priority}` : action.kind,
    ...(rule.tracked ? [] : ['no_track']),
  ];
  return words.filter((word) => word !== '').join(' ');
}

/** Each word in single quotes. */
export function commandWords(command: ScriptCommand): string {
  return command.argv.map((word) => `'${word}'`).join(' ');
}
