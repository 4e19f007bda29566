/** The failover process's end of the director process: starts it, feeds it, and starts it again when it dies. */
import { type ChildProcess, fork } from 'node:child_process';
import { toMillis } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';
import { processState } from '../../os/process/index.ts';
import type { SavedSysctl } from '../../os/sysctl/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { DirectorSettings, ToDirector, ToFailover, TransitionNotice } from '../ipc.ts';
import { DirectorWatch, LOOK_PERIOD_MS } from './director-watch.ts';

/** From the first restart on; doubled while the director keeps dying young. */
const RESTART_DELAY_MS = 100;
const RESTART_DELAY_MAX_MS = 10_000;
/** A director that lived this long was healthy: the next restart is immediate again. */
const HEALTHY_AFTER_MS = 30_000;
/** The longest that a timer of Node's can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Transitions that happen while the director is away are mailed when it is back; the oldest go first. */
const NOTICES_KEPT = 100;

export interface DirectorEvents {
  ready(): void;
  /** The director wants to know how the virtual routers are. */
  statusWanted(id: number): void;
  /** A line about a service for the notify FIFOs. */
  serviceLine(line: string): void;
  /** It cannot work here, and a restart would not help. */
  fatal(message: string): void;
}

type KeptNews = Extract<ToDirector, { type: 'saved-sysctls' | 'bfd-changed' | 'sync-daemon' }>;

export class DirectorLink {
  private readonly logger: Logger;
  private readonly events: DirectorEvents;
  private configuration: Configuration;
  private readonly settings: Omit<DirectorSettings, 'restarted'>;
  private child: ChildProcess | undefined;
  private startedAt = 0;
  private delayMs = RESTART_DELAY_MS;
  private stopping = false;
  private notices: TransitionNotice[] = [];
  /** The last of each kind of news that a director started later must know too. */
  private readonly kept = new Map<string, KeptNews>();
  private restartTimer: NodeJS.Timeout | undefined;
  private watchTimer: NodeJS.Timeout | undefined;
  private readonly watch = new DirectorWatch();

  constructor(configuration: Configuration, settings: Omit<DirectorSettings, 'restarted'>, logger: Logger, events: DirectorEvents) {
    this.configuration = configuration;
    this.settings = settings;
    this.logger = logger;
    this.events = events;
  }

  start(): void {
    // 'advanced' is structured clone, which keeps bytes; the class of addresses is given back at the other end.
    const child = fork(new URL('../../entry/vipwrightd.js', import.meta.url), ['director'], {
      serialization: 'advanced',
      stdio: 'inherit',
    });
    const restarted = this.child !== undefined;
    this.child = child;
    this.startedAt = performance.now();
    child.on('message', (message) => this.receive(message as ToFailover));
    child.on('error', (error) => {
      this.logger.log('error', `Director process: ${error.message}`);
      // One that could not be started never exits either.
      if (child.pid === undefined) this.ended(child, 'could not be started');
    });
    child.on('exit', (code, signal) => this.ended(child, signal ? `was killed by ${signal}` : `exited with status ${code}`));
    this.watch.reset();
    this.watchTimer ??= setInterval(() => this.look(), LOOK_PERIOD_MS);
    this.send({ type: 'configure', configuration: this.configuration, settings: { ...this.settings, restarted } });
    for (const news of this.kept.values()) this.send(news);
    for (const notice of this.notices.splice(0)) this.send({ type: 'transition', notice });
  }

  configure(configuration: Configuration): void {
    this.configuration = configuration;
    this.send({ type: 'configure', configuration, settings: { ...this.settings, restarted: false } });
  }

  transition(notice: TransitionNotice): void {
    if (this.child?.connected) return this.send({ type: 'transition', notice });
    this.notices.push(notice);
    if (this.notices.length > NOTICES_KEPT) this.notices.shift();
  }

  /** News that stays true until there is newer of its kind. */
  keep(news: KeptNews): void {
    this.kept.set(news.type === 'bfd-changed' ? `bfd ${news.session}` : news.type, news);
    this.send(news);
  }

  get savedSysctls(): readonly SavedSysctl[] {
    const news = this.kept.get('saved-sysctls');
    return news?.type === 'saved-sysctls' ? news.saved : [];
  }

  send(message: ToDirector): void {
    if (this.child?.connected) this.child.send(message, () => undefined);
  }

  /** Tables, maps and socket are taken down; a director that does not end in time (`child_wait_time`) is killed. */
  stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restartTimer);
    clearInterval(this.watchTimer);
    const { child } = this;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const patience = Math.min(toMillis(this.configuration.childWaitTime), LONGEST_TIMER_MS);
      const limit = setTimeout(() => {
        this.logger.log('warning', `Director process ${child.pid} did not end within ${patience / 1000} s; killing it`);
        child.kill('SIGKILL');
      }, patience);
      child.once('exit', () => {
        clearTimeout(limit);
        // What it said last may still be on the way.
        if (child.connected) child.once('disconnect', resolve);
        else resolve();
      });
      this.send({ type: 'stop' });
    });
  }

  private receive(message: ToFailover): void {
    this.watch.heard();
    switch (message.type) {
      case 'alive':
        return;
      case 'ready':
        return this.events.ready();
      case 'vrrp-status?':
        return this.events.statusWanted(message.id);
      case 'service-line':
        return this.events.serviceLine(message.line);
      case 'fatal':
        this.stopping = true;
        return this.events.fatal(message.message);
    }
  }

  private look(): void {
    const { child } = this;
    if (child?.pid === undefined || !child.connected) return;
    const reason = this.watch.look(processState(child.pid) === 'T');
    if (reason === undefined) return this.send({ type: 'alive?' });
    this.logger.log('error', `Director process ${child.pid} ${reason}; killing it`);
    child.kill('SIGKILL');
  }

  private ended(child: ChildProcess, how: string): void {
    if (this.child !== child || this.stopping) return;
    if (performance.now() - this.startedAt > HEALTHY_AFTER_MS) this.delayMs = RESTART_DELAY_MS;
    this.logger.log(
      'error',
      `Director process ${child.pid ?? ''} ${how}; restarting it in ${this.delayMs} ms. Packets keep flowing meanwhile`,
    );
    this.restartTimer = setTimeout(() => this.start(), this.delayMs);
    this.delayMs = Math.min(this.delayMs * 2, RESTART_DELAY_MAX_MS);
  }
}
