/** The three machines of the matrix and what can befall each: started, stopped, killed, unplugged, given a lower priority. */
import { existsSync } from 'node:fs';
import { compiled, killTree, Lab, type Machine, type Service, startCapture, startKeepalived, until } from '../../lab/index.ts';
import type { StatusReport } from '../../src/api/index.ts';
import { LOWERED_BY, type MatrixRouter, type Peer, priorityOf, ROUTERS, type Side } from './matrix-cells.ts';
import { ADDRESSES, frrConfiguration, keepalivedConfiguration, LOWERED_FILE, routersOf } from './matrix-configuration.ts';

const CONFIG = '/run/k.conf';
const FRR_CONFIG = '/run/vrrpd.conf';
export const CAPTURE = '/run/matrix.pcap';

/** A machine that runs virtual routers. */
export abstract class Host {
  readonly machine: Machine;
  readonly routers: readonly MatrixRouter[];
  private readonly service: string;

  constructor(machine: Machine, routers: readonly MatrixRouter[], service: string) {
    this.machine = machine;
    this.routers = routers;
    this.service = service;
  }

  abstract start(): Promise<void>;

  /** In order: it says goodbye. */
  async stop(): Promise<void> {
    await this.running.stop(30_000);
  }

  /** SIGKILL: it does not. */
  async kill(): Promise<void> {
    await this.running.kill();
  }

  /** Puts the priority of every router below the other side's, or gives it back. */
  async lower(yes: boolean): Promise<void> {
    await this.machine.runOrThrow(yes ? ['touch', LOWERED_FILE] : ['rm', '-f', LOWERED_FILE]);
  }

  /** The names of the routers that it holds now. */
  async held(): Promise<ReadonlySet<string>> {
    const text = await this.machine.runOrThrow(['ip', '-j', 'addr', 'show', 'dev', 'eth0']);
    const links = JSON.parse(text) as readonly { readonly addr_info?: readonly { readonly local: string }[] }[];
    const addresses = new Set(links.flatMap((link) => link.addr_info ?? []).map(({ local }) => local));
    return new Set(this.routers.filter(({ vip }) => addresses.has(vip)).map(({ name }) => name));
  }

  /** Lines about changes of state, over all of its lives. */
  transitions(): readonly string[] {
    return this.lines().filter((line) => /Entering \w+ STATE/.test(line));
  }

  linesAbout({ name, vrid }: MatrixRouter): readonly string[] {
    return this.lines().filter((line) => line.includes(`(${name})`) || (line.includes(`[VRID ${vrid}]`) && !line.includes('Refusing')));
  }

  /** How often a router has become master, over all of its lives. */
  elections(router: MatrixRouter): number {
    return this.transitions().filter((line) => line.includes(`(${router.name}) Entering MASTER STATE`)).length;
  }

  /** How often another's orderly end has told it to take over, over all of its lives; undefined if it does not say. */
  farewells(router: MatrixRouter): number | undefined {
    return this.linesAbout(router).filter((line) => line.includes('received priority 0 advertisement')).length;
  }

  /** Everything that it logged, over all of its lives. */
  lines(): readonly string[] {
    return this.machine.services.filter(({ name }) => name === this.service).flatMap(({ lines }) => lines.map(({ text }) => text));
  }

  /** The newest process; there has been one. */
  get running(): Service {
    const service = this.machine.service(this.service);
    if (!service) throw new Error(`${this.service} has not been started`);
    return service;
  }
}

/** What a SIGKILL to our failover process leaves behind is our other process's to clear away. */
export class OurHost extends Host {
  constructor(machine: Machine) {
    super(machine, ROUTERS, 'vipwrightd');
    machine.writeFile(CONFIG, keepalivedConfiguration('ours'));
  }

  async start(): Promise<void> {
    const program = [process.execPath, compiled('src/entry/vipwrightd.js')];
    await this.machine.spawn('vipwrightd', [...program, '-P', '-D', '-f', CONFIG]);
  }

