/** The invariants, looked at after every single event. The first break ends a run. See README.md for what each one promises. */
import { type Instant, seconds } from '../src/base/index.ts';
import type { RouterState, VrrpEffect, VrrpEvent } from '../src/vrrp/index.ts';
import type { Break, Fail } from './break.ts';
import { checkConduct } from './conduct.ts';
import type { Director } from './director.ts';
import { Ownership } from './ownership.ts';
import { Peace } from './peace.ts';
import type { Scenario } from './scenario.ts';
import { patience } from './timing.ts';

export class Checker {
  broken: Break | undefined;
  private readonly scenario: Scenario;
  private readonly peace: Peace;
  private readonly units: readonly Ownership[];
  private readonly fail: Fail = (at, invariant, detail) => {
    this.broken ??= { at, invariant, detail };
  };

  constructor(scenario: Scenario, directors: readonly Director[]) {
    this.scenario = scenario;
    const { version, interval, downTimerAdverts, startupDelay } = scenario;
    // A member of a sync group that waits for the others looks again after an interval and a bit.
    this.peace = new Peace(patience(version, 1, interval, downTimerAdverts) + interval + seconds(1) + startupDelay);
    this.units = Array.from({ length: scenario.units }, (_, unit) => new Ownership(unit, scenario, directors, this.peace, this.fail));
  }

  /** Something broke the peace at this instant, or still does. */
  disturbed(now: Instant, isClean: boolean): void {
    this.peace.disturbed(now, isClean);
  }

  /** The director is about to be stopped or to crash while the world is clean. Called before it happens. */
  leaving(director: Director, how: 'stop' | 'crash', now: Instant): void {
    for (const unit of this.units) unit.prepareSuccession(director, how, now);
    this.peace.disturbed(now, true);
    for (const unit of this.units) unit.awaitSuccession();
  }

  /** One director has handled one event. */
  acted(director: Director, event: VrrpEvent, before: readonly RouterState[], effects: readonly VrrpEffect[], now: Instant): void {
    const states = director.states;
    if (effects.length > 0 || event.kind !== 'packet')
      checkConduct(this.scenario, director, event, before, states, effects, now, this.fail);
    for (const unit of this.units) unit.acted(director, event, before, states, now);
  }

  /** Looks at who owns what; called after every event, whatever it was. */
  look(now: Instant): void {
    for (const unit of this.units) unit.look(now);
  }
}
