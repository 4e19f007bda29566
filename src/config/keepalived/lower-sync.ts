/** vrrp_sync_group to the model. */
import type { SyncGroup } from '../../model/index.ts';
import { type BoundBlock, type BoundStatement, nameOf, placeOf } from './bind.ts';
import type { Context } from './context.ts';
import { wordValue } from './lexer.ts';
import { namesIn } from './lower-tracked.ts';
import { readTrackers, type Tracked } from './lower-trackers.ts';
import { type ReadRouter, readNotify } from './lower-vrrp.ts';
import { tokenPlace } from './syntax.ts';

export function readGroups(root: BoundBlock, routers: readonly ReadRouter[], tracked: Tracked, context: Context): SyncGroup[] {
  const groups: SyncGroup[] = [];
  const owner = new Map<string, string>();
  for (const bound of root.all('vrrp_sync_group')) {
    const name = nameOf(bound);
    const { block } = bound;
    if (!block || name === '') continue;
    if (groups.some((group) => group.name === name)) {
      context.reporter.report('config/duplicate-name', placeOf(bound), `There is a vrrp_sync_group ${name} already.`, {
        help: 'Give one of them another name.',
      });
      continue;
    }
    const members = readMembers(name, bound, block, routers, owner, context);
    if (members.length === 0) continue;
    groups.push({
      name,
      members,
      notify: readNotify(block, context),
      notifyPriorityChanges: block.flag('notify_priority_changes') ?? context.globals.notifyPriorityChanges,
      smtpAlert: block.flag('smtp_alert') ?? context.globals.alerts.vrrp,
      globalTracking: block.has('global_tracking'),
      trackingWeight: block.has('sync_group_tracking_weight'),
      ...readTrackers(block, tracked, context),
    });
  }
  return groups;
}

function readMembers(
  group: string,
  bound: BoundStatement,
  block: BoundBlock,
  routers: readonly ReadRouter[],
  owner: Map<string, string>,
  { reporter }: Context,
): string[] {
  const members: string[] = [];
  let lost = block.all('group').some((inner) => !inner.block);
  for (const { token, source } of namesIn(block, 'group')) {
    const name = wordValue(token);
    const place = tokenPlace(source, token);
    const other = owner.get(name);
    if (!routers.some(({ router }) => router.name === name)) {
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
