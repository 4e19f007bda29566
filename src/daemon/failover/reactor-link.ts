/** The main thread's end of the reactor's thread. */
import { Worker } from 'node:worker_threads';
import type { VrrpStatusReport } from '../../api/index.ts';
import { wakeReactor } from '../../os/reactor/index.ts';
import type { VrrpSettings } from '../../vrrp/index.ts';
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts';

export type ReactorNews = Exclude<FromThread, { type: 'started' | 'status' | 'stopped' }>;

export class ReactorLink {
  private readonly worker: Worker;
  private readonly started: Promise<number>;
  private wakeFd: number | undefined;
  private readonly statusWaiters = new Map<number, (status: VrrpStatusReport) => void>();
  private lastId = 0;
  private onStopped: (() => void) | undefined;

  /** `onDeath` is called when the thread ends without having been asked to: its VIPs are then nobody's. */
  constructor(settings: VrrpSettings, onNews: (news: ReactorNews) => void, onDeath: (reason: string) => void) {
    const data: ThreadData = { settings };
    this.worker = new Worker(new URL('./reactor-thread.js', import.meta.url), { workerData: data });
    let stopped = false;
    this.started = new Promise((resolve) => {
      this.worker.on('message', (message: FromThread) => {
        if (message.type === 'started') {
          this.wakeFd = message.wakeFd;
          resolve(message.wakeFd);
        } else if (message.type === 'status') this.answer(message.id, message.status);
        else if (message.type === 'stopped') {
          stopped = true;
          this.onStopped?.();
        } else onNews(message);
      });
    });
    this.worker.on('error', (error: Error) => onDeath(error.stack ?? error.message));
    this.worker.on('exit', (code) => {
      if (!stopped) onDeath(`the thread ended with ${code}`);
    });
  }

  async ready(): Promise<void> {
    await this.started;
  }

  send(message: ToThread): void {
    this.worker.postMessage(message);
    // The thread sleeps in the kernel and looks at its messages only when woken.
    if (this.wakeFd !== undefined) wakeReactor(this.wakeFd);
    else void this.started.then(wakeReactor);
  }

  status(): Promise<VrrpStatusReport> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.statusWaiters.set(id, resolve);
      this.send({ type: 'status?', id });
    });
  }

  /** Priority 0 goes out and the VIPs are removed; resolves when that is done. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.onStopped = resolve;
      this.send({ type: 'stop' });
    });
  }

  private answer(id: number, status: VrrpStatusReport): void {
    this.statusWaiters.get(id)?.(status);
    this.statusWaiters.delete(id);
  }
}
