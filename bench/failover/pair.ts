/** Two directors of one make behind one VIP, and the client's view of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { compiled, type Lab, type Service, sleep, treeOf, until } from '../../lab/index.ts';
import type { Machine } from '../../lab/machine.ts';
import type { TakeoverAnswer, TakeoverCommand } from './prober.ts';

export type Make = 'vipwright' | 'keepalived';

export interface Timing {
  readonly version: 2 | 3;
  readonly intervalMs: number;
}

/** Equal on both directors, so that with nopreempt the roles swap with each takeover, and nothing needs to be given back. */
export const PRIORITY = 150;

const CONFIG_FILE = '/etc/keepalived/keepalived.conf';
/** Generous: on a busy machine a process may take seconds to start. */
const READY_WITHIN_MS = 30_000;
/** More than any takeover here takes. */
const PATIENCE_MS = 8000;
const STATE = /Entering (MASTER|BACKUP) STATE/;

export interface PairOptions {
  readonly make: Make;
  readonly vip: string;
  readonly vrid: number;
  /** Addresses of the two directors. */
  readonly addresses: readonly [string, string];
}

export class Pair {
  readonly make: Make;
  readonly #vip: string;
  readonly #vrid: number;
  readonly #machines: readonly Machine[];
  readonly #services: Service[] = [];
  #victim: Service | undefined;
  #prober: ChildProcess | undefined;
  #answers: AsyncIterator<string> | undefined;

  private constructor(options: PairOptions, machines: readonly Machine[]) {
    this.make = options.make;
    this.#vip = options.vip;
    this.#vrid = options.vrid;
    this.#machines = machines;
  }

  static async boot(lab: Lab, options: PairOptions): Promise<Pair> {
    const machines: Machine[] = [];
    for (const [index, address] of options.addresses.entries()) {
      const machine = await lab.addMachine({ name: `${options.make}${index}`, address: `${address}/24` });
      // By the time to live the prober knows who answered.
      await machine.sysctl({ 'net.ipv4.ip_default_ttl': String(101 + index) });
      machines.push(machine);
    }
    return new Pair(options, machines);
  }

  /** Starts both directors and a prober on the client; ready when one is MASTER and the other has heard it. */
  async start(timing: Timing, client: Machine): Promise<void> {
    for (const machine of this.#machines) machine.writeFile(CONFIG_FILE, this.#configuration(timing));
    const first = await this.#startDirector(0);
    await expectLine(first, 'Entering MASTER STATE');
    await this.#startDirector(1);
    await sleep(timing.intervalMs);
    const prober = [process.execPath, compiled('bench/failover/prober.js'), '--vip', this.#vip, '--vrid', String(this.#vrid)];
    // A client is another machine: it must not take the processor from a director in the very moment that is measured.
    const [command = '', ...rest] = client.enterNetwork(['taskset', '--cpu-list', '0', ...prober]);
    this.#prober = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#prober.stdout) this.#answers = createInterface({ input: this.#prober.stdout })[Symbol.asyncIterator]();
    await this.#said();
  }

  /**
   * Ends the active director so long after one of its advertisements; returns how long the client had no answer. SIGKILL goes to every
   * process of the daemon at once, as `kill -9` of its process group does; SIGTERM to its first, as a service manager's stop.
   */
  async takeover(signal: TakeoverCommand['signal'], phaseMs: number): Promise<TakeoverAnswer> {
    const victim = this.#active();
    this.#victim = victim;
    const pids = signal === 'SIGKILL' ? treeOf(victim.pid) : [victim.pid];
    const command: TakeoverCommand = { pids, signal, phaseMicros: Math.round(phaseMs * 1000) };
    this.#prober?.stdin?.write(`${JSON.stringify(command)}\n`);
    return JSON.parse(await this.#said()) as TakeoverAnswer;
  }

  /** The prober's next line. */
  async #said(): Promise<string> {
    const answer = await Promise.race([this.#answers?.next(), sleep(PATIENCE_MS)]);
    if (!answer || answer.done === true) throw new Error(`${this.make}: nobody answers for the VIP\n${this.#logs()}`);
    return answer.value;
  }

  /** Starts the ended director again, as the backup of the one that took over. */
  async restore(timing: Timing): Promise<void> {
    if (this.#victim === undefined) return;
    await this.#victim.exited;
    await this.#startDirector(this.#services.indexOf(this.#victim));
    await sleep(timing.intervalMs / 10);
  }

  /** Whoever became MASTER last: on a machine that stands still for a moment the roles may change by themselves. */
  #active(): Service {
    const states = this.#services.map((service) => ({ service, line: service.lines.findLast(({ text }) => STATE.test(text)) }));
    const masters = states.filter(({ line }) => line?.text.includes('MASTER')).sort((a, b) => (b.line?.atMs ?? 0) - (a.line?.atMs ?? 0));
    if (masters[0] === undefined) throw new Error(`${this.make}: nobody is MASTER`);
    return masters[0].service;
  }

  /** How often a director of the pair became MASTER since both were started. */
  transitions(): number {
    const lines = this.#services.flatMap((service) => service.lines);
    return lines.filter((line) => line.text.includes('Entering MASTER STATE')).length;
  }

  async stop(): Promise<void> {
    this.#prober?.stdin?.end();
    await Promise.all(this.#services.map((service) => service.stop()));
    this.#services.length = 0;
  }

  async #startDirector(index: number): Promise<Service> {
    const machine = this.#machines[index];
    if (machine === undefined) throw new Error(`${this.make} has two directors`);
    const argv =
      this.make === 'vipwright'
        ? [process.execPath, compiled('src/entry/vipwrightd.js'), '-P', '-f', CONFIG_FILE]
        : ['keepalived', '-P', '-n', '-l', '-G', '-f', CONFIG_FILE];
    const service = await machine.spawn(this.make, argv);
    this.#services[index] = service;
    await expectLine(service, 'Entering BACKUP STATE');
    return service;
  }

  #configuration({ version, intervalMs }: Timing): string {
    // Ours takes real-time priority by itself; keepalived is given the same, so that both are at their best.
    const priority = this.make === 'keepalived' ? '    vrrp_rt_priority 50\n' : '';
    return `global_defs {
    router_id BENCH
${priority}}
vrrp_instance VI_1 {
    state BACKUP
    nopreempt
    interface eth0
    version ${version}
    virtual_router_id ${this.#vrid}
    priority ${PRIORITY}
    advert_int ${intervalMs / 1000}
    virtual_ipaddress {
        ${this.#vip}
    }
}
`;
  }

  #logs(): string {
    return this.#services.flatMap((service) => service.lines.map((line) => `${service.name}: ${line.text}`)).join('\n');
  }
}

async function expectLine(service: Service, text: string): Promise<void> {
  const found = await until(() => service.lines.some((line) => line.text.includes(text)) || undefined, READY_WITHIN_MS, 5);
  if (found !== true) throw new Error(`${service.name} did not say "${text}":\n${service.lines.map((line) => line.text).join('\n')}`);
}
