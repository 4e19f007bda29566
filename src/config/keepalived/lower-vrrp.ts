/** vrrp_instance and vrrp_sync_group to the model. */
import { MICROS_PER_SECOND, seconds } from '../../base/index.ts';
import type {
  GarpSettings,
  NotifyScripts,
  PassAuthentication,
  SyncGroup,
  TrackedInterface,
  TrackedScript,
  Vip,
  VirtualRouter,
  VrrpScript,
} from '../../model/index.ts';
import { type BoundBlock, type BoundEntry, type BoundStatement, nameOf, placeOf } from './bind.ts';
import { type Context, commandOf } from './context.ts';
import { readTracker, readVip } from './entry-words.ts';
import { type Token, wordValue } from './lexer.ts';
import { readGroup, readVersion } from './lower-global.ts';
import { tokenPlace } from './syntax.ts';

/** RFC 3768 section 5.3.10: eight bytes of authentication data. */
const PASSWORD_BYTES = 8;

export function readRouters(root: BoundBlock, scripts: readonly VrrpScript[], context: Context): VirtualRouter[] {
  const routers = new Map<string, { router: VirtualRouter; bound: BoundStatement }>();
  for (const bound of root.all('vrrp_instance')) {
    const name = nameOf(bound);
    if (!bound.block || name === '') continue;
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
    const router = readRouter(name, bound, bound.block, scripts, context);
    if (router) routers.set(name, { router, bound });
    else context.reporter.lostNames.add(name);
  }
  reportSharedIds([...routers.values()], context);
  return [...routers.values()].map(({ router }) => router);
}

function lineOf(bound: BoundStatement): number {
  return bound.source.position(placeOf(bound).start).line;
}

function reportSharedIds(routers: readonly { router: VirtualRouter; bound: BoundStatement }[], { reporter }: Context): void {
  const owners = new Map<string, BoundStatement>();
  for (const { router, bound } of routers) {
    const key = `${router.interface} ${router.vrid} ${router.multicastGroup}`;
    const first = owners.get(key);
    const idStatement = bound.block?.last('virtual_router_id') ?? bound;
    if (!first) {
      owners.set(key, idStatement);
      continue;
    }
    const { file } = first.source;
    const where = `${file === idStatement.source.file ? '' : `${file} `}line ${lineOf(first)}`;
    reporter.report(
      'config/duplicate-vrid',
      placeOf(idStatement),
      `virtual_router_id ${router.vrid} is taken on ${router.interface} by another vrrp_instance (${where}). The two would fight each other.`,
      {
        help: 'Give every virtual router of an interface its own virtual_router_id.',
      },
    );
  }
}

function readRouter(
  name: string,
  bound: BoundStatement,
  block: BoundBlock,
  scripts: readonly VrrpScript[],
  context: Context,
): VirtualRouter | undefined {
  const interfaceName = block.text('interface');
  const vrid = block.number('virtual_router_id');
  const interfaceToken = block.last('interface')?.statement.words[1];
  if (interfaceName !== undefined && interfaceToken)
    context.interfaces.push({
      interface: interfaceName,
      place: tokenPlace(block.last('interface')?.source ?? bound.source, interfaceToken),
    });
  if (interfaceName === undefined || vrid === undefined) return undefined;
  const version = readVersion(block, context.reporter);
  const wantsMaster = block.text('state') === 'MASTER';
  // keepalived takes a MASTER without a priority for the owner of its addresses.
  const priority = block.number('priority') ?? (wantsMaster && !block.has('priority') ? 255 : 100);
  const authentication = readAuthentication(block, context);
  const sourceAddress = block.address('mcast_src_ip');
  const vips = readVips(block, 'virtual_ipaddress', interfaceName, context);
  if (!['virtual_ipaddress', 'no_virtual_ipaddress'].some((keyword) => block.has(keyword) || block.misspelt.has(keyword))) {
    context.reporter.report(
      'config/no-address',
      placeOf(bound),
      `vrrp_instance ${name} has no virtual_ipaddress, so being MASTER would mean nothing.`,
      { help: 'Add virtual_ipaddress { … }, or no_virtual_ipaddress if that is meant.' },
    );
  }
  return {
    name,
    interface: interfaceName,
    vrid,
    version,
    wantsMaster: wantsMaster || (priority === 255 && !block.has('state')),
    priority,
    advertInterval: readAdvertInterval(block, context),
    ...(authentication && { authentication }),
    ...(sourceAddress && { sourceAddress }),
    multicastGroup: readGroup(block.last('mcast_dst_ip'), context.reporter) ?? context.globals.multicastGroup,
    vips,
    excludedVips: readVips(block, 'virtual_ipaddress_excluded', interfaceName, context),
    ...readPreemption(block, wantsMaster, priority, context),
    garp: readGarp(block, context.globals.garp),
    trackInterfaces: readTrackedInterfaces(block, context),
    trackScripts: readTrackedScripts(block, scripts, context),
    trackPrimary: !block.has('dont_track_primary'),
    notify: readNotify(block, context),
    smtpAlert: block.flag('smtp_alert') ?? context.globals.alerts.vrrp,
  };
}

