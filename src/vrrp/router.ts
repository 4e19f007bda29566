/** One virtual router: the state machine of RFC 3768 §6.4 and RFC 9568 §6.4 with keepalived's FAULT, groups and options. */
import type { Instant, IpAddress, Micros } from '../base/index.ts';
import type { SyncGroup, Vip, VirtualRouter } from '../model/index.ts';
import type { VrrpAdvert, VrrpPacket, VrrpRejection } from '../wire/index.ts';
import { Announcer } from './announcer.ts';
import type { Context } from './context.ts';
import { Counters } from './counters.ts';
import type { NotifiedState } from './effect.ts';
import { isBetter, OwnerConflict, PreemptDelay } from './election.ts';
import * as messages from './messages.ts';
import { type OwnAdvert, objection, ownAdvert } from './reception.ts';
import { Sender } from './sender.ts';
import type { RouterSnapshot, RouterState } from './snapshot.ts';
import { Timer } from './timers.ts';
import { groupHoldTime, masterDownTime, OWNER_PRIORITY, peersPatience, skewTime } from './timing.ts';
import { Trackers } from './tracking.ts';
import { allVips, vipsMissingFrom } from './vips.ts';

/** The group that decides over a router's state changes, as the router sees it. */
export interface Membership {
  readonly spec: SyncGroup | undefined;
  /** The router has waited long enough for an active router. */
  electionWon(router: Router, now: Instant): void;
  /** The active router gives way, to a better one or after its own silence. */
  yields(router: Router, now: Instant): void;
  /** The router, a backup, has accepted an active router elsewhere. */
  follows(router: Router, now: Instant): void;
}

export class Router {
  settings: VirtualRouter;
  state: RouterState = 'initialize';
  /** Its election is won, and only the other members of its sync group hold it back. */
  wantsActive = false;
  /** It could not start at once because a tracked script had no result yet. */
  private held = false;
  private group: Membership | undefined;
  private own: OwnAdvert;
  private priority: number;
  private lastTransition: Instant | undefined;
  private lastAdvertAt: Instant = 0;
  /** The interval by which the active router's silence is judged: ours, or in version 3 the one that it advertises. */
  private masterInterval: Micros;
  private masterAddress: IpAddress | undefined;
  private masterPriority = 0;
  private readonly context: Context;
  private readonly timer: Timer;
  private readonly sender: Sender;
  private readonly announcer: Announcer;
  private readonly trackers: Trackers;
  private readonly preemptDelay = new PreemptDelay();
  private readonly ownerConflict = new OwnerConflict();
  readonly counters = new Counters();

  constructor(settings: VirtualRouter, context: Context) {
    this.settings = settings;
    this.context = context;
    this.own = ownAdvert(settings);
    this.priority = settings.priority;
    this.masterInterval = settings.advertInterval;
    this.timer = new Timer((now) => this.timerFired(now));
    this.sender = new Sender(settings, this.own, context);
    this.announcer = new Announcer(settings, context.timers, (effect) => context.emit(effect));
    this.trackers = new Trackers(context.trackers);
  }

  /** Puts the router under a group, which from then on decides over its state changes and may track things for it. */
  join(group: Membership): void {
    this.group = group;
    this.trackers.follow(this.settings, group.spec);
  }

  /** Why this router alone must be in FAULT, as a log line, or undefined. */
  faultCause(): string | undefined {
    return this.trackers.faultCause(this.settings);
  }

  /** Whether a tracked script has no result yet. */
  isPending(): boolean {
    return this.trackers.isPending();
  }

  isStarting(): boolean {
    return this.state === 'initialize' && !this.held;
  }

  /** Waits for the first results of tracked scripts. */
  hold(): void {
    this.held = true;
  }

  /** Brings the effective priority up to date with the trackers. A running down timer moves by the change of the skew. */
  updatePriority(now: Instant): void {
    const target = this.trackers.priority(this.ownerConflict.basePriority(this.settings.priority));
    if (target === this.priority) return;
    if (this.state !== 'initialize') this.log('info', messages.changingPriority(this.settings.name, this.priority, target));
    const { version } = this.settings;
    const change = skewTime(version, target, this.masterInterval) - skewTime(version, this.priority, this.masterInterval);
    this.priority = target;
    if (this.state === 'backup' && !this.wantsActive && this.timer.deadline !== undefined) {
      this.arm(Math.max(now, this.timer.deadline + change));
    }
  }

