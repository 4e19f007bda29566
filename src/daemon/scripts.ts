/** Runs the scripts of virtual routers: tracking scripts, and notify scripts in order for each object. */
import type { NotifyScripts, ScriptCommand } from '../model/index.ts';
import { checkScript, type RunningScript, runScript } from '../os/process/index.ts';
import type { Logger } from '../ports/index.ts';
import type { ScriptOutcome } from '../vrrp/index.ts';
import type { Transition } from './failover/thread-messages.ts';

/** A notify script that runs longer is ended, so that later transitions are not kept waiting for ever. */
const NOTIFY_LIMIT_MICROS = 60_000_000;

/** Exit status for a command that cannot be started, as shells give it. */
const NOT_STARTED = 127;

export interface ScriptEnd {
  readonly outcome: ScriptOutcome;
  readonly status: number;
}

export class ScriptRunner {
  private readonly logger: Logger;
  private readonly running = new Set<RunningScript>();
  /** The end of the last notify script of each object: the next one starts after it. */
  private readonly queues = new Map<string, Promise<void>>();
  private readonly reported = new Set<string>();
  security = false;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  /** Runs a tracking script; never rejects. */
  async track(command: ScriptCommand, timeout: number): Promise<ScriptEnd> {
    if (!this.allowed(command)) return { outcome: 'failure', status: NOT_STARTED };
    const result = await this.run(command, [], timeout);
    switch (result.kind) {
      case 'exited':
        return { outcome: result.status === 0 ? 'success' : 'failure', status: result.status };
      case 'signalled':
        return { outcome: 'signal', status: 0 };
      case 'timed-out':
        return { outcome: 'timeout', status: 0 };
      case 'failed':
        this.logger.log('warning', `Cannot run ${command.argv[0]}: ${result.reason}`);
        return { outcome: 'failure', status: NOT_STARTED };
    }
  }

  /** The scripts of one transition, the particular one first, then `notify` with its four words. */
  notify(transition: Transition): void {
    const { subject, name, state, priority, notify } = transition;
    const object = `${subject} ${name}`;
    const particular = notify[state.toLowerCase() as Lowercase<typeof state> & keyof NotifyScripts];
    if (particular) this.enqueue(object, particular, []);
    const words = [subject === 'group' ? 'GROUP' : 'INSTANCE', name, state, String(priority)];
    if (notify.any) this.enqueue(object, notify.any, words);
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

  private async runLogged(command: ScriptCommand, words: readonly string[]): Promise<void> {
    if (!this.allowed(command)) return;
    const result = await this.run(command, words, NOTIFY_LIMIT_MICROS);
    const what = command.argv[0];
    if (result.kind === 'failed') this.logger.log('warning', `Cannot run ${what}: ${result.reason}`);
    else if (result.kind === 'timed-out') this.logger.log('warning', `${what} ran for too long and was ended`);
    else if (result.kind === 'signalled') this.logger.log('warning', `${what} was ended by ${result.signal}`);
    else this.logger.log(result.status === 0 ? 'debug' : 'warning', `${what} exited with status ${result.status}`);
  }

  private async run(command: ScriptCommand, extraArguments: readonly string[], timeout: number) {
    const script = runScript(command, { timeout, extraArguments });
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