  async status(): Promise<StatusReport> {
    const program = [process.execPath, compiled('src/entry/vipwright.js')];
    return JSON.parse(await this.machine.runOrThrow([...program, 'status', '--json'])) as StatusReport;
  }
}

export class KeepalivedHost extends Host {
  constructor(machine: Machine) {
    super(machine, routersOf('keepalived'), 'keepalived');
    machine.writeFile(CONFIG, keepalivedConfiguration('peer'));
  }

  async start(): Promise<void> {
    await startKeepalived(this.machine, CONFIG);
  }

  /** All of its processes: one that is left would be told to stop and would say goodbye. */
  override async kill(): Promise<void> {
    killTree(this.running.pid);
    await this.running.exited;
  }
}

/** zebra stays; what starts and ends is vrrpd. Each router lives on a macvlan with the virtual MAC address, as FRR wants it. */
export class FrrHost extends Host {
  constructor(machine: Machine) {
    super(machine, routersOf('frr'), 'vrrpd');
    machine.writeFile(FRR_CONFIG, frrConfiguration());
    machine.writeFile('/run/zebra.conf', '');
  }

  async prepare(): Promise<void> {
    const { machine } = this;
    await machine.runOrThrow(['mkdir', '-p', '/run/frr']);
    await machine.runOrThrow(['chown', 'frr:frr', '/run/frr', FRR_CONFIG, '/run/zebra.conf']);
    for (const { cell, vrid, vip } of this.routers) {
      const [link, mac, length] = cell.family === 'IPv4' ? [`vrrp4-${vrid}`, '01', 16] : [`vrrp6-${vrid}`, '02', 64];
      const address = `00:00:5e:00:${mac}:${vrid.toString(16).padStart(2, '0')}`;
      await machine.runOrThrow(['ip', 'link', 'add', link, 'link', 'eth0', 'address', address, 'type', 'macvlan', 'mode', 'bridge']);
      await machine.runOrThrow(['ip', 'link', 'set', link, 'up']);
      await machine.runOrThrow(['ip', 'address', 'add', `${vip}/${length}`, 'dev', link]);
    }
    const zebra = await machine.spawn('zebra', ['/usr/lib/frr/zebra', '-f', '/run/zebra.conf', '--log', 'stdout']);
    const ready = await until(() => existsSync(machine.path('/run/frr/zserv.api')), 20_000);
    if (!ready) throw new Error(`zebra did not start: ${zebra.lines.map(({ text }) => text).join('\n')}`);
  }

  async start(): Promise<void> {
    await this.machine.spawn('vrrpd', ['/usr/lib/frr/vrrpd', '-f', FRR_CONFIG, '--log', 'stdout', '--log-level', 'debug']);
  }

  /** It has no scripts. What a script can do is to speak to its command line. */
  override async lower(yes: boolean): Promise<void> {
    const words = this.routers.map((router) => `vrrp ${router.vrid} priority ${priorityOf(router, 'peer') + (yes ? LOWERED_BY : 0)}`);
    const commands = ['configure terminal', 'interface eth0', ...words].flatMap((command) => ['-c', command]);
    await this.machine.runOrThrow(['vtysh', '-d', 'vrrpd', ...commands]);
  }

  /** Its addresses are always on their macvlans, so this is what it says. Nothing while it does not run. */
  override async held(): Promise<ReadonlySet<string>> {
    const { code, stdout } = await this.machine.run(['vtysh', '-d', 'vrrpd', '-c', 'show vrrp json']);
    if (code !== 0 || stdout.trim() === '') return new Set();
    const all = JSON.parse(stdout) as readonly { vrid: number; v4: { status: string }; v6: { status: string } }[];
    const masters = new Set(all.flatMap(({ vrid, v4, v6 }) => ([v4, v6].some(({ status }) => status === 'Master') ? [vrid] : [])));
    return new Set(this.routers.filter(({ vrid }) => masters.has(vrid)).map(({ name }) => name));
  }

