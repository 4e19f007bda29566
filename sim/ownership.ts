/** The promises about who owns the addresses of one unit: a virtual router, or all those of a sync group. */
import { type Instant, type Micros, toSeconds } from '../src/base/index.ts';
import type { RouterState, VrrpEvent } from '../src/vrrp/index.ts';
import type { Fail } from './break.ts';
import type { Director } from './director.ts';
import { Farewells, OVERLAP, owns } from './farewells.ts';
import { GOOD_DELAY } from './network.ts';
import type { Peace } from './peace.ts';
import { OWNER_PRIORITY, type PlannedRouter, type Scenario } from './scenario.ts';
import { patience, skew } from './timing.ts';

/** The owner has gone while all was calm: who must follow, and by when. */
interface Succession {
  readonly by: Instant;
  readonly best: number;
}

export class Ownership {
  private readonly unit: number;
  private readonly scenario: Scenario;
  private readonly directors: readonly Director[];
  private readonly peace: Peace;
  private readonly fail: Fail;
  private readonly routers: readonly PlannedRouter[];
  /** Where the routers stand in the scenario's list. */
  private readonly position: number;
  /** The intervals that may be missed + the largest skew: the longest time after which a backup takes over. */
  private readonly window: Micros;
  /** Since when, by its own clock, each director has been a backup, until it is one again. */
  private readonly backupSince = new Map<Director, Instant>();
  private readonly farewells: Farewells;
  private owners: readonly Director[] = [];
  private since: Instant = 0;
  private prepared: Succession | undefined;
  private succession: Succession | undefined;
  private successionEpoch = 0;
  /** The disturbance after which the owner was last found to be the best one. */
  private bestEpoch = -1;

  constructor(unit: number, scenario: Scenario, directors: readonly Director[], peace: Peace, fail: Fail) {
    this.unit = unit;
    this.scenario = scenario;
    this.directors = directors;
    this.peace = peace;
    this.fail = fail;
    this.routers = scenario.routers.filter((router) => router.unit === unit);
    this.position = scenario.routers.findIndex((router) => router.unit === unit);
    this.farewells = new Farewells(this.routers, scenario, directors, peace, fail);
    this.window = patience(scenario.version, 1, scenario.interval, scenario.downTimerAdverts);
  }

  /** The director is about to go: notes who must follow if it was the one owner and all was settled. */
  prepareSuccession(director: Director, how: 'stop' | 'crash', now: Instant): void {
    const best = this.best(director);
    const isSoleOwner = this.owners.length === 1 && this.owners[0] === director;
    this.prepared = undefined;
    if (!this.peace.isSettled(now) || !isSoleOwner || !best) return;
    const { version, interval, downTimerAdverts } = this.scenario;
    const priority = this.priority(best);
    const wait = how === 'stop' ? skew(version, priority, interval) : patience(version, priority, interval, downTimerAdverts);
    this.prepared = { by: now + wait + 4 * GOOD_DELAY, best: priority };
  }

  awaitSuccession(): void {
    this.succession = this.prepared;
    this.successionEpoch = this.peace.epoch;
  }

  acted(director: Director, event: VrrpEvent, before: readonly RouterState[], after: readonly RouterState[], now: Instant): void {
    const was = before[this.position];
    const is = after[this.position];
    if (was !== is && is === 'backup') this.backupSince.set(director, director.clock());
    if (was !== is && is === 'active' && event.kind !== 'start') this.checkTakeover(director, now);
    if (was !== is && was === 'active') this.checkRelease(director, event, now);
    this.look(now);
  }

  /** What was true until now is judged before what is true from now on. */
  look(now: Instant): void {
    this.checkOwners(now);
    this.recount(now);
    this.farewells.look(now, this.owners);
    if (!this.succession) return;
    if (this.owners.length === 1 || this.peace.epoch !== this.successionEpoch) this.succession = undefined;
    else if (now > this.succession.by) this.fail(now, 'succession', `${this.name} has no follower of the owner that left in time`);
  }

  private get name(): string {
    return this.routers.map((router) => router.name).join('+');
  }

  private recount(now: Instant): void {
    const [router] = this.routers;
    let count = 0;
    let isSame = true;
    for (const director of this.directors) {
      if (!router || !owns(director, router)) continue;
      if (this.owners[count++] !== director) isSame = false;
    }
    if (isSame && count === this.owners.length) return;
    this.owners = this.directors.filter((director) => router && owns(director, router));
    this.since = now;
    this.bestEpoch = -1;
  }

  private checkOwners(now: Instant): void {
    const { owners, peace } = this;
    if (owners.length > 1) this.checkRivals(now);
    else if (owners.length === 0 && peace.isSettled(now) && this.best(undefined)) this.fail(now, 'some-owner', `${this.name} has no owner`);
    else if (owners.length === 1 && this.bestEpoch !== peace.epoch) this.checkBest(owners[0] as Director, now);
    this.checkHeartbeat(now);
  }

