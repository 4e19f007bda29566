/** A vipwrightd in a namespace, with its log, its files and what it changed in the kernel. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, type RouterStatusReport, type StatusReport } from '../../src/api/index.ts';
import { compiled, run } from './support.ts';

/** Waits for a condition; fails with what it waited for, and the logs given. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 20_000,
  log: () => string = () => '',
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}\n${log()}`);
    await sleep(20);
  }
}

export class TestDaemon {
  readonly namespace: string;
  /** Temporary: configuration, run directory, dumps. */
  readonly directory: string;
  log = '';
  private child: ChildProcess | undefined;

  constructor(namespace: string) {
    this.namespace = namespace;
    this.directory = mkdtempSync(join(tmpdir(), 'vipwright-daemon-'));
  }

  /**
   * Starts it with this configuration. `inside`: by entering the namespace first, as an administrator would; `detail`: with -D. Both
   * unless said otherwise. `words` of the command line say what is run: virtual routers only, unless others are given.
   */
  start(
    configuration: string,
    options: { readonly inside?: boolean; readonly detail?: boolean; readonly words?: readonly string[] } = {},
  ): void {
    writeFileSync(this.path('k.conf'), configuration);
    this.log = '';
    const words = [
      compiled('src/entry/vipwrightd.ts'),
      ...(options.words ?? ['-P']),
      '-f',
      this.path('k.conf'),
      '--run-dir',
      this.path('run'),
    ];
    if (options.detail !== false) words.push('-D');
    const [command, args] =
      options.inside === false ? [process.execPath, words] : ['ip', ['netns', 'exec', this.namespace, process.execPath, ...words]];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: this.directory } });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.log += chunk;
      });
    }
    this.child = child;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** The text of a file in the directory; empty while there is none. */
  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : '';
  }

  get pid(): number {
    return this.child?.pid as number;
  }

  signal(signal: NodeJS.Signals | number): void {
    process.kill(this.pid, signal);
  }

  reload(configuration: string): void {
    writeFileSync(this.path('k.conf'), configuration);
    this.signal('SIGHUP');
  }

  async until(what: string, holds: () => boolean | Promise<boolean>, limitMs?: number): Promise<void> {
    await until(what, holds, limitMs, () => this.log);
  }

  async logged(text: string | RegExp, limitMs?: number): Promise<void> {
    await this.until(`a log line ${text}`, () => (typeof text === 'string' ? this.log.includes(text) : text.test(this.log)), limitMs);
  }

  /** The director process: the daemon's only lasting child. */
  directorPid(): number | undefined {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim().split(' ');
    return children.map(Number).find((pid) => pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('director'));
  }

  /** What the daemon says on its socket; undefined while it does not answer. */
  async answer(): Promise<StatusReport | undefined> {
    try {
      return await new ApiClient(this.path('run/vipwright.sock')).status();
    } catch {
      return undefined;
    }
  }

  /** Whether both processes of the daemon answer. */
  async isWell(): Promise<boolean> {
    return (await this.answer())?.failover.alive === true;
  }

  /** Undefined while the daemon does not answer, or has no such router. */
  async router(name: string): Promise<RouterStatusReport | undefined> {
    return (await this.answer())?.vrrp.routers.find((router) => router.name === name);
  }

  /** What ip(8) prints in the namespace. */
  ip(...words: readonly string[]): string {
    return run('ip', '-n', this.namespace, ...words);
  }

  /** A command inside the namespace. */
  exec(...words: readonly string[]): string {
    return run('ip', 'netns', 'exec', this.namespace, ...words);
  }

  sysctl(name: string): string {
    return this.exec('sysctl', '-n', name).trim();
  }

  holds(address: string): boolean {
    return this.ip('-br', 'addr').includes(`${address}/`);
  }

  isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  get exitCode(): number | null | undefined {
    return this.child?.exitCode;
  }

  async stop(): Promise<void> {
    if (!this.isRunning()) return;
    this.signal('SIGTERM');
    await this.until('the end of the daemon', () => !this.isRunning());
  }

  /** Ends whatever is left, by the numbers that we know. */
  async remove(): Promise<void> {
    if (this.isRunning()) {
      const director = this.directorPid();
      this.signal('SIGCONT');
      this.signal('SIGKILL');
      if (director !== undefined) await until('the end of the director', () => !existsSync(`/proc/${director}`));
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
