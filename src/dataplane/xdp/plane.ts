/** The data plane in eBPF: tables kept here with IPVS's rules, mirrored into the maps that the packet path reads. */
import { assert, IpAddress, type IpFamily } from '../../base/index.ts';
import {
  type ConnectionTableSizes,
  cacheLifetimeOf,
  DEFAULT_FORWARDING_SETTINGS,
  DEFAULT_TABLE_SIZES,
  DEFAULT_TIMEOUTS,
  type ForwardingSettings,
  type MarkRule,
  type RealServer,
  type RealServerKey,
  SCHEDULER_NAMES,
  type ServiceKey,
  type Timeouts,
  type VirtualService,
} from '../../model/index.ts';
import {
  type Clock,
  type ConnectionStatus,
  type DataPlane,
  DataPlaneError,
  type Logger,
  type ServiceStatus,
  type TraceFlow,
  type TraceReport,
} from '../../ports/index.ts';
import { EstimatorClock, type ServerEntry, type ServiceEntry, TableStore } from '../memory/index.ts';
import { readConnections } from './connections.ts';
import { Filters } from './filters.ts';
import { LocalAddresses } from './local-addresses.ts';
import { LocalOut } from './local-out.ts';
import type { NextHops } from './next-hops.ts';
import { type Attachment, Ports } from './ports.ts';
import { Pressure } from './pressure.ts';
import { PacketPath, type ServerTotals } from './program.ts';
import { ServerNumbers } from './server-numbers.ts';
import { enterService, keepServices, removeService } from './service-index.ts';
import { ServiceSlot, type SlotRoom } from './service-slot.ts';
import { changedTimeouts, writeSettings } from './settings.ts';
import { SlotSpace } from './slot-space.ts';
import { describeTables, loadTables, type SavedTables, saveTables } from './tables-file.ts';
import { TimeoutSets } from './timeout-sets.ts';
import { TraceDesk } from './trace/index.ts';

export interface XdpOptions {
  readonly objectPath: string;
  /** IPv4 and IPv6 connections that their tables hold; those of DEFAULT_TABLE_SIZES unless given. */
  readonly connections?: number;
  readonly connections6?: number;
  /**
   * Lets maps and links outlive this process: the directory of a BPF file system that they are pinned in, and the file that says what is
   * in them. Without it everything ends with the process.
   */
  readonly pins?: { readonly directory: string; readonly tablesFile: string };
  /** What is not IPVS's default. */
  readonly settings?: Partial<ForwardingSettings>;
  /** Pages of memory that are free, for the automatic modes of the defences; plenty unless given. */
  readonly freePages?: () => number;
  readonly nextHops: NextHops;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Lines released in one tick: a table of a million connections is gone through in four seconds, in a few milliseconds each. */
const LINES_PER_TICK = 131_072;
/** A larger table than that is gone through in this many ticks, however long one takes then. */
const TICKS_FOR_ALL = 16;

export class XdpDataPlane implements DataPlane {
  readonly kind = 'xdp';
  readonly path: PacketPath;
  private readonly options: XdpOptions;
  private readonly table = new TableStore(SCHEDULER_NAMES);
  private readonly slots = new Map<ServiceEntry, ServiceSlot>();
  private readonly servers: ServerNumbers;
  private readonly room: SlotRoom;
  private readonly locals: LocalAddresses;
  private readonly ports: Ports;
  private readonly localOut: LocalOut;
  private interfaces: readonly string[] = [];
  private readonly estimator: EstimatorClock;
  private readonly filters: Filters;
  private readonly pressure: Pressure;
  private readonly timeoutSets: TimeoutSets;
  readonly traces: TraceDesk;
  private currentTimeouts: Timeouts = DEFAULT_TIMEOUTS;
  private currentSettings: ForwardingSettings;
  /** By expire_nodest_conn the connections of a deleted server are to end. */
  private unserved = false;
  private readonly nextLines: Record<IpFamily, number> = { 4: 0, 6: 0 };
  private saving = false;
  private closed = false;

