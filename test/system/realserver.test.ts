/**
 * The real-server tool on a real kernel: who answers ARP for the VIP and who names it as sender, as seen from a neighbour, and that
 * stop leaves the network namespace exactly as start found it, wherever start or stop was killed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/index.ts';
import { LinuxRealServerHost, type RealServerHost, realServer, runRealserver } from '../../src/cli/realserver/index.ts';
import { writeSysctl } from '../../src/os/sysctl/index.ts';
import { inNamespace, isRoot, run, VethPair } from './support.ts';

const VIP = IpAddress.parse('192.168.18.200')!;
const SECOND_VIP = IpAddress.parse('192.168.18.199')!;
const REAL_SERVER = '192.168.18.201';
const NEIGHBOUR = '192.168.18.202';

describe.runIf(isRoot())('vipwright realserver', () => {
  let pair: VethPair;
  let folder: string;
  let untouched: string;

  beforeAll(() => {
    pair = new VethPair('rs');
    folder = mkdtempSync(join(tmpdir(), 'vipwright-realserver-'));
    // An unanswered ARP question is given up after three tries; a tenth of a second in all instead of three keeps the probes short.
    for (const namespace of [pair.first, pair.second]) {
      sysctl(namespace, 'net.ipv4.neigh.eth0.retrans_time_ms=30');
      // Duplicate address detection would change what `ip addr` prints while we compare it.
      sysctl(namespace, 'net.ipv6.conf.eth0.disable_ipv6=1');
    }
    untouched = snapshot(pair.first);
  });

  afterEach(() => {
    for (const name of ['all', 'lo', 'eth0']) {
      sysctl(pair.first, `net.ipv4.conf.${name}.arp_ignore=0`);
      sysctl(pair.first, `net.ipv4.conf.${name}.arp_announce=0`);
    }
    run('ip', '-n', pair.first, 'addr', 'flush', 'dev', 'lo', 'to', '192.168.18.0/24');
    rmSync(recordPath(), { force: true });
  });

  afterAll(() => {
    pair.remove();
    rmSync(folder, { recursive: true });
  });

  const recordPath = () => join(folder, 'realserver.json');
  const act = (action: 'start' | 'stop' | 'status', vips: readonly IpAddress[] | undefined, budget?: number) =>
    inNamespace(pair.first, () => {
      const host = new LinuxRealServerHost(recordPath());
      try {
        return realServer({ action, vips }, budget === undefined ? host : new MortalHost(host, budget));
      } finally {
        host.close();
      }
    });

  describe('what a neighbour sees', () => {
    it.each([
      { how: 'the address alone', settings: [], answers: true, leaks: true },
      { how: 'arp_ignore on all', settings: ['all.arp_ignore=1'], answers: false, leaks: true },
      {
        how: 'both settings on lo only, as old scripts do',
        settings: ['lo.arp_ignore=1', 'lo.arp_announce=2'],
        answers: true,
        leaks: true,
      },
      { how: 'both settings on all', settings: ['all.arp_ignore=1', 'all.arp_announce=2'], answers: false, leaks: false },
      { how: 'both settings on eth0', settings: ['eth0.arp_ignore=1', 'eth0.arp_announce=2'], answers: false, leaks: false },
    ])('$how: answers $answers, leaks $leaks', ({ settings, answers, leaks }) => {
      run('ip', '-n', pair.first, 'addr', 'add', `${VIP}/32`, 'dev', 'lo');
      for (const setting of settings) sysctl(pair.first, `net.ipv4.conf.${setting}`);
      expect({ answers: answersArp(pair), leaks: leaksVip(pair) }).toEqual({ answers, leaks });
      expect(act('status', [VIP]).state).toBe(answers || leaks ? 'partly' : 'running');
    });

    it('after start: silence, and the VIP is local', () => {
      act('start', [VIP]);
      expect({ answers: answersArp(pair), leaks: leaksVip(pair) }).toEqual({ answers: false, leaks: false });
      expect(run('ip', '-n', pair.first, 'route', 'get', `${VIP}`)).toContain('local');
      expect(run('ip', '-n', pair.first, '-4', 'addr', 'show', 'dev', 'lo')).toContain('inet 192.168.18.200/32 scope global lo:0');
    });
  });

  it('starts once and stops once, however often it is asked', () => {
    expect(act('start', [VIP]).changes).toHaveLength(3);
    const started = snapshot(pair.first);
    expect(act('start', [VIP]).changes).toEqual([]);
    expect(snapshot(pair.first)).toBe(started);
    expect(act('stop', [VIP]).state).toBe('stopped');
    expect(snapshot(pair.first)).toBe(untouched);
    expect(act('stop', [VIP]).changes).toEqual([]);
    expect(snapshot(pair.first)).toBe(untouched);
  });

  it('keeps ARP silent until the last VIP stops', () => {
    act('start', [VIP]);
    act('start', [SECOND_VIP]);
    act('stop', [SECOND_VIP]);
    expect(answersArp(pair)).toBe(false);
    act('stop', [VIP]);
    expect(snapshot(pair.first)).toBe(untouched);
  });

  it('refuses on the director, which has the VIP on eth0, and changes nothing', () => {
    run('ip', '-n', pair.first, 'addr', 'add', `${VIP}/32`, 'dev', 'eth0');
    try {
      const before = snapshot(pair.first);
      expect(() => act('start', [VIP])).toThrow('is on eth0');
      expect(snapshot(pair.first)).toBe(before);
    } finally {
      run('ip', '-n', pair.first, 'addr', 'del', `${VIP}/32`, 'dev', 'eth0');
    }
  });

  it.each([0, 1, 2, 3, 4])('start killed after %i changes, then stop: exactly as before', (changes) => {
    expect(() => act('start', [VIP, SECOND_VIP], changes)).toThrow('killed');
    act('stop', undefined);
    expect(snapshot(pair.first)).toBe(untouched);
  });

  it.each([0, 1, 2, 3, 4])('stop killed after %i changes, then stop: exactly as before', (changes) => {
    act('start', [VIP, SECOND_VIP]);
    expect(() => act('stop', undefined, changes)).toThrow('killed');
    act('stop', undefined);
    expect(snapshot(pair.first)).toBe(untouched);
  });

  it('gives the exit codes and the JSON that a script goes by', async () => {
    const command = async (action: string, vip?: string) => {
      let output = '';
      const io = { out: (text: string) => (output += text), err: (text: string) => (output += text) };
      const code = await inNamespace(pair.first, () => runRealserver(action, { vip, json: true, state: recordPath() }, io));
      return { code, ...JSON.parse(output) };
    };
    expect(await command('status', `${VIP}`)).toMatchObject({ code: 3, state: 'stopped' });
    expect(await command('start', `${VIP}`)).toMatchObject({ code: 0, state: 'running', vips: [`${VIP}`] });
    expect(await command('status')).toMatchObject({ code: 0, state: 'running', vips: [`${VIP}`] });
    expect(await command('status', `${VIP},${SECOND_VIP}`)).toMatchObject({ code: 1, state: 'partly' });
    expect(await command('stop')).toMatchObject({ code: 0, state: 'stopped' });
  });
});

describe.runIf(isRoot())('an IPv6 VIP', () => {
  const vip6 = IpAddress.parse('fd00::100')!;
  const own = 'fd00::1';

  it('is local, and no neighbour learns it, neither by asking nor by being asked', () => {
    const pair = new VethPair('rs6');
    const folder = mkdtempSync(join(tmpdir(), 'vipwright-realserver-'));
    try {
      for (const [namespace, address] of [
        [pair.first, own],
        [pair.second, 'fd00::2'],
      ] as const) {
        sysctl(namespace, 'net.ipv6.neigh.eth0.retrans_time_ms=30');
        // The kernel's own link-local address is tentative for a second, and a question needs one that is not.
        for (const usable of [address, `fe80::${address.at(-1)}`]) {
          run('ip', '-n', namespace, 'addr', 'add', `${usable}/64`, 'dev', 'eth0', 'nodad');
        }
      }
      const before = run('ip', '-n', pair.first, '-6', 'addr', 'show', 'dev', 'lo');
      const act = (action: 'start' | 'stop') =>
        inNamespace(pair.first, () => {
          const host = new LinuxRealServerHost(join(folder, 'realserver.json'));
          try {
            return realServer({ action, vips: [vip6] }, host);
          } finally {
            host.close();
          }
        });
      expect(act('start')).toMatchObject({ state: 'running', changes: ['fd00::100/128 added to lo'] });
      expect(run('ip', '-n', pair.first, 'route', 'get', `${vip6}`)).toContain('local');
      for (const [asked, answer] of [
        [`${vip6}`, 'FAILED'],
        [own, 'lladdr'],
      ] as const) {
        sendDatagram(pair.second, asked);
        expect(settledNeighbour(pair.second, asked)).toContain(answer);
      }
      run('ip', '-n', pair.first, '-6', 'neigh', 'flush', 'dev', 'eth0');
      run('ip', '-n', pair.second, '-6', 'neigh', 'flush', 'dev', 'eth0');
      run('ip', '-n', pair.first, '-6', 'route', 'replace', 'fd00::2/128', 'dev', 'eth0', 'src', `${vip6}`);
      sendDatagram(pair.first, 'fd00::2');
      expect(settledNeighbour(pair.first, 'fd00::2')).toContain('lladdr');
      expect(run('ip', '-n', pair.second, '-6', 'neigh', 'show', `${vip6}`, 'dev', 'eth0')).not.toContain('lladdr');
      act('stop');
      expect(run('ip', '-n', pair.first, '-6', 'addr', 'show', 'dev', 'lo')).toBe(before);
    } finally {
      pair.remove();
      rmSync(folder, { recursive: true });
    }
  });
});

/** Dies after a number of changes: every later call throws, and nothing is cleaned up, as after SIGKILL. */
class MortalHost implements RealServerHost {
  readonly recordPath: string;
  private readonly host: RealServerHost;
  private budget: number;

