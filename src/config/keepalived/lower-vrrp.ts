/** vrrp_instance to the model. Elections are in lower-election.ts, how it speaks is in lower-transport.ts. */
import { IpAddress, type IpFamily } from '../../base/index.ts';
import type { GarpSettings, NotifyScripts, Vip, VirtualRouter } from '../../model/index.ts';
import { type BoundBlock, type BoundEntry, type BoundStatement, nameOf, placeOf } from './bind.ts';
import { type Context, commandOf } from './context.ts';
import { type Token, wordValue } from './lexer.ts';
import { type AddressDefaults, readVip } from './lower-address.ts';
import { readElection } from './lower-election.ts';
import { readExtraInterfaces, reportZero } from './lower-global.ts';
import { readRoute } from './lower-route.ts';
import { readRule } from './lower-rule.ts';
import { entriesOf } from './lower-static.ts';
import { readTrackers, type Tracked } from './lower-trackers.ts';
import { readTransport, readVmac } from './lower-transport.ts';
import { tokenPlace } from './syntax.ts';

/** A router with the statement it comes from, for messages about several of them. */
export interface ReadRouter {
  readonly router: VirtualRouter;
  readonly bound: BoundStatement;
  readonly block: BoundBlock;
}

export function readRouters(root: BoundBlock, tracked: Tracked, context: Context): ReadRouter[] {
  const routers = new Map<string, ReadRouter>();
  for (const bound of root.all('vrrp_instance')) {
    const name = nameOf(bound);
    const { block } = bound;
    if (!block || name === '') continue;
    const before = routers.get(name);
    if (before) {
      context.reporter.report(
        'config/duplicate-name',
        placeOf(bound),
        `There is a vrrp_instance ${name} already, on line ${lineOf(before.bound)}. keepalived would ignore this one.`,
        { help: 'Give one of them another name.' },
      );
      continue;
    }
    const router = readRouter(name, bound, block, tracked, [...routers.values()], context);
    if (router) routers.set(name, { router, bound, block });
    else context.reporter.lostNames.add(name);
  }
  return [...routers.values()];
}

export function lineOf(bound: BoundStatement): number {
  return bound.source.position(placeOf(bound).start).line;
}

function readRouter(
  name: string,
  bound: BoundStatement,
  block: BoundBlock,
  tracked: Tracked,
  others: readonly ReadRouter[],
  context: Context,
): VirtualRouter | undefined {
  const interfaceName = block.text('interface');
  const vrid = block.number('virtual_router_id');
  rememberInterface(block, context);
  if (interfaceName === undefined || vrid === undefined) return undefined;
  const strict = block.flag('strict_mode') ?? context.globals.strict;
  const usesVmac = block.has('use_vmac');
  const defaults: AddressDefaults = { interface: interfaceName, onVmac: usesVmac, othersOnVmac: block.has('use_vmac_addr') };
  const addresses = readVips(block, 'virtual_ipaddress', defaults, context);
  const family = familyOf(block, addresses);
  const { vips, excess } = withinLimit(name, ofOneFamily(addresses, family, context), family, block, context);
  const excludedVips = excess.concat(
    readVips(block, 'virtual_ipaddress_excluded', defaults, context).map(({ vip }) =>
      // The macvlan has the MAC address of the other family.
      vip.address.family === family || defaults.othersOnVmac ? vip : { ...vip, onVmac: false },
    ),
  );
  const election = readElection(name, block, { family, strict, addressed: vips.length > 0 }, context);
  const transport = readTransport(block, family, context);
  const vmac = readVmac(
    block,
    { vrid, family, strict, unicast: transport.unicast !== undefined, taken: others.flatMap(({ router }) => router.vmac?.name ?? []) },
    context,
  );
  reportNoAddress(name, bound, block, election.version, context);
  return {
    name,
    interface: interfaceName,
    vrid,
    family,
    ...election,
    ...transport,
    ...(vmac && { vmac }),
    vips,
    excludedVips,
    routes: entriesOf(block, 'virtual_routes').flatMap((entry) => readRoute(entry, interfaceName, context)?.route ?? []),
    rules: entriesOf(block, 'virtual_rules').flatMap((entry) => readRule(entry, context)?.rule ?? []),
    promoteSecondaries: block.has('promote_secondaries'),
    strict,
    skipCheckAdvertisedAddresses: block.flag('skip_check_adv_addr') ?? context.globals.skipCheckAdvertisedAddresses,
    garp: readGarp(block, strict, context),
    ...readTrackers(block, tracked, context),
    trackPrimary: !block.has('dont_track_primary'),
    notify: readNotify(block, context),
    notifyPriorityChanges: block.flag('notify_priority_changes') ?? context.globals.notifyPriorityChanges,
    smtpAlert: block.flag('smtp_alert') ?? context.globals.alerts.vrrp,
  };
}

function rememberInterface(block: BoundBlock, context: Context): void {
  const bound = block.last('interface');
  const token = bound?.statement.words[1];
  if (!bound || !token || typeof bound.value !== 'string') return;
  const place = tokenPlace(bound.source, token);
  context.interfaces.push({ interface: bound.value, place });
  if (bound.value === 'lo')
    context.reporter.report(
      'config/bad-value',
      place,
      'lo reaches nobody but this host, so no other director would hear a virtual router on it.',
      {
        help: 'Name the interface to the network of the virtual addresses.',
      },
    );
}

interface ReadVip {
  readonly vip: Vip;
  readonly entry: BoundEntry;
}

