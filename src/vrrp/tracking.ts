/** What one virtual router tracks, its group's trackers included, and what follows: FAULT, waiting, or another priority. */
import type {
  TrackedBfd,
  TrackedFile,
  TrackedInterface,
  TrackedProcess,
  TrackedScript,
  Trackers as TrackerLists,
  VirtualRouter,
} from '../model/index.ts';
import * as messages from './messages.ts';
import { OWNER_PRIORITY } from './timing.ts';
import { contribution, fileContribution, fileMeansFault, meansFault, type TrackerState, type TrackerView } from './trackers.ts';

export class Trackers {
  private readonly view: TrackerView;
  private interfaces: readonly TrackedInterface[] = [];
  private scripts: readonly TrackedScript[] = [];
  private files: readonly TrackedFile[] = [];
  private processes: readonly TrackedProcess[] = [];
  private bfds: readonly TrackedBfd[] = [];

  constructor(view: TrackerView) {
    this.view = view;
  }

  /** Later lists win: where instance and group track the same thing, the group's weight counts (keepalived warns about it). */
  follow(lists: readonly TrackerLists[]): void {
    this.interfaces = lastOf(
      lists,
      (list) => list.trackInterfaces,
      (tracked) => tracked.interface,
    );
    this.scripts = lastOf(
      lists,
      (list) => list.trackScripts,
      (tracked) => tracked.script,
    );
    this.files = lastOf(
      lists,
      (list) => list.trackFiles,
      (tracked) => tracked.file,
    );
    this.processes = lastOf(
      lists,
      (list) => list.trackProcesses,
      (tracked) => tracked.process,
    );
    this.bfds = lastOf(
      lists,
      (list) => list.trackBfds,
      (tracked) => tracked.bfd,
    );
  }

  /** Why the router must be in FAULT, as a log line, or undefined. */
  faultCause(settings: VirtualRouter): string | undefined {
    return this.ownCause(settings) ?? this.trackedCause(settings.name);
  }

  isPending(): boolean {
    return (
      this.scripts.some((tracked) => this.view.script(tracked.script) === 'pending') ||
      this.files.some((tracked) => this.view.file(tracked.file) === undefined) ||
      this.processes.some((tracked) => this.view.process(tracked.process) === 'pending')
    );
  }

  /** The effective priority: 1 to 254, and untouched for the address owner. */
  priority(base: number): number {
    if (base === OWNER_PRIORITY) return base;
    let sum = base;
    for (const tracked of this.interfaces) sum += contribution(tracked, this.linkState(tracked));
    for (const tracked of this.scripts) sum += contribution(tracked, this.view.script(tracked.script));
    for (const tracked of this.files) sum += fileContribution(tracked, this.view.file(tracked.file));
    for (const tracked of this.processes) sum += contribution(tracked, this.view.process(tracked.process));
    for (const tracked of this.bfds) sum += contribution(tracked, this.view.bfd(tracked.bfd));
    return Math.min(Math.max(sum, 1), OWNER_PRIORITY - 1);
  }

  /** What the router itself needs: its interface, the macvlan on it, an address to send from, peers. */
  private ownCause(settings: VirtualRouter): string | undefined {
    const { view } = this;
    const { name, interface: link, vmac, family, sourceAddress } = settings;
    if (link !== '' && !view.linkPresent(link)) return messages.faultFromLink(name, link);
    if (link !== '' && settings.trackPrimary && !view.linkUp(link)) return messages.faultFromLink(name, link);
    if (vmac && !view.linkPresent(vmac.name)) return messages.faultFromLink(name, vmac.name);
    if (!sourceAddress && !view.address(link, family)) return messages.faultFromAddress(name, family);
    if (sourceAddress && settings.trackSourceAddress && !view.hasSourceAddress(sourceAddress)) {
      return messages.faultFromSource(name, sourceAddress);
    }
    if (settings.unicast?.faultWithoutPeer && settings.unicast.peers.length === 0) return messages.faultWithoutPeer(name);
    return view.staticsWhole(name) ? undefined : messages.faultFromStatics(name);
  }

  private trackedCause(name: string): string | undefined {
    const { view } = this;
    const link = this.interfaces.find((tracked) => meansFault(tracked, this.linkState(tracked)));
    if (link) return messages.faultFromLink(name, link.interface);
    const script = this.scripts.find((tracked) => meansFault(tracked, view.script(tracked.script)));
    if (script) return messages.faultFromTracker(name, 'script', script.script);
    const file = this.files.find((tracked) => fileMeansFault(tracked, view.file(tracked.file)));
    if (file) return messages.faultFromTracker(name, 'file', file.file);
    const process = this.processes.find((tracked) => meansFault(tracked, view.process(tracked.process)));
    if (process) return messages.faultFromTracker(name, 'process', process.process);
    const bfd = this.bfds.find((tracked) => meansFault(tracked, view.bfd(tracked.bfd)));
    return bfd && messages.faultFromTracker(name, 'bfd', bfd.bfd);
  }

  private linkState(tracked: TrackedInterface): TrackerState {
    return this.view.linkUp(tracked.interface) ? 'up' : 'down';
  }
}

/** All entries of all lists, of those with the same name only the last. */
function lastOf<T>(lists: readonly TrackerLists[], pick: (list: TrackerLists) => readonly T[], nameOf: (entry: T) => string): T[] {
  const byName = new Map<string, T>();
  for (const list of lists) for (const entry of pick(list)) byName.set(nameOf(entry), entry);
  return [...byName.values()];
}
