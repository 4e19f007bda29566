/**
 * All virtual routers and sync groups of one process. Pure: time comes in with each event, everything to be done comes out as
 * effects in strict order. A packet costs one table look-up, a timer O(log n); a change of an interface or a tracker looks at
 * every group once, which is rare and takes well under a millisecond for a thousand routers.
 */
import { type Instant, type Micros, toSeconds, unreachable } from '../base/index.ts';
import { routerKey, type VirtualRouter } from '../model/index.ts';
import { openVrrpPacket } from '../wire/index.ts';
import type { Context } from './context.ts';
import { Rejections } from './counters.ts';
import { Demultiplexer } from './demultiplexer.ts';
import type { VrrpEffect } from './effect.ts';
import type { VrrpEvent } from './event.ts';
import { Group } from './group.ts';
import * as messages from './messages.ts';
import { Router } from './router.ts';
import { sameValue } from './same-value.ts';
import { EMPTY_VRRP_SETTINGS, type SharedSettings, settingsChanges, type VrrpChanges, type VrrpSettings } from './settings.ts';
import type { RouterState, VrrpSnapshot } from './snapshot.ts';
import { TimerQueue } from './timers.ts';
import { TrackedThings } from './tracked-things.ts';

export class VrrpEngine implements Context {
  private shared: SharedSettings = EMPTY_VRRP_SETTINGS;
  private phase: 'new' | 'running' | 'stopped' = 'new';
  electionsFrom: Instant = 0;
  readonly timers = new TimerQueue();
  readonly trackers: TrackedThings;
  /** What is to be done: the first `pending` entries. The list is used again and again, so that a router at rest allocates nothing. */
  private effects: VrrpEffect[] = [];
  private pending = 0;
  private readonly routers = new Map<string, Router>();
  private demultiplexer = new Demultiplexer([]);
  private groups: readonly Group[] = [];
  /** The group of each router, by the router's name. */
  private readonly groupOf = new Map<string, Group>();
  private readonly rejections = new Rejections();
  private pauses = 0;

  constructor(settings: VrrpSettings) {
    this.trackers = new TrackedThings(
      this.timers,
      (effect) => this.emit(effect),
      (now) => this.evaluate(now),
    );
    this.apply(settingsChanges(EMPTY_VRRP_SETTINGS, settings), 0);
  }

  get syncDaemonRouter(): string | undefined {
    return this.shared.syncDaemonRouter;
  }

  handle(event: VrrpEvent, now: Instant): void {
    if (this.phase === 'stopped') return;
    switch (event.kind) {
      case 'tick':
        this.timers.runDue(now);
        break;
      case 'packet':
        this.packet(event.interface, event.packet, event.waited ?? 0, now);
        break;
      case 'start':
        this.start(now);
        break;
      case 'stop':
        this.stop();
        break;
      case 'link':
        this.link(event.interface, event.up, event.present ?? true, now);
        break;
      case 'address':
      case 'source-address':
      case 'script':
      case 'file':
      case 'process':
      case 'bfd':
      case 'track-group':
        if (this.trackers.handle(event, now)) this.evaluate(now);
        break;
      case 'vip-lost':
        for (const router of this.routers.values()) router.vipLost(event.interface, event.address);
        break;
      case 'routes-lost':
        for (const router of this.routers.values()) if (router.settings.name === event.router) router.routesLost();
        break;
      case 'pause':
        this.pause(event.duration, now);
        break;
      case 'reconfigure':
        this.apply(settingsChanges(this.settings(), event.settings), now);
        break;
      case 'apply':
        this.apply(event.changes, now);
        break;
      case 'clear-counters':
        this.rejections.clear();
        for (const router of this.routers.values()) router.counters.clear();
        break;
      default:
        unreachable(event);
    }
  }

  /** What has to be done since the last call, in order. */
  drain(): VrrpEffect[] {
    const drained = this.effects.slice(0, this.pending);
    this.pending = 0;
    return drained;
  }

  /**
   * The same without a new list for each call: performs what is to be done, in order, and what an event handled meanwhile adds.
   * Not to be called again from within `perform`.
   */
  drainTo(perform: (effect: VrrpEffect) => void): void {
    for (let i = 0; i < this.pending; i++) perform(this.effects[i] as VrrpEffect);
    this.pending = 0;
  }

  /** When `tick` is due next. */
  nextDeadline(): Instant | undefined {
    return this.timers.next();
  }

  /**
   * How long before the next deadline a takeover is to be expected: one advertisement interval where it is that of a backup, which then
   * takes over, and clients wait for it. 0 for any other. Earlier the silence may be the noise of a busy machine.
   */
  takeoverLead(): Micros {
    return this.timers.leadOfNext();
  }

  /** The states of the routers, in the order of the settings; those that reloads have added come last. Cheaper than a snapshot. */
  states(): RouterState[] {
    return Array.from(this.routers.values(), (router) => router.state);
  }

  snapshot(): VrrpSnapshot {
    return {
      routers: [...this.routers.values()].map((router) => router.snapshot()),
      groups: this.groups.flatMap((group) => (group.spec ? [group.snapshot(group.spec)] : [])),
      ...this.trackers.snapshot(),
      rejected: this.rejections.snapshot(),
      pauses: this.pauses,
    };
  }

  emit(effect: VrrpEffect): void {
    this.effects[this.pending++] = effect;
  }

