/** One run: a virtual clock, the directors, the network, the faults in their time. Exact to the microsecond, the same for ever. */
import { type Instant, type Micros, millis, Random, toSeconds } from '../src/base/index.ts';
import type { RouterState, VrrpEffect, VrrpEvent } from '../src/vrrp/index.ts';
import { Agenda } from './agenda.ts';
import type { Break } from './break.ts';
import { Checker } from './checker.ts';
import { Director, type PacketCondition, type PlantedBug } from './director.ts';
import type { Fault } from './faults.ts';
import { Network } from './network.ts';
import { forge } from './packets.ts';
import { NO_BUG } from './planted.ts';
import { addressOf, type Scenario, sampleScenario } from './scenario.ts';
import { describeEffects, describeEvent, describeFault } from './trace.ts';

export interface RunResult {
  readonly seed: number;
  readonly simulated: Micros;
  readonly events: number;
  readonly broken: Break | undefined;
}

export interface RunOptions {
  readonly bug?: PlantedBug | undefined;
  readonly trace?: (line: string) => void;
  /** Only these faults of the schedule strike, by their place in it. */
  readonly faults?: readonly number[];
  /** Only these directors ever start. */
  readonly directors?: readonly number[];
}

/** Plays the run of one seed to its end, or to its first break. */
export function run(seed: number, options: RunOptions = {}): RunResult {
  return new World(sampleScenario(seed), options).play();
}

type Transmit = Extract<VrrpEffect, { kind: 'transmit' }>;

class World {
  private now: Instant = 0;
  private events = 0;
  private readonly scenario: Scenario;
  private readonly trace: RunOptions['trace'];
  private readonly agenda = new Agenda();
  private readonly network: Network;
  /** How long scripts run. */
  private readonly chance: Random;
  private readonly directors: readonly Director[];
  private readonly byAddress = new Map<string, Director>();
  private readonly checker: Checker;
  private readonly paused = new Map<Director, { readonly hears: boolean }>();
  /** The last advertisement on each link, for those who forge. */
  private readonly lastPacket = new Map<string, Uint8Array>();

  constructor(scenario: Scenario, options: RunOptions) {
    this.scenario = scenario;
    this.trace = options.trace;
    // These draw their own numbers: the scenario must not change when a packet more is sent.
    this.network = new Network(new Random(scenario.seed ^ 0x5eed));
    this.chance = new Random(scenario.seed ^ 0xc0de);
    const hooks = {
      now: (): Instant => this.now,
      acted: (director: Director, event: VrrpEvent, before: readonly RouterState[], effects: readonly VrrpEffect[]): void =>
        this.acted(director, event, before, effects),
      conditionChanged: (): void => this.disturb(),
      scriptAsked: (_: Director, report: () => void): void => this.agenda.add(this.now + millis(this.chance.between(1, 50)), report),
    };
    this.directors = scenario.directors.map((_, i) => new Director(i, scenario, hooks, options.bug ?? NO_BUG));
    for (const link of scenario.links) {
      for (const director of this.directors) this.byAddress.set(`${link} ${addressOf(scenario.family, director.index, link)}`, director);
    }
    this.checker = new Checker(scenario, this.directors);
    this.schedule(options);
  }

  play(): RunResult {
    const { agenda, checker, scenario } = this;
    while (!checker.broken) {
      const director = this.nextDirector();
      const due = director.nextDeadline();
      const next = Math.min(due, agenda.next() ?? Infinity);
      if (next >= scenario.endsAt) break;
      this.now = Math.max(this.now, next);
      this.noteDirt();
      if (due <= next) director.tick();
      else agenda.runNext();
      this.events++;
      this.noteDirt();
      checker.look(this.now);
    }
    const { broken } = checker;
    if (!broken) this.now = scenario.endsAt;
    else this.trace?.(`${stamp(broken.at)} BREAK ${broken.invariant}: ${broken.detail}`);
    return { seed: scenario.seed, simulated: this.now, events: this.events, broken };
  }

  private schedule({ faults, directors }: RunOptions): void {
    for (const [i, { startsAt }] of this.scenario.directors.entries()) {
      if (!directors || directors.includes(i)) this.agenda.add(startsAt, () => this.start(i));
    }
    for (const [i, { at, fault }] of this.scenario.faults.entries()) {
      const isAbsent = directors && 'director' in fault && !directors.includes(fault.director);
      if (isAbsent || (faults && !faults.includes(i))) continue;
      this.agenda.add(at, () => {
        this.trace?.(`${stamp(at)} FAULT ${i} ${describeFault(fault)}`);
        this.strike(fault);
      });
    }
  }

  private nextDirector(): Director {
    let best = this.directors[0] as Director;
    let earliest = best.nextDeadline();
    for (const director of this.directors) {
      const deadline = director.nextDeadline();
      if (deadline >= earliest) continue;
      best = director;
      earliest = deadline;
    }
    return best;
  }

  private isClean(): boolean {
    return this.paused.size === 0 && this.network.isClean(this.now);
  }

  /** Called before each event and after it: what was unclean until now counts as well as what is unclean from now on. */
  private noteDirt(): void {
    if (!this.isClean()) this.checker.disturbed(this.now, false);
  }

  private disturb(): void {
    this.checker.disturbed(this.now, this.isClean());
  }

