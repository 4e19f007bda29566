/** What few configurations do, and what must not go wrong all the same: the owner, lo, delays, extra interfaces, readers of FIFOs. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestDaemon, until } from './daemon-support.ts';
import { ensureBuilt, run, VethPair } from './support.ts';

const VIP = '192.168.18.200';

let pair: VethPair;
let daemon: TestDaemon;

beforeAll(ensureBuilt);
beforeEach(() => {
  pair = new VethPair('ve');
  daemon = new TestDaemon(pair.first);
});
afterEach(async () => {
  await daemon.remove();
  pair.remove();
});

function configuration(lines: string, { globals = '', vips = VIP, priority = 150, link = 'eth0' } = {}): string {
  return `global_defs { router_id A
 script_user root
 ${globals} }
vrrp_instance VI_1 {
    interface ${link}
    version 3
    virtual_router_id 51
    priority ${priority}
    advert_int 0.1
    ${lines}
    virtual_ipaddress { ${vips} }
}
`;
}

describe('the owner of the address', () => {
  // Its VIP is the interface's only address, which must not make the interface one without an address of its own.
  const OWNER = { vips: '192.168.18.201/24', priority: 255 };

  it('is master with the interface’s own address, which nothing takes away: no stop, no kill, no second start', async () => {
    daemon.start(configuration('', OWNER));
    await daemon.logged('(VI_1) Entering MASTER STATE');
    await daemon.until('an answer', () => daemon.isWell());
    expect(await daemon.router('VI_1')).toMatchObject({ state: 'MASTER', sourceAddress: '192.168.18.201', effectivePriority: 255 });
    expect(daemon.log).not.toContain('FAULT');
    const director = daemon.directorPid() as number;
    daemon.signal('SIGKILL');
    await until('the end of the director', () => run('sh', '-c', `[ -e /proc/${director} ] || echo gone`).trim() === 'gone');
    expect(daemon.holds('192.168.18.201')).toBe(true);
    daemon.start(configuration('', OWNER));
    await daemon.logged('(VI_1) Entering MASTER STATE');
    await daemon.stop();
    expect(daemon.holds('192.168.18.201')).toBe(true);
  });
});

describe('lo as the interface of a virtual router', () => {
  it('breaks nothing: the other routers work, and the daemon ends in order', async () => {
    const onLo = (name: string, vrid: number, lines: string, vips: string): string => {
      const text = configuration(lines, { link: 'lo', vips }).replace('VI_1', name).replace('51', String(vrid));
      return text.slice(text.indexOf('vrrp_instance'));
    };
    daemon.start(
      configuration('') +
        onLo('VI_LO', 52, '', '192.168.18.205') +
        onLo('VI_LO6', 53, '', 'fe80::1:53\n fd00::53') +
        // The kernel makes no macvlan on it.
        onLo('VI_LOMAC', 54, 'use_vmac', '192.168.18.206'),
    );
    // The configuration's readers may refuse it; then that is all that happens.
    await daemon.until('the VIP, or a refusal', () => daemon.holds(VIP) || !daemon.isRunning());
    if (!daemon.isRunning()) {
      expect(daemon.exitCode).toBe(2);
      await daemon.logged(/k\.conf:\d+:\d+: error .*\blo\b/);
      return;
    }
    await daemon.until('an answer', () => daemon.isWell());
    expect(await daemon.router('VI_1')).toMatchObject({ state: 'MASTER' });
    expect(await daemon.router('VI_LOMAC')).toMatchObject({ state: 'FAULT' });
    await daemon.stop();
    expect(daemon.exitCode).toBe(0);
  });
});

describe('interface_up_down_delays', () => {
  it('lets a short loss of the link pass, and not a long one', async () => {
    const globals = '}\ninterface_up_down_delays { eth0 2 1';
    daemon.start(configuration('', { globals }));
    await daemon.until('the VIP', () => daemon.holds(VIP));
    run('ip', '-n', pair.second, 'link', 'set', 'eth0', 'down');
    await daemon.until('the loss', () => daemon.ip('link', 'show', 'eth0').includes('NO-CARRIER'));
    await sleep(300);
    run('ip', '-n', pair.second, 'link', 'set', 'eth0', 'up');
    await sleep(2_500);
    expect(daemon.log).not.toContain('FAULT');
    run('ip', '-n', pair.second, 'link', 'set', 'eth0', 'down');
    await daemon.logged('(VI_1) Entering FAULT STATE');
    run('ip', '-n', pair.second, 'link', 'set', 'eth0', 'up');
    await daemon.until('the VIP again', () => daemon.holds(VIP));
  });
});

describe('garp_extra_if', () => {
  it('announces addresses on other interfaces again and again, and not those of the router’s own', async () => {
    run('ip', '-n', pair.first, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth1', 'netns', pair.second);
    for (const namespace of [pair.first, pair.second]) run('ip', '-n', namespace, 'link', 'set', 'eth1', 'up');
    daemon.start(configuration('garp_extra_if all 1\n garp_master_delay 0', { vips: `${VIP}\n 10.80.0.200/24 dev eth1` }));
    await daemon.until('the VIPs', () => daemon.holds(VIP) && daemon.holds('10.80.0.200'));
    await sleep(300);
    const count = (address: string): number => daemon.log.split(`Sending gratuitous ARP on ${address}`).length - 1;
    const own = count(`eth0 for ${VIP}`);
    // On the wire, not only in the log.
    const words = ['netns', 'exec', pair.second, 'timeout', '20', 'tcpdump', '-lnqi', 'eth1', '-c', '2', 'arp'];
    const heard = spawnSync('ip', words, { encoding: 'utf8' }).stdout;
    expect(heard.match(/Request who-has 10\.80\.0\.200/g)).toHaveLength(2);
    expect(count(`eth0 for ${VIP}`)).toBe(own);
  });
});

describe('a pause of the daemon', () => {
  it('is judged by the shortest interval, also one that a reload has brought', async () => {
    daemon.start(configuration('').replace('advert_int 0.1', 'advert_int 1'));
    await daemon.until('the VIP', () => daemon.holds(VIP));
    // From three intervals of 1 s to three of 0.02 s.
    daemon.reload(configuration('').replace('advert_int 0.1', 'advert_int 0.02'));
    await daemon.logged('Reload complete');
    const pauses = async (): Promise<number> => (await daemon.answer())?.vrrp.pauses ?? 0;
    await daemon.until('an answer', () => daemon.isWell());
    const before = await pauses();
    daemon.signal('SIGSTOP');
    await sleep(150);
    daemon.signal('SIGCONT');
    await daemon.until('the pause to be noticed', async () => (await pauses()) > before, 5_000);
  });
});

describe('fifo_write_vrrp_states_on_reload', () => {
  it('tells the readers of FIFOs where everything stands after a reload, and without it nothing is told', async () => {
    const written = (keyword: string): string =>
      `${configuration('', { globals: `${keyword}\n vrrp_notify_fifo ${daemon.path('fifo')}` })}vrrp_sync_group G { group { VI_1 } }\n`;
    daemon.start(written('fifo_write_vrrp_states_on_reload'));
    await daemon.until('the VIP', () => daemon.holds(VIP));
    writeFileSync(daemon.path('heard'), '');
    const reader = spawn('sh', ['-c', `exec cat ${daemon.path('fifo')} >> ${daemon.path('heard')}`]);
    const heard = (): string => readFileSync(daemon.path('heard'), 'utf8');
    try {
      await daemon.until('the transition', () => heard().includes('GROUP "G" MASTER'));
      const before = heard().length;
      daemon.reload(written('fifo_write_vrrp_states_on_reload'));
      await daemon.until('the states', () => heard().length > before);
      expect(heard().slice(before)).toBe('GROUP "G" MASTER 0\nINSTANCE "VI_1" MASTER 150\n');
      daemon.reload(written(''));
      await daemon.until('the reload', () => daemon.log.split('Reload complete').length === 3);
      await sleep(300);
      expect(heard().slice(before)).toBe('GROUP "G" MASTER 0\nINSTANCE "VI_1" MASTER 150\n');
    } finally {
      reader.kill();
    }
  });
});
