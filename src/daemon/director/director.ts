/**
 * The director process: checks, decisions, tables, mail and the API. May be busy, may die and be started again: its maps outlive it.
 * It is also the failover process's guard: when that one dies, this one takes the VIPs down and ends.
 */
import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createApi, listen, type StatusReport, type VrrpStatusReport } from '../../api/index.ts';
import { toSeconds } from '../../base/index.ts';
import { CheckEngine } from '../../check/index.ts';
import { Reconciler } from '../../dataplane/index.ts';
import { composeGroupMail, composeRouterMail, type DirectorEffect, DirectorEngine } from '../../director/index.ts';
import { type Configuration, type ServiceTable, serviceKeyText } from '../../model/index.ts';
import type { Logger } from '../../ports/index.ts';
import { type CheckReport, CheckShell, monotonicClock } from '../checks/index.ts';
import { removeStrayVips } from '../failover/vips.ts';
import type { DirectorSettings, ToFailover, TransitionNotice } from '../ipc.ts';
import { MailSender } from '../mail/index.ts';
import { ScriptRunner } from '../scripts.ts';
import { HostedDataPlane } from './data-plane.ts';
import { buildStatus } from './status.ts';

const TICK_MS = 1_000;
/** An answer about the virtual routers that takes longer means that the other process is not well; status says so. */
const STATUS_LIMIT_MS = 1_000;
const MAIL_LIMIT_MS = 1_000;

export interface DirectorPort {
  send(message: ToFailover): void;
}

export class Director {
  private readonly port: DirectorPort;
  private readonly settings: DirectorSettings;
  private readonly logger: Logger;
  private readonly startedAt = monotonicClock.now();
  private readonly plane: HostedDataPlane;
  private reconciler: Reconciler;
  private readonly engine: DirectorEngine;
  private readonly checks: CheckShell;
  private readonly mail: MailSender;
  private readonly scripts: ScriptRunner;
  private configuration: Configuration;
  private ticker: NodeJS.Timeout | undefined;
  private server: Server | undefined;
  private lastStatusId = 0;
  private readonly statusWaiters = new Map<number, (status: VrrpStatusReport | undefined) => void>();

  constructor(configuration: Configuration, settings: DirectorSettings, logger: Logger, port: DirectorPort) {
    this.configuration = configuration;
    this.settings = settings;
    this.logger = logger;
    this.port = port;
    this.plane = HostedDataPlane.open(configuration, settings.runDir, logger);
    this.reconciler = new Reconciler({ plane: this.plane.current, logger });
    this.engine = new DirectorEngine({ inherited: this.inheritTables() });
    this.checks = new CheckShell({ engine: new CheckEngine(), clock: monotonicClock, report: (reports) => this.hearChecks(reports) });
    this.mail = new MailSender(configuration.mail, { logger });
    this.scripts = new ScriptRunner(logger);
  }

  async start(): Promise<void> {
    this.configure(this.configuration);
    this.ticker = setInterval(() => this.tick(), TICK_MS);
    const { plane } = this;
    const app = createApi({
      get dataPlane() {
        return plane.current;
      },
      status: () => this.status(),
    });
    this.server = await listen(app, join(this.settings.runDir, 'vipwright.sock'));
    this.port.send({ type: 'ready' });
  }

  configure(configuration: Configuration): void {
    this.configuration = configuration;
    this.scripts.security = configuration.scriptSecurity;
    this.mail.configure(configuration.mail);
    const before = this.plane.current;
    this.plane.configure(configuration);
    if (this.plane.current !== before) this.reconciler = new Reconciler({ plane: this.plane.current, logger: this.logger });
    this.plane.current.setTimeouts(configuration.timeouts);
    const { services } = configuration;
    this.engine.handle({ type: 'configure', services, routerId: this.routerId() }, monotonicClock.now());
    this.performAll();
    this.checks.configure(services);
  }

