/** What an operator sees of a scenario while it is played, and the summary for scripts. */

import type { Judgement, Observer, PlayResult } from './play.ts';
import type { Action, Expectation, Step } from './scenario.ts';

export interface Terminal {
  write(text: string): void;
  /** Colours, and a line that tells what is being waited for. */
  readonly interactive: boolean;
  /** Characters in a line; what is awaited is cut to fit, since only one line can be taken back. */
  readonly columns: number;
}

const INDENT = '       ';
const TICK_MS = 100;

/** Lines as they come; on a terminal the last one shows what is awaited and for how long. */
export class TextReport implements Observer {
  readonly #out: Terminal;
  #waiting: { readonly text: string; readonly sinceMs: number; readonly timer: NodeJS.Timeout } | undefined;

  constructor(out: Terminal) {
    this.#out = out;
  }

  begin(title: string): void {
    this.#out.write(`${this.#bold(title)}\n`);
  }

  stepBegins(step: Step, number: number, total: number): void {
    this.#out.write(`\n${this.#bold(`${String(number).padStart(2)}/${total}  ${step.title}`)}\n`);
  }

  did(action: Action, output: string | undefined): void {
    const command = action.kind === 'run' || action.kind === 'show';
    const text = command ? `[root@${action.machine} ~]# ${action.argv.join(' ')}` : action.text;
    this.#line(command ? text : `· ${text}`);
    for (const line of output?.split('\n') ?? []) this.#line(`  ${line}`);
  }

  waiting(expectation: Expectation): void {
    if (!this.#out.interactive) return;
    const waiting = { text: expectation.text, sinceMs: Date.now(), timer: setInterval(() => this.#showWaiting(), TICK_MS) };
    waiting.timer.unref();
    this.#waiting = waiting;
    this.#showWaiting();
  }

  judged(judgement: Judgement): void {
    this.#stopWaiting();
    const { expectation, held, detail, afterMs } = judgement;
    const measured = expectation.kind === 'outage' && held ? `: ${this.#bold(detail)}` : '';
    const took = afterMs >= TICK_MS ? `  (${(afterMs / 1000).toFixed(1)} s)` : '';
    this.#line(`${held ? this.#colour(32, '✓') : this.#colour(31, '✗')} ${expectation.text}${measured}${took}`);
    if (!held || expectation.kind === 'story') for (const line of detail.split('\n')) this.#line(`    ${line}`);
  }

  failed(action: Action, reason: string): void {
    this.#stopWaiting();
    this.#line(`${this.#colour(31, '✗')} ${action.text}`);
    for (const line of reason.split('\n')) this.#line(`    ${line}`);
  }

  stepEnds(): void {
    this.#stopWaiting();
  }

  end(result: PlayResult): void {
    const sum = `${result.held} expectations held, ${result.failed} failed, in ${result.seconds.toFixed(0)} s`;
    this.#out.write(`\n${result.ok ? this.#colour(32, '✓') : this.#colour(31, '✗')} ${this.#bold(sum)}\n`);
  }

  #showWaiting(): void {
    if (this.#waiting === undefined) return;
    const seconds = ((Date.now() - this.#waiting.sinceMs) / 1000).toFixed(1);
    const room = Math.max(10, this.#out.columns - INDENT.length - seconds.length - 8);
    const text = this.#waiting.text.length > room ? `${this.#waiting.text.slice(0, room)}…` : this.#waiting.text;
    this.#out.write(`\r\x1b[K${INDENT}… ${text}  ${seconds} s`);
  }

  #stopWaiting(): void {
    if (this.#waiting === undefined) return;
    clearInterval(this.#waiting.timer);
    this.#waiting = undefined;
    this.#out.write('\r\x1b[K');
  }

  #line(text: string): void {
    this.#out.write(`${INDENT}${text}\n`);
  }

  #bold(text: string): string {
    return this.#colour(1, text);
  }

  #colour(code: number, text: string): string {
    return this.#out.interactive ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

interface StepSummary {
  readonly title: string;
  seconds: number;
  readonly shown: { readonly machine: string; readonly command: string; readonly output: string }[];
  readonly expectations: {
    readonly text: string;
    readonly held: boolean;
    readonly afterMs: number;
    readonly detail: string;
    readonly outageMs?: number;
  }[];
  failure?: string;
}

/** Gathers everything for one JSON object at the end. */
export class JsonReport implements Observer {
  readonly #steps: StepSummary[] = [];

  stepBegins(step: Step): void {
    this.#steps.push({ title: step.title, seconds: 0, shown: [], expectations: [] });
  }

  did(action: Action, output: string | undefined): void {
    if (action.kind !== 'show') return;
    this.#steps.at(-1)?.shown.push({ machine: action.machine, command: action.argv.join(' '), output: output ?? '' });
  }

  waiting(): void {
    // Only people watch.
  }

  judged({ expectation, held, detail, afterMs, outageMs }: Judgement): void {
    const measured = outageMs === undefined ? {} : { outageMs: Math.round(outageMs) };
    this.#steps.at(-1)?.expectations.push({ text: expectation.text, held, afterMs: Math.round(afterMs), detail, ...measured });
  }

  failed(action: Action, reason: string): void {
    const step = this.#steps.at(-1);
    if (step) step.failure = `${action.text}: ${reason}`;
  }

  stepEnds(_step: Step, seconds: number): void {
    const step = this.#steps.at(-1);
    if (step) step.seconds = Math.round(seconds * 10) / 10;
  }

  summary(title: string, result: PlayResult): string {
    const { ok, held, failed, seconds } = result;
    return JSON.stringify({ scenario: title, ok, held, failed, seconds: Math.round(seconds * 10) / 10, steps: this.#steps }, null, 2);
  }
}
