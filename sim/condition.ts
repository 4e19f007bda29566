/**
 * What a director has been told of the things that it follows, and what must come of it by the manual: the simulator's own
 * reckoning, against which the engine's states and priorities are held.
 */
import type { Scenario } from './scenario.ts';

export class Condition {
  private readonly scenario: Scenario;
  /** By name, whether it is in trouble. Absent means that nothing has been told yet. */
  private readonly told = new Map<string, boolean>();
  /** Results of the script in a row that speak against what it counts as. */
  private against = 0;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  /** Notes what the engine is told of an interface, an address or a tracker. True when that is news. */
  note(what: string, isTrouble: boolean): boolean {
    if (this.told.get(what) === isTrouble) return false;
    this.told.set(what, isTrouble);
    return true;
  }

  /** Notes the result of a run of the script: the first one decides alone, later ones only several in a row. True when it decides. */
  noteScript(fails: boolean): boolean {
    const before = this.told.get('script');
    if (fails === before) {
      this.against = 0;
      return false;
    }
    const { rise, fall } = this.scenario;
    if (before !== undefined && ++this.against < (fails ? fall : rise)) return false;
    this.against = 0;
    return this.note('script', fails);
  }

  /** Whether something keeps the routers in FAULT. */
  isInTrouble(): boolean {
    const { links, trackers } = this.scenario;
    if (links.some((link) => this.isBad(link) || this.isBad(`${link} address`))) return true;
    return trackers.some(({ kind, weight }) => weight === 0 && this.isBad(kind));
  }

  /** Whether the first result of the script is still awaited. */
  isPending(): boolean {
    return this.scenario.trackers.some(({ kind }) => kind === 'script') && !this.told.has('script');
  }

  /** What the weights add to the priority: a positive one while all is well, a negative one while not, a file's by the number in it. */
  bonus(): number {
    let sum = 0;
    for (const { kind, weight } of this.scenario.trackers) {
      const isBad = this.isBad(kind);
      const isKnown = this.told.has(kind);
      if (kind === 'file' || weight < 0 ? isBad : isKnown && !isBad) sum += weight;
    }
    return sum;
  }

  private isBad(what: string): boolean {
    return this.told.get(what) ?? false;
  }
}
