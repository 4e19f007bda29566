/** Deaths that are no SIGKILL from outside: crashes, no memory left, a director that is stopped, one that cannot work. */
import { existsSync, mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestDaemon } from './daemon-support.ts';
import { ensureBuilt, run, VethPair } from './support.ts';

const VIP = '192.168.18.200';
const SERVICE = `virtual_server ${VIP} 80 {
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 192.168.18.202 80 { weight 1 }
}
`;

function configuration(top = ''): string {
  return `${top}
global_defs { router_id A }
vrrp_instance VI_1 {
    interface eth0
    version 3
    virtual_router_id 51
    priority 150
    advert_int 0.1
    virtual_ipaddress { ${VIP} }
}
`;
}

let pair: VethPair;
let daemon: TestDaemon;

beforeAll(ensureBuilt);
beforeEach(() => {
  pair = new VethPair('dc');
  daemon = new TestDaemon(pair.first);
});
afterEach(async () => {
  await daemon.remove();
  pair.remove();
});

async function begin(text = configuration(), words?: readonly string[]): Promise<number> {
  daemon.start(text, words && { words });
  await daemon.until('the VIP', () => daemon.holds(VIP));
  await daemon.until('both processes', () => daemon.isWell());
  const director = daemon.directorPid() as number;
  for (const pid of [daemon.pid, director]) run('prlimit', '--pid', String(pid), '--core=0');
  return director;
}

/** From now on the kernel refuses the process any more memory: it dies at the next thing that needs some. */
function starve(pid: number): void {
  run('prlimit', '--pid', String(pid), '--data=4096');
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

describe('the failover process', () => {
  it.each(['SIGABRT', 'SIGSEGV', 'SIGBUS'] as const)('that dies by %s leaves no VIP and no director', async (signal) => {
    const director = await begin();
    daemon.signal(signal);
    await daemon.until('the VIP to go', () => !daemon.holds(VIP));
    await daemon.until('the director to end', () => !isAlive(director));
    expect(daemon.isRunning()).toBe(false);
  });

  it('that has no memory left dies of it, and leaves no VIP and no director', async () => {
    const director = await begin();
    starve(daemon.pid);
    await daemon.until('the end', () => {
      if (daemon.isRunning()) daemon.signal('SIGHUP');
      return !daemon.isRunning();
    });
    await daemon.until('the VIP to go', () => !daemon.holds(VIP));
    await daemon.until('the director to end', () => !isAlive(director));
  });
});

describe('the director process', () => {
  const isReplaced = async (before: number): Promise<boolean> =>
    ![undefined, before].includes(daemon.directorPid()) && (await daemon.isWell());

  it.each(['SIGABRT', 'SIGSEGV'] as const)('that dies by %s is started again, and the VIP stays', async (signal) => {
    const director = await begin();
    process.kill(director, signal);
    await daemon.until('another director', () => isReplaced(director));
    await daemon.logged(`Director process ${director} was killed by ${signal}; restarting it`);
    expect(daemon.log.match(/Entering MASTER STATE/g)).toHaveLength(1);
    expect(daemon.holds(VIP)).toBe(true);
  });

  it('that has no memory left dies of it and is started again, and the VIP stays', async () => {
    const director = await begin();
    starve(director);
    await daemon.until('another director', () => isReplaced(director), 60_000);
    await daemon.logged(new RegExp(`Director process ${director} (was killed by|exited with status)`));
    expect(daemon.log.match(/Entering MASTER STATE/g)).toHaveLength(1);
  });

  it('that stays stopped is killed and started again; one that goes on in time is left alone', async () => {
    const director = await begin();
    process.kill(director, 'SIGSTOP');
    await sleep(1_500);
    process.kill(director, 'SIGCONT');
    await daemon.until('its answer', () => daemon.isWell());
    expect(daemon.directorPid()).toBe(director);
    process.kill(director, 'SIGSTOP');
    await daemon.logged(`Director process ${director} has been stopped for 5 s; killing it`, 30_000);
    await daemon.until('another director', () => isReplaced(director));
    expect(daemon.holds(VIP)).toBe(true);
  });

  it('that does not end in time is killed: child_wait_time says when', async () => {
    const director = await begin(configuration('child_wait_time 1'));
    process.kill(director, 'SIGSTOP');
    daemon.signal('SIGTERM');
    await daemon.until('the end', () => !daemon.isRunning());
    await daemon.logged(`Director process ${director} did not end within 1 s; killing it`);
    expect([daemon.exitCode, isAlive(director), daemon.holds(VIP)]).toEqual([0, false, false]);
  });

  it('that cannot follow a reload says so and goes on as it was', async () => {
    const director = await begin(configuration(), []);
    // Somebody else's program is on the port: ours cannot be attached, in no mode.
    const foreign = ['xdpgeneric', 'obj', fileURLToPath(new URL('../../dist/bpf/textbook.bpf.o', import.meta.url)), 'sec', 'xdp.frags'];
    run('ip', 'netns', 'exec', pair.first, 'ip', 'link', 'set', 'dev', 'eth0', ...foreign);
    daemon.reload(configuration().replace('priority 150', 'priority 140') + SERVICE);
    await daemon.logged('The services stay as they were, the packet path cannot follow');
    expect([daemon.directorPid(), daemon.holds(VIP)]).toEqual([director, true]);
    run('ip', 'netns', 'exec', pair.first, 'ip', 'link', 'set', 'dev', 'eth0', 'xdpgeneric', 'off');
    daemon.reload(configuration() + SERVICE);
    await daemon.logged('Packet path on eth0');
  });

  it('that cannot work ends the daemon, with no VIP and nothing to wait for', async () => {
    mkdirSync(daemon.path('run/vipwright.sock/in-the-way'), { recursive: true });
    daemon.start(configuration('child_wait_time 60'));
    await daemon.until('the end', () => !daemon.isRunning(), 30_000);
    await daemon.logged('The director cannot work');
    expect([daemon.exitCode, daemon.holds(VIP)]).toEqual([1, false]);
  });
});
