/** One simulated machine: the real engine, and a shell around it that performs effects on a simulated link. */
import type { Instant, Micros } from '../src/base/index.ts';
import { type RouterState, type VrrpEffect, VrrpEngine, type VrrpEvent, type VrrpSettings } from '../src/vrrp/index.ts';

/** `off`: not running, no addresses. `paused`: runs nothing, but the kernel still answers for its addresses. */
export type DirectorStatus = 'off' | 'running' | 'paused';

/** A bug around the engine, see planted.ts: what goes in, what comes out, or when it looks at its timers is altered. */
export interface PlantedBug {
  readonly name: string;
  settings?(settings: VrrpSettings): VrrpSettings;
  /** Undefined drops the event. */
  event?(event: VrrpEvent, director: Director): VrrpEvent | undefined;
  effects?(effects: readonly VrrpEffect[]): readonly VrrpEffect[];
  deadline?(deadline: Instant, director: Director): Instant;
}

export interface DirectorHooks {
  now(): Instant;
  /** Called once for each event after the engine has drained, with the states before it. */
  acted(director: Director, event: VrrpEvent, before: readonly RouterState[], effects: readonly VrrpEffect[]): void;
}

export class Director {
  readonly index: number;
  status: DirectorStatus = 'off';
  settings: VrrpSettings;
  engine: VrrpEngine;
  /** The routers whose addresses the machine answers for. */
  readonly holding = new Set<string>();
  /** Links that are down at this machine, with the number of faults that took them down. */
  readonly linksDown = new Map<string, number>();
  private waiting: { readonly link: string; readonly packet: Uint8Array }[] = [];
  private readonly hooks: DirectorHooks;
  private readonly bug: PlantedBug;

  constructor(index: number, settings: VrrpSettings, hooks: DirectorHooks, bug: PlantedBug) {
    this.index = index;
    this.settings = settings;
    this.hooks = hooks;
    this.bug = bug;
    this.engine = this.newEngine();
  }

  start(
    addresses: readonly { readonly link: string; readonly address: NonNullable<Extract<VrrpEvent, { kind: 'address' }>['address']> }[],
  ): void {
    this.status = 'running';
    this.engine = this.newEngine();
    for (const { link, address } of addresses) {
      this.handle({ kind: 'link', interface: link, up: !this.linksDown.has(link) });
      this.handle({ kind: 'address', interface: link, address });
    }
    this.handle({ kind: 'start' });
  }

  /** The process is gone; its guard has removed the addresses. */
  crash(): void {
    this.status = 'off';
    this.holding.clear();
    this.waiting = [];
  }

  stop(): void {
    this.handle({ kind: 'stop' });
    this.status = 'off';
  }

  /** A reload hands over the settings as they are now. */
  reconfigure(): void {
    this.handle({ kind: 'reconfigure', settings: this.bug.settings ? this.bug.settings(this.settings) : this.settings });
  }

  pause(): void {
    this.status = 'paused';
  }

  /** As the shell does: the pause first, then what waited in the sockets, the kernel's news included, and only then the timers. */
  resume(pause: Micros): void {
    this.status = 'running';
    this.handle({ kind: 'pause', duration: pause });
    for (const { interface: link } of this.settings.routers) this.handle({ kind: 'link', interface: link, up: !this.linksDown.has(link) });
    const waiting = this.waiting;
    this.waiting = [];
    for (const { link, packet } of waiting) this.handle({ kind: 'packet', interface: link, packet });
  }

  /** A packet arrives; a stopped process finds it later in its socket, which keeps the first hundreds only. */
  receive(link: string, packet: Uint8Array, hears: boolean): void {
    if (this.linksDown.has(link)) return;
    if (this.status === 'running') this.handle({ kind: 'packet', interface: link, packet });
    else if (this.status === 'paused' && hears && this.waiting.length < 200) this.waiting.push({ link, packet });
  }

  handle(event: VrrpEvent): void {
    const seen = this.bug.event ? this.bug.event(event, this) : event;
    if (!seen) return;
    const before = this.states();
    // A planted bug may look early; its engine then believes that the deadline has come. Without one both instants are equal.
    this.engine.handle(seen, seen.kind === 'tick' ? Math.max(this.hooks.now(), this.engine.nextDeadline() ?? 0) : this.hooks.now());
    const drained = this.engine.drain();
    const effects = this.bug.effects ? this.bug.effects(drained) : drained;
    for (const effect of effects) {
      if (effect.kind === 'add-vips') this.holding.add(effect.router);
      if (effect.kind === 'remove-vips') this.holding.delete(effect.router);
    }
    this.hooks.acted(this, event, before, effects);
  }

  nextDeadline(): Instant | undefined {
    if (this.status !== 'running') return undefined;
    const deadline = this.engine.nextDeadline();
    return deadline === undefined || !this.bug.deadline ? deadline : this.bug.deadline(deadline, this);
  }

  states(): RouterState[] {
    return this.status === 'off' ? [] : this.engine.states();
  }

  private newEngine(): VrrpEngine {
    return new VrrpEngine(this.bug.settings ? this.bug.settings(this.settings) : this.settings);
  }
}
