/** One simulated machine: the real engine, and a shell around it that performs effects on simulated links. */
import { type Instant, type Micros, millis } from '../src/base/index.ts';
import { Farewell, type RouterState, type VrrpEffect, VrrpEngine, type VrrpEvent, type VrrpSettings } from '../src/vrrp/index.ts';
import { Condition } from './condition.ts';
import { PRIORITY, VRID, vrrpOffset } from './packets.ts';
import { addressOf, OWNER_PRIORITY, type Scenario } from './scenario.ts';
import { settingsOf, TRACKED } from './settings.ts';
import { skew } from './timing.ts';

/**
 * `off`: not running, no addresses. `paused`: runs nothing, but the kernel still answers for its addresses. `leaving`: stopped in good
 * order; it takes part in nothing any more and keeps its addresses for the moment that its successors need.
 */
export type DirectorStatus = 'off' | 'running' | 'paused' | 'leaving';

/** The reactor reports no pause of itself that is shorter. */
const REPORTED_PAUSE: Micros = millis(300);
/** How many packets wait in the sockets of a stopped process. */
const SOCKET_BUFFER = 200;

/** As it was sent, altered on its way by the link, or made by somebody else. */
export type PacketCondition = 'good' | 'damaged' | 'forged';

/** A bug around the engine, see planted.ts: what goes in, what comes out, or what it takes for the present is altered. */
export interface PlantedBug {
  readonly name: string;
  settings?(settings: VrrpSettings): VrrpSettings;
  /** Undefined drops the event. */
  event?(event: VrrpEvent, director: Director): VrrpEvent | undefined;
  effects?(effects: readonly VrrpEffect[]): readonly VrrpEffect[];
  /** Whether a director that leaves hears nobody. */
  readonly isDeafLeaving?: boolean;
  /** What the engine takes for the present. */
  instant?(event: VrrpEvent, now: Instant, director: Director): Instant;
}

export interface DirectorHooks {
  now(): Instant;
  /** Called once for each event after the engine has drained, with the states before it. */
  acted(director: Director, event: VrrpEvent, before: readonly RouterState[], effects: readonly VrrpEffect[]): void;
  /** What the trackers say has changed: another priority is right, or another state. */
  conditionChanged(): void;
  /** The engine asks for a run of the tracked script; `report` is to be called when it has ended. */
  scriptAsked(director: Director, report: () => void): void;
}

export class Director {
  readonly index: number;
  status: DirectorStatus = 'off';
  /** One for each unit. */
  priorities: readonly number[];
  engine: VrrpEngine;
  /** Of the engine's routers, in the order of the scenario. */
  states: readonly RouterState[];
  /** The routers whose addresses the machine answers for. */
  readonly holding = new Set<string>();
  /** When each router has last advertised. */
  readonly advertisedAt = new Map<string, Instant>();
  /** Interfaces that are down, that lack their address, and failing scripts, with the number of faults that made them so. */
  readonly troubles = new Map<string, number>();
  /** What the running engine has been told, and what must come of it. */
  private condition: Condition;
  /** The running engine has been told everything and has begun. */
  hasStarted = false;
  /** What the own clock shows beyond the world's. */
  private clockOffset: Micros;
  /** Counts the processes, so that nothing meant for one reaches the next. */
  private process = 0;
  /** By its own clock, when a backup has last heard an advertisement that it must respect, or come back from a pause. */
  private readonly patientSince = new Map<string, Instant>();
  /** By its own clock. */
  private startedAt: Instant = 0;
  private waiting: (() => void)[] = [];
  private farewell: Farewell | undefined;
  private readonly scenario: Scenario;
  private readonly hooks: DirectorHooks;
  private readonly bug: PlantedBug;

  constructor(index: number, scenario: Scenario, hooks: DirectorHooks, bug: PlantedBug) {
    const plan = scenario.directors[index];
    this.index = index;
    this.scenario = scenario;
    this.hooks = hooks;
    this.bug = bug;
    this.priorities = plan?.priorities ?? [];
    this.clockOffset = plan?.clock ?? 0;
    this.condition = new Condition(scenario);
    this.engine = new VrrpEngine(this.settings());
    this.states = this.engine.states();
  }

  start(): void {
    this.status = 'running';
    this.startedAt = this.clock();
    this.process++;
    this.engine = new VrrpEngine(this.settings());
    this.states = this.engine.states();
    this.patientSince.clear();
    this.condition = new Condition(this.scenario);
    this.hasStarted = false;
    this.tellAll();
    this.hasStarted = true;
    this.handle({ kind: 'start' });
  }

  /** The process is gone; its guard has removed the addresses. */
  crash(): void {
    this.status = 'off';
    this.farewell = undefined;
    this.holding.clear();
    this.waiting = [];
  }

  /** As the shell does: the addresses stay until their successors are heard. */
  stop(): void {
    const farewell = new Farewell(this.settings().routers, this.clock());
    this.farewell = farewell;
    this.status = 'leaving';
    this.handle({ kind: 'stop' });
    if (farewell.over) this.endFarewell();
  }

