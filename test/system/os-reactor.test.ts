/** The failover process's way of life: a worker thread inside a namespace, blocked in its reactor. */
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IpAddress, millis } from '../../src/base/index.ts';
import { RtnetlinkMonitor } from '../../src/os/netlink/index.ts';
import { AsyncPoller, monotonicNow, startThreadPool, wakeReactor } from '../../src/os/reactor/index.ts';
import { decodeVrrpPacket, encodeVrrp, encodeVrrpPacket, passAuthData } from '../../src/wire/index.ts';
import type { WorkerCommand, WorkerOptions, WorkerReport } from './os-worker.ts';
import { compiled, ensureBuilt, inNamespace, isRoot, namespacePath, run, VethPair } from './support.ts';

const GROUP = '224.0.0.18';
const SOURCE = IpAddress.parse('192.168.18.201') as IpAddress;

/** The other end of os-worker.ts: posts commands, wakes the reactor, and waits for reports. */
class Machine {
  private readonly worker: Worker;
  private readonly reports: WorkerReport[] = [];
  private wakeFd = -1;
  private failure: Error | undefined;

  constructor(namespace: string) {
    const workerData: WorkerOptions = { namespacePath: namespacePath(namespace), interface: 'eth0', group: GROUP };
    this.worker = new Worker(compiled('test/system/os-worker.ts'), { workerData });
    this.worker.on('message', (report: WorkerReport) => this.reports.push(report));
    this.worker.on('error', (error) => {
      this.failure = error;
    });
  }

  async started(): Promise<void> {
    this.wakeFd = (await this.report('ready')).wakeFd;
  }

  command(command: WorkerCommand): void {
    this.worker.postMessage(command);
    wakeReactor(this.wakeFd);
  }

  /** The first report of that kind that passes; forgets it and everything before it. */
  async report<K extends WorkerReport['kind']>(
    kind: K,
    wanted: (report: Extract<WorkerReport, { kind: K }>) => boolean = () => true,
  ): Promise<Extract<WorkerReport, { kind: K }>> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      if (this.failure) throw this.failure;
      const index = this.reports.findIndex((report) => report.kind === kind && wanted(report as Extract<WorkerReport, { kind: K }>));
      if (index >= 0) return this.reports.splice(0, index + 1).at(-1) as Extract<WorkerReport, { kind: K }>;
      await delay(5);
    }
    throw new Error(`no ${kind}; saw ${JSON.stringify(this.reports)}`);
  }

  async stopped(): Promise<number> {
    const exit = new Promise<number>((resolve) => this.worker.once('exit', resolve));
    this.command({ kind: 'stop' });
    return exit;
  }
}

