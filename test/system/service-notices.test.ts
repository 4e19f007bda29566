/** What the world is told about services and real servers, what checks follow, and how the director process runs. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient, type StatusReport } from '../../src/api/index.ts';
import { TestDaemon, until } from './daemon-support.ts';
import { ensureBuilt, VethPair } from './support.ts';

const CHECKS = ['-C'];
const VS = '[192.168.18.200]:tcp:80';

let pair: VethPair;
let daemon: TestDaemon;

beforeAll(ensureBuilt);
beforeEach(() => {
  pair = new VethPair('sn');
  daemon = new TestDaemon(pair.first);
});
afterEach(async () => {
  await daemon.remove();
  pair.remove();
});

/** A program of the directory. */
function program(name: string, text: string): string {
  writeFileSync(daemon.path(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return daemon.path(name);
}

/** A service whose only server is up while the file `alive` is there. */
function service(lines = '', address = '192.168.18.200'): string {
  return `virtual_server ${address} 80 {
 delay_loop 0.1
 lb_algo rr
 lb_kind DR
 protocol TCP
 ${lines}
 real_server 192.168.18.202 80 {
  MISC_CHECK {
   misc_path "${program('check', `test -e ${daemon.path('alive')}`)}"
   misc_timeout 90
  }
 }
}
`;
}

async function server(): Promise<StatusReport['services'][number]['servers'][number] | undefined> {
  return (await daemon.answer())?.services[0]?.servers[0];
}

const tableRows = async (): Promise<number | undefined> => {
  try {
    return (await new ApiClient(daemon.path('run/vipwright.sock')).tables()).services[0]?.servers.length;
  } catch {
    return undefined;
  }
};

describe('services', () => {
  it('tell their FIFOs, whose readers outlast the director, and obey the settings of its process', async () => {
    const reader = program('reader', `exec cat "$1" >> ${daemon.path('heard')}`);
    const all = program('all', `exec cat "$1" >> ${daemon.path('all.heard')}`);
    const globals = `global_defs {
 script_user root
 lvs_notify_fifo ${daemon.path('fifo')}
 lvs_notify_fifo_script ${reader}
 notify_fifo ${daemon.path('all.fifo')}
 notify_fifo_script ${all}
 vrrp_notify_fifo ${daemon.path('vrrp.fifo')}
 rs_init_notifies
 checker_priority 5
 checker_cpu_affinity 0
}
`;
    writeFileSync(daemon.path('alive'), '');
    daemon.start(globals + service('omega'), { words: CHECKS });
    const RS = (state: string) => `RS [192.168.18.202]:tcp:80 ${VS} ${state}\n\0`;
    const QUORUM = (state: string) => `VS ${VS} ${state}\n\0`;
    const began = `${RS('UP')}${QUORUM('UP')}`;
    await daemon.until('the first lines', () => daemon.read('heard') === began);
    expect(() => readFileSync(daemon.path('vrrp.fifo'))).toThrow('ENOENT');
    const director = daemon.directorPid() as number;
    expect(readFileSync(`/proc/${director}/stat`, 'latin1').split(') ')[1]?.split(' ')[16]).toBe('5');
    expect(readFileSync(`/proc/${director}/status`, 'latin1')).toContain('Cpus_allowed_list:\t0\n');

    process.kill(director, 'SIGKILL');
    await daemon.until('another director', async () => daemon.directorPid() !== director && (await daemon.isWell()));
    await daemon.until('a verdict', async () => (await server())?.verdict === 'up');
    rmSync(daemon.path('alive'));
    const lost = `${began}${RS('DOWN')}${QUORUM('DOWN')}`;
    await daemon.until('the loss', () => daemon.read('heard').length >= lost.length);
    expect(daemon.read('heard')).toBe(lost);
    writeFileSync(daemon.path('alive'), '');
    const back = `${lost}${RS('UP')}${QUORUM('UP')}`;
    await daemon.until('the return', () => daemon.read('heard') === back);
    await daemon.stop();
    const ended = `${back}${RS('DOWN')}${QUORUM('DOWN')}`;
    await until('the end', () => daemon.read('heard') === ended && daemon.read('all.heard') === ended);
  });

  it('with ha_suspend are checked while their address is here', async () => {
    writeFileSync(daemon.path('alive'), '');
    daemon.start(`global_defs {\n script_user root\n }\n${service('ha_suspend')}`, { words: CHECKS });
    await daemon.until('an answer', () => daemon.isWell());
    expect(await server()).toMatchObject({ verdict: 'undecided', suspended: true });
    daemon.ip('addr', 'add', '192.168.18.200/32', 'dev', 'eth0');
    await daemon.until('a verdict', async () => (await server())?.verdict === 'up');
    await daemon.logged(`Activating healthchecker for service [192.168.18.202]:tcp:80 for VS ${VS}`);
    daemon.ip('addr', 'del', '192.168.18.200/32', 'dev', 'eth0');
    await daemon.logged(`Suspending healthchecker for service [192.168.18.202]:tcp:80 for VS ${VS}`);
    rmSync(daemon.path('alive'));
    expect(await server()).toMatchObject({ verdict: 'up', suspended: true });
    daemon.ip('addr', 'add', '192.168.18.200/32', 'dev', 'eth0');
    await daemon.until('the other verdict', async () => (await server())?.verdict === 'down');
  });

  it('keep their table over the death of the whole daemon, unless lvs_flush empties it', async () => {
    // Not inside the namespace of ip(8), whose mounts, and the maps with them, end with its last process.
    const options = { inside: false, words: CHECKS };
    const configuration = (globals: string) =>
      `net_namespace ${pair.first}\nglobal_defs {\n script_user root\n ${globals}\n }\n${service()}`;
    const killAll = async (): Promise<void> => {
      const director = daemon.directorPid() as number;
      process.kill(director, 'SIGSTOP'); // it would take everything down when it sees the other one die
      daemon.signal('SIGKILL');
      await until('the end of the daemon', () => !daemon.isRunning());
      process.kill(director, 'SIGKILL');
      program('check', 'sleep 60');
    };
    for (const [globals, rows] of [
      ['', 1],
      ['lvs_flush', 0],
    ] as const) {
      writeFileSync(daemon.path('alive'), '');
      daemon.start(configuration(''), options);
      await daemon.until('a row', async () => (await tableRows()) === 1 && (await server())?.verdict === 'up');
      await killAll();
      daemon.start(configuration(globals).replace('delay_loop 0.1', 'delay_loop 60'), options);
      program('check', 'sleep 60');
      await daemon.until('an answer', () => daemon.isWell());
      expect([globals, await tableRows(), (await server())?.verdict]).toEqual([globals, rows, 'undecided']);
      await daemon.stop();
    }
  });

  it('write what a reload found wrong where reload_check_config says', async () => {
    const globals = `reload_check_config ${daemon.path('check.log')}\nscript_user root`;
    const configuration = `global_defs {\n ${globals}\n }\n${service()}`;
    daemon.start(configuration, { words: CHECKS });
    await daemon.until('an answer', () => daemon.isWell());
    daemon.reload(configuration.replace('lb_algo rr', 'lb_algo nonsense'));
    await daemon.logged('Reload refused');
    expect(daemon.read('check.log')).toMatch(/k\.conf:\d+:\d+.*nonsense(.|\n)*The configuration has errors/);
  });
});

describe('BFD_CHECK', () => {
  it('is up with its session and down without, also when no virtual routers are wanted', async () => {
    const session = (neighbor: string): string =>
      `bfd_instance B {\n neighbor_ip ${neighbor}\n min_rx 50\n min_tx 50\n idle_tx 1000\n multiplier 3\n }\n`;
    const other = new TestDaemon(pair.second);
    try {
      const checked = service().replace(/MISC_CHECK \{[^}]*\}/, 'BFD_CHECK {\n name B\n alpha\n }');
      daemon.start(session('192.168.18.202') + checked, { words: CHECKS });
      await daemon.until('an answer', () => daemon.isWell());
      expect(await server()).toMatchObject({ verdict: 'down', checks: [{ name: 'BFD_CHECK', verdict: 'down' }] });
      other.start(`global_defs { router_id B }\n${session('192.168.18.201')}`);
      await daemon.until('the session', async () => (await server())?.verdict === 'up');
      other.signal('SIGKILL');
      await daemon.until('the loss of the session', async () => (await server())?.verdict === 'down');
      expect((await server())?.reason).toBe('BFD_CHECK: session B is down');
    } finally {
      await other.remove();
    }
  });
});
