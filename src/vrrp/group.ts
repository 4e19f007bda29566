/**
 * Virtual routers that change state together (`vrrp_sync_group`). A router outside any sync group is a group of one without a
 * name, so that there is one way in which states change: active only if every member wants it, backup as soon as one member
 * follows somebody else, FAULT as soon as one member is in trouble.
 */
import type { Instant, Micros } from '../base/index.ts';
import type { SyncGroup, Trackers } from '../model/index.ts';
import type { Context } from './context.ts';
import type { NotifiedState } from './effect.ts';
import * as messages from './messages.ts';
import type { Router } from './router.ts';
import type { GroupSnapshot } from './snapshot.ts';

export class Group {
  readonly spec: SyncGroup | undefined;
  readonly members: readonly Router[];
  private readonly context: Context;

  constructor(spec: SyncGroup | undefined, members: readonly Router[], context: Context) {
    this.spec = spec;
    this.members = members;
    this.context = context;
    this.refresh();
  }

  /** The settings of a member have changed: what it tracks may be something else, and count for all with `global_tracking`. */
  refresh(): void {
    const everybodys: readonly Trackers[] = this.spec?.globalTracking ? this.members.map((member) => member.settings) : [];
    for (const member of this.members) {
      member.join(this, [...everybodys, member.settings, ...(this.spec ? [this.spec] : [])]);
    }
  }

  /** Something that is tracked, or the configuration, has changed: acts on priorities, trouble and its end. */
  evaluate(now: Instant): void {
    for (const member of this.members) member.updatePriority(now);
    const faulty = this.members.find((member) => member.faultCause() !== undefined);
    if (faulty) {
      const affected = this.members.filter((member) => member.state !== 'fault');
      this.move('FAULT', faulty, affected, (member) => member.becomeFault(now));
      return;
    }
    const waiting = this.members.filter((member) => member.state === 'fault' || member.state === 'initialize');
    if (this.members.some((member) => member.isPending())) for (const member of waiting) member.hold();
    else this.move('BACKUP', waiting[0], waiting, (member) => member.becomeBackup(now));
  }

  /** A member has waited long enough for an active router. */
  electionWon(router: Router, now: Instant): void {
    router.waitForGroup(now);
    const others = this.members.filter((member) => member.state !== 'active');
    if (others.every((member) => member.wantsActive)) this.move('MASTER', router, others, (member) => member.becomeActive(now));
  }

  /** An active member gives way, to a better router or after its own silence, and takes the others with it. */
  yields(router: Router, now: Instant): void {
    const active = this.members.filter((member) => member.state === 'active');
    this.move('BACKUP', router, active, (member) => member.becomeBackup(now));
  }

  /** A backup member has accepted an active router elsewhere; members that a reload left active cannot stay so. */
  follows(router: Router, now: Instant): void {
    if (this.members.length > 1) this.yields(router, now);
  }

  /** A member has heard a worse router, which may have had the addresses of the whole group: all make themselves known again. */
  rivalHeard(now: Instant): void {
    for (const member of this.members) member.announceAgainstRival(now);
  }

  /** Judges a pause of this process: too long for the peers of one active member is too long for the group. */
  paused(duration: Micros, now: Instant): void {
    const overslept = this.members.find((member) => member.hasOverslept(duration, now));
    if (overslept) {
      this.log('warning', messages.steppingDownAfterPause(overslept.settings.name, duration));
      this.yields(overslept, now);
    }
    for (const member of this.members) member.resume(duration, now);
  }

  /** The end of every member, and of the group. */
  stop(): void {
    for (const member of this.members) member.end('stopped');
    this.notify('STOP');
  }

  snapshot(spec: SyncGroup): GroupSnapshot {
    const [first, ...others] = this.members;
    const state = first && others.every((member) => member.state === first.state) ? first.state : 'initialize';
    return { name: spec.name, members: this.members.map((member) => member.settings.name), state };
  }

  /** Moves routers into a state, the one that is the reason first, and tells of the group if it has a name. */
  private move(state: NotifiedState, reason: Router | undefined, routers: readonly Router[], act: (router: Router) => void): void {
    if (routers.length === 0) return;
    const isStart = routers.every((router) => router.isStarting());
    const first = reason && routers.includes(reason) ? reason : (routers[0] as Router);
    act(first);
    if (this.spec && !isStart) this.log('info', messages.groupSyncing(this.spec.name, state));
    for (const router of routers) if (router !== first) act(router);
    this.notify(state);
  }

  private notify(state: NotifiedState): void {
    if (!this.spec) return;
    const { name, notify, smtpAlert } = this.spec;
    this.context.emit({ kind: 'transition', subject: 'group', name, state, priority: 0, notify, smtpAlert });
  }

  private log(level: 'warning' | 'info', message: string): void {
    this.context.emit({ kind: 'log', level, message });
  }
}