  /** Loads the packet path; no packet sees it before `attach`. Throws SystemError with the verifier's words. */
  constructor(options: XdpOptions) {
    this.options = options;
    this.currentSettings = { ...DEFAULT_FORWARDING_SETTINGS, ...options.settings };
    const pinDirectory = options.pins?.directory;
    const saved = options.pins && loadTables(options.pins.tablesFile);
    this.path = loadPath(options, saved?.sizes);
    this.room = {
      path: this.path,
      space: new SlotSpace(this.path.slots.length),
      cacheLifetimeOf: (scheduler) => cacheLifetimeOf(scheduler, this.currentSettings),
      now: () => options.clock.now(),
    };
    this.locals = new LocalAddresses({
      path: this.path,
      space: this.room.space,
      ports: () => this.currentSettings.localPorts,
      isOurs: (address) => options.nextHops.resolve(address) === 'local',
      logger: options.logger,
    });
    this.servers = new ServerNumbers(this.path);
    this.estimator = new EstimatorClock(options.clock.now());
    this.ports = new Ports({
      program: this.path.balance,
      settings: this.path.settings,
      devices: this.path.ports,
      logger: options.logger,
      pinDirectory,
      flag: this.path.numbers.settingsFlag.SETTING_TAGGED as number,
    });
    this.localOut = new LocalOut(this.path, options.logger);
    this.filters = new Filters(this.path, (name) => this.ports.indexOf(name));
    this.traces = new TraceDesk(this.path, options.objectPath, {
      service: (protocol, address, port, mark) => this.table.lookup(protocol, address, port, mark),
      indexOf: (service) => this.slotOf(service).index,
      servers: () => this.servers.byNumber(),
      port: (name, source) => this.ports.find(name, source),
      portName: (index) => this.ports.nameOf(index),
    });
    this.pressure = new Pressure(this.path, options.freePages);
    this.timeoutSets = new TimeoutSets(this.path, this.currentTimeouts);
    if (this.path.inherited) this.inherit(saved);
    this.defend();
  }

  get tableSize(): number {
    return this.path.tableSize(4);
  }

  /** Connections that the tables have room for; they keep it as long as they are in use. */
  get tableSizes(): ConnectionTableSizes {
    return { connections: this.path.tableSize(4), connections6: this.path.tableSize(6) };
  }

  /** Memory that the tables take, all of it from the start. */
  get tableBytes(): number {
    return this.path.tableBytes;
  }

  /** Puts the packet path on these interfaces and takes it off all others. */
  attach(interfaces: readonly string[]): void {
    this.interfaces = interfaces;
    this.configurePorts();
    this.resolveAll();
  }

  attachments(): Attachment[] {
    return this.ports.attachments().filter(({ name }) => name !== LocalOut.PORT);
  }

  /** How often each numbered reason came up. */
  reasons(): Record<string, number> {
    return this.path.reasonCounts();
  }

  services(): readonly ServiceStatus[] {
    this.readCounts();
    return this.table.statuses();
  }

  addService(service: VirtualService): void {
    const index = this.freeServiceIndex();
    this.timeoutSets.requireRoom(service);
    const entry = this.table.addService(service);
    const slot = new ServiceSlot(entry, index, this.room);
    this.slots.set(entry, slot);
    this.timeoutSets.assign(entry);
    slot.configure(true, this.numberOf);
    slot.defend(this.isLocal);
    this.locals.assign(index, service.localAddresses ?? []);
    enterService(this.path, service.key, index);
    this.writeFilters();
    this.save();
  }

  editService(service: VirtualService): void {
    const before = this.table.service(service.key).service;
    this.timeoutSets.requireRoom(service);
    const entry = this.table.editService(service);
    const isNew = before.scheduler !== service.scheduler || String(before.schedulerFlags) !== String(service.schedulerFlags);
    this.slotOf(entry).configure(isNew, this.numberOf);
    this.slotOf(entry).defend(this.isLocal);
    this.timeoutSets.assign(entry);
    for (const server of entry.servers) {
      // Whether packets keep their port may hang on persistence.
      this.servers.writeMethod(server);
      this.timeoutSets.writeServer(this.numberOf(server), entry);
    }
    this.locals.assign(this.slotOf(entry).index, service.localAddresses ?? []);
    this.writeFilters();
    this.save();
  }

