/** A make that runs a thousand virtual routers, and the other end of its cables. */
import { readFileSync } from 'node:fs';
import { compiled, type Lab, run, type Service, treeOf, until } from '../../lab/index.ts';
import type { Machine } from '../../lab/machine.ts';

export type Make = 'vipwright' | 'keepalived';

/** A VRID is a number of 8 bits: one interface carries 250 of them here. */
export const PER_LINK = 250;

const CONFIG_FILE = '/etc/keepalived/keepalived.conf';
const READY_WITHIN_MS = 60_000;
/** `sysconf(_SC_CLK_TCK)`, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export class Contender {
  readonly make: Make;
  readonly #machine: Machine;
  /** Where the advertisements arrive. */
  readonly watcher: Machine;
  #service: Service | undefined;

  private constructor(make: Make, machine: Machine, watcher: Machine) {
    this.make = make;
    this.#machine = machine;
    this.watcher = watcher;
  }

  static async boot(lab: Lab, make: Make, routers: number, number: number): Promise<Contender> {
    const machine = await lab.addMachine({ name: make, address: `10.66.0.${2 * number}/24` });
    const watcher = await lab.addMachine({ name: `watch${number}`, address: `10.66.0.${2 * number + 1}/24` });
    const links = Math.ceil(routers / PER_LINK);
    for (let link = 1; link <= links; link += 1) {
      // In the network only: there the number of the watcher's process is the one that we know it by.
      await inNetwork(machine, 'link', 'add', `vr${link}`, 'type', 'veth', 'peer', 'name', `w${link}`, 'netns', String(watcher.pid));
      await inNetwork(machine, 'address', 'add', `10.${link}.0.1/16`, 'dev', `vr${link}`);
      await inNetwork(machine, 'link', 'set', `vr${link}`, 'up');
      await inNetwork(watcher, 'link', 'set', `w${link}`, 'up');
    }
    return new Contender(make, machine, watcher);
  }

  /** Starts it; ready when the last router is MASTER. `priority` is that of the first router; all others have 150. */
  async start(routers: number): Promise<void> {
    this.configure(routers, 150);
    const argv =
      this.make === 'vipwright'
        ? [process.execPath, compiled('src/entry/vipwrightd.js'), '-P', '-f', CONFIG_FILE]
        : ['keepalived', '-P', '-n', '-l', '-G', '-f', CONFIG_FILE];
    const service = await this.#machine.spawn(this.make, argv);
    this.#service = service;
    const active = (): number => service.lines.filter((line) => line.text.includes('Entering MASTER STATE')).length;
    const ready = await until(() => active() >= routers || undefined, READY_WITHIN_MS, 100);
    if (ready !== true) throw new Error(`${this.make}: only ${active()} of ${routers} routers became MASTER`);
  }

  configure(routers: number, priorityOfFirst: number): void {
    const instances = Array.from({ length: routers }, (_, index) => this.#instance(index, index === 0 ? priorityOfFirst : 150));
    // Announcements are not what is measured: one for each VIP will do.
    const globals = 'global_defs {\n    router_id BENCH\n    vrrp_garp_master_repeat 1\n    vrrp_garp_master_delay 0\n}\n';
    this.#machine.writeFile(CONFIG_FILE, globals + instances.join(''));
  }

  #instance(index: number, priority: number): string {
    const [link, vrid] = [Math.floor(index / PER_LINK) + 1, (index % PER_LINK) + 1];
    return `vrrp_instance VI_${link}_${vrid} {
    interface vr${link}
    virtual_router_id ${vrid}
    priority ${priority}
    advert_int 1
    virtual_ipaddress {
        10.${link}.1.${vrid}
    }
}
`;
  }

  /** Reloads and returns the log lines of it. */
  async reload(): Promise<string[]> {
    const service = this.#running();
    const before = service.lines.length;
    service.signal('SIGHUP');
    const done = (): boolean =>
      service.lines.slice(before).some((line) => line.text.includes('Reload complete') || line.text.includes('Reload finished'));
    if ((await until(() => done() || undefined, 10_000, 20)) !== true) throw new Error(`${this.make} did not reload`);
    return service.lines.slice(before).map((line) => line.text);
  }

  /** Seconds of processor time that the daemon, all its processes together, has used so far. */
  cpuSeconds(): number {
    return this.#processes().reduce((sum, pid) => sum + cpuTicks(pid), 0) / TICKS_PER_SECOND;
  }

  /** Memory of the daemon, all its processes together: what is theirs alone, and their share of the rest. */
  memoryMiB(): number {
    const kib = this.#processes().reduce((sum, pid) => sum + proportionalKiB(pid), 0);
    return kib / 1024;
  }

  async stop(): Promise<void> {
    await this.#service?.stop();
  }

  #processes(): number[] {
    return treeOf(this.#running().pid);
  }

  #running(): Service {
    if (this.#service?.running !== true) throw new Error(`${this.make} does not run`);
    return this.#service;
  }
}

async function inNetwork(machine: Machine, ...words: readonly string[]): Promise<void> {
  const { code, stderr } = await run(machine.enterNetwork(['ip', ...words]));
  if (code !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr.trim()}`);
}

function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // utime and stime are the 14th and 15th field; the second one, the command, may hold spaces and ends with the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function proportionalKiB(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1] ?? 0);
}
