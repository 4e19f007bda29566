/** Mail about virtual routers and sync groups, whose states the failover process reports. */
import { composeGroupMail, composeRouterMail, type Mail } from '../../director/index.ts';
import type { MailSettings } from '../../model/index.ts';
import type { TransitionNotice } from '../ipc.ts';

/** Undefined when the configuration wants no mail about it (`no_email_faults`). */
export function transitionMail(
  { kind, name, state }: TransitionNotice,
  routerId: string,
  { noFaults }: Pick<MailSettings, 'noFaults'>,
): Mail | undefined {
  if (noFaults && state === 'FAULT') return undefined;
  return kind === 'group' ? composeGroupMail(routerId, name, state) : composeRouterMail(routerId, name, state);
}
