/** Whole processes: how long each lives, and how much memory it has at most. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Of one program, a number for each round. */
export interface Samples {
  readonly milliseconds: readonly number[];
  readonly mebibytes: readonly number[];
}

export interface AllSamples {
  readonly vipwright: Samples;
  readonly keepalived: Samples;
  /** Node with an empty program. */
  readonly node: Samples;
}

const VIPWRIGHT = fileURLToPath(new URL('../../bin/vipwright.js', import.meta.url));
/** Between two looks at a process's memory; its high-water mark only grows, so the last look is nearly exact. */
const LOOK_EVERY_MS = 2;

/** The programs take turns, so that whatever else the machine does hits all of them alike. */
export async function measureAll(file: string, rounds: number, progress: (text: string) => void): Promise<AllSamples> {
  const commands = {
    vipwright: [process.execPath, VIPWRIGHT, 'check', file],
    keepalived: ['keepalived', '-t', '-f', file],
    node: [process.execPath, '-e', '0'],
  } as const;
  const collected = { vipwright: collector(), keepalived: collector(), node: collector() };
  for (let round = 1; round <= rounds; round++) {
    for (const name of ['vipwright', 'keepalived', 'node'] as const) {
      const { milliseconds } = await runOnce(commands[name], false);
      const { mebibytes } = await runOnce(commands[name], true);
      progress(`round ${round}/${rounds}: ${name} ${milliseconds.toFixed(0)} ms, ${mebibytes.toFixed(0)} MiB`);
      collected[name].milliseconds.push(milliseconds);
      collected[name].mebibytes.push(mebibytes);
    }
  }
  return collected;
}

function collector(): { milliseconds: number[]; mebibytes: number[] } {
  return { milliseconds: [], mebibytes: [] };
}

/** One run to its end. Looking at the memory costs time, so a run is for the one or for the other. */
function runOnce([command, ...words]: readonly string[], look: boolean): Promise<{ milliseconds: number; mebibytes: number }> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(command as string, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    let highest = 0;
    const timer = look ? setInterval(() => (highest = Math.max(highest, highWaterMark(child.pid))), LOOK_EVERY_MS) : undefined;
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      const milliseconds = performance.now() - begin;
      clearInterval(timer);
      if (code === 0) resolve({ milliseconds, mebibytes: highest / 1024 });
      else reject(new Error(`${command} ${words.join(' ')} ended with ${code}: ${said}`));
    });
  });
}

/** Kibibytes; 0 for a process that has gone. */
function highWaterMark(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
