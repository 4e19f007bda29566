/**
 * All virtual routers and sync groups of one process. Pure: time comes in with each event, everything to be done comes out as
 * effects in strict order. A packet costs one table look-up, a timer O(log n); a change of an interface or a script looks at
 * every group once, which is rare and takes well under a millisecond for a thousand routers.
 */
import type { Instant, IpAddress, Micros } from '../base/index.ts';
import { toSeconds, unreachable } from '../base/index.ts';
import { decodeVrrpPacket } from '../wire/index.ts';
import type { Context } from './context.ts';
import { Rejections } from './counters.ts';
import type { VrrpEffect } from './effect.ts';
import type { VrrpEvent } from './event.ts';
import { Group } from './group.ts';
import * as messages from './messages.ts';
import { Router } from './router.ts';
import type { VrrpSettings } from './settings.ts';
import type { RouterState, VrrpSnapshot } from './snapshot.ts';
import { TimerQueue } from './timers.ts';
import { OWNER_PRIORITY } from './timing.ts';
import { LinkTable, ScriptTracker, type TrackerState } from './trackers.ts';
import { allVips } from './vips.ts';

export class VrrpEngine implements Context {
  private settings: VrrpSettings;
  private phase: 'new' | 'running' | 'stopped' = 'new';
  electionsFrom: Instant = 0;
  readonly timers = new TimerQueue();
  readonly trackers = {
    linkUp: (link: string): boolean => this.links.isUp(link),
    address: (link: string): IpAddress | undefined => this.links.address(link),
    script: (name: string): TrackerState => this.scripts.get(name)?.state ?? 'up',
  };
  private effects: VrrpEffect[] = [];
  private routers = new Map<string, Router>();
  private groups: readonly Group[] = [];
  private scripts = new Map<string, ScriptTracker>();
  private readonly links = new LinkTable();
  private readonly rejections = new Rejections();
  private pauses = 0;

  constructor(settings: VrrpSettings) {
    this.settings = settings;
    this.build(settings, 0);
  }

  handle(event: VrrpEvent, now: Instant): void {
    if (this.phase === 'stopped') return;
    switch (event.kind) {
      case 'start':
        this.start(now);
        break;
      case 'stop':
        this.stop();
        break;
      case 'tick':
        this.timers.runDue(now);
        break;
      case 'packet':
        this.packet(event.interface, event.packet, now);
        break;
      case 'link':
        this.link(event.interface, event.up, now);
        break;
      case 'address':
        this.links.setAddress(event.interface, event.address);
        this.evaluate(now);
        break;
      case 'script':
        this.scripts.get(event.script)?.report(event.outcome, event.status);
        this.evaluate(now);
        break;
      case 'vip-lost':
        for (const router of this.routers.values()) router.vipLost(event.interface, event.address);
        break;
      case 'pause':
        this.pause(event.duration, now);
        break;
      case 'reconfigure':
        this.reconfigure(event.settings, now);
        break;
      default:
        unreachable(event);
    }
  }

  /** What has to be done since the last call, in order. */
  drain(): VrrpEffect[] {
    const drained = this.effects;
    this.effects = [];
    return drained;
  }

  /** When `tick` is due next. */
  nextDeadline(): Instant | undefined {
    return this.timers.next();
  }

  /** The states of the routers, in the order of the settings. Cheaper than a snapshot. */
  states(): RouterState[] {
    return Array.from(this.routers.values(), (router) => router.state);
  }

  snapshot(): VrrpSnapshot {
    return {
      routers: [...this.routers.values()].map((router) => router.snapshot()),
      groups: this.groups.flatMap((group) => (group.spec ? [group.snapshot(group.spec)] : [])),
      scripts: [...this.scripts.values()].map((script) => script.snapshot()),
      rejected: this.rejections.snapshot(),
      pauses: this.pauses,
    };
  }

  emit(effect: VrrpEffect): void {
    this.effects.push(effect);
  }

  private start(now: Instant): void {
    if (this.phase !== 'new') return;
    this.phase = 'running';
    this.electionsFrom = now + this.settings.startupDelay;
    if (this.settings.startupDelay > 0) this.log('info', `Delaying startup for ${toSeconds(this.settings.startupDelay)} seconds`);
    for (const router of this.routers.values()) this.removeLeftovers(router);
    for (const script of this.scripts.values()) script.run(now);
    this.evaluate(now);
  }

