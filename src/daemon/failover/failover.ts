/** The failover process: owns the reactor's thread and the director process, reads the files, obeys signals. */
import { randomInt } from 'node:crypto';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seconds, toSeconds } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';
import { acquireInstanceLock, type InstanceLock } from '../../os/lock/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import { enterNetworkNamespace, inNetworkNamespace, watchSignal } from '../../os/process/index.ts';
import { AsyncPoller, monotonicNow, startThreadPool } from '../../os/reactor/index.ts';
import { SystemdNotifier } from '../../os/systemd/index.ts';
import type { Logger } from '../../ports/index.ts';
import { settingsChanges } from '../../vrrp/index.ts';
import { diagnosticLine, type LoadedConfiguration, loadConfiguration, reactorSettings, writeCheckLog } from '../configuration.ts';
import { NotifyFifos, vrrpLine } from '../fifo.ts';
import { type DaemonOptions, runDirectory } from '../options.ts';
import { ScriptRunner } from '../scripts.ts';
import { FileSensor, ProcessSensor } from '../sensors/index.ts';
import { SIGNALS } from '../signals.ts';
import { DirectorLink } from './director-link.ts';
import { DumpWriter } from './dumps/index.ts';
import { FirewallKeeper } from './firewall-keeper.ts';
import { Leftovers, undoLeftovers } from './leftovers.ts';
import { ReactorLink, type ReactorNews } from './reactor-link.ts';
import { removeStrays } from './strays.ts';
import type { ReactorSettings, ThreadData } from './thread-messages.ts';

/** Notify scripts of the last transitions may run this long after the stop (keepalived waits 1 s). */
const STOP_SCRIPTS_MS = 1_000;
/** The packet path is loaded within a second or two; a slow machine that does much else besides may take longer. */
const PACKET_PATH_PATIENCE_MS = 5_000;

export class Failover {
  private readonly options: DaemonOptions;
  private readonly runDir: string;
  private readonly logger: Logger;
  private readonly systemd = new SystemdNotifier();
  private readonly scripts: ScriptRunner;
  private readonly fifos: NotifyFifos;
  private readonly leftovers: Leftovers;
  private readonly firewall: FirewallKeeper;
  private readonly dumps: DumpWriter;
  private readonly poller = new AsyncPoller();
  private readonly files: FileSensor;
  private readonly processes: ProcessSensor;
  private readonly director: DirectorLink;
  private reactor: ReactorLink | undefined;
  private current: Configuration;
  private settings: ReactorSettings;
  private stopping = false;
  private reportPacketPath: (ready: boolean) => void = () => undefined;
  /** False when the daemon stops before it is ready. */
  private readonly packetPath = new Promise<boolean>((resolve) => {
    this.reportPacketPath = resolve;
  });
  private finish: (exitCode: number) => void = () => undefined;

  private constructor(configuration: Configuration, options: DaemonOptions, runDir: string, logger: Logger) {
    this.options = options;
    this.runDir = runDir;
    this.logger = logger;
    this.current = configuration;
    this.settings = reactorSettings(configuration, options, seconds(uptime()));
    this.scripts = new ScriptRunner(logger);
    this.scripts.security = configuration.scriptSecurity;
    this.fifos = new NotifyFifos(logger, (command, words) => this.scripts.start(command, words));
    this.leftovers = new Leftovers(runDir);
    this.firewall = new FirewallKeeper(logger, (table) => this.leftovers.setTable(table));
    this.dumps = new DumpWriter(logger);
    this.files = new FileSensor(this.poller, logger, (reading) => this.reactor?.send({ type: 'file', ...reading }));
    this.processes = new ProcessSensor(this.poller, logger, (reading) => this.reactor?.send({ type: 'process', ...reading }));
    const settings = { files: options.files, runDir, detail: options.detail, failoverPid: process.pid };
    this.director = new DirectorLink(this.forDirector(configuration), settings, logger, {
      ready: () => {
        this.reportPacketPath(true);
        this.systemd.ready(`Running ${options.files.join(' ')}`);
      },
      statusWanted: (id) => void this.sendStatus(id),
      serviceLine: (line) => this.fifos.write('services', line),
      fatal: (message) => {
        logger.log('error', message);
        void this.stop(1);
      },
    });
  }

