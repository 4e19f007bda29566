/** One virtual router: the state machine of RFC 3768 §6.4 and RFC 9568 §6.4 with keepalived's FAULT, groups and options. */
import type { Instant, IpAddress, Micros } from '../base/index.ts';
import type { SyncGroup, Trackers as TrackerLists, VirtualRouter } from '../model/index.ts';
import type { LogLevel } from '../ports/index.ts';
import { type VrrpEnvelope, vrrpInterval } from '../wire/index.ts';
import { ActiveRouter } from './active-router.ts';
import { Announcer } from './announcer.ts';
import type { Context } from './context.ts';
import { Counters } from './counters.ts';
import { Election, isBetter } from './election.ts';
import { Holdings } from './holdings.ts';
import * as messages from './messages.ts';
import { Notifier } from './notifier.ts';
import { ownAdvert } from './own-advert.ts';
import { Punctuality } from './punctuality.ts';
import { Reception } from './reception.ts';
import { Sender } from './sender.ts';
import type { RouterSnapshot, RouterState } from './snapshot.ts';
import { Timer } from './timers.ts';
import { countedWait, groupHoldTime, hasSameTiming, isLate, masterDownTime, OWNER_PRIORITY, skewTime } from './timing.ts';
import { Trackers } from './tracking.ts';
import { OwnVoice } from './voice.ts';

/** The group that decides over a router's state changes, as the router sees it. */
export interface Membership {
  readonly spec: SyncGroup | undefined;
  /** The router has waited long enough for an active router. */
  electionWon(router: Router, now: Instant): void;
  /** The active router gives way, to a better one or after its own silence. */
  yields(router: Router, now: Instant): void;
  /** The router, a backup, has accepted an active router elsewhere. */
  follows(router: Router, now: Instant): void;
  /** The active router has heard a worse one. */
  rivalHeard(now: Instant): void;
}

export class Router {
  settings: VirtualRouter;
  state: RouterState = 'initialize';
  /** Its election is won, and only the other members of its sync group hold it back. */
  wantsActive = false;
  /** It could not start at once because a tracker had no result yet. */
  private held = false;
  private group: Membership | undefined;
  private priority: number;
  private lastTransition: Instant | undefined;
  /** When the silence of the active router has lasted long enough, as long as a late look at the clock may still excuse it. */
  private silentAt: Instant | undefined;
  private readonly voice = new OwnVoice();
  private readonly punctuality = new Punctuality();
  private readonly active: ActiveRouter;
  private readonly context: Context;
  private readonly timer: Timer;
  private readonly sender: Sender;
  private readonly reception: Reception;
  private readonly notifier: Notifier;
  private readonly announcer: Announcer;
  private readonly holdings: Holdings;
  private readonly trackers: Trackers;
  private readonly election: Election;
  readonly counters = new Counters();

  constructor(settings: VirtualRouter, context: Context) {
    this.settings = settings;
    this.context = context;
    this.priority = settings.priority;
    this.active = new ActiveRouter(settings.advertInterval);
    this.timer = new Timer((now) => this.timerFired(now));
    const own = ownAdvert(settings);
    this.sender = new Sender(settings, own, context, this.counters);
    this.reception = new Reception(settings, own, this.sender, this.counters);
    this.notifier = new Notifier(settings, context);
    this.election = new Election(this.notifier);
    this.announcer = new Announcer(settings, context.timers, (effect) => context.emit(effect));
    this.holdings = new Holdings(settings, context);
    this.trackers = new Trackers(context.trackers);
  }

  /** Puts the router under a group, which from then on decides over its state changes, and says what the router tracks. */
  join(group: Membership, trackers: readonly TrackerLists[]): void {
    this.group = group;
    this.trackers.follow(trackers);
  }

  /** Why this router alone must be in FAULT, as a log line, or undefined. */
  faultCause(): string | undefined {
    return this.trackers.faultCause(this.settings);
  }

  /** Whether a tracker has no result yet. */
  isPending(): boolean {
    return this.trackers.isPending();
  }

  isStarting(): boolean {
    return this.state === 'initialize' && !this.held;
  }

  /** Waits for the first results of trackers. */
  hold(): void {
    this.held = true;
  }

  /** A predecessor that was killed may have left what it held. The owner's addresses are the interface's own and stay. */
  removeLeftovers(): void {
    if (this.settings.priority !== OWNER_PRIORITY) this.holdings.release();
  }