  /** Mail about a virtual router or a sync group that changed state in the other process. */
  transition({ kind, name, state }: TransitionNotice): void {
    const compose = kind === 'group' ? composeGroupMail : composeRouterMail;
    this.mail.send(compose(this.routerId(), name, state));
  }

  answerStatus(id: number, status: VrrpStatusReport): void {
    this.statusWaiters.get(id)?.(status);
  }

  /** Takes everything down in order; nothing of us is left in the kernel afterwards. */
  async stop(): Promise<void> {
    clearInterval(this.ticker);
    this.checks.stop();
    this.engine.handle({ type: 'stop' }, monotonicClock.now());
    this.performAll();
    this.reconciler.stop(monotonicClock.now());
    this.plane.close();
    this.server?.close();
    this.server?.closeAllConnections();
    await Promise.all([this.mail.close(MAIL_LIMIT_MS), this.scripts.finish(MAIL_LIMIT_MS)]);
  }

  /** The failover process is gone: nobody renews the VIPs, so nobody may keep them. */
  guard(): void {
    this.logger.log('error', 'The failover process died: removing its VIPs and ending');
    removeStrayVips(this.configuration, this.logger);
  }

  private hearChecks(reports: readonly CheckReport[]): void {
    for (const report of reports) {
      if (report.type === 'log') this.logger.log(report.level, report.message);
      else this.engine.handle({ type: 'verdict', verdict: report.verdict }, monotonicClock.now());
    }
    this.performAll();
  }

  private performAll(): void {
    for (const effect of this.engine.drain()) this.perform(effect);
  }

  private perform(effect: DirectorEffect): void {
    switch (effect.type) {
      case 'tables':
        this.reconciler.want(effect.tables, monotonicClock.now());
        break;
      case 'log':
        this.logger.log(effect.level, effect.message);
        break;
      case 'mail':
        this.mail.send(effect.mail);
        break;
      case 'script':
        this.scripts.enqueue(effect.object, effect.command, []);
    }
  }

  private tick(): void {
    this.plane.current.tick();
    const deadline = this.reconciler.nextDeadline();
    if (deadline !== undefined && deadline <= monotonicClock.now()) this.reconciler.reconcile(monotonicClock.now());
  }

  /**
   * What the maps of a predecessor still hold. Configured services stay as they are until the checks have spoken; services that
   * left the configuration while nobody ran go now, because nobody else owns those maps.
   */
  private inheritTables(): ServiceTable[] {
    const configured = new Set(this.configuration.services.map((service) => serviceKeyText(service.key)));
    const inherited: ServiceTable[] = [];
    for (const service of this.plane.current.services()) {
      if (configured.has(serviceKeyText(service.key))) inherited.push({ ...service, servers: service.servers.toReversed() });
      else this.plane.current.deleteService(service.key);
    }
    return inherited;
  }

  private async status(): Promise<StatusReport> {
    const vrrp = await this.vrrpStatus();
    const uptimeSeconds = toSeconds(monotonicClock.now() - this.startedAt);
    const { drift } = this.reconciler.totals;
    return buildStatus({
      routerId: this.routerId(),
      uptimeSeconds,
      files: this.settings.files,
      plane: this.plane,
      repairs: drift,
      vrrp,
      services: this.engine.snapshot(),
    });
  }

  private vrrpStatus(): Promise<VrrpStatusReport | undefined> {
    const id = ++this.lastStatusId;
    return new Promise((resolve) => {
      const done = (status: VrrpStatusReport | undefined): void => {
        clearTimeout(limit);
        this.statusWaiters.delete(id);
        resolve(status);
      };
      const limit = setTimeout(() => done(undefined), STATUS_LIMIT_MS);
      this.statusWaiters.set(id, done);
      this.port.send({ type: 'vrrp-status?', id });
    });
  }

  private routerId(): string {
    return this.configuration.routerId ?? hostname();
  }
}