  private acted(director: Director, event: VrrpEvent, before: readonly RouterState[], effects: readonly VrrpEffect[]): void {
    if (this.trace && (effects.length > 0 || event.kind !== 'packet')) {
      this.trace(`${stamp(this.now)} d${director.index} ${describeEvent(event)} -> ${describeEffects(effects)}`);
    }
    for (const effect of effects) if (effect.kind === 'transmit') this.transmit(director, effect);
    this.checker.acted(director, event, before, effects, this.now);
  }

  private transmit(sender: Director, { interface: link, packet, destination }: Transmit): void {
    if (sender.troubles.has(link)) return;
    this.lastPacket.set(link, packet);
    if (destination.isMulticast()) {
      for (const receiver of this.directors) if (receiver !== sender) this.carry(link, sender, receiver, packet);
      return;
    }
    const receiver = this.byAddress.get(`${link} ${destination}`);
    if (receiver) this.carry(link, sender, receiver, packet);
  }

  private carry(link: string, sender: Director, receiver: Director, packet: Uint8Array): void {
    for (const copy of this.network.deliver(link, sender.index, receiver.index, packet, this.now)) {
      this.agenda.add(this.now + copy.delay, () => this.arrive(link, receiver, copy.packet, copy.packet === packet ? 'good' : 'damaged'));
    }
  }

  private arrive(link: string, receiver: Director, packet: Uint8Array, condition: PacketCondition): void {
    receiver.receive(link, packet, this.paused.get(receiver)?.hears ?? false, condition);
  }

  private start(index: number): void {
    const director = this.directors[index] as Director;
    if (director.status === 'leaving') this.agenda.add(director.nextDeadline(), () => this.start(index));
    if (director.status !== 'off') return;
    this.disturb();
    director.start();
  }

  private strike(fault: Fault): void {
    switch (fault.kind) {
      case 'noise':
        this.network.addNoise(fault.link, fault.noise);
        this.later(fault.lasts, () => this.network.removeNoise(fault.link, fault.noise));
        break;
      case 'cut':
        this.cut(fault, this.now + fault.lasts);
        break;
      case 'forge':
        this.forge(fault, fault.count);
        break;
      default:
        this.strikeDirector(fault, this.directors[fault.director] as Director);
    }
  }

  private strikeDirector(fault: Exclude<Fault, { kind: 'noise' | 'cut' | 'forge' }>, director: Director): void {
    switch (fault.kind) {
      case 'crash':
      case 'stop':
        this.leave(fault, director);
        break;
      case 'pause':
        this.pause(fault, director);
        break;
      case 'clock':
        // Even a small step makes a backup impatient too early.
        this.checker.disturbed(this.now, false);
        if (director.status === 'running') director.stepClock(fault.step);
        break;
      case 'link':
        this.trouble(director, fault.link, fault.lasts);
        break;
      case 'address':
        this.trouble(director, `${fault.link} address`, fault.lasts);
        break;
      case 'tracker':
        this.trouble(director, fault.tracker, fault.lasts);
        break;
      case 'priority':
        director.reload((before) => before.with(fault.unit, fault.priority));
        break;
      case 'reload':
        director.reload((before) => before);
        break;
      case 'vip-lost':
        for (const router of this.scenario.routers) director.loseVip(router.name);
        break;
    }
  }

  private leave({ kind, lasts }: Extract<Fault, { kind: 'crash' | 'stop' }>, director: Director): void {
    if (director.status !== 'running') return;
    if (this.isClean()) this.checker.leaving(director, kind, this.now);
    if (kind === 'crash') director.crash();
    else director.stop();
    this.agenda.add(this.now + lasts, () => this.start(director.index));
  }

  private pause({ lasts, what }: Extract<Fault, { kind: 'pause' }>, director: Director): void {
    if (director.status !== 'running') return;
    director.pause();
    this.paused.set(director, { hears: what === 'process' });
    this.later(lasts, () => {
      this.paused.delete(director);
      director.resume(lasts, what === 'machine');
    });
  }

  /** A link that goes down also ends what it would have carried, so the end of it is a disturbance as its beginning is. */
  private trouble(director: Director, what: string, lasts: Micros): void {
    this.disturb();
    director.trouble(what, true);
    this.agenda.add(this.now + lasts, () => {
      this.disturb();
      director.trouble(what, false);
    });
  }

  private cut({ paths, flaps }: Extract<Fault, { kind: 'cut' }>, until: Instant): void {
    const spell = Math.min(flaps ?? Infinity, until - this.now);
    for (const path of paths) this.network.cut(path);
    this.later(spell, () => {
      for (const path of paths) this.network.mend(path);
      if (flaps && this.now + flaps < until)
        this.agenda.add(this.now + flaps, () => this.cut({ kind: 'cut', paths, flaps, lasts: 0 }, until));
    });
  }

  private forge(fault: Extract<Fault, { kind: 'forge' }>, left: number): void {
    const packet = this.lastPacket.get(fault.link);
    if (packet) {
      // Only who has heard the original can tell: to a process that is younger it is an advertisement that comes late.
      if (fault.defect === 'replay') this.checker.disturbed(this.now, false);
      const forged = forge(packet, fault.defect);
      for (const receiver of this.directors) this.arrive(fault.link, receiver, forged, 'forged');
    }
    if (left > 1) this.agenda.add(this.now + fault.gap, () => this.forge(fault, left - 1));
  }

  /** The end of a fault is a disturbance of its own: until this very instant nothing could be expected. */
  private later(delay: Micros, end: () => void): void {
    this.agenda.add(this.now + delay, () => {
      this.checker.disturbed(this.now, false);
      end();
    });
  }
}

function stamp(now: Instant): string {
  return toSeconds(now).toFixed(6).padStart(11);
}
