/** Under whose name a command runs. */
import { lookUpGroup, lookUpUser, type UserEntry } from '../ffi/index.ts';

/** An unknown user or group: the text says which. */
export interface UnknownIdentity {
  readonly unknown: string;
}

/**
 * The numbers of a user and group name; without a group the user's own. Undefined when no user is named: the command then runs
 * as this process does. A group alone changes the group only.
 */
export function resolveIdentity(user: string | undefined, group: string | undefined): Partial<UserEntry> | UnknownIdentity {
  const entry = user === undefined ? undefined : findUser(user);
  if (user !== undefined && !entry) return { unknown: `user ${user}` };
  const gid = group === undefined ? entry?.gid : findGroup(group);
  if (group !== undefined && gid === undefined) return { unknown: `group ${group}` };
  return { ...(entry && { uid: entry.uid }), ...(gid !== undefined && { gid }) };
}

function findUser(name: string): UserEntry | undefined {
  return lookUpUser(name) ?? (/^\d+$/.test(name) ? { uid: Number(name), gid: Number(name) } : undefined);
}

function findGroup(name: string): number | undefined {
  return lookUpGroup(name) ?? (/^\d+$/.test(name) ? Number(name) : undefined);
}
