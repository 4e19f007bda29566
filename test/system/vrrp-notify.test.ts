/** What the world is told: commands, FIFOs, the files that signals ask for. */
import { spawn, spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestDaemon, until } from './daemon-support.ts';
import { compiled, ensureBuilt, run, VethPair } from './support.ts';

let pair: VethPair;
let daemon: TestDaemon;

beforeAll(ensureBuilt);
beforeEach(() => {
  pair = new VethPair('vn');
  daemon = new TestDaemon(pair.first);
});
afterEach(async () => {
  await daemon.remove();
  pair.remove();
});

const INSTANCE = `vrrp_instance VI_1 {
    interface eth0
    version 3
    virtual_router_id 51
    priority 150
    advert_int 0.1
    LINES
    virtual_ipaddress { 192.168.18.200 }
}
`;

/** A script that writes one line into a file of the directory. */
function scribe(name: string, line: string): string {
  writeFileSync(daemon.path(name), `#!/bin/sh\necho "${line}" >> ${daemon.path('story')}\n`, { mode: 0o755 });
  return daemon.path(name);
}

const story = (): string[] => daemon.read('story').trim().split('\n');

describe('notifications', () => {
  it('run in order: start-up, each transition with its particular command first, stop, shutdown', async () => {
    scribe('slow', 'slow');
    writeFileSync(daemon.path('slow'), `#!/bin/sh\nsleep 0.5\necho "backup" >> ${daemon.path('story')}\n`, { mode: 0o755 });
    const globals = `global_defs {
 router_id A
 script_user root
 startup_script ${scribe('startup', 'startup')}
 shutdown_script ${scribe('shutdown', 'shutdown')}
}
`;
    const lines = `notify_backup ${daemon.path('slow')}
 notify_master ${scribe('master', 'master')}
 notify_stop ${scribe('stop', 'stop')}
 notify ${scribe('any', 'any $*')}
 notify_deleted`;
    daemon.start(globals + INSTANCE.replace('LINES', lines));
    await daemon.until('the story', () => story().includes('any INSTANCE VI_1 MASTER 150'));
    await daemon.stop();
    expect(story()).toEqual([
      'startup',
      'backup',
      'any INSTANCE VI_1 BACKUP 150',
      'master',
      'any INSTANCE VI_1 MASTER 150',
      'stop',
      'any INSTANCE VI_1 STOP 150',
      'shutdown',
    ]);
    daemon.start(globals + INSTANCE.replace('LINES', lines));
    await daemon.until('a master', () => daemon.holds('192.168.18.200'));
    daemon.reload(`${globals}${INSTANCE.replace('LINES', '').replace('VI_1', 'VI_2').replace('51', '52').replace('.200', '.199')}`);
    await daemon.until('the deletion', () => story().includes('any INSTANCE VI_1 DELETED 150'));
    await daemon.until('the other VIP', () => daemon.holds('192.168.18.199') && !daemon.holds('192.168.18.200'));
  });

  it('go to FIFOs in keepalived’s form, to their readers, and the loss of a line stops nobody', async () => {
    writeFileSync(daemon.path('reader'), `#!/bin/sh\nexec cat "$1" > ${daemon.path('heard')}\n`, { mode: 0o755 });
    const globals = `global_defs {
 router_id A
 script_user root
 vrrp_notify_fifo ${daemon.path('fifo')}
 vrrp_notify_fifo_script ${daemon.path('reader')}
 notify_fifo ${daemon.path('unread')}
}
`;
    const heard = `${globals}vrrp_sync_group G { group { VI_1\n VI_2 } }\n${INSTANCE.replace('LINES', '')}${INSTANCE.replace('LINES', '').replace('VI_1', 'VI_2').replace('51', '52').replace('.200', '.199')}`;
    daemon.start(heard);
    await daemon.until('the master', () => daemon.read('heard').includes('GROUP "G" MASTER 0\n'));
    const lines = daemon.read('heard').trim().split('\n');
    expect(lines).toContain('INSTANCE "VI_1" BACKUP 150');
    expect(lines).toContain('INSTANCE "VI_1" MASTER 150');
    expect(lines).toContain('INSTANCE "VI_2" MASTER 150');
    expect(statSync(daemon.path('fifo')).mode & 0o777).toBe(0o644);
    await daemon.stop();
    expect(daemon.read('heard')).toContain('INSTANCE "VI_1" STOP 150\n');
    expect(() => statSync(daemon.path('fifo'))).toThrow('ENOENT');
  });
});

