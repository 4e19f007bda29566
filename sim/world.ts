/** One run: a virtual clock, the directors, the network, the faults in their time. Exact to the microsecond, the same for ever. */
import { type Instant, type Micros, Random, toSeconds } from '../src/base/index.ts';
import type { VrrpEffect, VrrpEvent } from '../src/vrrp/index.ts';
import { encodeVrrpPacket } from '../src/wire/index.ts';
import { Agenda } from './agenda.ts';
import { type Break, Checker } from './checker.ts';
import { Director, type PlantedBug } from './director.ts';
import { Network } from './network.ts';
import { NO_BUG } from './planted.ts';
import { addressOf, type Fault, type Scenario, sampleScenario, settingsOf } from './scenario.ts';
import { describeEffects, describeEvent, describeFault } from './trace.ts';

export interface RunResult {
  readonly seed: number;
  readonly simulated: Micros;
  readonly events: number;
  readonly broken: Break | undefined;
}

export type Trace = (line: string) => void;

/** Plays the run of one seed to its end, or to its first break. */
export function run(seed: number, bug: PlantedBug = NO_BUG, trace?: Trace): RunResult {
  const scenario = sampleScenario(seed);
  return new World(scenario, bug, trace).play();
}

class World {
  private now: Instant = 0;
  private events = 0;
  private readonly scenario: Scenario;
  private readonly trace: Trace | undefined;
  private readonly agenda = new Agenda();
  private readonly network: Network;
  private readonly directors: Director[];
  private readonly checker: Checker;
  private pausedSince = new Map<Director, { readonly at: Instant; readonly hears: boolean }>();

  constructor(scenario: Scenario, bug: PlantedBug, trace: Trace | undefined) {
    this.scenario = scenario;
    this.trace = trace;
    // The network draws its own numbers: the scenario must not change when a packet more is sent.
    this.network = new Network(new Random(scenario.seed ^ 0x5eed));
    const hooks = {
      now: () => this.now,
      acted: (director: Director, event: VrrpEvent, before: Parameters<Checker['acted']>[2], effects: readonly VrrpEffect[]) =>
        this.acted(director, event, before, effects),
    };
    this.directors = scenario.directors.map(({ priority }, i) => new Director(i, settingsOf(scenario, priority), hooks, bug));
    this.checker = new Checker(scenario, this.directors);
    for (const [i, { startsAt }] of scenario.directors.entries()) this.agenda.add(startsAt, () => this.start(i));
    for (const { at, fault } of scenario.faults) this.agenda.add(at, () => this.strike(fault));
  }

  play(): RunResult {
    while (this.now < this.scenario.endsAt && !this.checker.broken) {
      const director = this.nextDirector();
      const due = director?.nextDeadline() ?? Infinity;
      const next = Math.min(due, this.agenda.next() ?? Infinity, this.scenario.endsAt);
      this.now = Math.max(this.now, next);
      if (this.now >= this.scenario.endsAt) break;
      if (due <= next && director) director.handle({ kind: 'tick' });
      else this.agenda.runNext();
      this.look();
    }
    const { broken } = this.checker;
    if (broken) this.trace?.(`${stamp(broken.at)} BREAK ${broken.invariant}: ${broken.detail}`);
    return { seed: this.scenario.seed, simulated: this.now, events: this.events, broken };
  }

  private nextDirector(): Director | undefined {
    let best: Director | undefined;
    for (const director of this.directors) {
      if ((director.nextDeadline() ?? Infinity) < (best?.nextDeadline() ?? Infinity)) best = director;
    }
    return best;
  }

  private look(): void {
    this.events++;
    if (!this.isClean()) this.checker.disturbed(this.now, false);
    this.checker.look(this.now);
  }

  private isClean(): boolean {
    return this.pausedSince.size === 0 && this.network.isClean(this.now);
  }