describe.runIf(isRoot())('Reactor in a worker', () => {
  let pair: VethPair;
  let first: Machine;
  let second: Machine;

  beforeAll(ensureBuilt);

  beforeEach(async () => {
    pair = new VethPair('re');
    first = new Machine(pair.first);
    second = new Machine(pair.second);
    await Promise.all([first.started(), second.started()]);
  });

  afterEach(async () => {
    expect(await Promise.all([first.stopped(), second.stopped()])).toEqual([0, 0]);
    pair.remove();
  });

  function advertisement(source: IpAddress, destination: IpAddress): Uint8Array {
    const advert = {
      version: 2 as const,
      vrid: 51,
      priority: 150,
      interval: 1_000_000,
      addresses: [IpAddress.parse('192.168.18.200') as IpAddress],
      authType: 1,
      authData: passAuthData(new TextEncoder().encode('1111')),
    };
    return encodeVrrpPacket(encodeVrrp(advert, source, destination), source, destination, 1);
  }

  it('carries an advertisement from one machine to the other, header and all, and not back to the sender', async () => {
    const packet = advertisement(SOURCE, IpAddress.parse(GROUP) as IpAddress);
    first.command({ kind: 'send', packet, destination: GROUP });
    expect(await first.report('result')).toMatchObject({ code: 'sent' });
    const received = await second.report('packet');
    expect(Buffer.from(received.packet)).toEqual(Buffer.from(packet));
    expect(decodeVrrpPacket(received.packet)).toMatchObject({ ok: true, packet: { source: SOURCE, advert: { vrid: 51, priority: 150 } } });
    second.command({
      kind: 'send',
      packet: advertisement(IpAddress.parse('192.168.18.202') as IpAddress, SOURCE),
      destination: '192.168.18.201',
    });
    const unicast = decodeVrrpPacket((await first.report('packet')).packet);
    expect(unicast).toMatchObject({ ok: true, packet: { destination: SOURCE } });
  });

  it('sends from an address that is no longer ours, and says when the link is down', async () => {
    const stranger = IpAddress.parse('192.168.18.77') as IpAddress;
    const packet = advertisement(stranger, IpAddress.parse(GROUP) as IpAddress);
    first.command({ kind: 'send', packet, destination: GROUP });
    await first.report('result', ({ code }) => code === 'sent');
    expect(decodeVrrpPacket((await second.report('packet')).packet)).toMatchObject({ ok: true, packet: { source: stranger } });
    run('ip', '-n', pair.first, 'link', 'set', 'eth0', 'down');
    await first.report('event', ({ event }) => event === 'link eth0');
    first.command({ kind: 'send', packet, destination: GROUP });
    expect((await first.report('result')).code).toMatch(/^E(NETDOWN|NETUNREACH)$/);
    first.command({ kind: 'announce', address: '192.168.18.200' });
    expect((await first.report('result')).code).toBe('ENETDOWN');
  });

  it('moves an address in the other machine’s neighbour cache by gratuitous ARP', async () => {
    const wrong = '02:00:00:00:00:99';
    run('ip', '-n', pair.second, 'neigh', 'add', '192.168.18.200', 'lladdr', wrong, 'nud', 'stale', 'dev', 'eth0');
    first.command({ kind: 'announce', address: '192.168.18.200' });
    expect(await first.report('result')).toMatchObject({ code: 'sent' });
    await second.report('event', ({ event }) => event === 'neighbour 192.168.18.200');
    const own = JSON.parse(run('ip', '-n', pair.first, '-j', 'link', 'show', 'eth0'))[0].address;
    const learned = JSON.parse(run('ip', '-n', pair.second, '-j', 'neigh', 'show', '192.168.18.200'))[0].lladdr;
    expect(learned).toBe(own);
    expect(learned).not.toBe(wrong);
  });

  it('hears addresses come and go', async () => {
    run('ip', '-n', pair.first, 'addr', 'add', '192.168.18.200/32', 'dev', 'eth0');
    await first.report('event', ({ event }) => event === 'address 192.168.18.200');
    run('ip', '-n', pair.first, 'addr', 'del', '192.168.18.200/32', 'dev', 'eth0');
    await first.report('event', ({ event }) => event === 'address-removed 192.168.18.200');
  });

  it('fires a timer never before its deadline, at once for a past one, and only for the last arming', async () => {
    const deadline = monotonicNow() + millis(80);
    first.command({ kind: 'arm', deadline: monotonicNow() + millis(60_000) });
    first.command({ kind: 'arm', deadline });
    const expired = await first.report('expired');
    expect(expired.deadline).toBe(deadline);
    expect(expired.now).toBeGreaterThanOrEqual(deadline);
    first.command({ kind: 'arm', deadline: 0 });
    expect(await first.report('expired')).toMatchObject({ deadline: 0 });
  });
});

describe.runIf(isRoot())('AsyncPoller', () => {
  let pair: VethPair;

  beforeAll(async () => {
    ensureBuilt();
    await startThreadPool();
    pair = new VethPair('po');
  });
  afterAll(() => pair.remove());

  it('calls back on the main loop, and no more after removal', async () => {
    const poller = new AsyncPoller();
    const monitor = inNamespace(pair.first, () => new RtnetlinkMonitor(['address']));
    const seen: string[] = [];
    const arrived = (count: number): Promise<void> => waitUntil(() => seen.length >= count);
    poller.add(monitor.fd, () => {
      for (const event of monitor.read()) seen.push(event.kind);
    });
    run('ip', '-n', pair.first, 'addr', 'add', '10.0.0.1/32', 'dev', 'lo');
    await arrived(1);
    run('ip', '-n', pair.first, 'addr', 'del', '10.0.0.1/32', 'dev', 'lo');
    await arrived(2);
    expect(seen).toEqual(['address', 'address-removed']);
    poller.remove(monitor.fd);
    run('ip', '-n', pair.first, 'addr', 'add', '10.0.0.2/32', 'dev', 'lo');
    await delay(50);
    expect(seen).toHaveLength(2);
    poller.close();
    monitor.close();
  });

  it.each([
    ['close', 'poller.close()'],
    ['close inside a callback', 'wake(), (onWake = () => poller.close())'],
    ['process.exit', 'process.exit(0)'],
    ['removal of the last descriptor', 'poller.remove(fd)'],
  ])('lets the process end after %s', (_, action) => {
    const program = `
      import { AsyncPoller } from ${JSON.stringify(compiled('src/os/reactor/index.ts'))};
      import { createEventFd, raiseEventFd, drainCounter } from ${JSON.stringify(compiled('src/os/ffi/index.ts'))};
      const poller = new AsyncPoller();
      const fd = createEventFd();
      let onWake = () => {};
      const wake = () => raiseEventFd(fd);
      poller.add(fd, () => { drainCounter(fd); onWake(); });
      setTimeout(() => { ${action} }, 20);`;
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 20_000 });
    expect(result).toMatchObject({ status: 0, signal: null, stderr: '' });
  });
});

async function waitUntil(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 1000 && !condition(); attempt++) await delay(5);
  expect(condition()).toBe(true);
}
