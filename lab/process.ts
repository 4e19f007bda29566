/** Child processes by argument vector, never through a shell: one-shot commands, and services whose output is kept line by line. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Monotonic milliseconds; the same time line in every process of the machine (the lab makes no time namespaces). */
export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Asks `probe` again and again until it gives an answer; undefined when the time is over. */
export async function until<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  timeoutMs: number,
  pauseMs = 50,
): Promise<T | undefined> {
  const deadline = nowMs() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (nowMs() >= deadline) return undefined;
    await sleep(pauseMs);
  }
}

export interface Exit {
  /** Exit status; null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Outcome extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** After this long the process is killed and `signal` says so. Default 30 s. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end. A command that cannot be started rejects. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = launch(argv, ['pipe', 'pipe', 'pipe']);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    const timer = setTimeout(() => killTree(child.pid), options.timeoutMs ?? 30_000);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    // A command that does not read its input closes the pipe early; that is its own affair.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** Runs a command that must succeed, and returns what it printed. */
export async function runOrThrow(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await run(argv, options);
  if (outcome.code !== 0) {
    throw new Error(`${argv.join(' ')} ended with ${outcome.code ?? outcome.signal}: ${(outcome.stderr || outcome.stdout).trim()}`);
  }
  return outcome.stdout;
}

/**
 * A child in a session of its own: a Ctrl-C at the terminal reaches only the runner, which then takes things down in order.
 */
export function launch(argv: readonly string[], stdio: StdioOptions): ChildProcess {
  const [command, ...rest] = argv;
  if (command === undefined) throw new Error('a command needs at least a name');
  return spawn(command, rest, { stdio, detached: true });
}

/** Process ids whose parent is `parent`, in our own process namespace. */
export function childrenOf(parent: number): number[] {
  return [...parents()].filter(([, ppid]) => ppid === parent).map(([pid]) => pid);
}

function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== undefined) found.set(Number(name), parent);
  }
  return found;
}

function parentOf(pid: string): number | undefined {
  try {
    // The command name between parentheses may hold spaces and parentheses of its own; the state and the parent follow the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // It ended while we were reading.
  }
}

/** A process and everything below it, parents before their children. */
export function treeOf(root: number): number[] {
  const byPid = parents();
  const tree = [root];
  for (const pid of tree) tree.push(...[...byPid].filter(([, parent]) => parent === pid).map(([child]) => child));
  return tree;
}

/** Kills a process and everything below it. */
export function killTree(root: number | undefined): void {
  if (root === undefined) return;
  for (const pid of treeOf(root).reverse()) sendSignal(pid, 'SIGKILL');
}

/** The network namespaces in which these processes live; those that have ended (zombies too) live nowhere. */
export function networksOf(pids: readonly number[]): Set<string> {
  const networks = new Set<string>();
  for (const pid of pids) {
    try {
      networks.add(readlinkSync(`/proc/${pid}/ns/net`));
    } catch {
      // It has ended.
    }
  }
  return networks;
}

/** The network namespaces in which anybody lives. */
export function inhabitedNetworks(): Set<string> {
  return networksOf(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number),
  );
}

/** True if the process was there to be signalled. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

export interface LogLine {
  /** When the runner read it, monotonic milliseconds. */
  readonly atMs: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

const MAX_LINES_KEPT = 20_000;

/** How long a service that has ended may still be read from. */
const LAST_WORDS_MS = 1000;

/** A long-running process in a machine, with everything it printed. */
export class Service {
  readonly name: string;
  /** The process itself as our own process namespace numbers it (not the nsenter that waits for it). */
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #stopSignal: NodeJS.Signals;
  readonly #listeners = new Set<(line: LogLine) => void>();
  /** Resolves when the last holder of its output has closed it: later than the exit if it leaves children behind. */
  readonly #closed: Promise<void>;
  #exit: Exit | undefined;

  constructor(name: string, child: ChildProcess, pid: number, stopSignal: NodeJS.Signals) {
    this.name = name;
    this.pid = pid;
    this.#child = child;
    this.#stopSignal = stopSignal;
    this.exited = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
    this.#closed = new Promise((resolve) => child.on('close', () => resolve()));
    if (child.stdout) this.#follow(child.stdout, 'stdout');
    if (child.stderr) this.#follow(child.stderr, 'stderr');
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** Undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Calls back for each further line; the returned function ends that. */
  onLine(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first line, past or to come, that contains `text`; undefined when the time is over or the process has ended without it. */
  waitForLine(text: string, timeoutMs: number, sinceMs = 0): Promise<LogLine | undefined> {
    return until(
      () => this.lines.find((line) => line.atMs >= sinceMs && line.text.includes(text)) ?? (this.running ? undefined : null),
      timeoutMs,
      20,
    ).then((line) => line ?? undefined);
  }

  signal(signal: NodeJS.Signals): void {
    sendSignal(this.pid, signal);
  }

  /** Sends the service's own stop signal and waits; after `graceMs` it is killed. */
  async stop(graceMs = 10_000): Promise<Exit> {
    if (this.#exit !== undefined) return this.#exit;
    this.signal(this.#stopSignal);
    const timer = setTimeout(() => killTree(this.#child.pid), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    await Promise.race([this.#closed, sleep(LAST_WORDS_MS)]);
    return exit;
  }

  /** SIGKILL to the process itself, its children are left alone: what `kill -9 PID` does. */
  async kill(): Promise<Exit> {
    if (this.#exit !== undefined) return this.#exit;
    this.signal('SIGKILL');
    return this.exited;
  }

  #follow(stream: Readable, name: LogLine['stream']): void {
    createInterface({ input: stream }).on('line', (text) => {
      const line: LogLine = { atMs: nowMs(), stream: name, text };
      this.lines.push(line);
      if (this.lines.length > MAX_LINES_KEPT) this.lines.shift();
      for (const listener of this.#listeners) listener(line);
    });
  }
}