function readAdvertInterval(block: BoundBlock, { reporter }: Context): number {
  const bound = block.last('advert_int');
  const interval = block.number('advert_int') ?? seconds(1);
  if (!bound || interval % MICROS_PER_SECOND === 0) return interval;
  reporter.report(
    'config/out-of-range',
    placeOf(bound),
    'VRRP version 2 counts the advertisement interval in whole seconds, from 1 to 255.',
    { help: 'Write advert_int 1.' },
  );
  return seconds(1);
}

function readAuthentication(block: BoundBlock, { reporter }: Context): PassAuthentication | undefined {
  const bound = block.last('authentication');
  const inner = bound?.block;
  if (!bound || !inner) return undefined;
  if (inner.text('auth_type') === 'AH') {
    reporter.report(
      'config/unsupported',
      placeOf(inner.last('auth_type') as BoundStatement),
      'auth_type AH is understood but not acted on in this version, and a director without it would not be believed by one with it.',
      { help: 'Use auth_type PASS on all directors.' },
    );
    return undefined;
  }
  const password = inner.last('auth_pass');
  if (inner.text('auth_type') === undefined || !password || typeof password.value !== 'string') return undefined;
  const bytes = new TextEncoder().encode(password.value);
  if (bytes.length > PASSWORD_BYTES) {
    const token = password.statement.words[1] as Token;
    reporter.report(
      'config/password-truncated',
      tokenPlace(password.source, token),
      `The password has ${bytes.length} bytes and VRRP carries ${PASSWORD_BYTES}: only the first ${PASSWORD_BYTES} count, as in keepalived.`,
      {
        help: `Write a password of at most ${PASSWORD_BYTES} bytes.`,
      },
    );
  }
  return { type: 'pass', password: bytes.slice(0, PASSWORD_BYTES) };
}

function readPreemption(
  block: BoundBlock,
  wantsMaster: boolean,
  priority: number,
  { reporter }: Context,
): Pick<VirtualRouter, 'noPreempt' | 'preemptDelay'> {
  const noPreempt = block.last('nopreempt');
  const delay = block.last('preempt_delay');
  const owner = priority === 255;
  const reason = wantsMaster ? 'state MASTER' : 'priority 255';
  for (const bound of [noPreempt, delay]) {
    if (!bound || bound.value === 0 || !(wantsMaster || owner)) continue;
    reporter.report(
      'config/nopreempt-with-master',
      placeOf(bound),
      `${bound.keyword.name} has no effect together with ${reason} and is ignored.`,
      { help: wantsMaster ? 'Write state BACKUP on all directors of this virtual router.' : 'Use a priority below 255.' },
    );
  }
  if (wantsMaster || owner) return { noPreempt: false, preemptDelay: 0 };
  if (noPreempt && delay)
    reporter.report('config/repeated-keyword', placeOf(delay), 'preempt_delay has no effect together with nopreempt and is ignored.');
  return {
    noPreempt: noPreempt !== undefined && !block.has('preempt'),
    preemptDelay: noPreempt ? 0 : (block.number('preempt_delay') ?? 0),
  };
}

function readGarp(block: BoundBlock, defaults: GarpSettings): GarpSettings {
  const repeat = Math.max(block.number('garp_master_repeat') ?? defaults.repeat, 1);
  return {
    repeat,
    secondBurstDelay: block.number('garp_master_delay') ?? defaults.secondBurstDelay,
    refresh: block.number('garp_master_refresh') ?? defaults.refresh,
    refreshRepeat: Math.max(block.number('garp_master_refresh_repeat') ?? defaults.refreshRepeat, 1),
    lowerPriorityRepeat: block.number('garp_lower_prio_repeat') ?? defaults.lowerPriorityRepeat,
    lowerPriorityDelay: block.number('garp_lower_prio_delay') ?? defaults.lowerPriorityDelay,
  };
}

