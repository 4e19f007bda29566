/** Gives the check engine sockets and a clock. All judgement is the engine's; here bytes only pass through. */
import { toMillis } from '../../base/index.ts';
import type { CheckCounts, CheckEffect, CheckEngine, CheckEvent, CheckedServerSnapshot, OpenConnection } from '../../check/index.ts';
import type { CheckedService, TrackFile } from '../../model/index.ts';
import { runScript } from '../../os/process/index.ts';
import { AsyncPoller } from '../../os/reactor/index.ts';
import type { Clock } from '../../ports/index.ts';
import { type FileReading, FileSensor } from '../sensors/index.ts';
import type { Carrier, Emit } from './carrier.ts';
import { openDatagrams } from './datagram.ts';
import { openEcho } from './echo.ts';
import { LocalAddresses } from './local-addresses.ts';
import { runProgram, type StartProgram } from './program.ts';
import { openStream } from './stream.ts';

/** What checks have to say to the rest of the daemon: verdicts, changes of single checks, and lines for the log, in order. */
export type CheckReport = Extract<CheckEffect, { type: 'verdict' | 'check-changed' | 'log' }>;

/** Node's timers take no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface CheckShellOptions {
  readonly engine: CheckEngine;
  readonly clock: Clock;
  /** Called at most once a turn of the event loop with all that it brought, so that a burst of verdicts is one change of tables. */
  readonly report: (reports: readonly CheckReport[]) => void;
  /** Starts the programs of MISC_CHECK; absent means that any program may run. */
  readonly start?: StartProgram;
}

export class CheckShell {
  private readonly engine: CheckEngine;
  private readonly clock: Clock;
  private readonly report: CheckShellOptions['report'];
  private readonly start: StartProgram;
  private readonly carriers = new Map<number, Carrier>();
  /** For descriptors that Node cannot watch; made when the first one is needed, because it costs a thread. */
  private poller: AsyncPoller | undefined;
  private files: FileSensor | undefined;
  private addresses: LocalAddresses | undefined;
  private timer: NodeJS.Timeout | undefined;
  private timerAt: number | undefined;
  private reports: CheckReport[] = [];
  private flush: NodeJS.Immediate | undefined;

  constructor(options: CheckShellOptions) {
    this.engine = options.engine;
    this.clock = options.clock;
    this.report = options.report;
    this.start = options.start ?? ((command) => runScript(command));
  }

  /** Starts the checks of a configuration; called again, it applies the difference. */
  configure(services: readonly CheckedService[], trackFiles: readonly TrackFile[] = []): void {
    this.watchAddresses(services.some(({ haSuspend }) => haSuspend));
    this.dispatch({ type: 'configure', services });
    this.follow(services, trackFiles);
  }

  /** Watches the files that checks follow. The failover process, which watches for virtual routers, gives them their first numbers. */
  private follow(services: readonly CheckedService[], trackFiles: readonly TrackFile[]): void {
    const followed = new Set(
      services.flatMap(({ servers }) =>
        servers.flatMap(({ checks }) => checks.flatMap((check) => (check.kind === 'file' ? check.trackFile : []))),
      ),
    );
    if (followed.size === 0 && !this.files) return;
    const report = ({ file, value }: FileReading): void => this.dispatch({ type: 'number', trackFile: file, value });
    this.files ??= new FileSensor(this.sharedPoller(), { log: (level, message) => this.tell({ type: 'log', level, message }) }, report);
    const files = trackFiles.filter(({ name }) => followed.has(name)).map(({ name, path, weight }) => ({ name, path, weight }));
    for (const reading of this.files.configure(files)) report(reading);
  }

  /** A BFD session of the failover process changed its state. */
  sessionChanged(session: string, up: boolean): void {
    this.dispatch({ type: 'session', session, up });
  }

  private watchAddresses(wanted: boolean): void {
    if (wanted) this.addresses ??= new LocalAddresses(this.sharedPoller(), (addresses) => this.dispatch({ type: 'addresses', addresses }));
    else {
      this.addresses?.close();
      this.addresses = undefined;
    }
  }

  private sharedPoller(): AsyncPoller {
    this.poller ??= new AsyncPoller();
    return this.poller;
  }

  counts(): CheckCounts {
    return this.engine.counts();
  }

  snapshot(): readonly CheckedServerSnapshot[] {
    return this.engine.snapshot();
  }

  /** Closes every connection and timer; nothing is reported afterwards. */
  stop(): void {
    this.dispatch({ type: 'stop' });
    this.files?.close();
    this.files = undefined;
    this.watchAddresses(false);
    this.poller?.close();
    this.poller = undefined;
    if (this.flush) clearImmediate(this.flush);
    this.flush = undefined;
    this.reports = [];
  }

  private dispatch(event: CheckEvent): void {
    this.engine.handle(event, this.clock.now());
    for (const effect of this.engine.drain()) this.perform(effect);
    this.armTimer();
  }

  private perform(effect: CheckEffect): void {
    switch (effect.type) {
      case 'open':
        this.carriers.set(effect.connection, this.open(effect, this.emitterOf(effect.connection)));
        break;
      case 'run':
        this.carriers.set(effect.connection, runProgram(effect.command, this.start, this.emitterOf(effect.connection)));
        break;
      case 'send':
        this.carriers.get(effect.connection)?.send(effect.bytes);
        break;
      case 'close':
        this.close(effect.connection);
        break;
      default:
        this.tell(effect);
    }
  }

  private tell(report: CheckReport): void {
    this.reports.push(report);
    this.flush ??= setImmediate(() => this.deliver());
  }

  private deliver(): void {
    this.flush = undefined;
    const reports = this.reports;
    this.reports = [];
    this.report(reports);
  }

  private emitterOf(connection: number): Emit {
    return (event) => this.dispatch({ ...event, connection });
  }

  private open(request: OpenConnection, emit: Emit): Carrier {
    switch (request.transport) {
      case 'tcp':
        return openStream(request, emit);
      case 'udp':
        return openDatagrams(request, emit);
      case 'icmp':
        return openEcho(request, this.sharedPoller(), emit);
    }
  }

  private close(connection: number): void {
    this.carriers.get(connection)?.close();
    this.carriers.delete(connection);
  }

  private armTimer(): void {
    const deadline = this.engine.nextDeadline();
    if (deadline === this.timerAt) return;
    this.timerAt = deadline;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (deadline === undefined) return;
    const delay = Math.max(0, Math.ceil(toMillis(deadline - this.clock.now())));
    this.timer = setTimeout(() => this.timerFired(), Math.min(delay, LONGEST_TIMER_MS));
  }

  /**
   * Timers run before sockets are read. When this process was held up, answers may lie there unread: all that came in until now is
   * read first (setImmediate runs after the poll phase), and only what was due by now is declared late then.
   */
  private timerFired(): void {
    const due = this.clock.now();
    setImmediate(() => {
      this.timerAt = undefined;
      this.dispatch({ type: 'tick', due });
    });
  }
}