  deleteService(key: ServiceKey): void {
    this.readCounts();
    const entry = this.table.deleteService(key, this.options.clock.now());
    removeService(this.path, key);
    for (const server of entry.servers) this.servers.setAvailable(server, false);
    this.locals.clear(this.slotOf(entry).index);
    this.slotOf(entry).clear();
    this.slots.delete(entry);
    this.timeoutSets.clear(entry);
    this.unserved = true;
    this.writeFilters();
    this.save();
  }

  addServer(service: ServiceKey, server: RealServer): void {
    this.servers.requireRoom();
    // It may come back from the trash, with connections that count against its thresholds.
    this.readCounts();
    const entry = this.table.addServer(service, server);
    this.servers.add(entry, this.slotOf(entry.owner).index);
    this.timeoutSets.writeServer(this.numberOf(entry), entry.owner);
    this.resolve(entry);
    this.writeFilters();
    this.slotOf(entry.owner).change({ kind: 'added' }, this.numberOf);
    this.save();
  }

  editServer(service: ServiceKey, server: RealServer): void {
    // New thresholds are held against the connections that there are.
    this.readCounts();
    const entry = this.table.editServer(service, server);
    this.servers.writeMethod(entry);
    this.servers.writeSchedulable(entry, this.slotOf(entry.owner).index);
    this.resolve(entry);
    this.writeFilters();
    this.slotOf(entry.owner).change({ kind: 'edited', index: entry.owner.servers.indexOf(entry) }, this.numberOf);
    this.save();
  }

  deleteServer(service: ServiceKey, server: RealServerKey): void {
    this.readCounts();
    const { entry, index } = this.table.deleteServer(service, server, this.options.clock.now());
    this.slotOf(entry.owner).change({ kind: 'removed', index }, this.numberOf);
    this.slotOf(entry.owner).defend(this.isLocal);
    this.servers.setAvailable(entry, false);
    this.unserved = true;
    this.save();
  }

  endConnections(service: ServiceKey, server: RealServerKey): void {
    const number = this.numberOf(this.table.server(service, server));
    // The templates go in the second walk, when none of their connections is left.
    for (let walk = 0; walk < 2; walk++) this.path.sweepAll({ kind: 'SWEEP_SERVER', server: number });
  }

  flush(): void {
    for (const { service } of this.table.services()) this.deleteService(service.key);
  }

  zero(key?: ServiceKey): void {
    this.readCounts();
    this.table.zero(key);
  }

  timeouts(): Timeouts {
    return this.currentTimeouts;
  }

  /** 0 keeps a value, as `ipvsadm --set` means it. Running time-outs are not changed, only those started from now on. */
  setTimeouts(timeouts: Partial<Timeouts>): void {
    const next = changedTimeouts(this.currentTimeouts, timeouts);
    this.currentTimeouts = next;
    this.timeoutSets.setDefaults(next);
  }

  settings(): ForwardingSettings {
    return this.currentSettings;
  }

  setSettings(settings: Partial<ForwardingSettings>): void {
    this.currentSettings = { ...this.currentSettings, ...settings };
    this.readCounts();
    this.defend();
    if (this.interfaces.length > 0) this.configurePorts();
    for (const slot of this.slots.values()) slot.keepAgain();
  }

  connections(): Iterable<ConnectionStatus> {
    this.expireUnserved();
    return this.closed ? [] : readConnections(this.path, this.path.clock().jiffies);
  }

