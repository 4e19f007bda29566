/**
 * The director process: checks, decisions, tables, mail and the API. May be busy, may die and be started again: its maps outlive it.
 * It is also the failover process's guard: when that one dies, this one takes the VIPs down and ends.
 */
import { randomInt } from 'node:crypto';
import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createApi, listen, type StatusReport, type VrrpStatusReport } from '../../api/index.ts';
import { toSeconds } from '../../base/index.ts';
import { CheckEngine } from '../../check/index.ts';
import { Reconciler } from '../../dataplane/index.ts';
import { type DirectorEffect, DirectorEngine, type DrainTarget } from '../../director/index.ts';
import { type Configuration, type ServiceTable, serverKeyText, serviceKeyText } from '../../model/index.ts';
import type { SavedSysctl } from '../../os/sysctl/index.ts';
import type { Logger } from '../../ports/index.ts';
import { type CheckReport, CheckShell, monotonicClock } from '../checks/index.ts';
import { Leftovers } from '../failover/leftovers.ts';
import { removeStrays, removeStrayVips } from '../failover/strays.ts';
import type { DirectorSettings, ToFailover, TransitionNotice } from '../ipc.ts';
import { MailSender } from '../mail/index.ts';
import { ScriptRunner } from '../scripts.ts';
import { HostedDataPlane } from './data-plane.ts';
import { DrainDesk } from './drain-desk.ts';
import { FailoverWatch } from './failover-watch.ts';
import { MarkWatch } from './mark-watch.ts';
import { applyProcessSettings, ORDINARY } from './process-settings.ts';
import { buildStatus } from './status.ts';
import { transitionMail } from './transition-mail.ts';

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
  private processSettings = ORDINARY;
  private ticker: NodeJS.Timeout | undefined;
  private server: Server | undefined;
  private lastStatusId = 0;
  private readonly watch: FailoverWatch;
  private readonly drains: DrainDesk;
  private readonly marks: MarkWatch;
  /** Kernel settings that the failover process has changed. */
  savedSysctls: readonly SavedSysctl[] = [];
  private readonly statusWaiters = new Map<number, (status: VrrpStatusReport | undefined) => void>();

  constructor(configuration: Configuration, settings: DirectorSettings, logger: Logger, port: DirectorPort) {
    this.configuration = configuration;
    this.settings = settings;
    this.logger = logger;
    this.port = port;
    this.plane = HostedDataPlane.open(configuration, settings.runDir, logger);
    // Not again when a predecessor died: packets keep flowing meanwhile.
    if (configuration.flushAtStart && !settings.restarted) this.plane.current.flush();
    this.reconciler = new Reconciler({ plane: this.plane.current, logger });
    this.plane.onChange = () => {
      this.reconciler = new Reconciler({ plane: this.plane.current, logger });
    };
    this.marks = new MarkWatch(this.plane, logger);
    this.engine = new DirectorEngine({ inherited: this.inheritTables() });
    this.mail = new MailSender(configuration.mail, { logger });
    this.scripts = new ScriptRunner(logger);
    this.checks = new CheckShell({
      // The identifiers of DNS and ICMP messages come from the seed, so it must not be guessable.
      engine: new CheckEngine({}, randomInt(2 ** 32)),
      clock: monotonicClock,
      report: (reports) => this.hearChecks(reports),
      start: (command) => this.scripts.start(command),
    });
    this.drains = new DrainDesk({ plane: () => this.plane.current, override: (target, weight) => this.override(target, weight), logger });
    this.watch = new FailoverWatch(settings.failoverPid, logger, (routers) => removeStrayVips({ routers }, logger, 'its owner is stopped'));
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
      trace: (flow) => plane.trace(flow),
      drain: (request) => this.drains.request(request),
      drains: () => this.drains.report(),
    });
    this.server = await listen(app, join(this.settings.runDir, 'vipwright.sock'));
    this.port.send({ type: 'ready' });
  }

  /** A reload. What the packet path cannot follow changes nothing here: services, checks and mail go on as they were, and a line says so. */
  reload(configuration: Configuration): void {
    try {
      this.configure(configuration);
    } catch (error) {
      this.logger.log('error', `The services stay as they were, the packet path cannot follow: ${(error as Error).message}`);
    }
  }

  private configure(configuration: Configuration): void {
    const before = this.plane.current;
    this.plane.configure(configuration);
    for (const problem of applyProcessSettings(this.processSettings, configuration.checkerProcess))
      this.logger.log('info', `The director runs without the wished-for priority: ${problem.message}`);
    this.processSettings = configuration.checkerProcess;
    this.configuration = configuration;
    this.watch.routers = configuration.routers;
    this.scripts.security = configuration.scriptSecurity;
    this.mail.configure(configuration.mail);
    if (this.plane.current !== before) this.reconciler = new Reconciler({ plane: this.plane.current, logger: this.logger });
    this.plane.current.setTimeouts(configuration.timeouts);
    this.plane.current.setSettings(configuration.forwarding);
    const { services, mail, initialNotifies } = configuration;
    const policy = { routerId: this.routerId(), noCheckerMail: mail.noCheckerMail, initialNotifies };
    this.engine.handle({ type: 'configure', services, policy }, monotonicClock.now());
    this.performAll();
    this.checks.configure(services, configuration.trackFiles);
    void this.marks.look();
  }

  /** Mail about a virtual router or a sync group that changed state in the other process. */
  transition(notice: TransitionNotice): void {
    const mail = transitionMail(notice, this.routerId(), this.configuration.mail);
    if (mail) this.mail.send(mail);
  }

  /** A session of bidirectional forwarding detection, which the other process holds. */
  sessionChanged(session: string, up: boolean): void {
    this.checks.sessionChanged(session, up);
  }

  answerStatus(id: number, status: VrrpStatusReport): void {
    this.statusWaiters.get(id)?.(status);
  }

  /** Takes everything down in order; nothing of us is left in the kernel afterwards. */
  async stop(): Promise<void> {
    clearInterval(this.ticker);
    this.watch.close();
    this.checks.stop();
    this.engine.handle({ type: 'stop' }, monotonicClock.now());
    this.performAll();
    if (this.configuration.flushAtStop) this.plane.current.flush();
    else this.reconciler.stop(monotonicClock.now());
    this.plane.close();
    this.server?.close();
    this.server?.closeAllConnections();
    await Promise.all([this.mail.close(MAIL_LIMIT_MS), this.scripts.finish(MAIL_LIMIT_MS)]);
  }

  /** The failover process is gone: nobody renews the VIPs, so nobody may keep them. */
  guard(): void {
    this.logger.log('error', 'The failover process died: removing its VIPs and ending');
    removeStrays(this.configuration, this.savedSysctls, this.logger);
    new Leftovers(this.settings.runDir).clear();
  }

  private hearChecks(reports: readonly CheckReport[]): void {
    for (const report of reports) {
      if (report.type === 'log') this.logger.log(report.level, report.message);
      else this.engine.handle(report, monotonicClock.now());
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
        break;
      case 'line':
        this.port.send({ type: 'service-line', line: effect.line });
    }
  }

  private tick(): void {
    this.plane.current.tick();
    this.drains.tick();
    this.marks.tick();
    const deadline = this.reconciler.nextDeadline();
    if (deadline !== undefined && deadline <= monotonicClock.now()) this.reconciler.reconcile(monotonicClock.now());
  }

  /**
   * What the maps of a predecessor still hold. Configured services stay as they are until the checks have spoken; services that
   * left the configuration while nobody ran go now, because nobody else owns those maps. A director process that takes the place of one
   * that died has the same configuration: what is not in it was added by hand, and stays.
   */
  private inheritTables(): ServiceTable[] {
    const configured = new Set(this.configuration.services.map((service) => serviceKeyText(service.key)));
    const inherited: ServiceTable[] = [];
    for (const service of this.plane.current.services()) {
      if (configured.has(serviceKeyText(service.key))) inherited.push({ ...service, servers: service.servers.toReversed() });
      else if (!this.settings.restarted) this.plane.current.deleteService(service.key);
    }
    return inherited;
  }

  /** An operator's weight goes before the file's, until it is taken back. */
  private override({ service, server }: DrainTarget, weight: 0 | undefined): boolean {
    const [key, name] = [serviceKeyText(service), serverKeyText(server)];
    const known = this.engine.snapshot().find((candidate) => serviceKeyText(candidate.key) === key);
    if (!known?.servers.some((candidate) => serverKeyText(candidate) === name)) return false;
    this.engine.handle({ type: 'override', service, server, weight }, monotonicClock.now());
    this.performAll();
    return true;
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
      checks: this.checks.snapshot(),
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
