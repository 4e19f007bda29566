/** What the configuration says about the processor: whose priority it is, and that nothing but the virtual routers' thread gets it. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestDaemon } from './daemon-support.ts';
import { ensureBuilt, VethPair } from './support.ts';

let pair: VethPair;
let daemon: TestDaemon;

beforeAll(ensureBuilt);
beforeEach(() => {
  pair = new VethPair('dp');
  daemon = new TestDaemon(pair.first);
});
afterEach(async () => {
  await daemon.remove();
  pair.remove();
});

interface ThreadFacts {
  readonly nice: number;
  /** 0 where scheduling is ordinary. */
  readonly realTimePriority: number;
  readonly policy: number;
  readonly cpus: string;
}

const SCHED_FIFO = 1;
const SCHED_RR = 2;

/** The threads of a process as the kernel schedules them (proc(5)). */
function threads(pid: number): ThreadFacts[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
    // Fields from the third on: the second is a name in parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (number: number): number => Number(fields[number - 3]);
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1');
    const cpus = /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '';
    return { nice: field(19), realTimePriority: field(40), policy: field(41), cpus };
  });
}

async function begin(globals: string): Promise<{ reactor: ThreadFacts[]; others: ThreadFacts[] }> {
  daemon.start(`global_defs { router_id A
 ${globals} }
vrrp_instance VI_1 {
    interface eth0
    version 3
    virtual_router_id 51
    priority 150
    advert_int 0.1
    virtual_ipaddress { 192.168.18.200 }
}
`);
  await daemon.until('the VIP', () => daemon.holds('192.168.18.200'));
  await daemon.until('both processes', () => daemon.isWell());
  const all = threads(daemon.pid);
  expect(threads(daemon.directorPid() as number).filter((thread) => thread.realTimePriority > 0)).toEqual([]);
  return { reactor: all.filter((thread) => thread.realTimePriority > 0), others: all.filter((thread) => thread.realTimePriority === 0) };
}

describe('the thread of the virtual routers', () => {
  it('has real-time priority of itself, and no other thread has', async () => {
    const { reactor } = await begin('');
    expect(reactor).toMatchObject([{ policy: SCHED_FIFO, realTimePriority: 50 }]);
  });

  it('has the priority, the nice value and the processor that the configuration gives it', async () => {
    const { reactor, others } = await begin('vrrp_rt_priority 30\n vrrp_priority -7\n vrrp_cpu_affinity 0');
    expect(reactor).toEqual([{ nice: -7, realTimePriority: 30, policy: SCHED_RR, cpus: '0' }]);
    expect(others.filter((thread) => thread.nice === -7)).toEqual([]);
  });

  it('works without a processor that the machine does not have, and says so', async () => {
    const { reactor } = await begin('vrrp_cpu_affinity 1000');
    expect(reactor).toHaveLength(1);
    await daemon.logged('Running without the wished-for priority: sched_setaffinity');
  });
});