  constructor(host: RealServerHost, budget: number) {
    this.host = host;
    this.recordPath = host.recordPath;
    this.budget = budget;
  }

  exclusively<T>(action: () => T): T {
    return this.host.exclusively(action);
  }
  state() {
    return this.host.state();
  }
  loadRecord() {
    return this.host.loadRecord();
  }
  interfaceTowards(address: IpAddress) {
    return this.host.interfaceTowards(address);
  }
  attachDecapsulator(...words: Parameters<RealServerHost['attachDecapsulator']>) {
    this.spend();
    this.host.attachDecapsulator(...words);
  }
  detachDecapsulator(...words: Parameters<RealServerHost['detachDecapsulator']>) {
    this.spend();
    this.host.detachDecapsulator(...words);
  }
  attachToaReader(...words: Parameters<RealServerHost['attachToaReader']>) {
    this.spend();
    this.host.attachToaReader(...words);
  }
  detachToaReader() {
    this.spend();
    this.host.detachToaReader();
  }
  setSysctl(name: string, value: string) {
    this.spend();
    this.host.setSysctl(name, value);
  }
  addAddress(address: IpAddress, label: string | undefined) {
    this.spend();
    this.host.addAddress(address, label);
  }
  removeAddress(address: IpAddress, label: string | undefined) {
    this.spend();
    this.host.removeAddress(address, label);
  }
  saveRecord(text: string) {
    this.spend();
    this.host.saveRecord(text);
  }
  deleteRecord() {
    this.spend();
    this.host.deleteRecord();
  }
  close() {
    this.host.close();
  }

