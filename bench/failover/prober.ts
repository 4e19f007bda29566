/**
 * A client that asks a VIP every millisecond whether anybody is there (ICMP echo, which a kernel answers by itself), and that ends the
 * active director at a chosen moment: this long after an advertisement of its. So the phase of a death is no matter of luck. From then on
 * it asks four times as often, to tell apart what differs by less than a millisecond.
 *
 * It runs in the client's network and in the host's process namespace. It says `ready` with the first answer; then a command is one line
 * of JSON on standard input, and its answer one on standard output. It ends with its standard input.
 */
import { readFileSync, readSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Instant, IpAddress } from '../../src/base/index.ts';
import { encodeInetAddress, receive, SOCK_RAW, sendTo, socket } from '../../src/os/ffi/index.ts';
import { setRealtimePriority } from '../../src/os/process/index.ts';
import { monotonicNow, Reactor } from '../../src/os/reactor/index.ts';
import { VrrpSocket } from '../../src/os/sockets/index.ts';
import { AF_INET, internetChecksum } from '../../src/wire/index.ts';

export interface TakeoverCommand {
  readonly pids: readonly number[];
  readonly signal: 'SIGKILL' | 'SIGTERM';
  /** When, after an advertisement of the active director. */
  readonly phaseMicros: number;
}

export interface TakeoverAnswer {
  /** From the signal, or from the last probe after it that the old director answered, to the first answer of the new one. */
  readonly outageMs: number;
  /** When the signal was sent, after the old director's last advertisement. */
  readonly phaseMs: number;
}

const INTERVAL = 1000;
/** After the signal. */
const FINE_INTERVAL = 250;
/** Above the directors' 50: what measures must not be late. */
const REALTIME_PRIORITY = 60;
const IPPROTO_ICMP = 1;
const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;
const VRRP_GROUP = IpAddress.parse('224.0.0.18') as IpAddress;
const SEQUENCES = 65_536;
/** The time to live in an IP header: each director's answers begin with one of its own, which tells who answered. */
const TTL_OFFSET = 8;

interface Trial extends TakeoverCommand {
  /** The old director's time to live. */
  victim: number;
  heardAt: Instant;
  killedAt: Instant | undefined;
}

class Prober {
  readonly #reactor = new Reactor({ pauseThreshold: 60_000_000 });
  readonly #echo = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  readonly #vip: Uint8Array;
  readonly #vrid: number;
  readonly #identifier: number;
  readonly #request = new Uint8Array(16);
  readonly #packet = new Uint8Array(1500);
  readonly #sentAt = new Float64Array(SEQUENCES);
  #sequence = 0;
  #next = monotonicNow();
  /** When the last probe was sent that counts as answered, and by whom (by the time to live). */
  #lastGood = 0;
  #answeredBy = 0;
  #trial: Trial | undefined;
  #commands = '';

  constructor(vip: IpAddress, vrid: number) {
    this.#vip = encodeInetAddress(vip);
    this.#vrid = vrid;
    this.#identifier = 0x4000 + vrid;
  }