  /** What was due has come. */
  tick(): void {
    if (this.farewell) this.endFarewell();
    else this.handle({ kind: 'tick' });
  }

  /** A reload of the file, with other priorities or none changed. A paused process does it later, one that is off at its start. */
  reload(priorities: (before: readonly number[]) => readonly number[]): void {
    if (this.status === 'paused') {
      this.waiting.push(() => this.reload(priorities));
      return;
    }
    const before = this.priorities;
    this.priorities = priorities(before);
    if (this.priorities !== before) this.hooks.conditionChanged();
    if (this.status === 'running') this.handle({ kind: 'reconfigure', settings: this.settings() });
  }

  pause(): void {
    this.status = 'paused';
  }

  /** As the shell does: the pause first, then what waited in the sockets, the kernel's news included, and only then the timers. */
  resume(pause: Micros, clockStoodStill: boolean): void {
    this.status = 'running';
    if (clockStoodStill) this.clockOffset -= pause;
    if (pause >= REPORTED_PAUSE) this.handle({ kind: 'pause', duration: pause });
    this.tellAll();
    const waiting = this.waiting;
    this.waiting = [];
    for (const deliver of waiting) deliver();
  }

  /** The monotonic clock jumps; to the process that is a pause. */
  stepClock(step: Micros): void {
    this.clockOffset += step;
    if (this.status === 'running' && step >= REPORTED_PAUSE) this.handle({ kind: 'pause', duration: step });
  }

  /** A packet arrives; a stopped process finds it later in its socket, which keeps the first hundreds only. */
  receive(link: string, packet: Uint8Array, isHeardLater: boolean, condition: PacketCondition): void {
    if (this.troubles.has(link)) return;
    const deliver = (): void => {
      // With an authentication header a good one may be refused for its sequence number, and a replayed one come before the original.
      const before = this.accepted();
      this.handle({ kind: 'packet', interface: link, packet });
      const isTaken = before === undefined ? condition === 'good' : this.accepted() !== before;
      // The damage may be to bits that do not matter.
      if (condition === 'damaged') this.patientSince.clear();
      else if (isTaken) this.heard(link, packet);
    };
    if (this.status === 'running') deliver();
    else if (this.farewell) {
      if (this.bug.isDeafLeaving) return;
      for (const effect of this.farewell.hear(link, packet)) this.perform(effect);
      if (this.farewell.over) this.endFarewell();
    } else if (this.status === 'paused' && isHeardLater && this.waiting.length < SOCKET_BUFFER) this.waiting.push(deliver);
  }

  /** An interface goes down, loses its address, or the script begins to fail; or the end of one such fault. */
  trouble(what: string, isBeginning: boolean): void {
    const count = (this.troubles.get(what) ?? 0) + (isBeginning ? 1 : -1);
    if (count > 0) this.troubles.set(what, count);
    else this.troubles.delete(what);
    if (this.status === 'running') this.tellAll();
  }

  /** Somebody deletes the addresses of a router behind its back. */
  loseVip(name: string): void {
    const vip = this.settings().routers.find((router) => router.name === name)?.vips[0];
    if (this.status !== 'running' || !vip || !this.holding.delete(name)) return;
    this.handle({ kind: 'vip-lost', interface: vip.interface, address: vip.address });
  }

  handle(event: VrrpEvent): void {
    const { engine, bug } = this;
    const seen = bug.event ? bug.event(event, this) : event;
    if (!seen) return;
    const before = this.states;
    const now = this.clock();
    engine.handle(seen, bug.instant ? bug.instant(seen, now, this) : now);
    const drained = engine.drain();
    // Asked only when something was done: most packets change nothing, and a change without any effect shows at the next one.
    if (drained.length > 0) this.updateStates();
    if (event.kind === 'pause' && event.duration >= this.scenario.interval) this.patienceBegins();
    const effects = bug.effects ? bug.effects(drained) : drained;
    const { farewell } = this;
    for (const effect of effects) if (!farewell?.keep(effect)) this.perform(effect);
    this.hooks.acted(this, event, before, effects);
  }

  nextDeadline(): Instant {
    if (this.farewell) return this.farewell.deadline - this.clockOffset;
    if (this.status !== 'running') return Infinity;
    const deadline = this.engine.nextDeadline();
    if (deadline === undefined) return Infinity;
    return deadline - this.clockOffset;
  }

  /** What its own clock shows. */
  clock(): Instant {
    return this.hooks.now() + this.clockOffset;
  }

  /** How long the process has been running, by its own clock. */
  age(): Micros {
    return this.clock() - this.startedAt;
  }

  /** Whether the routers must be in FAULT. */
  isInTrouble(): boolean {
    return this.condition.isInTrouble();
  }

  /** Whether the first result of the script is still awaited. */
  isPending(): boolean {
    return this.condition.isPending();
  }