  private spend() {
    if (this.budget-- <= 0) throw new Error('killed');
  }
}

/** `net.ipv4.conf.all.arp_ignore=1`; no interface name here has a dot in it. */
function sysctl(namespace: string, setting: string): void {
  const [name = '', value = ''] = setting.split('=');
  inNamespace(namespace, () => writeSysctl(name.split('.'), value));
}

/** Everything that the tool could touch: all addresses, and every IPv4 setting of every interface. */
function snapshot(namespace: string): string {
  const settings = inNamespace(namespace, () =>
    readdirSync('/proc/sys/net/ipv4/conf').flatMap((name) =>
      ['arp_ignore', 'arp_announce', 'arp_filter', 'rp_filter'].map((setting) => {
        const path = `/proc/sys/net/ipv4/conf/${name}/${setting}`;
        return `${path} ${readFileSync(path, 'utf8')}`;
      }),
    ),
  );
  return run('ip', '-n', namespace, 'addr') + settings.join('');
}

/** Makes the neighbour ask who has the VIP; true when it got an answer. */
function answersArp(pair: VethPair): boolean {
  forgetNeighbours(pair);
  sendDatagram(pair.second, `${VIP}`);
  return settledNeighbour(pair.second, `${VIP}`).includes('lladdr');
}

/** Makes the real server ask for its neighbour while it sends from the VIP; true when the neighbour learned the VIP from that question. */
function leaksVip(pair: VethPair): boolean {
  forgetNeighbours(pair);
  run('ip', '-n', pair.first, 'route', 'replace', `${NEIGHBOUR}/32`, 'dev', 'eth0', 'src', `${VIP}`);
  sendDatagram(pair.first, NEIGHBOUR);
  run('ip', '-n', pair.first, 'route', 'del', `${NEIGHBOUR}/32`);
  expect(settledNeighbour(pair.first, NEIGHBOUR)).toContain('lladdr');
  const learned = run('ip', '-n', pair.second, 'neigh', 'show', 'dev', 'eth0');
  expect(learned).toMatch(new RegExp(`^(${VIP}|${REAL_SERVER}) lladdr`, 'm'));
  return learned.includes(`${VIP} lladdr`);
}

function forgetNeighbours(pair: VethPair): void {
  for (const namespace of [pair.first, pair.second]) run('ip', '-n', namespace, 'neigh', 'flush', 'dev', 'eth0');
}

function sendDatagram(namespace: string, to: string): void {
  run('ip', 'netns', 'exec', namespace, 'bash', '-c', `echo probe > /dev/udp/${to}/9`);
}

/** The neighbour entry once the kernel has made up its mind: answered or failed. */
function settledNeighbour(namespace: string, address: string): string {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; attempt < 200; attempt++) {
    const entry = run('ip', '-n', namespace, 'neigh', 'show', address, 'dev', 'eth0');
    if (entry.includes('lladdr') || entry.includes('FAILED')) return entry;
    Atomics.wait(pause, 0, 0, 10);
  }
  throw new Error(`${namespace} never made up its mind about ${address}`);
}