  /** Runs until stopped; returns the exit code (see DAEMON_USAGE). */
  static async run(options: DaemonOptions, logger: Logger): Promise<number> {
    // Before any change of namespace, or the pool's threads would be born into the wrong one.
    await startThreadPool();
    const loaded = load(options, logger);
    if (!loaded?.usable) return 2;
    const runDir = runDirectory(options, loaded.configuration);
    const lock = lockRunDir(runDir, logger);
    if (!lock) return 1;
    try {
      return await new Failover(loaded.configuration, options, runDir, logger).serve();
    } finally {
      lock.release();
    }
  }

  private async serve(): Promise<number> {
    const ended = new Promise<number>((resolve) => {
      this.finish = resolve;
    });
    this.obeySignals();
    const { startupScript, networkNamespace } = this.current;
    const path = networkNamespace === undefined ? undefined : namespacePath(networkNamespace);
    if (startupScript) {
      const run = (): Promise<void> => this.scripts.runAlone(startupScript.command, startupScript.timeout);
      await (path === undefined ? run() : inNetworkNamespace(path, run));
    }
    // The kernel tells of processes in the host's own namespace only: the sensor opens its socket before we leave that.
    const processes = this.processes.configure(this.settings.vrrp.processes);
    if (path !== undefined) enterNetworkNamespace(path);
    const predecessorDied = undoLeftovers(this.runDir, this.logger);
    this.leftovers.begin();
    this.configureOutlets(this.current);
    await this.firewall.configure(this.settings);
    const files = this.files.configure(this.settings.vrrp.files);
    this.director.start();
    await this.packetPathReady();
    if (this.stopping) return ended;
    const reactor = this.startReactor({
      sensors: { files, processes },
      predecessorDied,
      ...(path !== undefined && { namespacePath: path }),
    });
    await reactor.ready();
    this.logger.log('info', `Starting vipwrightd with ${this.settings.vrrp.routers.length} virtual routers`);
    return ended;
  }

  /**
   * A director that takes an address before it can forward has clients lose what they send meanwhile, so elections wait for the packet path.
   * They do not wait for ever: an address with nobody behind it is no worse than no address.
   */
  private async packetPathReady(): Promise<void> {
    if (this.forDirector(this.current).services.length === 0) return;
    const isReady = await Promise.race([this.packetPath, sleep(PACKET_PATH_PATIENCE_MS, false, { ref: false })]);
    if (!isReady && !this.stopping) this.logger.log('warning', 'The packet path is not ready yet; the virtual routers start without it');
  }

  private startReactor(found: Pick<ThreadData, 'sensors' | 'predecessorDied' | 'namespacePath'>): ReactorLink {
    const data: ThreadData = {
      settings: this.settings,
      process: this.current.vrrpProcess,
      seed: randomInt(2 ** 32),
      detail: this.options.detail,
      ...found,
    };
    this.reactor = new ReactorLink(
      data,
      (news) => this.hear(news),
      (reason) => this.reactorDied(reason),
    );
    return this.reactor;
  }

  private obeySignals(): void {
    process.on('SIGHUP', () => void this.reload());
    process.on('SIGTERM', () => void this.stop(0));
    process.on('SIGINT', () => void this.stop(0));
    process.on('SIGUSR1', () => void this.writeDump('data'));
    process.on('SIGUSR2', () => void this.writeDump('stats'));
    watchSignal(SIGNALS.STATS_CLEAR, () => void this.writeDump('stats').then(() => this.reactor?.send({ type: 'clear-counters' })));
    watchSignal(SIGNALS.JSON, () => void this.writeDump('json'));
  }

