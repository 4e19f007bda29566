/**
 * The invariants, looked at after every single event. The first break ends a run. See README.md for what each one promises.
 *
 * Two notions of peace: the world is *clean* while every link works in both directions without loss and nobody is paused;
 * it is *calm* while it is clean and nothing else (start, stop, crash, reload, interface) happens either.
 */
import { type Instant, type Micros, millis, seconds, toSeconds } from '../src/base/index.ts';
import { masterDownTime, type RouterState, skewTime, type VrrpEffect, type VrrpEvent } from '../src/vrrp/index.ts';
import type { Director } from './director.ts';
import { GOOD_DELAY } from './network.ts';
import type { Scenario } from './scenario.ts';

export interface Break {
  readonly at: Instant;
  readonly invariant: string;
  readonly detail: string;
}

/** The owner has gone while all was calm: who must follow, and by when. */
interface Succession {
  readonly by: Instant;
  readonly best: number;
}

export class Checker {
  broken: Break | undefined;
  private readonly scenario: Scenario;
  private readonly directors: readonly Director[];
  /** 3 intervals + the largest skew: the longest time after which a backup takes over. */
  private readonly window: Micros;
  private cleanSince: Instant = 0;
  private calmSince: Instant = 0;
  private readonly ownersSince: Instant[];
  private readonly owners: number[][];
  private succession: Succession | undefined;

  constructor(scenario: Scenario, directors: readonly Director[]) {
    this.scenario = scenario;
    this.directors = directors;
    this.window = masterDownTime(scenario.version, 1, scenario.interval);
    this.owners = scenario.links.map(() => []);
    this.ownersSince = scenario.links.map(() => 0);
  }

  /** Something broke the peace at this instant, or still does. */
  disturbed(now: Instant, isClean: boolean): void {
    if (!isClean) this.cleanSince = now;
    this.calmSince = now;
    this.succession = undefined;
  }

  /** The director is about to be stopped or to crash. Called before it happens, with the world as it was. */
  leaving(director: Director, how: 'stop' | 'crash', now: Instant): void {
    const wasSettled = this.isSettled(now);
    const wasOwner = this.owners.every((owners) => owners.length === 1 && owners[0] === director.index);
    this.disturbed(now, true);
    const best = this.best(director);
    if (!wasSettled || !wasOwner || !best) return;
    const priority = best.settings.routers[0]?.priority as number;
    const { version, interval } = this.scenario;
    const wait = how === 'stop' ? skewTime(version, priority, interval) : masterDownTime(version, priority, interval);
    this.succession = { by: now + wait + 4 * GOOD_DELAY, best: priority };
  }

  /** One director has handled one event. */
  acted(director: Director, event: VrrpEvent, before: readonly RouterState[], effects: readonly VrrpEffect[], now: Instant): void {
    this.checkEffects(director, before, effects, now);
    this.checkHolding(director, now);
    const after = director.states();
    if (event.kind !== 'start' && after[0] === 'active' && before[0] !== 'active') this.checkTakeover(director, now);
    this.look(now);
  }

  /** Looks at who owns what; called after every event, whatever it was. */
  look(now: Instant): void {
    for (const [i, link] of this.scenario.links.entries()) {
      const owners = this.directors.filter((director) => director.holding.has(`VI_${link}`)).map((director) => director.index);
      // What was true until now is judged before what is true from now on.
      this.checkOwners(link, this.owners[i] as number[], this.ownersSince[i] as Instant, now);
      if (owners.join() !== this.owners[i]?.join()) {
        this.owners[i] = owners;
        this.ownersSince[i] = now;
      }
    }
    if (this.succession && this.owners.every((owners) => owners.length === 1)) this.succession = undefined;
    if (this.succession && now > this.succession.by) this.fail(now, 'succession', 'nobody has followed the owner that left in time');
  }