  override transitions(): readonly string[] {
    return this.lines().filter((line) => /(?:Initialize|Backup|Master) -> /.test(line));
  }

  override farewells(): undefined {
    return undefined;
  }

  override elections({ vrid }: MatrixRouter): number {
    return this.transitions().filter((line) => line.includes(`[VRID ${vrid}]`) && line.endsWith('-> Master')).length;
  }
}

/** Three machines on a segment that repeats everything to everybody, and a fourth one that writes down what it hears. */
export class MatrixBed {
  readonly lab: Lab;
  readonly ours: OurHost;
  readonly keepalived: KeepalivedHost;
  readonly frr: FrrHost;
  readonly watcher: Machine;
  readonly capture: Service;

  private constructor(lab: Lab, capture: Service) {
    this.lab = lab;
    this.ours = new OurHost(lab.machine('ours'));
    this.keepalived = new KeepalivedHost(lab.machine('keepalived'));
    this.frr = new FrrHost(lab.machine('frr'));
    this.watcher = lab.machine('watcher');
    this.capture = capture;
  }

  static async boot(): Promise<MatrixBed> {
    const lab = await Lab.create();
    try {
      for (const name of ['ours', 'keepalived', 'frr'] as const) {
        const machine = await lab.addMachine({ name, address: `${ADDRESSES[name].IPv4}/16` });
        // Addresses that are usable at once, and that stay while a link is down: as a router would have it.
        await machine.sysctl({
          'net.ipv6.conf.default.accept_dad': '0',
          'net.ipv6.conf.eth0.accept_dad': '0',
          'net.ipv6.conf.eth0.keep_addr_on_down': '1',
        });
        await machine.runOrThrow(['ip', 'address', 'add', `${ADDRESSES[name].IPv6}/64`, 'dev', 'eth0', 'nodad']);
        await lab.onSwitch(['ip', 'link', 'set', 'dev', `p-${name}`, 'type', 'bridge_slave', 'learning', 'off', 'fdb_flush']);
      }
      const watcher = await lab.addMachine({ name: 'watcher', address: '10.9.0.4/16' });
      const capture = await startCapture(watcher, CAPTURE, 'ip proto 112 or ip6 proto 112 or ah or arp or icmp6');
      const bed = new MatrixBed(lab, capture);
      await bed.frr.prepare();
      return bed;
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  }

  /** What a peer says about a configuration when it only reads it. */
  async complaintAbout(peer: Peer, text: string): Promise<string> {
    const { machine } = this[peer];
    machine.writeFile('/run/asked.conf', peer === 'frr' ? `interface eth0\n${text}exit\n` : text);
    const argv = peer === 'frr' ? ['/usr/lib/frr/vrrpd', '-C', '-f', '/run/asked.conf'] : ['keepalived', '-t', '-f', '/run/asked.conf'];
    const { stdout, stderr } = await machine.run(argv);
    return `${stdout}${stderr}`;
  }

  /** What a keepalived says, of itself and until it says `awaited`, that hears another one. */
  async complaintOnHearing(hearing: string, heard: string, awaited: string): Promise<string> {
    for (const [machine, text] of [
      [this.watcher, hearing],
      [this.frr.machine, heard],
    ] as const)
      machine.writeFile('/run/asked.conf', text);
    const listener = await startKeepalived(this.watcher, '/run/asked.conf');
    const speaker = await startKeepalived(this.frr.machine, '/run/asked.conf');
    const said = (): string => listener.lines.map(({ text }) => text).join('\n');
    await until(() => said().includes(awaited) || undefined, 30_000);
    await speaker.stop(10_000);
    await listener.stop(10_000);
    return said();
  }

  /** Those on that side. */
  on(side: Side): readonly Host[] {
    return side === 'ours' ? [this.ours] : [this.keepalived, this.frr];
  }
}
