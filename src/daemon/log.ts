/** The daemon's log: one line per event on standard output, in the form of keepalived's console log. */
import type { Logger, LogLevel } from '../ports/index.ts';

/** Syslog priorities, which journald reads from a `<N>` in front of a line. */
const PRIORITY: Record<LogLevel, number> = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 };

/**
 * A flood must not fill a disk or slow an election: this many lines at once, then this many a second. Detail has a budget of its
 * own, so that it cannot displace the lines that tell of a state: a thousand virtual routers may change theirs in one second.
 */
const DETAIL_BUDGET: Budget = { burst: 500, linesPerSecond: 100 };
const BUDGET: Budget = { burst: 5_000, linesPerSecond: 500 };

interface Budget {
  readonly burst: number;
  readonly linesPerSecond: number;
}

export interface LogOptions {
  /** keepalived's -D: debug lines too. */
  readonly detail: boolean;
  /** Written in front of the message, for example `Keepalived_vrrp`; absent for the parent. */
  readonly ident?: string;
}

/** Decides what is written when lines come faster than they should; pure, so that it can be tested. */
export class LineBudget {
  private readonly budget: Budget;
  private tokens: number;
  private last: number;
  private suppressed = 0;

  constructor(nowMs: number, budget: Budget) {
    this.budget = budget;
    this.tokens = budget.burst;
    this.last = nowMs;
  }

  /** How many lines were left out since the last written one, or undefined when this line is left out too. */
  take(nowMs: number): number | undefined {
    const { burst, linesPerSecond } = this.budget;
    this.tokens = Math.min(burst, this.tokens + ((nowMs - this.last) / 1000) * linesPerSecond);
    this.last = nowMs;
    if (this.tokens < 1) {
      this.suppressed++;
      return undefined;
    }
    this.tokens--;
    const left = this.suppressed;
    this.suppressed = 0;
    return left;
  }
}

/** Under journald the journal has the date and wants the priority; elsewhere the line looks like keepalived's `-l`. */
export function formatLine(level: LogLevel, message: string, at: Date, journal: boolean): string {
  return journal ? `<${PRIORITY[level]}>${message}\n` : `${consoleDate(at)}: ${message}\n`;
}

/** `Sat Nov 21 02:05:50 2026`, as ctime(3) writes it. */
function consoleDate(at: Date): string {
  const [day, month, date, year, time] = at.toString().split(' ') as [string, string, string, string, string];
  return `${day} ${month} ${date.replace(/^0/, ' ')} ${time} ${year}`;
}

export function createLogger(options: LogOptions): Logger {
  const journal = process.env.JOURNAL_STREAM !== undefined;
  const detailBudget = new LineBudget(performance.now(), DETAIL_BUDGET);
  const budget = new LineBudget(performance.now(), BUDGET);
  const write = (level: LogLevel, message: string) => process.stdout.write(formatLine(level, message, new Date(), journal));
  return {
    log(level, message) {
      if (level === 'debug' && !options.detail) return;
      const suppressed = (level === 'debug' ? detailBudget : budget).take(performance.now());
      if (suppressed === undefined) return;
      if (suppressed > 0) write('warning', `${suppressed} log lines were left out: too many in too short a time`);
      write(level, options.ident ? `${options.ident}: ${message}` : message);
    },
  };
}