  private checkOwners(link: string, owners: readonly number[], since: Instant, now: Instant): void {
    if (owners.length > 1) {
      const from = Math.max(since, this.cleanSince);
      if (now - from > this.window) this.fail(now, 'one-owner', `${link} has owners ${owners.join()} since ${toSeconds(since)} s`);
      // In settled times two owners meet only while one hands over to the other.
      if (this.isSettled(since) && now - since > millis(10)) this.fail(now, 'hand-over', `${link} has owners ${owners.join()}`);
    }
    if (owners.length === 0 && this.isSettled(now) && this.best(undefined)) this.fail(now, 'some-owner', `${link} has no owner`);
    if (owners.length === 1 && this.isSettled(now - 2 * this.window) && !this.scenario.noPreempt && this.scenario.preemptDelay === 0) {
      const best = this.best(undefined)?.settings.routers[0]?.priority ?? 0;
      const owner = this.directors[owners[0] as number] as Director;
      const priority = owner.settings.routers[0]?.priority as number;
      if (priority < best) this.fail(now, 'best-owner', `${link} is with ${owner.index} (${priority}), ${best} is better`);
    }
  }

  /** A director has become active: was that its right? */
  private checkTakeover(director: Director, now: Instant): void {
    const priority = director.settings.routers[0]?.priority as number;
    if (this.succession && priority < this.succession.best) {
      this.fail(now, 'succession', `${director.index} (${priority}) follows before ${this.succession.best}`);
    }
    if (!this.isSettled(now)) return;
    for (const other of this.directors) {
      if (other === director || other.holding.size === 0) continue;
      const theirs = other.settings.routers[0]?.priority as number;
      if (theirs >= priority || this.scenario.noPreempt) {
        this.fail(now, 'living-owner', `${director.index} (${priority}) takes over from ${other.index} (${theirs}), which is alive`);
      }
    }
  }

  /** Nothing is sent by a router that is not active, but the priority 0 with which it leaves. */
  private checkEffects(director: Director, before: readonly RouterState[], effects: readonly VrrpEffect[], now: Instant): void {
    const names = director.settings.routers.map((router) => router.name);
    const active = new Map(names.map((name, i) => [name, before[i] === 'active']));
    for (const effect of effects) {
      if (effect.kind === 'transition' && effect.subject === 'instance' && effect.state !== 'MASTER') active.set(effect.name, false);
      if (effect.kind === 'remove-vips') active.set(effect.router, false);
      if (effect.kind === 'announce' && !active.get(effect.router))
        this.fail(now, 'silence', `${director.index} announces while not active`);
      if (effect.kind !== 'transmit' || active.get(effect.router)) continue;
      // The first advertisement comes just before the addresses are taken, so the router must be active when all is done.
      const index = names.indexOf(effect.router);
      const takes = effects.some((other) => other.kind === 'add-vips' && other.router === effect.router);
      if (takes && director.states()[index] === 'active') active.set(effect.router, true);
      else this.fail(now, 'silence', `${director.index} advertises while not active`);
    }
  }

  /** Addresses are held if and only if the router is active, and a group is in one state as a whole. */
  private checkHolding(director: Director, now: Instant): void {
    const states = director.states();
    for (const [i, router] of director.settings.routers.entries()) {
      const isActive = states[i] === 'active';
      if (director.holding.has(router.name) !== isActive) {
        this.fail(now, 'holding', `${director.index} is ${states[i]} and ${isActive ? 'lacks' : 'holds'} the addresses of ${router.name}`);
      }
      if (isActive !== (states[0] === 'active')) this.fail(now, 'group', `${director.index} is ${states.join()} within one sync group`);
    }
  }

  /** Calm for so long that every election has ended. */
  private isSettled(now: Instant): boolean {
    return now - this.calmSince > this.window + seconds(1);
  }

  /** The director of highest priority that could be active, other than one. */
  private best(except: Director | undefined): Director | undefined {
    const able = this.directors.filter(
      (director) =>
        director !== except &&
        director.status === 'running' &&
        director.states().every((state) => state === 'backup' || state === 'active'),
    );
    const priority = (director: Director): number => director.settings.routers[0]?.priority as number;
    return able.reduce<Director | undefined>(
      (best, director) => (!best || priority(director) > priority(best) ? director : best),
      undefined,
    );
  }

  private fail(at: Instant, invariant: string, detail: string): void {
    this.broken ??= { at, invariant, detail };
  }
}