  /** Brings the effective priority up to date with the trackers. A running down timer moves by the change of the skew. */
  updatePriority(now: Instant): void {
    const target = this.trackers.priority(this.election.basePriority(this.settings.priority));
    if (target === this.priority) return;
    const { name, version } = this.settings;
    if (this.state !== 'initialize') this.log('info', messages.changingPriority(name, this.priority, target));
    const change = skewTime(version, target, this.active.interval) - skewTime(version, this.priority, this.active.interval);
    this.priority = target;
    if (this.state === 'backup' && !this.wantsActive && this.timer.deadline !== undefined) {
      this.await(Math.max(now, this.timer.deadline + change), this.silentAt !== undefined);
    }
    if (this.state === 'active' || this.state === 'backup') this.notifier.priorityChanged(this.state, target, this.group?.spec);
  }

  receive(packet: VrrpEnvelope, waited: Micros, now: Instant): void {
    const takesPart = this.state === 'backup' || this.state === 'active';
    const { admitted, line } = this.reception.admit(packet, this.active.address, takesPart);
    if (line !== undefined) this.log('info', line);
    if (!admitted) return;
    if (this.state === 'active' && this.voice.wasSilentTooLong(this.settings, 0, now)) this.overslept(now);
    if (this.state === 'active') this.receiveAsActive(packet, now);
    else this.receiveAsBackup(packet, waited, now);
  }

  /** Advertises, then takes the addresses: the rival hears of us before the link does. */
  becomeActive(now: Instant): void {
    const { name, advertInterval } = this.settings;
    this.changeState('active', now);
    this.counters.becameActive++;
    if (this.active.interval !== advertInterval) this.log('info', messages.ownInterval(name, this.active.interval, advertInterval));
    this.active.interval = advertInterval;
    this.active.address = this.sender.source();
    this.active.priority = this.priority;
    this.advertise(now);
    this.log('info', messages.enteringMaster(name));
    this.holdings.take();
    this.announcer.begin(now);
    this.notifier.transition('MASTER', this.priority);
  }

  /** Listens for an active router. */
  becomeBackup(now: Instant): void {
    const was = this.state;
    const { name } = this.settings;
    const isStart = this.isStarting();
    this.changeState('backup', now);
    this.log('info', isStart ? messages.enteringInitialBackup(name) : messages.enteringBackup(name));
    if (was === 'active') this.release();
    // The owner does not ask whether anyone else is active, unless it has just given way.
    const isOwnersStart = was !== 'active' && this.priority === OWNER_PRIORITY;
    this.listenFor(isOwnersStart ? 0 : this.masterDown(), now);
    this.notifier.transition('BACKUP', this.priority);
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
    this.notifier.transition('FAULT', this.priority);
  }

  /** Ends for good, at shutdown or because a reload has removed the instance: keepalived calls that FAULT unless told otherwise. */
  end(reason: 'stopped' | 'deleted'): void {
    const was = this.state;
    this.state = 'initialize';
    this.context.timers.clear(this.timer);
    if (was === 'active') this.resign();
    if (reason === 'stopped') this.notifier.transition('STOP', this.priority);
    else this.notifier.deleted(this.priority);
  }

  /** Looks again later whether the whole group can become active. */
  waitForGroup(now: Instant): void {
    this.wantsActive = true;
    this.arm(now + groupHoldTime(this.settings.version, this.settings.advertInterval));
  }

  /** Whether the peers may have given up on this active router while it was silent, though none has been heard so far. */
  hasOverslept(pause: Micros, now: Instant): boolean {
    return this.state === 'active' && this.voice.wasAway(this.settings, pause, now);
  }

  /**
   * Goes on after a pause that the peers have borne. An active router makes itself heard and seen at once. A backup that may
   * have missed advertisements listens for a whole master-down time: the one who was away does not judge the others' silence.
   */
  resume(pause: Micros, now: Instant): void {
    this.punctuality.note(pause, this.settings.advertInterval, now);
    if (this.state === 'active') {
      this.advertise(now);
      this.announcer.begin(now);
    } else if (this.state === 'backup' && pause >= this.settings.advertInterval) {
      this.wantsActive = false;
      this.arm(Math.max(this.timer.deadline ?? now, now + this.masterDown()));
    }
  }

  /** A worse router was heard by this one or by another member of its group. */
  announceAgainstRival(now: Instant): void {
    if (this.state === 'active') this.announcer.rivalHeard(now);
  }

