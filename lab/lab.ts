/** A lab: machines plugged into one Ethernet switch or two, made in a second and gone without a trace. */
import { existsSync } from 'node:fs';
import { Machine } from './machine.ts';
import { run, runOrThrow } from './process.ts';

/** A machine's network card, always called eth0 inside, and where it has a second one, eth1 on a segment of its own. */
export interface MachineOptions {
  readonly name: string;
  /** `192.168.18.207/24`. */
  readonly address: string;
  /** The address of eth1; without one there is no such card. */
  readonly second?: string;
  /** Default: 02:00 and the four bytes of the address, so that a capture is easy to read. */
  readonly mac?: string;
}

export type Card = 'eth0' | 'eth1';

/** Which of the switch's two bridges each card is plugged into. */
const BRIDGES: Readonly<Record<Card, string>> = { eth0: 'br0', eth1: 'br1' };

export class Lab {
  readonly #machines = new Map<string, Machine>();
  readonly #addresses = new Map<string, string>();
  readonly #switch: Machine;
  readonly #onExit: () => void;

  private constructor(fabric: Machine) {
    this.#switch = fabric;
    // A last resort for an exit nobody awaited: killing the holders is enough for the kernel to clear up everything else.
    this.#onExit = () => {
      for (const machine of [...this.#machines.values(), fabric]) {
        try {
          process.kill(machine.holderPid, 'SIGKILL');
        } catch {
          // Already gone.
        }
      }
    };
    process.on('exit', this.#onExit);
  }

  /** A switch without machines. */
  static async create(): Promise<Lab> {
    const fabric = await Machine.boot('switch');
    const lab = new Lab(fabric);
    const bridges = Object.values(BRIDGES).flatMap((name) => [
      `link add name ${name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set ${name} up`,
    ]);
    await lab.#ip(fabric, [...bridges, 'link set lo up']);
    return lab;
  }

  /** Boots a machine and plugs it in. */
  async addMachine(options: MachineOptions): Promise<Machine> {
    if (!/^[a-z][a-z0-9]{0,11}$/.test(options.name))
      throw new Error(`a machine's name is 1 to 12 small letters and digits, not "${options.name}"`);
    if (this.#machines.has(options.name) || options.name === 'switch') throw new Error(`there is already a machine called ${options.name}`);
    const machine = await Machine.boot(options.name);
    this.#machines.set(options.name, machine);
    this.#addresses.set(options.name, options.address);
    await this.#ip(machine, ['link set lo up']);
    await this.#plug(machine, 'eth0', options.address, options.mac ?? macOf(options.address));
    if (options.second !== undefined) await this.#plug(machine, 'eth1', options.second, macOf(options.second));
    this.#writeHosts();
    return machine;
  }

  async #plug(machine: Machine, card: Card, address: string, mac: string): Promise<void> {
    const port = portOf(machine.name, card);
    await this.#ip(this.#switch, [
      `link add name ${port} type veth peer name ${card} address ${mac} netns ${machine.pid}`,
      `link set dev ${port} master ${BRIDGES[card]} up`,
    ]);
    // A packet of a local stack leaves a veth with a partial checksum and, where a card is said to segment, larger than the MTU: a program at
    // the other end, or a capture, would take that for what is on the wire. So both ends do that work themselves.
    await machine.runOrThrow(['ethtool', '-K', card, 'tx', 'off']);
    await this.onSwitch(['ethtool', '-K', port, 'tx', 'off']);
    await this.#ip(machine, [`link set ${card} up`, `address add ${address} brd + dev ${card}`]);
  }

  machine(name: string): Machine {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new Error(`there is no machine called ${name}`);
    return machine;
  }

  get machines(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  /** The address of the machine's eth0 without the prefix length. */
  addressOf(name: string): string {
    const address = this.#addresses.get(name);
    if (address === undefined) throw new Error(`there is no machine called ${name}`);
    return address.slice(0, address.indexOf('/'));
  }

  /** Pulls (`down`) or plugs (`up`) a cable of a machine: the card loses or regains the carrier. */
  async setCable(name: string, state: 'up' | 'down', card: Card = 'eth0'): Promise<void> {
    await this.#ip(this.#switch, [`link set dev ${portOf(name, card)} ${state}`]);
  }

  /** The machine's card takes frames from a program that no stack has sent: the switch's end of a veth has to poll for them. */
  async openForFloods(name: string): Promise<void> {
    await this.onSwitch(['ethtool', '-K', portOf(name, 'eth0'), 'gro', 'on']);
  }

  /** Runs a command in the switch's network, where each machine's port is called `p-NAME` on br0 (and `q-NAME` on br1). */
  onSwitch(argv: readonly string[]): Promise<string> {
    return runOrThrow(this.#switch.enterNetwork(argv));
  }

  /** Pulls a machine's plug: it is gone at once, without a word to anybody. */
  async powerOff(name: string): Promise<void> {
    const machine = this.machine(name);
    // The kernel takes a network down piece by piece, and what is left of it would answer: so it is off the switch first.
    for (const card of ['eth0', 'eth1'] as const) {
      if (existsSync(machine.path(`/sys/class/net/${card}`))) await this.setCable(name, 'down', card);
    }
    this.#machines.delete(name);
    this.#addresses.delete(name);
    await machine.halt();
  }

  /** Ends everything. Safe to call twice. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#machines.values(), this.#switch].map((machine) => machine.halt()));
    this.#machines.clear();
    process.off('exit', this.#onExit);
  }

  async #ip(where: Machine, commands: readonly string[]): Promise<void> {
    const outcome = await run(where.enterNetwork(['ip', '-batch', '-']), { input: `${commands.join('\n')}\n` });
    if (outcome.code !== 0) throw new Error(`ip on ${where.name}: ${outcome.stderr.trim()}`);
  }

  /** Every machine knows every machine by name, as the seeds' /etc/hosts do. */
  #writeHosts(): void {
    const known = [...this.#machines.keys()].map((name) => `${this.addressOf(name)}\t${name}.test.com ${name}\n`);
    for (const machine of this.#machines.values())
      machine.writeFile('/etc/hosts', `127.0.0.1\tlocalhost\n::1\tlocalhost\n${known.join('')}`);
  }
}

function portOf(name: string, card: Card): string {
  return `${card === 'eth0' ? 'p' : 'q'}-${name}`;
}

function macOf(address: string): string {
  const bytes = address.slice(0, address.indexOf('/')).split('.');
  if (bytes.length !== 4) throw new Error(`"${address}" is not an IPv4 address with a prefix length`);
  return ['02', '00', ...bytes.map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':');
}
