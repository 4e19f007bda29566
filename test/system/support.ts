/** Machines for tests: network namespaces with unique names, joined by a veth pair, and the compiled code that runs in them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inNetworkNamespace } from '../../src/os/ffi/index.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let counter = 0;

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Runs a command to its end and returns what it printed; throws with its error output when it fails. */
export function run(command: string, ...words: readonly string[]): string {
  const result = spawnSync(command, words, { encoding: 'utf8', cwd: ROOT });
  if (result.status !== 0) throw new Error(`${command} ${words.join(' ')}: ${result.stderr || result.stdout || result.error?.message}`);
  return result.stdout;
}

/** Runs many commands of ip(8) inside a namespace at once. */
export function ipBatch(namespace: string, lines: readonly string[]): void {
  const result = spawnSync('ip', ['-n', namespace, '-batch', '-'], { encoding: 'utf8', input: lines.join('\n') });
  if (result.status !== 0) throw new Error(`ip -batch: ${result.stderr}`);
}

/** Two namespaces, each with an interface eth0 and an address of 192.168.18.0/24 on it. */
export class VethPair {
  readonly first: string;
  readonly second: string;

  constructor(purpose: string) {
    const id = `vw-${purpose}-${process.pid}-${counter++}`;
    this.first = `${id}-a`;
    this.second = `${id}-b`;
    run('ip', 'netns', 'add', this.first);
    run('ip', 'netns', 'add', this.second);
    run('ip', '-n', this.first, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.second);
    for (const [namespace, address] of [
      [this.first, '192.168.18.201/24'],
      [this.second, '192.168.18.202/24'],
    ] as const) {
      run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
      run('ip', '-n', namespace, 'addr', 'add', address, 'dev', 'eth0');
      run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
    }
  }

  remove(): void {
    run('ip', 'netns', 'del', this.first);
    run('ip', 'netns', 'del', this.second);
  }
}

export function namespacePath(name: string): string {
  return `/run/netns/${name}`;
}

/** Runs synchronous code with this thread inside a namespace, and comes back. Sockets made inside stay there. */
export function inNamespace<T>(name: string, action: () => T): T {
  return inNetworkNamespace(namespacePath(name), action);
}

/** Compiles to dist/ when any source is newer than its output: worker threads and child processes cannot run TypeScript. */
export function ensureBuilt(): void {
  const sources = ['src', 'test/system'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => join(folder, name)),
  );
  const stale = sources.some((source) => {
    const output = join(ROOT, 'dist', source.replace(/\.ts$/, '.js'));
    return !existsSync(output) || statSync(output).mtimeMs < statSync(join(ROOT, source)).mtimeMs;
  });
  if (!stale) return;
  const result = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', ROOT], { encoding: 'utf8' });
  // Type errors are the type check's to report; here it only matters that code came out.
  if (result.status !== 0 && result.status !== 2) throw new Error(`tsc: ${result.stderr || result.error?.message}`);
}

/** The compiled form of a source file of this repository, as a URL for a worker thread or a path for a child. */
export function compiled(source: string): string {
  return join(ROOT, 'dist', source.replace(/\.ts$/, '.js'));
}