  /** Someone else removed one of our addresses: puts it back and says so to the link. */
  vipLost(link: string, address: IpAddress): void {
    if (this.state === 'active') this.announcer.announce(this.holdings.restore(link, address));
  }

  routesLost(): void {
    if (this.state === 'active') this.holdings.restoreRoutes();
  }

  interfaceIsBack(link: string): void {
    if (this.state === 'active') this.announcer.announce(this.holdings.interfaceIsBack(link));
  }

  /** First part of a reload: gives up what the new settings do not have, so that another router can take it. */
  giveUp(next: VirtualRouter): void {
    if (this.state === 'active') this.holdings.giveUp(next);
  }

  /** Second part: takes over the settings without a change of state. The caller then settles group and priority, and advertises. */
  reconfigure(next: VirtualRouter, now: Instant): void {
    const before = this.settings;
    this.settings = next;
    const own = ownAdvert(next);
    this.sender.reconfigure(next, own);
    this.reception.reconfigure(next, own);
    this.notifier.reconfigure(next);
    this.announcer.reconfigure(next);
    this.holdings.reconfigure(next);
    if (next.priority !== before.priority) this.election.forgetConflict();
    if (!hasSameTiming(before, next)) {
      this.active.interval = next.advertInterval;
      if (this.state === 'backup') this.listenFor(this.masterDown(), now);
    }
    if (this.state === 'active') this.announcer.announce(this.holdings.takeNew(before));
  }

  /** Third part, once the new priority is known: an active router tells its peers at once. */
  advertiseIfActive(now: Instant): void {
    if (this.state === 'active') this.advertise(now);
  }

  snapshot(): RouterSnapshot {
    const { name, interface: link, vrid, version, family, priority } = this.settings;
    const isActive = this.state === 'active';
    const source = this.sender.source();
    return {
      name,
      interface: link,
      vrid,
      version,
      family,
      group: this.group?.spec?.name,
      state: this.state,
      wantsActive: this.wantsActive,
      basePriority: priority,
      effectivePriority: this.priority,
      sourceAddress: source,
      masterAddress: isActive ? source : this.active.address,
      masterPriority: isActive ? this.priority : this.active.priority,
      masterInterval: this.active.interval,
      masterDownTime: this.masterDown(),
      nextDeadline: this.timer.deadline,
      preemptAt: this.election.preemptAt,
      lastTransition: this.lastTransition,
      faultCause: this.state === 'fault' ? this.faultCause() : undefined,
      ahSequence: this.sender.ahSequence,
      counters: this.counters.snapshot(),
    };
  }

  private timerFired(now: Instant): void {
    if (this.state === 'backup') {
      if (this.looksLate(now)) return this.arm(now + this.active.interval);
      this.log('debug', messages.advertTimeout(this.settings.name));
      this.group?.electionWon(this, now);
      return;
    }
    if (this.hasOverslept(0, now)) return this.overslept(now);
    const { advertInterval } = this.settings;
    const late = this.voice.silence(now) - advertInterval;
    this.punctuality.note(late, advertInterval, now);
    this.advertise(now);
    // An advertisement of ours was missed altogether: somebody may have believed the worst.
    if (late >= advertInterval) this.announcer.begin(now);
  }

  private receiveAsBackup(packet: VrrpEnvelope, waited: Micros, now: Instant): void {
    if (packet.priority === 0) {
      this.log('debug', messages.backupGotPriorityZero(this.settings.name));
      this.listenFor(skewTime(this.settings.version, this.priority, this.active.interval), now - countedWait(waited, this.active.interval));
      return;
    }
    if (!this.election.respects(packet, this.settings, this.priority, now)) return;
    const isSuccessor = this.follow(packet);
    const before = this.masterDown();
    const late = this.punctuality.heard(now - waited, this.active.interval, isSuccessor);
    const patience = this.masterDown();
    if (patience > before) this.log('info', messages.cameLate(this.settings.name, late, patience));
    this.listenFor(patience, now - countedWait(waited, this.active.interval));
    this.group?.follows(this, now);
  }

