/** The failover process's end of the director process: starts it, feeds it, and starts it again when it dies. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Configuration } from '../../model/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { DirectorSettings, ToDirector, ToFailover, TransitionNotice } from '../ipc.ts';

/** From the first restart on; doubled while the director keeps dying young. */
const RESTART_DELAY_MS = 100;
const RESTART_DELAY_MAX_MS = 10_000;
/** A director that lived this long was healthy: the next restart is immediate again. */
const HEALTHY_AFTER_MS = 30_000;
/** How long an orderly end may take before the director is killed (keepalived's child_wait_time). */
const STOP_LIMIT_MS = 5_000;
/** Transitions that happen while the director is away are mailed when it is back; the oldest go first. */
const NOTICES_KEPT = 100;

export interface DirectorEvents {
  ready(): void;
  /** The director wants to know how the virtual routers are. */
  statusWanted(id: number): void;
  /** It cannot work here, and a restart would not help. */
  fatal(message: string): void;
}

export class DirectorLink {
  private readonly logger: Logger;
  private readonly events: DirectorEvents;
  private configuration: Configuration;
  private readonly settings: DirectorSettings;
  private child: ChildProcess | undefined;
  private startedAt = 0;
  private delayMs = RESTART_DELAY_MS;
  private stopping = false;
  private notices: TransitionNotice[] = [];
  private restartTimer: NodeJS.Timeout | undefined;

  constructor(configuration: Configuration, settings: DirectorSettings, logger: Logger, events: DirectorEvents) {
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
    this.child = child;
    this.startedAt = performance.now();
    child.on('message', (message) => this.receive(message as ToFailover));
    child.on('error', (error) => this.logger.log('error', `Director process: ${error.message}`));
    child.on('exit', (code, signal) => this.ended(child, code, signal));
    this.send({ type: 'configure', configuration: this.configuration, settings: this.settings });
    for (const notice of this.notices.splice(0)) this.send({ type: 'transition', notice });
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  configure(configuration: Configuration): void {
    this.configuration = configuration;
    this.send({ type: 'configure', configuration, settings: this.settings });
  }

  transition(notice: TransitionNotice): void {
    if (this.child?.connected) return this.send({ type: 'transition', notice });
    this.notices.push(notice);
    if (this.notices.length > NOTICES_KEPT) this.notices.shift();
  }

  send(message: ToDirector): void {
    if (this.child?.connected) this.child.send(message, () => undefined);
  }

  /** Tables, maps and socket are taken down; a director that does not end in time is killed. */
  stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restartTimer);
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      child.once('exit', () => {
        clearTimeout(limit);
        resolve();
      });
      this.send({ type: 'stop' });
    });
  }

  private receive(message: ToFailover): void {
    switch (message.type) {
      case 'ready':
        return this.events.ready();
      case 'vrrp-status?':
        return this.events.statusWanted(message.id);
      case 'fatal':
        this.stopping = true;
        return this.events.fatal(message.message);
    }
  }

  private ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.child !== child || this.stopping) return;
    if (performance.now() - this.startedAt > HEALTHY_AFTER_MS) this.delayMs = RESTART_DELAY_MS;
    const how = signal ? `was killed by ${signal}` : `exited with status ${code}`;
    this.logger.log('error', `Director process ${child.pid} ${how}; restarting it in ${this.delayMs} ms. Packets keep flowing meanwhile`);
    this.restartTimer = setTimeout(() => this.start(), this.delayMs);
    this.delayMs = Math.min(this.delayMs * 2, RESTART_DELAY_MAX_MS);
  }
}
