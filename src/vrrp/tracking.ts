/** What one virtual router tracks, its group's trackers included, and what follows: FAULT, waiting, or another priority. */
import type { SyncGroup, TrackedInterface, TrackedScript, VirtualRouter } from '../model/index.ts';
import * as messages from './messages.ts';
import { OWNER_PRIORITY } from './timing.ts';
import { contribution, meansFault, type TrackerView } from './trackers.ts';

export class Trackers {
  private readonly view: TrackerView;
  private interfaces: readonly TrackedInterface[] = [];
  private scripts: readonly TrackedScript[] = [];

  constructor(view: TrackerView) {
    this.view = view;
  }

  /** Where instance and group track the same thing, the group's weight counts (keepalived warns about it). */
  follow(settings: VirtualRouter, group: SyncGroup | undefined): void {
    const interfaces = group?.trackInterfaces ?? [];
    const scripts = group?.trackScripts ?? [];
    const isNew = (tracked: TrackedInterface): boolean => !interfaces.some((other) => other.interface === tracked.interface);
    const isNewScript = (tracked: TrackedScript): boolean => !scripts.some((other) => other.script === tracked.script);
    this.interfaces = [...settings.trackInterfaces.filter(isNew), ...interfaces];
    this.scripts = [...settings.trackScripts.filter(isNewScript), ...scripts];
  }

  faultCause(settings: VirtualRouter): string | undefined {
    const { view } = this;
    if (settings.trackPrimary && !view.linkUp(settings.interface)) return messages.faultFromLink(settings.name, settings.interface);
    if (!settings.sourceAddress && !view.address(settings.interface)) return messages.faultFromAddress(settings.name);
    const link = this.interfaces.find((tracked) => meansFault(tracked, this.linkState(tracked)));
    if (link) return messages.faultFromLink(settings.name, link.interface);
    const script = this.scripts.find((tracked) => meansFault(tracked, view.script(tracked.script)));
    return script && messages.faultFromScript(settings.name, script.script);
  }

  isPending(): boolean {
    return this.scripts.some((tracked) => this.view.script(tracked.script) === 'pending');
  }

  /** The effective priority: 1 to 254, and untouched for the address owner. */
  priority(base: number): number {
    if (base === OWNER_PRIORITY) return base;
    let sum = base;
    for (const tracked of this.interfaces) sum += contribution(tracked, this.linkState(tracked));
    for (const tracked of this.scripts) sum += contribution(tracked, this.view.script(tracked.script));
    return Math.min(Math.max(sum, 1), OWNER_PRIORITY - 1);
  }

  private linkState(tracked: TrackedInterface): 'up' | 'down' {
    return this.view.linkUp(tracked.interface) ? 'up' : 'down';
  }
}