  receive(packet: VrrpPacket, now: Instant): void {
    const reason = objection(packet, this.settings, this.own, this.sender.source());
    if (reason) this.reject(reason);
    else if (this.state === 'initialize' || this.state === 'fault') this.reject({ ok: false, reason: 'not-running' });
    else {
      this.counters.advertsReceived++;
      if (packet.advert.priority === 0) this.counters.priorityZeroReceived++;
      if (this.hasOverslept(0, now)) this.overslept(now);
      if (this.state === 'active') this.receiveAsActive(packet, now);
      else this.receiveAsBackup(packet, now);
    }
  }

  /** Counts a packet that is ours by its VRID but not valid. A router that does not take part says nothing about it. */
  reject(rejection: VrrpRejection): void {
    const isNews = this.counters.rejections.count(rejection.reason);
    const isQuiet = rejection.reason === 'not-running' || rejection.reason === 'looped';
    if (isNews && !isQuiet) this.log('info', messages.rejected(this.settings.name, rejection));
  }

  /** Advertises, then takes the addresses: the rival hears of us before the link does. */
  becomeActive(now: Instant): void {
    const { name } = this.settings;
    this.changeState('active', now);
    this.counters.becameActive++;
    this.masterInterval = this.settings.advertInterval;
    this.masterAddress = this.sender.source();
    this.masterPriority = this.priority;
    this.advertise(now);
    this.log('info', messages.enteringMaster(name));
    this.addVips(allVips(this.settings));
    this.announcer.begin(now);
    this.notify('MASTER');
  }

  /** Listens for an active router: `wait` is the master-down time unless the caller knows better. */
  becomeBackup(now: Instant, wait = this.masterDown()): void {
    const was = this.state;
    const { name } = this.settings;
    const isStart = this.isStarting();
    this.changeState('backup', now);
    this.log('info', isStart ? messages.enteringInitialBackup(name) : messages.enteringBackup(name));
    if (was === 'active') this.release();
    // The owner does not ask whether anyone else is active, unless it has just given way.
    const isOwnersStart = was !== 'active' && this.priority === OWNER_PRIORITY;
    this.arm(Math.max(now, this.context.electionsFrom) + (isOwnersStart ? 0 : wait));
    this.notify('BACKUP');
  }

  becomeFault(now: Instant): void {
    const was = this.state;
    const { name } = this.settings;
    const cause = this.faultCause();
    const isStart = this.isStarting();
    this.changeState('fault', now);
    if (cause) this.log('info', cause);
    this.log('info', isStart ? messages.enteringInitialFault(name) : messages.enteringFault(name));
    this.context.timers.clear(this.timer);
    if (was === 'active') this.resign();
    this.notify('FAULT');
  }

  /** Ends for good: `STOP` at shutdown; keepalived tells of an instance that a reload has removed as `FAULT`. */
  end(notified: 'STOP' | 'FAULT'): void {
    const was = this.state;
    this.state = 'initialize';
    this.context.timers.clear(this.timer);
    if (was === 'active') this.resign();
    this.notify(notified);
  }

  /** Looks again later whether the whole group can become active. */
  waitForGroup(now: Instant): void {
    this.wantsActive = true;
    this.arm(now + groupHoldTime(this.settings.version, this.settings.advertInterval));
  }

  /** Whether the peers may have given up on this active router while it was silent. */
  hasOverslept(pause: Micros, now: Instant): boolean {
    return this.state === 'active' && Math.max(pause, now - this.lastAdvertAt) >= peersPatience(this.settings.advertInterval);
  }

