/** Gives the check engine sockets and a clock. All judgement is the engine's; here bytes only pass through. */
import { connect, type Socket } from 'node:net';
import { toMillis } from '../../base/index.ts';
import type { CheckCounts, CheckEffect, CheckEngine, CheckEvent, OpenConnection } from '../../check/index.ts';
import type { CheckedService } from '../../model/index.ts';
import type { Clock } from '../../ports/index.ts';

/** What checks have to say to the rest of the daemon: verdicts, and lines for the log, in order. */
export type CheckReport = Extract<CheckEffect, { type: 'verdict' | 'log' }>;

/** Errors that mean that this machine, not the server, lacks something. */
const OWN_FAULTS = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EAGAIN']);

/** Node's timers take no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface CheckShellOptions {
  readonly engine: CheckEngine;
  readonly clock: Clock;
  /** Called at most once a turn of the event loop with all that it brought, so that a burst of verdicts is one change of tables. */
  readonly report: (reports: readonly CheckReport[]) => void;
}

export class CheckShell {
  private readonly engine: CheckEngine;
  private readonly clock: Clock;
  private readonly report: CheckShellOptions['report'];
  private readonly sockets = new Map<number, Socket>();
  private timer: NodeJS.Timeout | undefined;
  private timerAt: number | undefined;
  private reports: CheckReport[] = [];
  private flush: NodeJS.Immediate | undefined;

  constructor(options: CheckShellOptions) {
    this.engine = options.engine;
    this.clock = options.clock;
    this.report = options.report;
  }

  /** Starts the checks of a configuration; called again, it applies the difference. */
  configure(services: readonly CheckedService[]): void {
    this.dispatch({ type: 'configure', services });
  }

  counts(): CheckCounts {
    return this.engine.counts();
  }

  /** Closes every connection and timer; nothing is reported afterwards. */
  stop(): void {
    this.dispatch({ type: 'stop' });
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
        this.open(effect);
        break;
      case 'send':
        this.sockets.get(effect.connection)?.write(effect.bytes);
        break;
      case 'close':
        this.close(effect.connection);
        break;
      default:
        this.reports.push(effect);
        this.flush ??= setImmediate(() => this.deliver());
    }
  }

  private deliver(): void {
    this.flush = undefined;
    const reports = this.reports;
    this.reports = [];
    this.report(reports);
  }

  private open({ connection, address, port, bindAddress }: OpenConnection): void {
    // No delay: the request is one small write. The host is an address, so nothing is looked up.
    const socket = connect({
      host: `${address}`,
      port,
      family: address.family,
      noDelay: true,
      autoSelectFamily: false,
      ...(bindAddress ? { localAddress: `${bindAddress}` } : {}),
    });
    this.sockets.set(connection, socket);
    socket.on('connect', () => this.dispatch({ type: 'connected', connection }));
    // The engine consumes every piece before the next one is read, so a fast server fills no memory of ours.
    socket.on('data', (bytes) => this.dispatch({ type: 'data', connection, bytes }));
    socket.on('end', () => this.dispatch({ type: 'ended', connection }));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message;
      // Without a bind address, EADDRNOTAVAIL means that the ephemeral ports are used up.
      const own = OWN_FAULTS.has(code) || (code === 'EADDRNOTAVAIL' && !bindAddress);
      this.dispatch({ type: own ? 'starved' : 'broken', connection, error: code });
    });
  }

  private close(connection: number): void {
    const socket = this.sockets.get(connection);
    if (!socket) return;
    this.sockets.delete(connection);
    socket.removeAllListeners();
    // A reset that comes after our close concerns nobody, but an 'error' without a listener would end the process.
    socket.on('error', () => {});
    socket.destroy();
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
