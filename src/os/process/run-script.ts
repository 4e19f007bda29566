/** Runs the commands of a configuration: notify scripts, tracking scripts, miscellaneous checks. Never through a shell of ours. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Micros, toMillis } from '../../base/index.ts';
import type { ScriptCommand } from '../../model/index.ts';
import { cleanEnvironment } from './environment.ts';
import { resolveIdentity } from './identity.ts';

/** How a script ended. `output` is the beginning of what it wrote to standard output and error. */
export type ScriptOutcome =
  | { readonly kind: 'exited'; readonly status: number; readonly output: string }
  | { readonly kind: 'signalled'; readonly signal: NodeJS.Signals; readonly output: string }
  /** It did not end in time and was told to; the whole process group got TERM and, where that did not help, KILL. */
  | { readonly kind: 'timed-out'; readonly output: string }
  /** It could not be started. */
  | { readonly kind: 'failed'; readonly reason: string };

export interface ScriptOptions {
  /** Time to live; absent means as long as it takes. */
  readonly timeout?: Micros;
  /** From TERM to KILL; keepalived's 2 s by default. */
  readonly killDelay?: Micros;
  /** Words after the command's own, for `notify`. */
  readonly extraArguments?: readonly string[];
  /** Bytes of output kept; default 4096. */
  readonly outputLimit?: number;
}

export interface RunningScript {
  /** Also the number of its process group; undefined when it could not be started. */
  readonly pid: number | undefined;
  readonly outcome: Promise<ScriptOutcome>;
  /** Ends it early: TERM now, KILL after the delay. The outcome still comes, as `timed-out`. */
  terminate(): void;
}

const DEFAULT_KILL_DELAY: Micros = 2_000_000;
const DEFAULT_OUTPUT_LIMIT = 4096;
/** A child of the script may keep its output open: do not wait for that longer than this after the script itself has ended. */
const OUTPUT_GRACE_MILLIS = 50;

/**
 * Starts a command as leader of its own process group, standard input empty, under the user and group it names, with a clean
 * environment and `/` as directory. Never throws and never rejects.
 */
export function runScript(command: ScriptCommand, options: ScriptOptions = {}): RunningScript {
  const [file, ...words] = command.argv;
  if (file === undefined) return notStarted('the command is empty');
  const identity = resolveIdentity(command.user, command.group);
  if ('unknown' in identity) return notStarted(`unknown ${identity.unknown}`);
  let child: ChildProcess;
  try {
    child = spawn(file, [...words, ...(options.extraArguments ?? [])], {
      cwd: '/',
      env: cleanEnvironment(process.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...identity,
    });
  } catch (error) {
    return notStarted((error as Error).message);
  }
  return watch(child, options);
}

function watch(child: ChildProcess, options: ScriptOptions): RunningScript {
  const output = collectOutput(child, options.outputLimit ?? DEFAULT_OUTPUT_LIMIT);
  const timers = new Set<NodeJS.Timeout>();
  const after = (delay: Micros, action: () => void): void => {
    timers.add(setTimeout(action, toMillis(delay)));
  };
  let ended = false;
  let told = false;
  const terminate = (): void => {
    if (told || ended) return;
    told = true;
    signalGroup(child, 'SIGTERM');
    after(options.killDelay ?? DEFAULT_KILL_DELAY, () => signalGroup(child, 'SIGKILL'));
  };
  if (options.timeout !== undefined) after(options.timeout, terminate);
  const outcome = new Promise<ScriptOutcome>((resolve) => {
    const finish = (result: ScriptOutcome): void => {
      for (const timer of timers) clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(result);
    };
    child.once('error', (error) => {
      ended = true;
      finish({ kind: 'failed', reason: error.message });
    });
    child.once('exit', (status, signal) => {
      ended = true;
      // Its children had the same time: whoever of the group is left now goes at once.
      if (told) signalGroup(child, 'SIGKILL');
      const done = (): void => finish(judge(status, signal, told, output()));
      child.once('close', done);
      timers.add(setTimeout(done, OUTPUT_GRACE_MILLIS));
    });
  });
  return { pid: child.pid, outcome, terminate };
}

function judge(status: number | null, signal: NodeJS.Signals | null, told: boolean, output: string): ScriptOutcome {
  if (told) return { kind: 'timed-out', output };
  return signal ? { kind: 'signalled', signal, output } : { kind: 'exited', status: status ?? 0, output };
}

/** The group may be gone already (ESRCH), or consist of processes that changed their user (EPERM): then there is nothing that we could end. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Keeps the beginning of the output and reads the rest away, so that a talkative script is not blocked. */
function collectOutput(child: ChildProcess, limit: number): () => string {
  const chunks: Buffer[] = [];
  let kept = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      if (kept >= limit) return;
      chunks.push(chunk.subarray(0, limit - kept));
      kept += chunk.length;
    });
  }
  return () => Buffer.concat(chunks).toString('utf8');
}

function notStarted(reason: string): RunningScript {
  return { pid: undefined, outcome: Promise.resolve({ kind: 'failed', reason }), terminate: () => undefined };
}
