/** Processes as the kernel's connector tells of them. It speaks in the host's network namespace only, where this listens and sends nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ProcessReading, ProcessSensor } from '../../src/daemon/sensors/index.ts';
import type { TrackProcess } from '../../src/model/index.ts';
import { ProcessMonitor } from '../../src/os/process/index.ts';
import { AsyncPoller, startThreadPool } from '../../src/os/reactor/index.ts';
import { until } from './daemon-support.ts';

/** Whether there is a connector to listen to: not in a container with a network namespace of its own. */
function hasConnector(): boolean {
  try {
    new ProcessMonitor().close();
    return true;
  } catch {
    return false;
  }
}

describe.runIf(hasConnector())('a tracked process', () => {
  let directory: string;
  let poller: AsyncPoller;
  let sensor: ProcessSensor;
  let told: ProcessReading[];
  let log: string[];
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    await startThreadPool();
    directory = mkdtempSync(join(tmpdir(), 'vipwright-process-'));
    poller = new AsyncPoller();
    told = [];
    log = [];
    sensor = new ProcessSensor(poller, { log: (_, message) => log.push(message) }, (reading) => told.push(reading));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    sensor.close();
    poller.close();
    rmSync(directory, { recursive: true });
  });

  const name = `vw-${process.pid}`.slice(0, 15);
  const wanted = (change: Partial<TrackProcess>): TrackProcess => ({
    name: 'tp',
    command: name,
    parameters: [],
    parameterMatch: 'any',
    fullCommand: false,
    weight: { weight: 0, reverse: false },
    quorum: 1,
    terminateDelay: 0,
    forkDelay: 0,
    ...change,
  });
  const begin = (...words: string[]): ChildProcess => {
    const child = spawn(join(directory, name), words, { stdio: 'ignore' });
    children.push(child);
    return child;
  };

  it('is counted when it starts, forks and ends, and is found when it was there before', async () => {
    copyFileSync('/bin/sleep', join(directory, name));
    const first = begin('1000');
    await until('the first', () => sensor.configure([wanted({})])[0]?.count === 1);
    begin('2000');
    await until('the second', () => told.at(-1)?.count === 2);
    first.kill('SIGKILL');
    await until('one fewer', () => told.at(-1)?.count === 1);
    expect(told).toEqual([
      { process: 'tp', count: 2 },
      { process: 'tp', count: 1 },
    ]);
    expect(log).toEqual([]);
  });

  it('is told apart by its arguments', async () => {
    copyFileSync('/bin/sleep', join(directory, name));
    expect(sensor.configure([wanted({ parameters: ['3000'], parameterMatch: 'exact' })])).toEqual([{ process: 'tp', count: 0 }]);
    begin('4000');
    begin('3000');
    await until('the one', () => told.at(-1)?.count === 1);
    expect(told.every(({ count }) => count <= 1)).toBe(true);
  });
});
