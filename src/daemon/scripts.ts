/** Runs the scripts of virtual routers: tracking scripts, and notify scripts in order for each object. */
import { constants } from 'node:os';
import type { NotifyScripts, ScriptCommand } from '../model/index.ts';
import { checkScript, type ScriptOutcome as ProcessOutcome, type RunningScript, runScript } from '../os/process/index.ts';
import type { Logger } from '../ports/index.ts';
import type { ScriptOutcome } from '../vrrp/index.ts';
import type { Notice, Transition } from './failover/thread-messages.ts';

/** A notify script that runs longer is ended, so that later transitions are not kept waiting for ever. */
const NOTIFY_LIMIT_MICROS = 60_000_000;

/** Exit status for a command that cannot be started, as shells give it. */
const NOT_STARTED = 127;

const STATE_SCRIPTS = { MASTER: 'master', BACKUP: 'backup', FAULT: 'fault', STOP: 'stop', DELETED: 'deleted' } as const satisfies Record<
  Transition['state'],
  keyof NotifyScripts
>;

export interface ScriptEnd {
  readonly outcome: ScriptOutcome;
  readonly status: number;
}

export class ScriptRunner {
  private readonly logger: Logger;
  private readonly running = new Set<RunningScript>();
  private readonly tracking = new Map<string, RunningScript>();
  /** The end of the last notify script of each object: the next one starts after it. */
  private readonly queues = new Map<string, Promise<void>>();
  private readonly reported = new Set<string>();
  security = false;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  /** Runs a tracking script; never rejects. */
  async track(name: string, command: ScriptCommand, timeout: number): Promise<ScriptEnd> {
    if (!this.allowed(command)) return { outcome: 'failure', status: NOT_STARTED };
    const script = runScript(command, { timeout });
    this.tracking.set(name, script);
    const result = await this.outcomeOf(script);
    if (this.tracking.get(name) === script) this.tracking.delete(name);
    switch (result.kind) {
      case 'exited':
        return { outcome: result.status === 0 ? 'success' : 'failure', status: result.status };
      case 'signalled':
        return { outcome: 'signal', status: constants.signals[result.signal] };
      case 'timed-out':
        return { outcome: 'timeout', status: 0 };
      case 'failed':
        this.logger.log('warning', `Cannot run ${command.argv[0]}: ${result.reason}`);
        return { outcome: 'failure', status: NOT_STARTED };
    }
  }

  /** Ends a tracking script early; its end is reported as ever. */
  endTracking(name: string): void {
    this.tracking.get(name)?.terminate();
  }

  /** Starts the program of a check or a FIFO; `words` follow its own. Undefined when it is not allowed to run. */
  start(command: ScriptCommand, words: readonly string[] = []): RunningScript | undefined {
    return this.allowed(command) ? runScript(command, { extraArguments: words }) : undefined;
  }

  /** The scripts of one transition, the particular one first, then `notify` with its four words. */
  notify(transition: Transition): void {
    const { subject, name, state, priority, notify } = transition;
    const object = `${subject} ${name}`;
    const particular = notify[STATE_SCRIPTS[state]];
    if (particular && particular !== true) this.enqueue(object, particular, []);
    const words = [subject === 'group' ? 'GROUP' : 'INSTANCE', name, state, String(priority)];
    if (notify.any) this.enqueue(object, notify.any, words);
  }

  /** The command for an event that is no transition. */
  notice({ subject, name, word, notify }: Notice): void {
    if (word !== 'MASTER_RX_LOWER_PRI' || !notify.lowerPriorityHeard) return;
    this.enqueue(`${subject} ${name}`, notify.lowerPriorityHeard, []);
  }

  /** A command of the daemon's own beginning or end: nothing else happens until it has ended. */
  async runAlone(command: ScriptCommand, timeout: number): Promise<void> {
    await this.runLogged(command, [], timeout);
  }

  /** A script of the configuration that belongs to an object (a real server, a service), after the earlier ones of that object. */
  enqueue(object: string, command: ScriptCommand, words: readonly string[]): void {
    const before = this.queues.get(object) ?? Promise.resolve();
    const next = before.then(() => this.runLogged(command, words));
    this.queues.set(object, next);
    void next.then(() => {
      if (this.queues.get(object) === next) this.queues.delete(object);
    });
  }

  /** Waits for what was queued, at most `limitMs`, then ends what still runs. */
  async finish(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([Promise.all(this.queues.values()), limit]);
    clearTimeout(timer);
    for (const script of this.running) script.terminate();
  }

  private async runLogged(command: ScriptCommand, words: readonly string[], timeout = NOTIFY_LIMIT_MICROS): Promise<void> {
    if (!this.allowed(command)) return;
    const result = await this.outcomeOf(runScript(command, { timeout, extraArguments: words }));
    const what = command.argv[0];
    if (result.kind === 'failed') this.logger.log('warning', `Cannot run ${what}: ${result.reason}`);
    else if (result.kind === 'timed-out') this.logger.log('warning', `${what} ran for too long and was ended`);
    else if (result.kind === 'signalled') this.logger.log('warning', `${what} was ended by ${result.signal}`);
    else this.logger.log(result.status === 0 ? 'debug' : 'warning', `${what} exited with status ${result.status}`);
  }

  private async outcomeOf(script: RunningScript): Promise<ProcessOutcome> {
    this.running.add(script);
    const result = await script.outcome;
    this.running.delete(script);
    return result;
  }

  /** keepalived's script security: with enable_script_security a script that others could alter is not run; the reason is logged once. */
  private allowed(command: ScriptCommand): boolean {
    if (!this.security) return true;
    const runsAsRoot = command.user === undefined || command.user === 'root';
    const problem = checkScript(command.argv[0] ?? '', { runsAsRoot });
    if (!problem) return true;
    const text = `Script ${command.argv[0]} is not run: ${problem.reason}`;
    if (!this.reported.has(text)) this.logger.log('error', text);
    this.reported.add(text);
    return false;
  }
}