  tick(): void {
    if (this.closed) return;
    for (const { family } of this.path.tables) this.sweepSome(family);
    const { jiffies } = this.path.clock();
    for (const slot of this.slots.values()) slot.forgetIdle(this.options.clock.now(), jiffies);
    this.readCounts();
    this.defend();
    this.pressure.dropEntries(this.currentSettings);
    this.servers.releaseOrphans();
    const forgotten = this.table.emptyTrash(this.options.clock.now());
    for (const entry of forgotten) this.servers.forget(entry);
    if (this.locals.forgetIdle() || forgotten.length > 0) this.writeFilters();
    for (let due = this.estimator.stepsDue(this.options.clock.now()); due > 0; due--) {
      for (const service of this.table.services()) {
        service.meter.step();
        for (const server of service.servers) server.meter.step();
      }
    }
    this.resolveEach(this.servers.forgetPathMtus(this.options.clock.now()));
    this.resolveEach(this.present().filter((server) => !this.servers.isReachable(server)));
    this.ports.refresh();
  }

  /** Where a packet would go, and why. It changes nothing. Rejects with DataPlaneError. */
  async trace(flow: TraceFlow): Promise<TraceReport> {
    if (this.closed) throw new DataPlaneError('failed', 'the packet path is closed');
    this.readCounts();
    return this.traces.trace(flow);
  }

  /** What the operator's firewall says about marks; the first call should come before packets do. Throws DataPlaneError `full`. */
  setMarkRules(rules: readonly MarkRule[]): void {
    this.filters.setRules(rules);
    this.writeFilters();
  }

  /** Looks every real server's way up again; called when routes, links or neighbours changed. */
  resolveAll(): void {
    if (!this.closed) this.resolveEach(this.present());
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.traces.close();
    this.localOut.close();
    this.ports.close();
    this.options.nextHops.close();
    this.path.close();
  }

  /**
   * By expire_nodest_conn the connections of deleted servers end: at once for packets, which see that the server is gone, and here for the
   * counts, once for however many servers were deleted. A second walk takes the templates that the first one left without connections.
   */
  private expireUnserved(): void {
    if (!this.unserved || this.closed) return;
    this.unserved = false;
    if (!this.currentSettings.expireConnectionsOfDeleted) return;
    for (let walk = 0; walk < 2; walk++) this.path.sweepAll({ kind: 'SWEEP_UNSERVED' });
  }

  /** Which of the defences are on, by the counts that were read last; and with them all other settings. */
  private defend(): void {
    this.currentSettings = this.pressure.level(this.currentSettings, this.servers.all());
    writeSettings(this.path, this.currentSettings);
  }

  /** The port of the director's own packets is one like the others, and there before any of them comes. Not having it harms nobody else. */
  private configurePorts(): void {
    if (this.currentSettings.localOut && this.localOut.prepare()) {
      try {
        this.ports.configure([...this.interfaces, LocalOut.PORT]);
        this.localOut.begin();
        return;
      } catch (error) {
        this.localOut.complain(error as Error);
      }
    }
    this.localOut.end();
    this.ports.configure(this.interfaces);
  }

  /** The next lines of a table that is gone through over and over. */
  private sweepSome(family: IpFamily): void {
    const first = this.nextLines[family];
    const { lines } = this.path.tableOf(family);
    const count = Math.min(Math.max(LINES_PER_TICK, lines / TICKS_FOR_ALL), lines - first);
    this.path.sweep(family, first, count, first === 0, { kind: 'SWEEP_FRAGMENTS' });
    this.nextLines[family] = (first + count) % lines;
  }

  /** Goes on with the tables of an earlier process, whose connections the maps still hold. */
  private inherit(saved: SavedTables | undefined): void {
    const known: ServiceKey[] = [];
    this.locals.adopt(saved?.localAddresses ?? []);
    const slots = (saved?.services ?? []).map(({ servers, index, key: saved, localAddresses, ...rest }) => {
      const key: ServiceKey = saved.kind === 'fwmark' ? saved : { ...saved, address: requireAddress(saved.address) };
      const locals = localAddresses?.map(requireAddress);
      const entry = this.table.addService({ key, ...rest, ...(locals && { localAddresses: locals }) });
      this.locals.adoptService(index, locals ?? []);
      for (const { number, address: text, ...server } of servers) {
        const added = this.table.addServer(key, { ...server, address: requireAddress(text) });
        this.servers.adopt(added, number);
      }
      known.push(key);
      const slot = new ServiceSlot(entry, index, this.room);
      slot.adopt();
      this.slots.set(entry, slot);
      this.timeoutSets.assign(entry);
      for (const server of entry.servers) this.timeoutSets.writeServer(this.numberOf(server), entry);
      return slot;
    });
    keepServices(this.path, known);
    this.servers.reserveOrphans();
    for (const slot of slots) slot.configure(true, this.numberOf);
    this.writeFilters();
    this.resolveAll();
  }