  private hear(news: ReactorNews): void {
    switch (news.type) {
      case 'log':
        return this.logger.log(news.level, news.message);
      case 'run-script':
        return void this.track(news);
      case 'kill-script':
        return this.scripts.endTracking(news.script);
      case 'transition': {
        const { subject: kind, name, state, priority, smtpAlert } = news.transition;
        this.scripts.notify(news.transition);
        this.fifos.write('vrrp', vrrpLine(kind, name, state, priority));
        if (smtpAlert) this.director.transition({ kind, name, state });
        return;
      }
      case 'notice': {
        const { subject, name, word, priority } = news.notice;
        this.scripts.notice(news.notice);
        return this.fifos.write('vrrp', vrrpLine(subject, name, word, priority));
      }
      case 'saved-sysctls':
        this.leftovers.setSysctls(news.saved);
        return this.director.keep(news);
      case 'bfd-changed':
      case 'sync-daemon':
        return this.director.keep(news);
    }
  }

  private async track(news: Extract<ReactorNews, { type: 'run-script' }>): Promise<void> {
    const end = await this.scripts.track(news.script, news.command, news.timeout);
    this.reactor?.send({ type: 'script-ended', script: news.script, ...end });
  }

  private async sendStatus(id: number): Promise<void> {
    if (this.reactor) this.director.send({ type: 'vrrp-status', id, status: await this.reactor.status() });
  }

  private async writeDump(kind: 'data' | 'stats' | 'json'): Promise<void> {
    if (!this.reactor || this.stopping) return;
    const dump = await this.reactor.dump();
    const wallClock = (performance.timeOrigin + performance.now()) / 1000 - toSeconds(monotonicNow() - dump.now);
    this.dumps.write(kind, { configuration: this.current, settings: this.settings.vrrp, dump, wallClock });
  }

  /** HUP: reads and checks the files aside; errors change nothing, otherwise both processes apply the difference. */
  private async reload(): Promise<void> {
    if (this.stopping) return;
    this.logger.log('info', 'Reloading ...');
    this.systemd.reloading();
    const loaded = load(this.options, this.logger);
    this.keepCheckLog(loaded);
    const fixed = loaded?.usable ? changedName(this.current, loaded.configuration) : undefined;
    if (fixed !== undefined) {
      this.logger.log('error', `Reload refused: ${fixed} cannot change while the daemon runs. Restart it`);
      this.systemd.ready(`The last reload was refused: ${fixed} cannot change, see the log`);
    } else if (loaded?.usable) {
      await this.apply(loaded.configuration);
      this.logger.log('info', 'Reload complete');
      this.systemd.ready(`Running ${this.options.files.join(' ')}`);
    } else {
      this.logger.log('error', 'Reload refused: the configuration has errors, the running one stays as it is');
      this.systemd.ready('The last reload was refused: the configuration has errors, see the log');
    }
  }

  /** Where the running configuration wants it (`reload_check_config`). */
  private keepCheckLog(loaded: LoadedConfiguration | undefined): void {
    const { reloadCheckLog: path } = this.current;
    if (path === undefined || !loaded) return;
    try {
      writeCheckLog(path, loaded);
    } catch (error) {
      this.logger.log('error', `Cannot write ${path}: ${(error as Error).message}`);
    }
  }

  /** Only what has changed goes to the reactor's thread, so that a large configuration does not keep it from advertising. */
  private async apply(configuration: Configuration): Promise<void> {
    const before = this.settings;
    this.current = configuration;
    this.settings = reactorSettings(configuration, this.options, seconds(uptime()));
    this.scripts.security = configuration.scriptSecurity;
    this.configureOutlets(configuration);
    await this.firewall.configure(this.settings);
    const { vrrp, ...network } = this.settings;
    const files = this.files.configure(vrrp.files);
    const processes = this.processes.configure(vrrp.processes);
    const { vrrp: _, ...networkBefore } = before;
    const changed = !isSame(network, networkBefore);
    this.reactor?.send({ type: 'reconfigure', changes: settingsChanges(before.vrrp, vrrp), ...(changed && { network }) });
    for (const reading of files) this.reactor?.send({ type: 'file', ...reading });
    for (const reading of processes) this.reactor?.send({ type: 'process', ...reading });
    this.director.configure(this.forDirector(configuration));
    if (configuration.fifoStatesOnReload) await this.writeStates();
  }

