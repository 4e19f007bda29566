/** The main thread's end of the reactor's thread. */
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { VrrpStatusReport } from '../../api/index.ts';
import { wakeReactor } from '../../os/reactor/index.ts';
import { REAL_TIME_FLAGS } from './real-time-flags.ts';
import type { FromThread, ReactorDump, ThreadData, ToThread } from './thread-messages.ts';
import { reviveAddresses } from './transfer.ts';

export type ReactorNews = Exclude<FromThread, { type: 'started' | 'status' | 'dump' | 'stopped' }>;

/** Three semi-spaces of the size that the flags ask for. How long it takes to clear hangs on what survives, which is next to nothing. */
const YOUNG_GENERATION_MB = 24;

export class ReactorLink {
  private readonly worker: Worker;
  private readonly started: Promise<number>;
  private wakeFd: number | undefined;
  private readonly statusWaiters = new Map<number, (status: VrrpStatusReport) => void>();
  private readonly dumpWaiters = new Map<number, (dump: ReactorDump) => void>();
  private lastId = 0;
  private onStopped: (() => void) | undefined;

  /** `onDeath` is called when the thread ends without having been asked to: its VIPs are then nobody's. */
  constructor(data: ThreadData, onNews: (news: ReactorNews) => void, onDeath: (reason: string) => void) {
    for (const flag of REAL_TIME_FLAGS) setFlagsFromString(flag);
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB };
    this.worker = new Worker(new URL('./reactor-thread.js', import.meta.url), { workerData: data, resourceLimits });
    let stopped = false;
    this.started = new Promise((resolve) => {
      this.worker.on('message', (message: FromThread) => {
        switch (message.type) {
          case 'started':
            this.wakeFd = message.wakeFd;
            return resolve(message.wakeFd);
          case 'status':
            return answer(this.statusWaiters, message.id, message.status);
          case 'dump':
            return answer(this.dumpWaiters, message.id, reviveAddresses(message.dump));
          case 'stopped':
            stopped = true;
            return this.onStopped?.();
          default:
            onNews(message);
        }
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

  dump(): Promise<ReactorDump> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.dumpWaiters.set(id, resolve);
      this.send({ type: 'dump?', id });
    });
  }

  /** Priority 0 goes out and the VIPs are removed; resolves when that is done. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.onStopped = resolve;
      this.send({ type: 'stop' });
    });
  }
}

function answer<T>(waiters: Map<number, (value: T) => void>, id: number, value: T): void {
  waiters.get(id)?.(value);
  waiters.delete(id);
}