  private checkRivals(now: Instant): void {
    const { interval, authentication } = this.scenario;
    const names = this.owners.map((owner) => `d${owner.index}`).join();
    // The better one's next advertisement ends it. With an authentication header that may be the next but one: a sender whose
    // sequence number lags behind is refused until it has heard the other one and counts on from there.
    const limit = (authentication === 'ah' ? 2 * interval : interval) + OVERLAP;
    if (this.peace.cleanFor(this.since, now) > limit) {
      this.fail(now, 'one-owner', `${this.name} is with ${names} since ${toSeconds(this.since)} s`);
    }
    // In settled times two owners meet only while one hands over to the other.
    if (this.peace.isSettled(this.since) && now - this.since > OVERLAP) this.fail(now, 'hand-over', `${this.name} is with ${names}`);
  }

  private checkBest(owner: Director, now: Instant): void {
    const { noPreempt, preemptDelay } = this.scenario;
    if (noPreempt || !this.peace.isSettled(now - 2 * this.window - preemptDelay)) return;
    this.bestEpoch = this.peace.epoch;
    const best = this.best(undefined);
    if (!best || this.priority(best) <= this.priority(owner)) return;
    this.fail(now, 'best-owner', `${this.name} is with ${this.describe(owner)}, ${this.describe(best)} is better`);
  }

  /** An owner speaks every interval. */
  private checkHeartbeat(now: Instant): void {
    const limit = this.scenario.interval + GOOD_DELAY;
    if (!this.peace.isCalm(limit, now)) return;
    for (const owner of this.owners) {
      for (const router of this.routers) {
        const silence = now - (owner.advertisedAt.get(router.name) ?? 0);
        if (silence > limit) this.fail(now, 'heartbeat', `d${owner.index} has not advertised ${router.name} for ${toSeconds(silence)} s`);
      }
    }
  }

  /** A director has become active: was that its right? */
  private checkTakeover(director: Director, now: Instant): void {
    const priority = this.priority(director);
    if (this.succession && this.successionEpoch === this.peace.epoch && priority < this.succession.best) {
      this.fail(now, 'succession', `${this.describe(director)} follows before ${this.succession.best}`);
    }
    this.checkPatience(director, now);
    if (!this.isHeard(now)) return;
    for (const other of this.owners) {
      if (other === director || (this.priority(other) < priority && this.mayPreempt(director))) continue;
      this.fail(now, 'living-owner', `${this.describe(director)} takes over from ${this.describe(other)}, which is alive`);
    }
  }

  /** Nobody takes over from an active router that it has just heard, on any link of the group, whatever the weather. */
  private checkPatience(director: Director, now: Instant): void {
    const { interval, downTimerAdverts } = this.scenario;
    for (const { name } of this.routers) {
      const silence = director.silence(name);
      if (silence === undefined || silence >= downTimerAdverts * interval) continue;
      this.fail(
        now,
        'patience',
        `${this.describe(director)} becomes active ${toSeconds(silence)} s after it has heard the active router of ${name}`,
      );
    }
  }

  /** Whether every backup must have heard of the owners by now: they have spoken since, and nothing has happened that could hinder them. */
  private isHeard(now: Instant): boolean {
    const { interval, authentication } = this.scenario;
    // Sequence numbers that have drifted apart take until the end of the election to meet.
    if (authentication === 'ah') return this.peace.isSettled(now) && now - this.since > interval + OVERLAP;
    return this.peace.isCalm(interval + OVERLAP, now) && now - this.since > interval + OVERLAP;
  }

  /** Whether a better backup may take over from a living owner that it hears. The address owner always may. */
  private mayPreempt(director: Director): boolean {
    if (this.priority(director) === OWNER_PRIORITY) return true;
    const { noPreempt, preemptDelay } = this.scenario;
    return !noPreempt && director.clock() - (this.backupSince.get(director) ?? 0) >= preemptDelay;
  }

  /** In calm times an owner gives up its addresses to a better owner only, so that they are never without one. */
  private checkRelease(director: Director, event: VrrpEvent, now: Instant): void {
    if ((event.kind !== 'packet' && event.kind !== 'tick') || !this.peace.isCalm(4 * GOOD_DELAY, now)) return;
    if (this.owners.some((other) => other !== director && other.holding.size > 0 && this.isBetter(other, director))) return;
    this.fail(now, 'gap', `${this.describe(director)} lets go of ${this.name} without a better owner`);
  }

  private isBetter(a: Director, b: Director): boolean {
    const [ours, theirs] = [this.priority(a), this.priority(b)];
    return ours !== theirs ? ours > theirs : a.index > b.index;
  }

  /** The director of highest priority that could be active, other than one. */
  private best(except: Director | undefined): Director | undefined {
    let best: Director | undefined;
    for (const director of this.directors) {
      if (director === except || !director.isAble()) continue;
      if (!best || this.priority(director) > this.priority(best)) best = director;
    }
    return best;
  }

  private priority(director: Director): number {
    return director.effectivePriority(this.unit);
  }

  private describe(director: Director): string {
    return `d${director.index} (priority ${this.priority(director)})`;
  }
}
