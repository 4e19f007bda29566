/** What a router knows of the active router elsewhere: who it is, how good, and at which interval it speaks. */
import type { IpAddress, Micros } from '../base/index.ts';

export class ActiveRouter {
  /** By this interval its silence is judged: ours, or in version 3 the one that it advertises. */
  interval: Micros;
  address: IpAddress | undefined;
  priority = 0;

  constructor(interval: Micros) {
    this.interval = interval;
  }

  /** Takes in an accepted advertisement. True when it comes from somebody else than the last one. */
  heard(source: IpAddress, priority: number): boolean {
    const isNew = !this.address?.equals(source);
    if (isNew) this.address = source;
    this.priority = priority;
    return isNew;
  }

  /** Takes over the interval that it advertises; 0 says nothing. True when it is another one than before. */
  adopt(interval: Micros): boolean {
    if (interval === 0 || interval === this.interval) return false;
    this.interval = interval;
    return true;
  }
}