  private start(now: Instant): void {
    if (this.phase !== 'new') return;
    this.phase = 'running';
    this.electionsFrom = now + this.shared.startupDelay;
    if (this.shared.startupDelay > 0) this.log('info', `Delaying startup for ${toSeconds(this.shared.startupDelay)} seconds`);
    for (const router of this.routers.values()) router.removeLeftovers();
    this.trackers.start(now);
    this.evaluate(now);
  }

  private stop(): void {
    const wasRunning = this.phase === 'running';
    this.phase = 'stopped';
    if (wasRunning) for (const group of this.groups) group.stop();
    this.trackers.stop();
  }

  private packet(link: string, bytes: Uint8Array, waited: Micros, now: Instant): void {
    const packet = openVrrpPacket(bytes);
    if (!packet.ok) {
      this.rejections.count(packet.reason);
      return;
    }
    const router = this.demultiplexer.find(link, packet);
    if (router) {
      router.receive(packet, waited, now);
      return;
    }
    this.rejections.count(packet.vrid === 0 ? 'vrid' : 'unknown-vrid');
    if (this.shared.logUnknownVrids) this.log('info', messages.unknownVrid(link, packet.source, packet.vrid));
  }

  private link(link: string, up: boolean, present: boolean, now: Instant): void {
    const isBack = present && !this.trackers.linkPresent(link);
    const isRunning = this.phase === 'running';
    const isNews = this.trackers.linkReported(link, up, present, now, isRunning);
    if (isBack && isRunning) for (const router of this.routers.values()) router.interfaceIsBack(link);
    if (isNews) this.evaluate(now);
  }

  private pause(duration: Micros, now: Instant): void {
    if (this.phase !== 'running') return;
    this.pauses++;
    this.log('warning', messages.pausedFor(duration));
    for (const group of this.groups) group.paused(duration, now);
  }

  private evaluate(now: Instant): void {
    if (this.phase !== 'running') return;
    for (const group of this.groups) group.evaluate(now);
  }

  /**
   * Applies a difference. What routers no longer hold is given up by all of them before any router takes something new, so that an
   * address can move from one router to another in one reload. Routers whose settings are equal are not touched at all.
   */
  private apply(changes: VrrpChanges, now: Instant): void {
    const changed = this.giveUp(changes);
    let isSameStructure = changes.shared === undefined && changes.removed.length === 0;
    let isSameTracking = isSameStructure;
    for (const wanted of changes.routers) {
      const existing = changed.get(wanted);
      if (existing?.settings.name !== wanted.name) isSameStructure = false;
      if (!existing || !tracksTheSame(existing.settings, wanted)) isSameTracking = false;
      if (existing) existing.reconfigure(wanted, now);
      else this.routers.set(routerKey(wanted), new Router(wanted, this));
    }
    if (changes.shared) this.shared = changes.shared;
    if (!isSameTracking) this.trackers.configure(this.settings(), now, this.phase === 'running');
    if (isSameStructure) this.refresh(changed.values(), now);
    else {
      this.regroup();
      this.evaluate(now);
    }
    for (const router of changed.values()) router.advertiseIfActive(now);
  }

  /** Only some routers have other settings: their groups look again at what is tracked. */
  private refresh(changed: Iterable<Router>, now: Instant): void {
    for (const router of changed) {
      const group = this.groupOf.get(router.settings.name);
      group?.refresh();
      if (this.phase === 'running') group?.evaluate(now);
    }
  }

  private settings(): VrrpSettings {
    return { ...this.shared, routers: Array.from(this.routers.values(), (router) => router.settings) };
  }

  /** First part of a reload. Returns the routers that exist and have changed, by their new settings. */
  private giveUp(changes: VrrpChanges): Map<VrrpChanges['routers'][number], Router> {
    for (const key of changes.removed) {
      const router = this.routers.get(key);
      this.routers.delete(key);
      if (this.phase === 'running') router?.end('deleted');
    }
    const changed = new Map<VrrpChanges['routers'][number], Router>();
    for (const wanted of changes.routers) {
      const router = this.routers.get(routerKey(wanted));
      if (!router) continue;
      router.giveUp(wanted);
      changed.set(wanted, router);
    }
    return changed;
  }

  private regroup(): void {
    const single = new Map([...this.routers.values()].map((router) => [router.settings.name, router]));
    this.demultiplexer = new Demultiplexer(this.routers.values());
    const groups: Group[] = [];
    for (const spec of this.shared.groups) {
      const members = spec.members.flatMap((name) => single.get(name) ?? []);
      for (const name of spec.members) single.delete(name);
      if (members.length > 0) groups.push(new Group(spec, members, this));
    }
    for (const router of single.values()) groups.push(new Group(undefined, [router], this));
    this.groups = groups;
    this.groupOf.clear();
    for (const group of groups) for (const member of group.members) this.groupOf.set(member.settings.name, group);
  }

  private log(level: 'warning' | 'info', message: string): void {
    this.emit({ kind: 'log', level, message });
  }
}

/** Whether a router follows the same scripts and processes before and after a reload, so that none must be started or stopped. */
function tracksTheSame(before: VirtualRouter, after: VirtualRouter): boolean {
  return sameValue(before.trackScripts, after.trackScripts) && sameValue(before.trackProcesses, after.trackProcesses);
}