  private acted(director: Director, event: VrrpEvent, before: Parameters<Checker['acted']>[2], effects: readonly VrrpEffect[]): void {
    if (this.trace && (effects.length > 0 || event.kind !== 'packet')) {
      this.trace(`${stamp(this.now)} d${director.index} ${describeEvent(event)} -> ${describeEffects(effects)}`);
    }
    for (const effect of effects) if (effect.kind === 'transmit') this.transmit(director, effect);
    this.checker.acted(director, event, before, effects, this.now);
  }

  private transmit(sender: Director, { interface: link, message, source, destination }: Extract<VrrpEffect, { kind: 'transmit' }>): void {
    if (sender.linksDown.has(link)) return;
    const packet = encodeVrrpPacket(message, source, destination);
    for (const receiver of this.directors) {
      if (receiver === sender) continue;
      for (const copy of this.network.deliver(link, sender.index, receiver.index, packet, this.now)) {
        this.agenda.add(this.now + copy.delay, () => receiver.receive(link, copy.packet, this.pausedSince.get(receiver)?.hears ?? false));
      }
    }
  }

  private start(index: number): void {
    const director = this.directors[index] as Director;
    if (director.status !== 'off') return;
    this.checker.disturbed(this.now, this.isClean());
    director.start(this.scenario.links.map((link) => ({ link, address: addressOf(this.scenario, index, link) })));
  }

  private strike(fault: Fault): void {
    this.trace?.(`${stamp(this.now)} FAULT ${describeFault(fault)}`);
    switch (fault.kind) {
      case 'crash':
      case 'stop':
        this.leave(fault);
        break;
      case 'pause':
        this.pause(fault);
        break;
      case 'cut':
        for (const [link, from, to] of fault.paths) this.network.cut(link, from, to);
        this.later(fault.lasts, () => {
          for (const [link, from, to] of fault.paths) this.network.mend(link, from, to);
        });
        break;
      case 'noise':
        this.network.setNoise(fault.noise);
        this.later(fault.lasts, () => this.network.setNoise(undefined));
        break;
      case 'link':
        this.linkDown(fault);
        break;
      case 'priority':
        this.reload(this.directors[fault.director] as Director, fault.priority);
        break;
    }
  }

  private leave({ kind, director: index, lasts }: Extract<Fault, { kind: 'crash' | 'stop' }>): void {
    const director = this.directors[index] as Director;
    if (director.status !== 'running') return;
    if (this.isClean()) this.checker.leaving(director, kind, this.now);
    if (kind === 'crash') director.crash();
    else director.stop();
    this.agenda.add(this.now + lasts, () => this.start(index));
  }

  private pause({ director: index, lasts, hears }: Extract<Fault, { kind: 'pause' }>): void {
    const director = this.directors[index] as Director;
    if (director.status !== 'running') return;
    director.pause();
    this.pausedSince.set(director, { at: this.now, hears });
    this.later(lasts, () => {
      this.pausedSince.delete(director);
      director.resume(lasts);
    });
  }

  private linkDown({ director: index, link, lasts }: Extract<Fault, { kind: 'link' }>): void {
    const director = this.directors[index] as Director;
    director.linksDown.set(link, (director.linksDown.get(link) ?? 0) + 1);
    this.checker.disturbed(this.now, this.isClean());
    if (director.status === 'running') director.handle({ kind: 'link', interface: link, up: false });
    this.later(lasts, () => {
      const count = (director.linksDown.get(link) ?? 0) - 1;
      if (count > 0) director.linksDown.set(link, count);
      else director.linksDown.delete(link);
      if (count === 0 && director.status === 'running') director.handle({ kind: 'link', interface: link, up: true });
    });
  }

  private reload(director: Director, priority: number): void {
    if (director.status === 'paused') return;
    this.checker.disturbed(this.now, this.isClean());
    director.settings = settingsOf(this.scenario, priority);
    if (director.status === 'running') director.reconfigure();
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
