/**
 * When an active router tells the link where its addresses are: a burst on becoming active and one more a little later,
 * a refresh if asked for, and again after anything that may have taught the link something else: a rival, or our own silence.
 */
import type { Instant, Micros } from '../base/index.ts';
import type { Vip, VirtualRouter } from '../model/index.ts';
import type { VrrpEffect } from './effect.ts';
import * as messages from './messages.ts';
import { Timer, type TimerQueue } from './timers.ts';
import { peersPatience } from './timing.ts';
import { allVips } from './vips.ts';

export class Announcer {
  private settings: VirtualRouter;
  private readonly timers: TimerQueue;
  private readonly emit: (effect: VrrpEffect) => void;
  private readonly secondBurst: Timer;
  private readonly refresh: Timer;
  private readonly rivalGone: Timer;
  private readonly extra: Timer;

  constructor(settings: VirtualRouter, timers: TimerQueue, emit: (effect: VrrpEffect) => void) {
    this.settings = settings;
    this.timers = timers;
    this.emit = emit;
    this.secondBurst = new Timer(() => this.burst(this.settings.garp.repeat));
    this.rivalGone = new Timer(() => this.burst(this.settings.garp.lowerPriorityRepeat));
    this.extra = new Timer((now) => {
      this.send(this.extraVips(), 1);
      this.armExtra(now);
    });
    this.refresh = new Timer((now) => {
      this.burst(this.settings.garp.refreshRepeat);
      this.armRefresh(now);
    });
  }

  /** Takes over changed settings; a burst that is already due keeps its time. */
  reconfigure(settings: VirtualRouter): void {
    this.settings = settings;
  }

  /** The router has become active, or must make itself known again as if it had. */
  begin(now: Instant): void {
    const { repeat, secondBurstDelay } = this.settings.garp;
    this.burst(repeat);
    if (secondBurstDelay > 0) this.timers.set(this.secondBurst, now + secondBurstDelay);
    this.armRefresh(now);
    this.armExtra(now);
  }

  /**
   * A rival of lower priority was heard; the link may believe it. Announces at once, and again when the rival has been quiet
   * for a while: its last announcement may have come after our first answer (many users' outage with keepalived). Also for the
   * other members of a sync group, whose addresses the rival's group had as well.
   */
  rivalHeard(now: Instant): void {
    const { lowerPriorityRepeat, lowerPriorityDelay } = this.settings.garp;
    if (lowerPriorityRepeat === 0) return;
    this.burst(lowerPriorityRepeat);
    const quiet: Micros =
      lowerPriorityDelay > 0 ? lowerPriorityDelay : peersPatience(this.settings.advertInterval, this.settings.downTimerAdverts);
    this.timers.set(this.rivalGone, now + quiet);
  }

  /** Announces some addresses only, for those that a reload or a repair has added. */
  announce(vips: readonly Vip[]): void {
    this.send(vips, this.settings.garp.repeat);
  }

  stop(): void {
    this.timers.clear(this.secondBurst);
    this.timers.clear(this.refresh);
    this.timers.clear(this.rivalGone);
    this.timers.clear(this.extra);
  }

  /** Switches forget who is silent: addresses on interfaces that carry no advertisements are announced from time to time. */
  private extraVips(): readonly Vip[] {
    const { interface: own, garp } = this.settings;
    return allVips(this.settings).filter((vip) => vip.interface !== own && (garp.extraInterfaces.all || vip.onVmac));
  }

  private armExtra(now: Instant): void {
    const { period } = this.settings.garp.extraInterfaces;
    if (period > 0 && this.extraVips().length > 0) this.timers.set(this.extra, now + period);
  }

  private armRefresh(now: Instant): void {
    if (this.settings.garp.refresh > 0) this.timers.set(this.refresh, now + this.settings.garp.refresh);
  }

  private burst(count: number): void {
    this.send(allVips(this.settings), count);
  }

  private send(vips: readonly Vip[], count: number): void {
    if (vips.length === 0 || count === 0) return;
    for (const vip of vips) {
      this.emit({ kind: 'log', level: 'debug', message: messages.announcing(this.settings.name, vip.interface, vip.address) });
    }
    this.emit({ kind: 'announce', router: this.settings.name, vips, count });
  }
}