  /** A predecessor that was killed may have left its addresses. The owner's are the interface's own and stay. */
  private removeLeftovers(router: Router): void {
    const { name, priority } = router.settings;
    if (priority === OWNER_PRIORITY) return;
    this.log('debug', messages.removingVips(name));
    this.emit({ kind: 'remove-vips', router: name, vips: allVips(router.settings) });
  }

  private stop(): void {
    const wasRunning = this.phase === 'running';
    this.phase = 'stopped';
    for (const script of this.scripts.values()) script.stop();
    if (wasRunning) for (const group of this.groups) group.stop();
  }

  private packet(link: string, bytes: Uint8Array, now: Instant): void {
    const decoded = decodeVrrpPacket(bytes);
    const vrid = decoded.ok ? decoded.packet.advert.vrid : decoded.vrid;
    const router = vrid === undefined ? undefined : this.routers.get(key(link, vrid));
    if (!decoded.ok) {
      if (router) router.reject(decoded);
      else this.rejections.count(decoded.reason);
    } else if (!router) this.rejections.count('unknown-vrid');
    else router.receive(decoded.packet, now);
  }

  private link(link: string, up: boolean, now: Instant): void {
    const wasUp = this.links.isUp(link);
    this.links.setUp(link, up);
    if (wasUp === up || this.phase !== 'running') return;
    this.log('info', messages.linkChanged(link, up));
    this.evaluate(now);
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
   * Applies the difference. Addresses are given up by all routers before any router takes new ones, so that an address can move
   * from one router to another in one reload. Routers whose settings are equal are not touched at all.
   */
  private reconfigure(next: VrrpSettings, now: Instant): void {
    const wanted = new Map(next.routers.map((router) => [key(router.interface, router.vrid), router]));
    for (const [id, router] of this.routers) {
      const settings = wanted.get(id);
      if (settings) router.dropVips(settings);
      else if (this.phase === 'running') router.end('FAULT');
    }
    this.settings = next;
    const changed = this.build(next, now);
    this.evaluate(now);
    for (const router of changed) router.advertiseIfActive(now);
  }

  /** Makes routers, groups and scripts be those of the settings. Returns the routers that existed and have changed. */
  private build(settings: VrrpSettings, now: Instant): Router[] {
    this.buildScripts(settings, now);
    const changed: Router[] = [];
    const routers = new Map<string, Router>();
    for (const wanted of settings.routers) {
      const id = key(wanted.interface, wanted.vrid);
      const existing = this.routers.get(id);
      if (existing && !isSame(existing.settings, wanted)) {
        existing.reconfigure(wanted, now);
        changed.push(existing);
      }
      routers.set(id, existing ?? new Router(wanted, this));
    }
    this.routers = routers;
    this.groups = this.buildGroups(settings);
    return changed;
  }

  private buildGroups(settings: VrrpSettings): Group[] {
    const byName = new Map([...this.routers.values()].map((router) => [router.settings.name, router]));
    const groups: Group[] = [];
    for (const spec of settings.groups) {
      const members = spec.members.flatMap((name) => byName.get(name) ?? []);
      for (const name of spec.members) byName.delete(name);
      if (members.length > 0) groups.push(new Group(spec, members, this));
    }
    for (const single of byName.values()) groups.push(new Group(undefined, [single], this));
    return groups;
  }

  /** Scripts that nobody tracks are not run. */
  private buildScripts(settings: VrrpSettings, now: Instant): void {
    const tracked = [...settings.routers, ...settings.groups].flatMap((item) => item.trackScripts.map((script) => script.script));
    const names = new Set(tracked);
    const scripts = new Map<string, ScriptTracker>();
    for (const spec of settings.scripts.filter((script) => names.has(script.name))) {
      const existing = this.scripts.get(spec.name);
      if (existing) existing.reconfigure(spec, now, this.phase === 'running');
      const script = existing ?? new ScriptTracker(spec, this.timers, (effect) => this.emit(effect));
      if (!existing && this.phase === 'running') script.run(now);
      scripts.set(spec.name, script);
    }
    for (const [name, script] of this.scripts) if (!scripts.has(name)) script.stop();
    this.scripts = scripts;
  }

  private log(level: 'warning' | 'info' | 'debug', message: string): void {
    this.emit({ kind: 'log', level, message });
  }
}

/** keepalived's identity of a virtual router: interface and VRID (and one day the address family). */
function key(link: string, vrid: number): string {
  return `${vrid} ${link}`;
}

/** Settings are plain values, so equal text means equal settings; a different order of keys would only cost one extra advertisement. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
