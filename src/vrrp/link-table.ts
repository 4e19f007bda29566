/** The interfaces as the shell reported them, with the patience that `interface_up_down_delays` asks for. */
import type { Instant, IpAddress, IpFamily } from '../base/index.ts';
import type { InterfaceDelay } from '../model/index.ts';
import type { InterfaceSnapshot } from './snapshot.ts';
import { Timer, type TimerQueue } from './timers.ts';

/** One never heard of is down and has no address, and is believed to exist. */
interface Link {
  up: boolean;
  present: boolean;
  readonly addresses: Map<IpFamily, IpAddress>;
  /** Runs while a change waits to be believed. */
  readonly timer: Timer;
  /** Nothing was reported yet: the first report is believed at once. */
  known: boolean;
}

export class LinkTable {
  private readonly links = new Map<string, Link>();
  private delays = new Map<string, InterfaceDelay>();
  private readonly timers: TimerQueue;
  private readonly changed: (link: string, now: Instant) => void;

  /** `changed` is called when a delayed change takes effect. */
  constructor(timers: TimerQueue, changed: (link: string, now: Instant) => void) {
    this.timers = timers;
    this.changed = changed;
  }

  configure(delays: readonly InterfaceDelay[]): void {
    this.delays = new Map(delays.map((delay) => [delay.interface, delay]));
  }

  isUp(link: string): boolean {
    return this.links.get(link)?.up ?? false;
  }

  isPresent(link: string): boolean {
    return this.links.get(link)?.present ?? true;
  }

  address(link: string, family: IpFamily): IpAddress | undefined {
    return this.links.get(link)?.addresses.get(family);
  }

  /** Takes in a report. True when something changed now; a delayed change is told through `changed`. */
  report(name: string, up: boolean, present: boolean, now: Instant): boolean {
    const link = this.link(name);
    const wasPresent = link.present;
    link.present = present;
    const wanted = up && present;
    const delays = this.delays.get(name);
    const delay = !link.known || !present || !delays ? 0 : wanted ? delays.up : delays.down;
    link.known = true;
    if (wanted === link.up) {
      this.timers.clear(link.timer);
      return wasPresent !== present;
    }
    if (delay > 0) {
      if (link.timer.deadline === undefined) this.timers.set(link.timer, now + delay);
      return wasPresent !== present;
    }
    this.timers.clear(link.timer);
    link.up = wanted;
    return true;
  }

  setAddress(name: string, family: IpFamily, address: IpAddress | undefined): void {
    const { addresses } = this.link(name);
    if (address) addresses.set(family, address);
    else addresses.delete(family);
  }

  /** Nothing that waits to be believed matters any more. */
  stop(): void {
    for (const { timer } of this.links.values()) this.timers.clear(timer);
  }

  snapshot(): InterfaceSnapshot[] {
    return Array.from(this.links, ([name, { up, present, addresses }]) => ({ name, up, present, addresses: [...addresses.values()] }));
  }

  private link(name: string): Link {
    const existing = this.links.get(name);
    if (existing) return existing;
    const timer = new Timer((now) => {
      link.up = !link.up;
      this.changed(name, now);
    });
    const link: Link = { up: false, present: true, addresses: new Map(), timer, known: false };
    this.links.set(name, link);
    return link;
  }
}