  run(): void {
    const reactor = this.#reactor;
    const adverts = new VrrpSocket({ interfaceIndex: indexOf('eth0'), groups: [VRRP_GROUP] });
    const probe = reactor.timer(() => {
      this.#send();
      // A probe that is due already is left out: its time has passed.
      this.#next = Math.max(this.#next + (this.#trial?.killedAt === undefined ? INTERVAL : FINE_INTERVAL), monotonicNow());
      probe.arm(this.#next);
    });
    const kill = reactor.timer(() => this.#kill());
    reactor.add(this.#echo, () => {
      for (let length = receive(this.#echo, this.#packet); length !== undefined; length = receive(this.#echo, this.#packet)) {
        this.#answer(this.#packet);
      }
    });
    reactor.add(adverts.fd, () => {
      const heardAt = monotonicNow();
      for (let packet = adverts.receive(); packet; packet = adverts.receive()) {
        const vrid = packet[4 * ((packet[0] ?? 0) & 15) + 1];
        if (vrid !== this.#vrid || !this.#trial || this.#trial.killedAt !== undefined) continue;
        this.#trial.heardAt = heardAt;
        kill.arm(heardAt + this.#trial.phaseMicros);
      }
    });
    reactor.add(0, () => this.#read());
    probe.arm(this.#next);
    reactor.run();
  }

  #read(): void {
    const bytes = Buffer.alloc(4096);
    const length = readSync(0, bytes);
    if (length === 0) {
      this.#reactor.stop();
      return;
    }
    this.#commands += bytes.toString('utf8', 0, length);
    const end = this.#commands.indexOf('\n');
    if (end < 0) return;
    const command = JSON.parse(this.#commands.slice(0, end)) as TakeoverCommand;
    this.#commands = this.#commands.slice(end + 1);
    this.#trial = { ...command, victim: 0, heardAt: 0, killedAt: undefined };
  }

  #kill(): void {
    const trial = this.#trial;
    if (!trial || trial.killedAt !== undefined) return;
    trial.victim = this.#answeredBy;
    trial.killedAt = monotonicNow();
    for (const pid of trial.pids) process.kill(pid, trial.signal);
  }

  #send(): void {
    this.#sequence = (this.#sequence + 1) % SEQUENCES;
    const view = new DataView(this.#request.buffer);
    view.setUint8(0, ECHO_REQUEST);
    view.setUint16(2, 0);
    view.setUint16(4, this.#identifier);
    view.setUint16(6, this.#sequence);
    view.setUint16(2, internetChecksum(this.#request));
    this.#sentAt[this.#sequence] = monotonicNow();
    // What cannot be sent (no neighbour answers for the VIP) is a probe without an answer.
    sendTo(this.#echo, this.#request, this.#vip);
  }

  #answer(packet: Uint8Array): void {
    const view = new DataView(packet.buffer);
    const icmp = 4 * (view.getUint8(0) & 15);
    if (view.getUint8(icmp) !== ECHO_REPLY || view.getUint16(icmp + 4) !== this.#identifier) return;
    const sentAt = this.#sentAt[view.getUint16(icmp + 6)] ?? 0;
    const director = view.getUint8(TTL_OFFSET);
    const trial = this.#trial;
    if (trial?.killedAt !== undefined && director === trial.victim) {
      // The kernel of a director whose daemon was killed lives on in here, and answers for a VIP left behind. A dead machine would not.
      if (trial.signal === 'SIGKILL' && sentAt > trial.killedAt) return;
    } else if (trial?.killedAt !== undefined) {
      const answer: TakeoverAnswer = {
        outageMs: (monotonicNow() - Math.max(this.#lastGood, trial.killedAt)) / 1000,
        phaseMs: (trial.killedAt - trial.heardAt) / 1000,
      };
      this.#trial = undefined;
      process.stdout.write(`${JSON.stringify(answer)}\n`);
    }
    if (this.#answeredBy === 0) process.stdout.write('ready\n');
    this.#lastGood = sentAt;
    this.#answeredBy = director;
  }
}

function indexOf(name: string): number {
  const line = new RegExp(`^(\\d+)\\s+${name}\\s`, 'm').exec(readFileSync('/proc/self/net/igmp', 'latin1'));
  if (!line) throw new Error(`there is no interface ${name}`);
  return Number(line[1]);
}

const { values } = parseArgs({ options: { vip: { type: 'string' }, vrid: { type: 'string' } } });
const vip = IpAddress.parse(values.vip ?? '');
if (vip === undefined) throw new Error(`--vip takes an address, not ${values.vip}`);
const refused = setRealtimePriority(REALTIME_PRIORITY);
if (refused) process.stderr.write(`the prober runs at ordinary priority: ${refused.message}\n`);
new Prober(vip, Number(values.vrid)).run();