  /**
   * Goes on after a pause that the peers have borne. An active router makes itself heard and seen at once. A backup that may
   * have missed advertisements listens for a whole master-down time: the one who was away does not judge the others' silence.
   */
  resume(pause: Micros, now: Instant): void {
    if (this.state === 'active') {
      this.advertise(now);
      this.announcer.begin(now);
    } else if (this.state === 'backup' && pause >= this.settings.advertInterval) {
      this.wantsActive = false;
      this.arm(Math.max(this.timer.deadline ?? now, now + this.masterDown()));
    }
  }

  /** Someone else removed one of our addresses: puts it back and says so to the link. */
  vipLost(link: string, address: IpAddress): void {
    if (this.state !== 'active') return;
    const lost = allVips(this.settings).filter((vip) => vip.interface === link && vip.address.equals(address));
    if (lost.length === 0) return;
    this.log('warning', messages.vipPutBack(this.settings.name, link, address));
    this.context.emit({ kind: 'add-vips', router: this.settings.name, vips: lost });
    this.announcer.announce(lost);
  }

  /** First half of a reload: gives up the addresses that the new settings do not have, so that another router can take them. */
  dropVips(next: VirtualRouter): void {
    if (this.state !== 'active') return;
    const dropped = vipsMissingFrom(next, this.settings);
    if (dropped.length > 0) this.context.emit({ kind: 'remove-vips', router: this.settings.name, vips: dropped });
  }

  /** Second half: takes over the settings without a change of state. The caller then settles group and priority, and advertises. */
  reconfigure(next: VirtualRouter, now: Instant): void {
    const before = this.settings;
    this.settings = next;
    this.own = ownAdvert(next);
    this.sender.reconfigure(next, this.own);
    this.announcer.reconfigure(next);
    if (next.priority !== before.priority) this.ownerConflict.reset();
    if (next.advertInterval !== before.advertInterval || next.version !== before.version) {
      this.masterInterval = next.advertInterval;
      if (this.state === 'backup') this.arm(Math.max(now, this.context.electionsFrom) + this.masterDown());
    }
    if (this.state !== 'active') return;
    const added = vipsMissingFrom(before, next);
    if (added.length === 0) return;
    this.addVips(added);
    this.announcer.announce(added);
  }

  /** Third part, once the new priority is known: an active router tells its peers at once. */
  advertiseIfActive(now: Instant): void {
    if (this.state === 'active') this.advertise(now);
  }

  snapshot(): RouterSnapshot {
    const { name, vrid, version, priority } = this.settings;
    const isActive = this.state === 'active';
    return {
      name,
      interface: this.settings.interface,
      vrid,
      version,
      group: this.group?.spec?.name,
      state: this.state,
      basePriority: priority,
      effectivePriority: this.priority,
      masterAddress: isActive ? this.sender.source() : this.masterAddress,
      masterPriority: isActive ? this.priority : this.masterPriority,
      lastTransition: this.lastTransition,
      counters: this.counters.snapshot(),
    };
  }

  private timerFired(now: Instant): void {
    if (this.state === 'backup') {
      this.log('debug', messages.advertTimeout(this.settings.name));
      this.group?.electionWon(this, now);
      return;
    }
    if (this.hasOverslept(0, now)) {
      this.overslept(now);
      return;
    }
    const hasMissedOne = now - this.lastAdvertAt >= 2 * this.settings.advertInterval;
    this.advertise(now);
    // An advertisement of ours was missed altogether: somebody may have believed the worst.
    if (hasMissedOne) this.announcer.begin(now);
  }

  private receiveAsBackup({ source, advert }: VrrpPacket, now: Instant): void {
    const { name, version, noPreempt, preemptDelay } = this.settings;
    if (advert.priority === 0) {
      this.log('debug', messages.backupGotPriorityZero(name));
      this.arm(Math.max(now, this.context.electionsFrom) + skewTime(version, this.priority, this.masterInterval));
      return;
    }
    const isLower = advert.priority < this.priority;
    const isAccepted = !isLower || noPreempt || this.preemptDelay.isHolding(preemptDelay, now);
    if (!isAccepted) {
      this.log('info', messages.discardingLower(name, source, advert.priority));
      return;
    }
    const news = this.preemptDelay.heard(isLower, preemptDelay, now);
    if (news === 'started') this.log('info', messages.startPreemptDelay(name, preemptDelay));
    if (news === 'stopped') this.log('info', messages.stopPreemptDelay(name));
    this.follow(source, advert);
    this.arm(Math.max(now, this.context.electionsFrom) + this.masterDown());
    this.group?.follows(this, now);
  }

