/** When a router has last made itself heard, and what its own silence means. */
import type { Instant, Micros } from '../base/index.ts';
import type { VirtualRouter } from '../model/index.ts';
import { MACHINE_NOISE, masterDownTime, peersPatience } from './timing.ts';

export class OwnVoice {
  private lastAt: Instant = 0;

  spoke(now: Instant): void {
    this.lastAt = now;
  }

  silence(now: Instant): Micros {
    return now - this.lastAt;
  }

  /**
   * Whether the peers may have given up meanwhile. `pause` is what another clock says of our absence; the longer of both counts.
   * Where the file names the best priority that another router may have (`timer_expired_backup`), its skew is granted too.
   */
  wasSilentTooLong(settings: VirtualRouter, pause: Micros, now: Instant): boolean {
    const { version, advertInterval, downTimerAdverts, timerExpiredBackup: best } = settings;
    const patience =
      best === undefined
        ? peersPatience(advertInterval, downTimerAdverts)
        : masterDownTime(version, best, advertInterval, downTimerAdverts);
    return Math.max(pause, this.silence(now)) >= patience;
  }

  /**
   * The same where no rival was heard in what had come in meanwhile: a busy machine stands still for a moment now and then, and giving
   * way to nobody would be the interruption that the peers have spared the clients.
   */
  wasAway(settings: VirtualRouter, pause: Micros, now: Instant): boolean {
    return Math.max(pause, this.silence(now)) >= MACHINE_NOISE && this.wasSilentTooLong(settings, pause, now);
  }
}