describe('signals', () => {
  const GLOBALS = 'global_defs {\n router_id A\n script_user root\n }\n';
  const LINES = `notify_master "/bin/true master"
 virtual_ipaddress_excluded { 10.1.1.1/24 }
 virtual_routes { 10.99.0.0/16 via 192.168.18.202 dev eth0 }
 virtual_rules { from 10.98.0.0/16 table 100 priority 500 }`;

  it('write files that say what keepalived’s own say', async () => {
    const configuration = GLOBALS + INSTANCE.replace('LINES', LINES);
    daemon.start(configuration);
    await daemon.until('a master', () => daemon.holds('192.168.18.200'));
    const peer = new TestDaemon(pair.second);
    writeFileSync(peer.path('k.conf'), configuration.replace('priority 150', 'priority 100').replace('.202', '.199'));
    const words = [
      'netns',
      'exec',
      pair.second,
      'keepalived',
      '-P',
      '-n',
      '-l',
      '-f',
      peer.path('k.conf'),
      '-p',
      peer.path('pid'),
      '-r',
      peer.path('vrrp'),
    ];
    const keepalived = spawn('ip', words, { stdio: 'ignore', env: { ...process.env, TMPDIR: peer.directory } });
    try {
      await sleep(2_000);
      for (const signal of ['SIGUSR1', 'SIGUSR2', 36] as const) {
        daemon.signal(signal);
        process.kill(keepalived.pid as number, signal);
      }
      const files = ['keepalived.data', 'keepalived.stats', 'keepalived.json'];
      await until('all files', () => files.every((file) => daemon.read(file) !== '' && peer.read(file) !== ''));
      await sleep(200);
      for (const file of files) expect(statSync(daemon.path(file)).mode & 0o777).toBe(0o600);
      const masked = (text: string): string => text.replace(/\d+/g, 'N');
      expect(masked(daemon.read('keepalived.stats'))).toBe(masked(peer.read('keepalived.stats')));
      const [ours, theirs] = [daemon, peer].map((side) => JSON.parse(side.read('keepalived.json'))[0]);
      expect(Object.keys(ours.stats).sort()).toEqual(Object.keys(theirs.stats).sort());
      expect(Object.keys(ours.data).sort()).toEqual(Object.keys(theirs.data).sort());
      const same = [
        'vrid',
        'version',
        'adver_int',
        'master_adver_int',
        'accept',
        'garp_rep',
        'garp_delay',
        'ifp_ifname',
        'auth_type',
        'vrules',
      ];
      for (const key of same) expect([key, ours.data[key]]).toEqual([key, theirs.data[key]]);
      expect(ours.data).toMatchObject({ state: 2, wantstate: 2, vipset: true, vips: ['192.168.18.200 dev eth0 scope global set'] });
      expect(theirs.data).toMatchObject({ state: 1, vips: ['192.168.18.200 dev eth0 scope global'] });
      // Each line about the virtual router that ours has, keepalived's has too, numbers and state apart.
      const known = new Set(topology(peer.read('keepalived.data')).map(masked));
      const unknown = topology(daemon.read('keepalived.data')).filter(
        (line) => !known.has(masked(line)) && !/State|state|set$|script/.test(line),
      );
      expect(unknown).toEqual([]);
    } finally {
      process.kill(keepalived.pid as number, 'SIGTERM');
      await new Promise((resolve) => keepalived.once('exit', resolve));
      await peer.remove();
    }
  });

  it('clear the counters, write where the configuration says, and in the second form', async () => {
    const globals = `global_defs {
 router_id A
 stats_dump_file ${daemon.path('my.stats')}
 json_dump_file ${daemon.path('my.json')}
 json_version 2
}
`;
    daemon.start(globals + INSTANCE.replace('LINES', ''));
    await daemon.until('a master', () => daemon.holds('192.168.18.200'));
    daemon.signal(63);
    await daemon.until('the counters', () => /Became master: 1/.test(daemon.read('my.stats')));
    await daemon.until('the counters from zero', () => {
      daemon.signal('SIGUSR2');
      return /Became master: 0/.test(daemon.read('my.stats'));
    });
    daemon.signal(36);
    await daemon.until('the other form', () => daemon.read('my.json').endsWith('\n'));
    expect(JSON.parse(daemon.read('my.json'))).toMatchObject({ vrrp: [{ data: { iname: 'VI_1' } }], track_process: [] });
  });

  it('have the numbers that keepalived prints for their words', () => {
    const ask = (...words: string[]) => spawnSync(words[0] as string, words.slice(1), { encoding: 'utf8' });
    for (const word of ['STOP', 'RELOAD', 'DATA', 'STATS', 'STATS_CLEAR', 'JSON', 'NONSENSE']) {
      const ours = ask(process.execPath, compiled('src/entry/vipwrightd.ts'), `--signum=${word}`);
      const theirs = ask('keepalived', `--signum=${word}`);
      expect([word, ours.stdout, ours.stderr, ours.status]).toEqual([word, theirs.stdout, theirs.stderr, theirs.status]);
    }
  });
});

/** The lines of the section on virtual routers. */
function topology(data: string): string[] {
  return (/------< VRRP Topology >------\n([\s\S]*?)\n------</.exec(data)?.[1] ?? '').split('\n');
}

describe('a broken FIFO path', () => {
  it('is an error line, and nothing else', async () => {
    run('mkdir', daemon.path('directory'));
    daemon.start(`global_defs {\n router_id A\n vrrp_notify_fifo ${daemon.path('directory')}\n }\n${INSTANCE.replace('LINES', '')}`);
    await daemon.until('a master', () => daemon.holds('192.168.18.200'));
    await daemon.logged(`Cannot open notify FIFO ${daemon.path('directory')}: ${daemon.path('directory')} is not a FIFO`);
  });
});