  private receiveAsActive({ source, advert }: VrrpPacket, now: Instant): void {
    const { name, advertInterval } = this.settings;
    const own = this.sender.source();
    if (advert.priority === 0) {
      // A rival that was active until now has left, and its last announcement may stand in the link's tables.
      this.log('info', messages.masterGotPriorityZero(name));
      this.advertise(now);
      this.announcer.rivalHeard(now);
      return;
    }
    if (advert.priority === OWNER_PRIORITY && this.priority === OWNER_PRIORITY && own) {
      if (this.ownerConflict.heard(source.compare(own) > 0, advertInterval, now)) {
        this.log('error', messages.twoOwners(name));
        this.updatePriority(now);
      }
    }
    if (!isBetter(advert.priority, source, this.priority, own)) {
      this.log('info', messages.lowerPriority(name, source, advert.priority, this.priority));
      this.advertise(now);
      this.announcer.rivalHeard(now);
      return;
    }
    this.log('info', messages.givingWay(name, source, advert.priority, this.priority));
    this.follow(source, advert);
    this.group?.yields(this, now);
  }

  /** Takes the sender for the active router. */
  private follow(source: IpAddress, advert: VrrpAdvert): void {
    if (!this.masterAddress?.equals(source)) this.counters.rejections.forget();
    if (this.settings.version === 3 && advert.interval > 0 && advert.interval !== this.masterInterval) {
      this.log('info', messages.intervalUpdated(this.settings.name, this.masterInterval, advert.interval));
      this.masterInterval = advert.interval;
    }
    this.masterAddress = source;
    this.masterPriority = advert.priority;
    this.wantsActive = false;
  }

  private overslept(now: Instant): void {
    this.log('warning', messages.steppingDownAfterPause(this.settings.name, now - this.lastAdvertAt));
    this.group?.yields(this, now);
  }

  private changeState(state: RouterState, now: Instant): void {
    this.state = state;
    this.lastTransition = now;
    this.wantsActive = false;
    this.held = false;
    this.preemptDelay.reset();
    if (state === 'fault') this.masterInterval = this.settings.advertInterval;
    this.counters.rejections.forget();
  }

  /** Tells the peers that they need not wait for us, then lets go of the addresses. */
  private resign(): void {
    if (this.sender.transmit(0)) {
      this.counters.advertsSent++;
      this.counters.priorityZeroSent++;
      this.log('debug', messages.sentPriorityZero(this.settings.name));
    }
    this.release();
  }

  private release(): void {
    this.counters.releasedActive++;
    this.announcer.stop();
    this.log('debug', messages.removingVips(this.settings.name));
    this.context.emit({ kind: 'remove-vips', router: this.settings.name, vips: allVips(this.settings) });
  }

  private addVips(vips: readonly Vip[]): void {
    this.log('debug', messages.settingVips(this.settings.name));
    this.context.emit({ kind: 'add-vips', router: this.settings.name, vips });
  }

  private advertise(now: Instant): void {
    if (this.sender.transmit(this.priority)) this.counters.advertsSent++;
    this.lastAdvertAt = now;
    this.arm(now + this.settings.advertInterval);
  }

  private masterDown(): Micros {
    return masterDownTime(this.settings.version, this.priority, this.masterInterval);
  }

  private arm(deadline: Instant): void {
    this.context.timers.set(this.timer, deadline);
  }

  private notify(state: NotifiedState): void {
    const { name, notify, smtpAlert } = this.settings;
    this.context.emit({ kind: 'transition', subject: 'instance', name, state, priority: this.priority, notify, smtpAlert });
  }

  private log(level: 'error' | 'warning' | 'info' | 'debug', message: string): void {
    this.context.emit({ kind: 'log', level, message });
  }
}