  /** Whether the director could own the addresses. */
  isAble(): boolean {
    return this.status === 'running' && !this.isPending() && !this.isInTrouble();
  }

  /** How much longer than the best possible router its backups wait. */
  skew(unit: number): Micros {
    return skew(this.scenario.version, this.effectivePriority(unit), this.scenario.interval);
  }

  /** The priority that its advertisements must carry, from what the engine has been told. */
  effectivePriority(unit: number): number {
    const base = this.priorities[unit] as number;
    if (base === OWNER_PRIORITY) return base;
    return Math.min(Math.max(base + this.condition.bonus(), 1), OWNER_PRIORITY - 1);
  }

  /** For how long, by its own clock, a router has not heard its active router; undefined if it has nothing to wait for. */
  silence(router: string): Micros | undefined {
    const since = this.patientSince.get(router);
    return since === undefined ? undefined : this.clock() - since;
  }

  /** A good advertisement has been handled: a backup's patience begins anew, or is called off. */
  private heard(link: string, packet: Uint8Array): void {
    const message = vrrpOffset(packet);
    const i = this.scenario.routers.findIndex((router) => router.link === link && router.vrid === packet[message + VRID]);
    const router = this.scenario.routers[i];
    if (!router) return;
    const priority = packet[message + PRIORITY] as number;
    if (priority === 0) this.patientSince.delete(router.name);
    else if (this.states[i] === 'backup' && priority >= this.effectivePriority(router.unit)) {
      this.patientSince.set(router.name, this.clock());
    }
  }

  /** How many advertisements the engine has accepted; asked only where there is an authentication header. */
  private accepted(): number | undefined {
    if (this.scenario.authentication !== 'ah') return undefined;
    return this.engine.snapshot().routers.reduce((sum, { counters }) => sum + counters.advertsReceived, 0);
  }

  /** After a pause of its own a backup does not judge the silence of others. */
  private patienceBegins(): void {
    for (const [i, router] of this.scenario.routers.entries()) {
      if (this.states[i] === 'backup') this.patientSince.set(router.name, this.clock());
    }
  }

  private endFarewell(): void {
    for (const effect of this.farewell?.finish() ?? []) this.perform(effect);
    this.farewell = undefined;
    this.status = 'off';
  }

  private updateStates(): void {
    const before = this.states;
    this.states = this.engine.states();
    for (const [i, router] of this.scenario.routers.entries()) {
      // Whoever becomes active is asked for its patience first.
      if (this.states[i] !== before[i] && this.states[i] !== 'active') this.patientSince.delete(router.name);
    }
  }

  private perform(effect: VrrpEffect): void {
    if (effect.kind === 'add-vips') this.holding.add(effect.router);
    else if (effect.kind === 'remove-vips') this.holding.delete(effect.router);
    else if (effect.kind === 'transmit') this.advertisedAt.set(effect.router, this.hooks.now());
    else if (effect.kind === 'run-script') {
      const { process } = this;
      this.hooks.scriptAsked(this, () => this.scriptEnded(process));
    }
  }

  private scriptEnded(process: number): void {
    if (process !== this.process || this.status === 'off' || this.status === 'leaving') return;
    if (this.status === 'paused') {
      this.waiting.push(() => this.scriptEnded(process));
      return;
    }
    const fails = this.troubles.has('script');
    if (this.condition.noteScript(fails)) this.hooks.conditionChanged();
    this.handle({ kind: 'script', script: TRACKED.script, outcome: fails ? 'failure' : 'success', status: fails ? 1 : 0 });
  }

  /** Hands over what has changed of interfaces and trackers since the engine was last told, or all of it to a new engine. */
  private tellAll(): void {
    const { links, family, trackers } = this.scenario;
    for (const link of links) {
      const isDown = this.troubles.has(link);
      this.tell(link, isDown, { kind: 'link', interface: link, up: !isDown });
      const isGone = this.troubles.has(`${link} address`);
      const address = isGone ? undefined : addressOf(family, this.index, link);
      this.tell(`${link} address`, isGone, { kind: 'address', interface: link, family, address });
    }
    for (const { kind } of trackers) {
      const isBad = this.troubles.has(kind);
      if (kind === 'link') this.tell(kind, isBad, { kind, interface: TRACKED.link, up: !isBad });
      else if (kind === 'bfd') this.tell(kind, isBad, { kind, session: TRACKED.bfd, up: !isBad });
      else if (kind === 'file') this.tell(kind, isBad, { kind, file: TRACKED.file, value: isBad ? 1 : 0 });
    }
  }

  private tell(what: string, isTrouble: boolean, event: VrrpEvent): void {
    if (!this.condition.note(what, isTrouble)) return;
    this.hooks.conditionChanged();
    this.handle(event);
  }

  private settings(): VrrpSettings {
    const settings = settingsOf(this.scenario, this.index, this.priorities);
    return this.bug.settings ? this.bug.settings(settings) : settings;
  }
}
