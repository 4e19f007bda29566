/** How one router tells the world of itself: log lines, transitions, notices, and the role of the connection-sync daemon. */
import type { SyncGroup, VirtualRouter } from '../model/index.ts';
import type { LogLevel } from '../ports/index.ts';
import type { Context } from './context.ts';
import type { NoticeWord, NotifiedState } from './effect.ts';

export class Notifier {
  private readonly context: Context;
  private settings: VirtualRouter;

  constructor(settings: VirtualRouter, context: Context) {
    this.settings = settings;
    this.context = context;
  }

  reconfigure(settings: VirtualRouter): void {
    this.settings = settings;
  }

  log(level: LogLevel, message: string): void {
    this.context.emit({ kind: 'log', level, message });
  }

  /** A change of state, and with it of the role of the connection-sync daemon where that follows this router. */
  transition(state: NotifiedState, priority: number): void {
    const { name, notify, smtpAlert } = this.settings;
    this.context.emit({ kind: 'transition', subject: 'instance', name, state, priority, notify, smtpAlert });
    if (this.context.syncDaemonRouter !== name || state === 'STOP') return;
    this.context.emit({ kind: 'sync-daemon', role: state === 'MASTER' ? 'master' : 'backup' });
  }

  /** A removed instance is reported as FAULT unless the file asks for DELETED (`notify_deleted`). */
  deleted(priority: number): void {
    this.transition(this.settings.notify.deleted === undefined ? 'FAULT' : 'DELETED', priority);
  }

  notice(word: NoticeWord, priority: number): void {
    const { name, notify } = this.settings;
    this.context.emit({ kind: 'notice', subject: 'instance', name, word, priority, notify });
  }

  /** The effective priority of a router that takes part has changed; its sync group may want to know too. */
  priorityChanged(state: 'active' | 'backup', priority: number, group: SyncGroup | undefined): void {
    const word = state === 'active' ? 'MASTER_PRIORITY' : 'BACKUP_PRIORITY';
    if (this.settings.notifyPriorityChanges) this.notice(word, priority);
    if (!group?.notifyPriorityChanges) return;
    this.context.emit({ kind: 'notice', subject: 'group', name: group.name, word, priority: 0, notify: group.notify });
  }
}