  /** Readers of the FIFOs that were started with the new configuration know nothing yet. */
  private async writeStates(): Promise<void> {
    const status = await this.reactor?.status();
    for (const { name, state, members } of status?.groups ?? [])
      if (members.length > 0) this.fifos.write('vrrp', vrrpLine('group', name, state, 0));
    for (const { name, state, effectivePriority } of status?.routers ?? []) {
      this.fifos.write('vrrp', vrrpLine('instance', name, state, effectivePriority));
    }
  }

  private configureOutlets(configuration: Configuration): void {
    this.fifos.configure(configuration, this.options);
  }

  /** In order: priority 0 and VIPs first, so that the peer takes over at once, then tables, then scripts. */
  private async stop(exitCode: number): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    this.reportPacketPath(false);
    this.logger.log('info', 'Stopping');
    this.systemd.stopping();
    await this.reactor?.stop();
    await this.director.stop();
    await this.scripts.finish(STOP_SCRIPTS_MS);
    await this.close();
    const { shutdownScript } = this.current;
    if (shutdownScript) await this.scripts.runAlone(shutdownScript.command, shutdownScript.timeout);
    this.logger.log('info', 'Stopped vipwrightd');
    this.finish(exitCode);
  }

  private async close(): Promise<void> {
    this.fifos.close();
    this.files.close();
    this.processes.close();
    this.poller.close();
    await this.firewall.close();
    this.leftovers.clear();
  }

  /** A bug of ours, but not one that may leave an address behind. The service manager starts us again. */
  private reactorDied(reason: string): void {
    this.logger.log('error', `The virtual routers' thread died: ${reason}`);
    removeStrays(this.current, this.director.savedSysctls, this.logger);
    this.stopping = true;
    void this.director
      .stop()
      .then(() => this.close())
      .then(() => this.finish(1));
  }

  private forDirector(configuration: Configuration): Configuration {
    const routers = this.options.vrrp ? configuration.routers.map(({ authentication: _secret, ...router }) => router) : [];
    return { ...configuration, routers, services: this.options.checks ? configuration.services : [] };
  }
}

function isSame(a: unknown, b: unknown): boolean {
  const text = (value: unknown) => JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
  return text(a) === text(b);
}

/** The keyword that a reload cannot obey: where the daemon is and what its files are called is decided at its start. */
function changedName(before: Configuration, after: Configuration): string | undefined {
  if (before.networkNamespace !== after.networkNamespace) return 'net_namespace';
  return before.instance === after.instance ? undefined : 'instance';
}

/** Reads the files and logs what is wrong with them. Undefined when one cannot be read. */
export function load(options: DaemonOptions, logger: Logger): LoadedConfiguration | undefined {
  let loaded: LoadedConfiguration;
  try {
    loaded = loadConfiguration(options.files, (namespace) => (namespace === undefined ? interfaceNames() : interfaceNamesIn(namespace)));
  } catch (error) {
    logger.log('error', `Cannot read the configuration: ${(error as Error).message}`);
    return undefined;
  }
  for (const diagnostic of loaded.diagnostics) {
    logger.log(diagnostic.severity === 'info' ? 'info' : diagnostic.severity, diagnosticLine(diagnostic));
  }
  return loaded;
}

/** As ip-netns(8) has them. */
function namespacePath(name: string): string {
  return `/run/netns/${name}`;
}

function interfaceNamesIn(namespace: string): string[] {
  try {
    return inNetworkNamespace(namespacePath(namespace), interfaceNames);
  } catch (error) {
    throw new Error(`net_namespace ${namespace} cannot be entered: ${(error as Error).message}`);
  }
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
