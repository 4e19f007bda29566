/** The protocol's times, worked out anew from RFC 3768 §6.1 and RFC 9568 §6.1: the engine does not mark its own work. */
import { MICROS_PER_SECOND, type Micros } from '../src/base/index.ts';

/** The lower the priority, the later a backup gives up: by up to a second in version 2, by up to an interval in version 3. */
export function skew(version: 2 | 3, priority: number, interval: Micros): Micros {
  return Math.floor(((256 - priority) * (version === 2 ? MICROS_PER_SECOND : interval)) / 256);
}

/** How long a backup of that priority waits for an advertisement before it takes over, after which so many have been missed. */
export function patience(version: 2 | 3, priority: number, interval: Micros, adverts: number): Micros {
  return adverts * interval + skew(version, priority, interval);
}
