/** Everything that routers and groups follow: interfaces, source addresses, scripts, files, processes, BFD sessions, static things. */
import type { Instant, IpAddress, IpFamily } from '../base/index.ts';
import type { Trackers } from '../model/index.ts';
import type { VrrpEffect } from './effect.ts';
import type { VrrpEvent } from './event.ts';
import { LinkTable } from './link-table.ts';
import * as messages from './messages.ts';
import { ProcessTracker, type ProcessTrackerHooks } from './process-tracker.ts';
import { ScriptTracker } from './script-tracker.ts';
import type { VrrpSettings } from './settings.ts';
import type { TrackedSnapshot } from './snapshot.ts';
import type { TimerQueue } from './timers.ts';
import type { TrackerState, TrackerView } from './trackers.ts';

export class TrackedThings implements TrackerView {
  private scripts = new Map<string, ScriptTracker>();
  private processes = new Map<string, ProcessTracker>();
  private readonly files = new Map<string, number>();
  private readonly sessions = new Map<string, boolean>();
  private readonly sources = new Set<string>();
  /** Track groups of static things that are not whole, and the groups that each router belongs to. */
  private readonly broken = new Set<string>();
  private groupsOf = new Map<string, string[]>();
  private readonly links: LinkTable;
  private readonly timers: TimerQueue;
  private readonly emit: (effect: VrrpEffect) => void;
  private readonly hooks: ProcessTrackerHooks;

  /** `changed` is called when the passing of time has changed a tracker. */
  constructor(timers: TimerQueue, emit: (effect: VrrpEffect) => void, changed: (now: Instant) => void) {
    this.timers = timers;
    this.emit = emit;
    this.hooks = { timers, changed, log: (message) => emit({ kind: 'log', level: 'info', message }) };
    this.links = new LinkTable(timers, (link, now) => {
      this.logLink(link);
      changed(now);
    });
  }

  /** Makes scripts and processes be those of the settings that somebody tracks. What is known of them stays. */
  configure(settings: VrrpSettings, now: Instant, isRunning: boolean): void {
    const tracking: readonly Trackers[] = [...settings.routers, ...settings.groups];
    this.configureScripts(settings, new Set(tracking.flatMap((item) => item.trackScripts.map(({ script }) => script))), now, isRunning);
    this.configureProcesses(settings, new Set(tracking.flatMap((item) => item.trackProcesses.map(({ process }) => process))));
    this.links.configure(settings.interfaceDelays);
    this.groupsOf = new Map();
    for (const { name, members } of settings.trackGroups) {
      for (const member of members) this.groupsOf.set(member, [...(this.groupsOf.get(member) ?? []), name]);
    }
  }

  start(now: Instant): void {
    for (const script of this.scripts.values()) script.run(now);
  }

  stop(): void {
    for (const script of this.scripts.values()) script.stop();
    for (const process of this.processes.values()) process.stop();
    this.links.stop();
  }

  /** Takes in what the shell reports. True when it may matter to a router. */
  handle(event: VrrpEvent, now: Instant): boolean {
    switch (event.kind) {
      case 'address':
        this.links.setAddress(event.interface, event.address?.family ?? event.family ?? 4, event.address);
        return true;
      case 'source-address':
        if (event.present) this.sources.add(String(event.address));
        else this.sources.delete(String(event.address));
        return true;
      case 'script':
        return this.scriptEnded(event, now);
      case 'file': {
        const before = this.files.get(event.file);
        this.files.set(event.file, event.value);
        return before !== event.value;
      }
      case 'process': {
        const process = this.processes.get(event.process);
        const before = process?.state;
        process?.report(event.count, now);
        return process?.state !== before;
      }
      case 'bfd':
        if (this.sessions.get(event.session) === event.up) return false;
        this.sessions.set(event.session, event.up);
        return true;
      case 'track-group':
        if (event.whole) this.broken.delete(event.group);
        else this.broken.add(event.group);
        return true;
      default:
        return false;
    }
  }

  /** An interface has come or gone, or its link has. True when it is so from now on, and not only after a delay. */
  linkReported(link: string, up: boolean, present: boolean, now: Instant, isRunning: boolean): boolean {
    const wasUp = this.links.isUp(link);
    const changed = this.links.report(link, up, present, now);
    if (isRunning && wasUp !== this.links.isUp(link)) this.logLink(link);
    return changed;
  }

  linkUp(link: string): boolean {
    return this.links.isUp(link);
  }

  linkPresent(link: string): boolean {
    return this.links.isPresent(link);
  }

  address(link: string, family: IpFamily): IpAddress | undefined {
    return this.links.address(link, family);
  }

  hasSourceAddress(address: IpAddress): boolean {
    return this.sources.has(String(address));
  }

  script(name: string): TrackerState {
    return this.scripts.get(name)?.state ?? 'up';
  }

  file(name: string): number | undefined {
    return this.files.get(name);
  }

  process(name: string): TrackerState {
    return this.processes.get(name)?.state ?? 'up';
  }

  bfd(session: string): TrackerState {
    return this.sessions.get(session) ? 'up' : 'down';
  }

  staticsWhole(router: string): boolean {
    return this.broken.size === 0 || !this.groupsOf.get(router)?.some((group) => this.broken.has(group));
  }

  snapshot(): TrackedSnapshot {
    return {
      interfaces: this.links.snapshot(),
      scripts: [...this.scripts.values()].map((script) => script.snapshot()),
      files: Array.from(this.files, ([name, value]) => ({ name, value })),
      processes: [...this.processes.values()].map((process) => process.snapshot()),
      bfdSessions: Array.from(this.sessions, ([name, up]) => ({ name, up })),
    };
  }

  private scriptEnded({ script: name, outcome, status }: Extract<VrrpEvent, { kind: 'script' }>, now: Instant): boolean {
    const script = this.scripts.get(name);
    const before = script?.state;
    script?.report(outcome, status, now);
    return script?.state !== before;
  }

  /** Scripts that nobody tracks are not run. */
  private configureScripts(settings: VrrpSettings, names: ReadonlySet<string>, now: Instant, isRunning: boolean): void {
    const scripts = new Map<string, ScriptTracker>();
    for (const spec of settings.scripts.filter((script) => names.has(script.name))) {
      const existing = this.scripts.get(spec.name);
      existing?.reconfigure(spec, now, isRunning);
      const script = existing ?? new ScriptTracker(spec, this.timers, this.emit);
      if (!existing && isRunning) script.run(now);
      scripts.set(spec.name, script);
    }
    for (const [name, script] of this.scripts) if (!scripts.has(name)) script.stop();
    this.scripts = scripts;
  }

  private configureProcesses(settings: VrrpSettings, names: ReadonlySet<string>): void {
    const processes = new Map<string, ProcessTracker>();
    for (const spec of settings.processes.filter((process) => names.has(process.name))) {
      const existing = this.processes.get(spec.name);
      existing?.reconfigure(spec);
      processes.set(spec.name, existing ?? new ProcessTracker(spec, this.hooks));
    }
    for (const [name, process] of this.processes) if (!processes.has(name)) process.stop();
    this.processes = processes;
  }

  private logLink(link: string): void {
    this.emit({ kind: 'log', level: 'info', message: messages.linkChanged(link, this.links.isUp(link)) });
  }
}
