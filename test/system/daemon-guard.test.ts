/** The two processes guard each other: whichever dies, no VIP is left behind and the other one acts at once. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compiled, ensureBuilt, ipBatch, run, VethPair } from './support.ts';

const VIP = '10.78.0.200';
const CONFIGURATION = `vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 101
    advert_int 1
    virtual_ipaddress {
        ${VIP}
    }
}
`;

let pair: VethPair;
let directory: string;
let daemon: ChildProcess | undefined;
let log = '';

function startDaemon(): ChildProcess {
  log = '';
  const words = ['netns', 'exec', pair.first, process.execPath, compiled('src/entry/vipwrightd.ts'), '-f', join(directory, 'k.conf'), '-D'];
  const child = spawn('ip', [...words, '--run-dir', join(directory, 'run')], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout?.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  return child;
}

const holdsVip = (): boolean => run('ip', '-n', pair.first, '-br', 'addr').includes(`${VIP}/32`);

async function until(what: string, holds: () => boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}\n${log}`);
    await sleep(20);
  }
}

/** The director process: the daemon's only child. */
function directorPid(): number | undefined {
  const children = readFileSync(`/proc/${daemon?.pid}/task/${daemon?.pid}/children`, 'utf8').trim();
  return children === '' ? undefined : Number(children.split(' ')[0]);
}

/** What `vipwright status` prints; without a daemon on the socket it prints nothing. */
const status = (): string =>
  spawnSync(process.execPath, [compiled('src/entry/vipwright.ts'), 'status', '--socket', join(directory, 'run/vipwright.sock')], {
    encoding: 'utf8',
  }).stdout;

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

beforeAll(() => ensureBuilt());
beforeEach(async () => {
  pair = new VethPair('guard');
  ipBatch(pair.first, ['addr add 10.78.0.1/24 dev eth0']);
  directory = mkdtempSync(join(tmpdir(), 'vipwright-guard-'));
  writeFileSync(join(directory, 'k.conf'), CONFIGURATION);
  daemon = startDaemon();
  await until('the VIP', holdsVip);
});
afterEach(async () => {
  const director = daemon?.exitCode === null && daemon.signalCode === null ? directorPid() : undefined;
  daemon?.kill('SIGKILL');
  if (director !== undefined) await until('the end of the director', () => !isAlive(director));
  pair.remove();
  rmSync(directory, { recursive: true });
});

describe('the guard', () => {
  it('takes the VIP away when the failover process is killed, and ends', async () => {
    const director = directorPid() as number;
    daemon?.kill('SIGKILL');
    await until('the VIP to go', () => !holdsVip());
    await until('the director to end', () => !isAlive(director));
  });

  it('starts a killed director again and keeps the VIP meanwhile', async () => {
    await until('a director', () => directorPid() !== undefined);
    const director = directorPid() as number;
    process.kill(director, 'SIGKILL');
    await until('another director', () => ![undefined, director].includes(directorPid()));
    await until('its answer', () => status().includes('MASTER'));
    expect(holdsVip()).toBe(true);
    await until('the log line', () => log.includes('was killed by SIGKILL; restarting it'));
    expect(log.match(/Entering MASTER STATE/g)).toHaveLength(1);
  });

  it('puts a VIP back that somebody else removed', async () => {
    run('ip', '-n', pair.first, 'addr', 'del', `${VIP}/32`, 'dev', 'eth0');
    await until('the VIP to come back', holdsVip);
  });

  it('leaves nothing behind when it is stopped', async () => {
    daemon?.kill('SIGTERM');
    await until('the end', () => daemon?.exitCode !== null);
    expect(daemon?.exitCode).toBe(0);
    expect(holdsVip()).toBe(false);
    expect(existsSync(join(directory, 'run/vipwrightd.lock'))).toBe(false);
    expect(existsSync(join(directory, 'run/vipwright.sock'))).toBe(false);
  });

  it('refuses a second daemon in the same run directory', async () => {
    const second = startDaemon();
    await until('the end of the second', () => second.exitCode !== null);
    expect(second.exitCode).toBe(1);
    await until('the log line', () => log.includes('Another vipwrightd'));
  });

  it('refuses a reload with errors and keeps running as before', async () => {
    writeFileSync(join(directory, 'k.conf'), CONFIGURATION.replace('priority 101', 'priority 300'));
    daemon?.kill('SIGHUP');
    await until('the refusal', () => log.includes('Reload refused'));
    expect(log).toMatch(/k\.conf:5:\d+: error/);
    expect(holdsVip()).toBe(true);
  });
});
