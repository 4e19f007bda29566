/** What virtual routers track outside the network: files, processes, scripts, sessions of bidirectional forwarding detection. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestDaemon } from './daemon-support.ts';
import { ensureBuilt, run, VethPair } from './support.ts';

let pair: VethPair;
let daemon: TestDaemon;
let sleeper: ChildProcess | undefined;

beforeAll(ensureBuilt);
beforeEach(() => {
  pair = new VethPair('vt');
  daemon = new TestDaemon(pair.first);
});
afterEach(async () => {
  sleeper?.kill('SIGKILL');
  sleeper = undefined;
  await daemon.remove();
  pair.remove();
});

function configuration(globals: string, trackers: string, lines: string): string {
  return `global_defs { router_id A\n script_user root\n ${globals} }
${trackers}
vrrp_instance VI_1 {
    interface eth0
    version 3
    virtual_router_id 51
    priority 100
    advert_int 0.1
    ${lines}
    virtual_ipaddress { 192.168.18.200 }
}
`;
}

const priority = async (): Promise<number | undefined> => (await daemon.router('VI_1'))?.effectivePriority;
const trackers = async () => (await daemon.answer())?.vrrp.trackers;

describe('a tracked file', () => {
  it('changes the priority as it is written, replaced and deleted, and is made at the start', async () => {
    const path = daemon.path('number');
    daemon.start(configuration('', `track_file tf {\n file ${path}\n weight 2\n init_file 5\n }`, 'track_file { tf }'));
    await daemon.until('the initial value', async () => (await priority()) === 110);
    expect(daemon.read('number').trim()).toBe('5');
    writeFileSync(path, '7\n');
    await daemon.logged('Changing effective priority from 110 to 114');
    writeFileSync(daemon.path('other'), '-3');
    renameSync(daemon.path('other'), path);
    await daemon.logged('Changing effective priority from 114 to 94');
    run('rm', path);
    await daemon.logged('Changing effective priority from 94 to 100');
    writeFileSync(path, '-254');
    await daemon.logged('Entering FAULT STATE');
    expect((await trackers())?.files).toEqual([{ name: 'tf', value: -254 }]);
  });
});

describe('a tracked process', () => {
  // A name that nothing else on the machine has.
  const program = (): string => daemon.path(`vw-${process.pid}`.slice(0, 15));
  const tracker = (): string => `vrrp_track_process tp {\n process ${program().split('/').pop()}\n weight 20\n }`;
  const begin = (): void => {
    if (!existsSync(program())) copyFileSync('/bin/sleep', program());
    run('chmod', '755', program());
    sleeper = spawn(program(), ['1000'], { stdio: 'ignore' });
  };

  it('is looked for every second where the kernel does not tell', async () => {
    begin();
    daemon.start(configuration('', tracker(), 'track_process { tp }'));
    await daemon.logged('looking for tracked processes every second');
    await daemon.until('the process', async () => daemon.log.includes('Entering MASTER') && (await priority()) === 120);
    sleeper?.kill();
    await daemon.logged('Changing effective priority from 120 to 100');
  });
});

describe('a tracked script', () => {
  it('changes the priority, runs as its user, and is ended when it takes too long', async () => {
    const script = (body: string): void => writeFileSync(daemon.path('check'), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    run('chmod', '755', daemon.directory);
    script('id -u > /dev/null; [ "$(id -u)" = 65534 ]');
    const tracker = `vrrp_script chk {\n script ${daemon.path('check')}\n interval 1\n timeout 1\n weight -30\n fall 1\n rise 1\n user nobody\n }`;
    daemon.start(configuration('', tracker, 'track_script { chk }'));
    await daemon.logged('VRRP_Script(chk) succeeded');
    await daemon.until('the master', () => daemon.holds('192.168.18.200'));
    await daemon.until('the priority', async () => (await priority()) === 100);
    script('exit 3');
    await daemon.logged('VRRP_Script(chk) failed (exited with status 3)');
    await daemon.logged('Changing effective priority from 100 to 70');
    script('exit 0');
    await daemon.logged('Changing effective priority from 70 to 100');
    script('exec sleep 100');
    await daemon.logged('VRRP_Script(chk) timed_out', 10_000);
    expect((await trackers())?.scripts).toMatchObject([{ name: 'chk', state: 'down' }]);
  });
});

describe('a tracked BFD session', () => {
  it('comes up between two daemons, and its loss means FAULT', async () => {
    const other = new TestDaemon(pair.second);
    const bfd = (neighbor: string): string =>
      `bfd_instance B {\n neighbor_ip ${neighbor}\n min_rx 50\n min_tx 50\n idle_tx 1000\n multiplier 3\n }`;
    try {
      daemon.start(configuration('', bfd('192.168.18.202'), 'track_bfd { B }'));
      other.start(`global_defs { router_id B }\n${bfd('192.168.18.201')}`);
      await daemon.until('the master', () => daemon.holds('192.168.18.200'));
      await daemon.until('an answer', () => daemon.isWell());
      expect((await trackers())?.bfdSessions).toMatchObject([{ name: 'B', neighbor: '192.168.18.202', state: 'up', remoteState: 'up' }]);
      const before = daemon.log.length;
      other.signal('SIGKILL');
      await daemon.until('the fault', () => daemon.log.slice(before).includes('Entering FAULT STATE'), 3_000);
      expect(daemon.holds('192.168.18.200')).toBe(false);
    } finally {
      await other.remove();
    }
  });
});