  private readonly isLocal = (server: ServerEntry): boolean => this.servers.isLocal(server);

  private readonly numberOf = (server: ServerEntry): number => this.servers.numberOf(server);

  /** All real servers that are not deleted. */
  private present(): ServerEntry[] {
    return [...this.table.services()].flatMap(({ servers }) => servers);
  }

  /** Tunnels may start elsewhere then. */
  private resolveEach(servers: readonly ServerEntry[]): void {
    for (const server of servers) this.resolve(server);
    if (servers.length > 0) this.writeFilters();
  }

  private resolve(server: ServerEntry): void {
    const hop = this.options.nextHops.resolve(server.address);
    // A way that is lost for a moment (an entry being asked for again) is kept: the old address is better than none.
    if (hop !== undefined && (hop === 'local' || this.ports.allow(hop.interfaceIndex))) this.servers.writeNextHop(server, hop);
    this.slots.get(server.owner)?.defend(this.isLocal);
  }

  /** Brings connection counts and statistics from the maps into the table; after `close` the maps are no memory of ours any more. */
  private readCounts(): void {
    if (this.closed) return;
    this.expireUnserved();
    for (const { server, change } of this.servers.read()) {
      const figures: ServerTotals = change;
      server.meter.add(figures);
      server.owner.meter.add(figures);
    }
  }

  /**
   * The filters let most packets that are none of ours pass after one look. The address of a deleted service stays in it as long as
   * connections may remember its servers: their packets are not the stack's.
   */
  private writeFilters(): void {
    const services = new Set([...this.table.services(), ...this.servers.owners()]);
    const masqueraded = this.servers.all().filter(({ method }) => method === 'nat' || method === 'fullnat');
    this.filters.write({
      services: [...services].map(({ service }) => service.key),
      masqueraded: masqueraded.map((server) => server.address),
      locals: this.locals.all(),
      tunnels: this.servers.tunnelSources(),
    });
  }

  private freeServiceIndex(): number {
    const used = new Set([...this.slots.values()].map((slot) => slot.index));
    const limit = this.path.services.bytes.length / this.path.services.layout.size;
    for (let index = 0; index < limit; index++) if (!used.has(index)) return index;
    throw new DataPlaneError('full', `the packet path has room for ${limit} services`);
  }

  private slotOf(entry: ServiceEntry): ServiceSlot {
    return this.slots.get(entry) as ServiceSlot;
  }

  /** Once a turn of the event loop at most, however many changes it brought. */
  private save(): void {
    const { pins } = this.options;
    if (this.saving || !pins) return;
    this.saving = true;
    setImmediate(() => {
      this.saving = false;
      if (!this.closed) saveTables(pins.tablesFile, describeTables(this.path, [...this.slots.values()], this.locals, this.numberOf));
    });
  }
}

/**
 * Tables that are pinned already keep their size, whatever is wanted now: another size would mean other tables, and the connections of the
 * pinned ones would be lost.
 */
function loadPath(options: XdpOptions, pinned: ConnectionTableSizes | undefined): PacketPath {
  const { objectPath, logger, pins, connections, connections6 } = options;
  const wanted = pinned ?? {
    connections: connections ?? DEFAULT_TABLE_SIZES.connections,
    connections6: connections6 ?? DEFAULT_TABLE_SIZES.connections6,
  };
  const onLoss = (why: string): void => logger.log('warning', `Connections of an earlier packet path are given up: ${why}`);
  return PacketPath.load({ objectPath, ...wanted, onLoss, ...(pins && { pinDirectory: pins.directory }) });
}

function requireAddress(text: string): IpAddress {
  const address = IpAddress.parse(text);
  assert(address, `the saved tables name ${text}, which is no address`);
  return address;
}
