/** The failover process: owns the reactor's thread and the director process, reads the files, obeys signals. */
import { join } from 'node:path';
import type { Configuration } from '../../model/index.ts';
import { acquireInstanceLock, type InstanceLock } from '../../os/lock/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import { SystemdNotifier } from '../../os/systemd/index.ts';
import type { Logger } from '../../ports/index.ts';
import { diagnosticLine, type LoadedConfiguration, loadConfiguration, vrrpSettings } from '../configuration.ts';
import type { DaemonOptions } from '../options.ts';
import { ScriptRunner } from '../scripts.ts';
import { DirectorLink } from './director-link.ts';
import { ReactorLink, type ReactorNews } from './reactor-link.ts';
import { removeStrayVips } from './vips.ts';

/** Notify scripts of the last transitions may run this long after the stop (keepalived waits 1 s). */
const STOP_SCRIPTS_MS = 1_000;

export class Failover {
  private readonly options: DaemonOptions;
  private readonly logger: Logger;
  private readonly systemd = new SystemdNotifier();
  private readonly scripts: ScriptRunner;
  private readonly configuration: Configuration;
  private readonly reactor: ReactorLink;
  private readonly director: DirectorLink;
  private current: Configuration;
  private stopping = false;
  private finish: (exitCode: number) => void = () => undefined;

  private constructor(configuration: Configuration, options: DaemonOptions, logger: Logger) {
    this.options = options;
    this.logger = logger;
    this.configuration = configuration;
    this.current = configuration;
    this.scripts = new ScriptRunner(logger);
    this.scripts.security = configuration.scriptSecurity;
    this.reactor = new ReactorLink(
      vrrpSettings(configuration, options),
      (news) => this.hear(news),
      (reason) => this.reactorDied(reason),
    );
    const settings = { files: options.files, runDir: options.runDir, detail: options.detail };
    this.director = new DirectorLink(this.forDirector(configuration), settings, logger, {
      ready: () => this.systemd.ready(`Running ${options.files.join(' ')}`),
      statusWanted: (id) => void this.sendStatus(id),
      fatal: (message) => {
        logger.log('error', message);
        void this.stop(1);
      },
    });
  }

  /** Runs until stopped; returns the exit code (see DAEMON_USAGE). */
  static async run(options: DaemonOptions, logger: Logger): Promise<number> {
    const loaded = load(options, logger);
    if (!loaded?.usable) return 2;
    const lock = lockRunDir(options.runDir, logger);
    if (!lock) return 1;
    try {
      return await new Failover(loaded.configuration, options, logger).serve();
    } finally {
      lock.release();
    }
  }

  private async serve(): Promise<number> {
    const ended = new Promise<number>((resolve) => {
      this.finish = resolve;
    });
    process.on('SIGHUP', () => this.reload());
    process.on('SIGTERM', () => void this.stop(0));
    process.on('SIGINT', () => void this.stop(0));
    await this.reactor.ready();
    this.director.start();
    this.logger.log('info', `Starting vipwrightd with ${this.configuration.routers.length} virtual routers`);
    return ended;
  }

  private hear(news: ReactorNews): void {
    switch (news.type) {
      case 'log':
        return this.logger.log(news.level, news.message);
      case 'run-script':
        return void this.track(news);
      case 'transition': {
        const { subject: kind, name, state, smtpAlert } = news.transition;
        this.scripts.notify(news.transition);
        if (smtpAlert) this.director.transition({ kind, name, state });
      }
    }
  }

  private async track(news: Extract<ReactorNews, { type: 'run-script' }>): Promise<void> {
    const end = await this.scripts.track(news.command, news.timeout);
    this.reactor.send({ type: 'script-ended', script: news.script, ...end });
  }

  private async sendStatus(id: number): Promise<void> {
    this.director.send({ type: 'vrrp-status', id, status: await this.reactor.status() });
  }

  /** HUP: reads and checks the files aside; errors change nothing, otherwise both processes apply the difference. */
  private reload(): void {
    if (this.stopping) return;
    this.logger.log('info', 'Reloading ...');
    this.systemd.reloading();
    const loaded = load(this.options, this.logger);
    if (loaded?.usable) {
      this.current = loaded.configuration;
      this.scripts.security = this.current.scriptSecurity;
      this.reactor.send({ type: 'reconfigure', settings: vrrpSettings(this.current, this.options) });
      this.director.configure(this.forDirector(this.current));
      this.logger.log('info', 'Reload complete');
      this.systemd.ready(`Running ${this.options.files.join(' ')}`);
    } else {
      this.logger.log('error', 'Reload refused: the configuration has errors, the running one stays as it is');
      this.systemd.ready('The last reload was refused: the configuration has errors, see the log');
    }
  }

  /** In order: priority 0 and VIPs first, so that the peer takes over at once, then tables, then scripts. */
  private async stop(exitCode: number): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    this.logger.log('info', 'Stopping');
    this.systemd.stopping();
    await this.reactor.stop();
    await this.director.stop();
    await this.scripts.finish(STOP_SCRIPTS_MS);
    this.logger.log('info', 'Stopped vipwrightd');
    this.finish(exitCode);
  }

  /** A bug of ours, but not one that may leave an address behind. The service manager starts us again. */
  private reactorDied(reason: string): void {
    this.logger.log('error', `The virtual routers' thread died: ${reason}`);
    removeStrayVips(this.current, this.logger);
    this.stopping = true;
    void this.director.stop().then(() => this.finish(1));
  }

  private forDirector(configuration: Configuration): Configuration {
    const routers = this.options.vrrp ? configuration.routers.map(({ authentication: _secret, ...router }) => router) : [];
    return { ...configuration, routers, services: this.options.checks ? configuration.services : [] };
  }
}

/** Reads the files and logs what is wrong with them. Undefined when one cannot be read. */
export function load(options: DaemonOptions, logger: Logger): LoadedConfiguration | undefined {
  let loaded: LoadedConfiguration;
  try {
    loaded = loadConfiguration(options.files, interfaceNames());
  } catch (error) {
    logger.log('error', `Cannot read the configuration: ${(error as Error).message}`);
    return undefined;
  }
  for (const diagnostic of loaded.diagnostics) {
    logger.log(diagnostic.severity === 'info' ? 'info' : diagnostic.severity, diagnosticLine(diagnostic));
  }
  return loaded;
}

function interfaceNames(): string[] {
  const rtnetlink = new Rtnetlink();
  const names = rtnetlink.links().map((link) => link.name);
  rtnetlink.close();
  return names;
}

function lockRunDir(runDir: string, logger: Logger): InstanceLock | undefined {
  const lock = acquireInstanceLock(join(runDir, 'vipwrightd.lock'));
  if ('release' in lock) return lock;
  logger.log('error', `Another vipwrightd${lock.heldBy ? ` (pid ${lock.heldBy})` : ''} runs with ${runDir}; give each its own --run-dir`);
  return undefined;
}