  private receiveAsActive(packet: VrrpEnvelope, now: Instant): void {
    const { name, strict, ownerIgnoreAdverts } = this.settings;
    if (this.priority === OWNER_PRIORITY && (ownerIgnoreAdverts || strict)) return;
    const own = this.sender.source();
    if (packet.priority === 0) {
      // A rival that was active until now has left, and its last announcement may stand in the link's tables.
      this.log('info', messages.masterGotPriorityZero(name));
      this.advertise(now);
      this.group?.rivalHeard(now);
      return;
    }
    if (this.election.concedes(packet, this.settings, this.priority, own, now)) this.updatePriority(now);
    if (isBetter(packet.priority, packet.source, this.priority, own)) this.giveWay(packet, now);
    else this.answerRival(packet, now);
  }

  private giveWay(packet: VrrpEnvelope, now: Instant): void {
    const { name, strict, higherPrioritySendAdvert } = this.settings;
    this.log('info', messages.givingWay(name, packet.source, packet.priority, this.priority));
    // The better one hears a worse rival, and tells the link once more where the addresses are.
    if (higherPrioritySendAdvert && !strict) this.advertise(now);
    this.follow(packet);
    this.group?.yields(this, now);
  }

  private answerRival({ source, priority }: VrrpEnvelope, now: Instant): void {
    const { name, strict, lowerPriorityNoAdvert } = this.settings;
    const isAnswered = !lowerPriorityNoAdvert && !strict;
    this.log('info', messages.lowerPriority(name, source, priority, this.priority, isAnswered));
    if (isAnswered) this.advertise(now);
    this.group?.rivalHeard(now);
    this.notifier.notice('MASTER_RX_LOWER_PRI', this.priority);
  }

  /** Takes the sender for the active router. True when that was somebody else. */
  private follow({ source, priority, message }: VrrpEnvelope): boolean {
    const isSuccessor = this.active.heard(source, priority);
    if (isSuccessor) this.counters.rejections.forget();
    this.wantsActive = false;
    const before = this.active.interval;
    if (this.settings.version === 3 && this.active.adopt(vrrpInterval(message))) {
      this.log('info', messages.intervalUpdated(this.settings.name, before, this.active.interval));
    }
    return isSuccessor;
  }

  private overslept(now: Instant): void {
    this.log('warning', messages.steppingDownAfterPause(this.settings.name, this.voice.silence(now)));
    this.group?.yields(this, now);
  }

  private changeState(state: RouterState, now: Instant): void {
    this.state = state;
    this.timer.lead = 0;
    this.lastTransition = now;
    this.wantsActive = false;
    this.held = false;
    this.election.restart();
    this.punctuality.listenAnew();
    if (state === 'fault') this.active.interval = this.settings.advertInterval;
    this.counters.rejections.forget();
  }

  /** Tells the peers that they need not wait for us, then lets go of the addresses. */
  private resign(): void {
    if (this.sender.transmit(0)) this.log('debug', messages.sentPriorityZero(this.settings.name));
    this.release();
  }

  private release(): void {
    this.counters.releasedActive++;
    this.announcer.stop();
    this.holdings.release();
  }

  private advertise(now: Instant): void {
    this.sender.transmit(this.priority);
    this.voice.spoke(now);
    this.arm(now + this.settings.advertInterval);
  }

  private masterDown(): Micros {
    const patience = masterDownTime(this.settings.version, this.priority, this.active.interval, this.settings.downTimerAdverts);
    return patience + this.punctuality.grace(patience);
  }

  /** Listens for so long, and not before the elections begin. */
  private listenFor(wait: Micros, from: Instant): void {
    this.await(Math.max(from, this.context.electionsFrom) + wait, wait > this.active.interval);
    this.sender.prepare(this.priority);
  }

  /** Waits for an advertisement that ends the silence; whoever announced its end, or need not be asked, is not excused. */
  private await(deadline: Instant, isExcusable: boolean): void {
    this.timer.lead = this.active.interval;
    this.arm(deadline);
    this.silentAt = isExcusable ? deadline : undefined;
  }

  /**
   * Whether this program, and so perhaps the whole machine or its network, stood still when the silence became too long: then the active
   * router gets one interval more to be heard. Once only: a machine that is always late still takes over.
   */
  private looksLate(now: Instant): boolean {
    const { silentAt } = this;
    this.silentAt = undefined;
    return silentAt !== undefined && !this.wantsActive && isLate(now - silentAt, this.active.interval);
  }

  private arm(deadline: Instant): void {
    this.context.timers.set(this.timer, deadline);
  }

  private log(level: LogLevel, message: string): void {
    this.notifier.log(level, message);
  }
}