function readVips(block: BoundBlock, name: string, defaults: AddressDefaults, context: Context): ReadVip[] {
  return entriesOf(block, name).flatMap((entry) => {
    const vip = readVip(entry, defaults, context);
    return vip ? [{ vip, entry }] : [];
  });
}

/** The family of the advertisements: what the first address of the block says, IPv4 where there is none. */
function familyOf(block: BoundBlock, vips: readonly ReadVip[]): IpFamily {
  if (block.has('native_ipv6')) return 6;
  const peer = entriesOf(block, 'unicast_peer')[0]?.words[0];
  const addresses: readonly (IpAddress | undefined)[] = [
    vips[0]?.vip.address,
    block.address('unicast_src_ip'),
    block.address('mcast_src_ip'),
    block.address('mcast_dst_ip'),
    peer && IpAddress.parse(wordValue(peer)),
  ];
  return addresses.find((address) => address !== undefined)?.family ?? 4;
}

function ofOneFamily(vips: readonly ReadVip[], family: IpFamily, { reporter }: Context): Vip[] {
  return vips.flatMap(({ vip, entry }) => {
    if (vip.address.family === family) return [vip];
    reporter.report(
      'config/mixed-families',
      tokenPlace(entry.source, entry.words[0] as Token),
      `${vip.address} is IPv${vip.address.family}, and the virtual router advertises IPv${family} addresses. It is ignored, as keepalived does.`,
      { help: 'Move it to virtual_ipaddress_excluded, or to a vrrp_instance of its own.' },
    );
    return [];
  });
}

/** Not an empty block. One without braces has been reported. */
function saysSomething(bound: BoundStatement): boolean {
  return !bound.block || bound.block.entries.length > 0;
}

/** What an advertisement has room for: its count is one byte, and IPv6 addresses must fit into a frame of 1500 bytes. */
const MOST_ADDRESSES: Readonly<Record<IpFamily, number>> = { 4: 255, 6: 90 };

function withinLimit(
  name: string,
  vips: readonly Vip[],
  family: IpFamily,
  block: BoundBlock,
  { reporter }: Context,
): { vips: readonly Vip[]; excess: Vip[] } {
  const most = MOST_ADDRESSES[family];
  const bound = block.last('virtual_ipaddress');
  if (!bound || vips.length <= most) return { vips, excess: [] };
  reporter.report(
    'config/too-many-addresses',
    placeOf(bound),
    `vrrp_instance ${name} has ${vips.length} addresses and an advertisement carries ${most}. The rest is moved but not advertised.`,
    { help: 'Put all but a few into virtual_ipaddress_excluded.' },
  );
  return { vips: vips.slice(0, most), excess: vips.slice(most) };
}

/** RFC 9568 section 5.2.5: version 3 advertises at least one address. */
function reportNoAddress(name: string, bound: BoundStatement, block: BoundBlock, version: 2 | 3, { reporter }: Context): void {
  const given = ['virtual_ipaddress', 'no_virtual_ipaddress'].some(
    (keyword) => block.misspelt.has(keyword) || block.all(keyword).some(saysSomething),
  );
  if (given) return;
  reporter.report(
    'config/no-address',
    placeOf(bound),
    `vrrp_instance ${name} has no virtual_ipaddress, so being MASTER would mean nothing.`,
    {
      help: 'Add virtual_ipaddress { … }, or no_virtual_ipaddress if that is meant.',
      ...(version === 3 && { severity: 'error' as const }),
    },
  );
}

function readGarp(block: BoundBlock, strict: boolean, context: Context): GarpSettings {
  const defaults = context.globals.garp;
  reportGarp(block, strict, context);
  return {
    repeat: Math.max(block.number('garp_master_repeat') ?? defaults.repeat, 1),
    secondBurstDelay: block.number('garp_master_delay') ?? defaults.secondBurstDelay,
    refresh: block.number('garp_master_refresh') ?? defaults.refresh,
    refreshRepeat: Math.max(block.number('garp_master_refresh_repeat') ?? defaults.refreshRepeat, 1),
    lowerPriorityRepeat: strict ? 0 : (block.number('garp_lower_prio_repeat') ?? defaults.lowerPriorityRepeat),
    lowerPriorityDelay: strict ? 0 : (block.number('garp_lower_prio_delay') ?? defaults.lowerPriorityDelay),
    extraInterfaces: readExtraInterfaces(block, 'garp_extra_if') ?? defaults.extraInterfaces,
  };
}

function reportGarp(block: BoundBlock, strict: boolean, { reporter }: Context): void {
  for (const name of ['garp_master_repeat', 'garp_master_refresh_repeat']) reportZero(block, name, reporter);
  for (const name of strict ? ['garp_lower_prio_repeat', 'garp_lower_prio_delay'] : []) {
    const bound = block.last(name);
    if (bound && (block.number(name) ?? 0) > 0)
      reporter.report('config/strict-ignores', placeOf(bound), `Strict mode knows no ${name}; it counts as 0, as in keepalived.`);
  }
}

export function readNotify(block: BoundBlock, context: Context): NotifyScripts {
  const names = {
    master: 'notify_master',
    backup: 'notify_backup',
    fault: 'notify_fault',
    stop: 'notify_stop',
    any: 'notify',
    lowerPriorityHeard: 'notify_master_rx_lower_pri',
  } as const;
  const commands = Object.entries(names).flatMap(([key, name]) => {
    const command = commandOf(block, name, context);
    return command ? [[key, command] as const] : [];
  });
  const deleted = block.has('notify_deleted') ? (commandOf(block, 'notify_deleted', context) ?? (true as const)) : undefined;
  return { ...Object.fromEntries(commands), ...(deleted !== undefined && { deleted }) };
}
