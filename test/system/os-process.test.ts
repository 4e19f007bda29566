/** What a process asks of the kernel for itself: noticing its own pauses, a BPF file system, locks that end with their holder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBpfFileSystem, isBpfFileSystem } from '../../src/os/bpffs/index.ts';
import { acquireInstanceLock } from '../../src/os/lock/index.ts';
import { compiled, ensureBuilt, isRoot } from './support.ts';

let directory: string;
beforeAll(ensureBuilt);
beforeEach(() => {
  directory = mkdtempSync('/tmp/vipwright-os-');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A Node process that runs module text, and the lines that it has printed. */
class Program {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  private rest = '';

  constructor(text: string) {
    this.child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      const parts = (this.rest + chunk.toString()).split('\n');
      this.rest = parts.pop() as string;
      this.lines.push(...parts);
    });
  }

  async line(count: number): Promise<void> {
    for (let attempt = 0; attempt < 1000 && this.lines.length < count; attempt++) await delay(10);
    expect(this.lines.length).toBeGreaterThanOrEqual(count);
  }

  async ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await new Promise((resolve) => this.child.once('exit', resolve));
  }
}

describe('Reactor', () => {
  it('notices that its process was stopped, after serving what arrived meanwhile and before any timer', async () => {
    const program = new Program(`
      import { writeSync } from 'node:fs';
      import { Reactor, monotonicNow } from ${JSON.stringify(compiled('src/os/reactor/index.ts'))};
      const say = (line) => writeSync(1, line + '\\n');
      const reactor = new Reactor({ pauseThreshold: 300_000, onPause: (pause) => say('pause ' + pause.phase + ' ' + pause.duration) });
      const timer = reactor.timer(() => { say('timer'); reactor.stop(); });
      reactor.add(0, () => { say('input'); reactor.remove(0); });
      timer.arm(monotonicNow() + 800_000);
      say('ready');
      reactor.run();
      timer.close();
      reactor.close();
      process.exit(0);`);
    await program.line(1);
    program.child.kill('SIGSTOP');
    await delay(1200);
    program.child.stdin?.write('x');
    program.child.kill('SIGCONT');
    await program.ended();
    expect(program.lines.map((line) => line.split(' ')[0])).toEqual(['ready', 'input', 'pause', 'timer']);
    expect(Number(program.lines[2]?.split(' ')[2])).toBeGreaterThan(900_000);
    expect(program.child.exitCode).toBe(0);
  });
});

describe('an instance lock', () => {
  it('ends with a holder that is killed, whatever its file still says', async () => {
    const path = join(directory, 'test.lock');
    const program = new Program(`
      import { acquireInstanceLock } from ${JSON.stringify(compiled('src/os/lock/index.ts'))};
      acquireInstanceLock(${JSON.stringify(path)});
      console.log('held');
      process.stdin.resume();`);
    await program.line(1);
    expect(acquireInstanceLock(path)).toEqual({ heldBy: program.child.pid });
    program.child.kill('SIGKILL');
    await program.ended();
    expect(existsSync(path)).toBe(true);
    const lock = acquireInstanceLock(path);
    expect(lock).toMatchObject({ path });
    if ('release' in lock) lock.release();
  });
});

describe.runIf(isRoot())('a BPF file system', () => {
  it('is mounted where there is none, shared where there is one, and gone after unmounting', () => {
    const path = join(directory, 'bpf');
    const first = ensureBpfFileSystem(path);
    expect([first.mountedHere, isBpfFileSystem(path)]).toEqual([true, true]);
    const second = ensureBpfFileSystem(path);
    expect(second.mountedHere).toBe(false);
    second.unmount();
    expect(isBpfFileSystem(path)).toBe(true);
    first.unmount();
    expect(existsSync(path)).toBe(false);
  });
});