function entriesOf(block: BoundBlock, name: string): BoundEntry[] {
  return block.all(name).flatMap((bound) => bound.block?.entries ?? []);
}

function readVips(block: BoundBlock, name: string, defaultInterface: string, context: Context): Vip[] {
  return entriesOf(block, name).flatMap((entry) => readVip(entry, defaultInterface, context) ?? []);
}

function readNotify(block: BoundBlock, context: Context): NotifyScripts {
  const names = { master: 'notify_master', backup: 'notify_backup', fault: 'notify_fault', stop: 'notify_stop', any: 'notify' } as const;
  const commands = Object.entries(names).flatMap(([key, name]) => {
    const command = commandOf(block, name, context);
    return command ? [[key, command] as const] : [];
  });
  return Object.fromEntries(commands);
}

function readTrackedInterfaces(block: BoundBlock, context: Context): TrackedInterface[] {
  return entriesOf(block, 'track_interface').map((entry) => {
    const token = entry.words[0] as Token;
    const interfaceName = wordValue(token);
    context.interfaces.push({ interface: interfaceName, place: tokenPlace(entry.source, token) });
    return { interface: interfaceName, ...readTracker(entry, { weight: 0, reverse: false }, context) };
  });
}

function readTrackedScripts(block: BoundBlock, scripts: readonly VrrpScript[], context: Context): TrackedScript[] {
  return entriesOf(block, 'track_script').flatMap((entry) => {
    const token = entry.words[0] as Token;
    const name = wordValue(token);
    const script = scripts.find((candidate) => candidate.name === name);
    if (script) return [{ script: name, ...readTracker(entry, script.weight, context) }];
    if (!context.reporter.lostNames.has(name)) {
      context.reporter.report('config/unknown-reference', tokenPlace(entry.source, token), `There is no vrrp_script ${name}.`, {
        help: `Define it: vrrp_script ${name} { script "…" }`,
      });
    }
    return [];
  });
}

export function readGroups(
  root: BoundBlock,
  routers: readonly VirtualRouter[],
  scripts: readonly VrrpScript[],
  context: Context,
): SyncGroup[] {
  const groups: SyncGroup[] = [];
  const owner = new Map<string, string>();
  for (const bound of root.all('vrrp_sync_group')) {
    const name = nameOf(bound);
    if (!bound.block || name === '') continue;
    if (groups.some((group) => group.name === name)) {
      context.reporter.report('config/duplicate-name', placeOf(bound), `There is a vrrp_sync_group ${name} already.`, {
        help: 'Give one of them another name.',
      });
      continue;
    }
    const members = readMembers(name, bound, bound.block, routers, owner, context);
    if (members.length === 0) continue;
    groups.push({
      name,
      members,
      notify: readNotify(bound.block, context),
      smtpAlert: bound.block.flag('smtp_alert') ?? context.globals.alerts.vrrp,
      trackInterfaces: readTrackedInterfaces(bound.block, context),
      trackScripts: readTrackedScripts(bound.block, scripts, context),
    });
  }
  return groups;
}

function readMembers(
  group: string,
  bound: BoundStatement,
  block: BoundBlock,
  routers: readonly VirtualRouter[],
  owner: Map<string, string>,
  { reporter }: Context,
): string[] {
  const members: string[] = [];
  let lost = block.all('group').some((inner) => !inner.block);
  for (const entry of entriesOf(block, 'group')) {
    for (const token of entry.words) {
      const name = wordValue(token);
      const place = tokenPlace(entry.source, token);
      const other = owner.get(name);
      if (!routers.some((router) => router.name === name)) {
        if (!reporter.lostNames.has(name))
          reporter.report('config/unknown-reference', place, `There is no vrrp_instance ${name}.`, { help: 'Names are case-sensitive.' });
        lost = true;
      } else if (other !== undefined) {
        reporter.report('config/two-groups', place, `vrrp_instance ${name} is already a member of ${other}.`);
        lost = true;
      } else {
        owner.set(name, group);
        members.push(name);
      }
    }
  }
  if (lost || members.length > 1) return members;
  if (members.length === 1)
    reporter.report('config/one-member-group', placeOf(bound), `The sync group ${group} has one member only.`, {
      help: 'Add the others, or remove the group.',
    });
  else
    reporter.report('config/missing-keyword', placeOf(bound), `The sync group ${group} has no members.`, {
      help: 'Write group { and the names of vrrp_instance blocks, one a line, and }',
    });
  return members;
}
