/** How many processes run that match each `vrrp_track_process`. */
import { readdirSync, readFileSync } from 'node:fs';
import type { TrackProcess } from '../../model/index.ts';
import { ProcessMonitor } from '../../os/process/index.ts';
import type { AsyncPoller } from '../../os/reactor/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { ProcessEvent } from '../../wire/index.ts';
import { isMatch, type ProcessIdentity } from './process-match.ts';

export interface ProcessReading {
  readonly process: string;
  readonly count: number;
}

/** Where the kernel does not tell us (its connector speaks in the host's network namespace only), /proc is read so often. */
const SCAN_PERIOD_MS = 1_000;

export class ProcessSensor {
  private readonly poller: AsyncPoller;
  private readonly logger: Logger;
  private readonly report: (reading: ProcessReading) => void;
  /** The names of the tracked processes that each running process matches. */
  private readonly matches = new Map<number, readonly string[]>();
  private readonly counts = new Map<string, number>();
  private wanted: readonly TrackProcess[] = [];
  private monitor: ProcessMonitor | undefined;
  private scanTimer: NodeJS.Timeout | undefined;

  constructor(poller: AsyncPoller, logger: Logger, report: (reading: ProcessReading) => void) {
    this.poller = poller;
    this.logger = logger;
    this.report = report;
  }

  /** Follows exactly these, and returns how many of each run now. */
  configure(wanted: readonly TrackProcess[]): ProcessReading[] {
    this.wanted = wanted;
    if (wanted.length === 0) this.stopFollowing();
    // Events first, then /proc: a process that starts between the two is seen twice, and counted once.
    else if (!this.monitor && !this.scanTimer) this.follow();
    this.scan();
    this.counts.clear();
    return this.readings((process, count) => {
      this.counts.set(process, count);
      return true;
    });
  }

  close(): void {
    this.stopFollowing();
  }

  private follow(): void {
    try {
      const monitor = new ProcessMonitor();
      this.monitor = monitor;
      this.poller.add(monitor.fd, () => this.read(monitor));
    } catch (error) {
      this.logger.log('info', `No process events here (${(error as Error).message}): looking for tracked processes every second`);
      this.scanTimer = setInterval(() => {
        this.scan();
        this.tell();
      }, SCAN_PERIOD_MS);
    }
  }

  private stopFollowing(): void {
    clearInterval(this.scanTimer);
    this.scanTimer = undefined;
    if (!this.monitor) return;
    this.poller.remove(this.monitor.fd);
    this.monitor.close();
    this.monitor = undefined;
  }

  private read(monitor: ProcessMonitor): void {
    const { events, overrun } = monitor.read();
    if (overrun) this.scan();
    else for (const event of events) this.note(event);
    this.tell();
  }

  private note(event: ProcessEvent): void {
    switch (event.kind) {
      case 'forked': {
        // Until it runs something else, a child is what its parent is.
        const inherited = this.matches.get(event.parent);
        if (inherited) this.matches.set(event.pid, inherited);
        return;
      }
      case 'ended':
        this.matches.delete(event.pid);
        return;
      case 'executed':
      case 'renamed':
        this.look(event.pid);
    }
  }

  private scan(): void {
    this.matches.clear();
    if (this.wanted.length === 0) return;
    for (const entry of readdirSync('/proc')) if (/^\d+$/.test(entry)) this.look(Number(entry));
  }

  private look(pid: number): void {
    const identity = identify(pid);
    const names = identity ? this.wanted.filter((wanted) => isMatch(wanted, identity)).map((wanted) => wanted.name) : [];
    if (names.length > 0) this.matches.set(pid, names);
    else this.matches.delete(pid);
  }

  private tell(): void {
    const changed = this.readings((process, count) => this.counts.get(process) !== count);
    for (const reading of changed) {
      this.counts.set(reading.process, reading.count);
      this.report(reading);
    }
  }

  private readings(keep: (process: string, count: number) => boolean): ProcessReading[] {
    const counts = new Map(this.wanted.map(({ name }) => [name, 0]));
    for (const names of this.matches.values()) for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return Array.from(counts, ([process, count]) => ({ process, count })).filter(({ process, count }) => keep(process, count));
  }
}

/** Undefined when the process has ended meanwhile. A zombie has no words, and counts as ended. */
function identify(pid: number): ProcessIdentity | undefined {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return words.length === 0 ? undefined : { name, words };
  } catch {
    return undefined;
  }
}
