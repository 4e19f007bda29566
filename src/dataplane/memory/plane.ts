/**
 * A data plane without packets: tables, reference schedulers and connections as IPVS keeps them, in memory. What the
 * simulator and dry runs use, and what the compliance suite measures the other data planes by. Its packets come in
 * through `receive`, its clock is handed to it.
 */
import { type Instant, Random, seconds } from '../../base/index.ts';
import {
  cacheLifetimeOf,
  DEFAULT_FORWARDING_SETTINGS,
  DEFAULT_TIMEOUTS,
  type ForwardingSettings,
  type RealServer,
  type RealServerKey,
  SCHEDULER_NAMES,
  type ServiceKey,
  type Timeouts,
  type VirtualService,
} from '../../model/index.ts';
import { type Clock, type ConnectionStatus, type DataPlane, DataPlaneError, type ServiceStatus } from '../../ports/index.ts';
import { makeScheduler, type Scheduler, usesFlags } from '../../scheduler/index.ts';
import { ConnectionTable } from './connections.ts';
import { defenceLevel, isOn } from './defence-level.ts';
import { EstimatorClock } from './meter.ts';
import { type ServerEntry, type ServiceEntry, TableStore } from './table.ts';
import { type Packet, type Reply, type ReplyVerdict, Traffic, type Verdict } from './traffic.ts';

/** ip_vs's default: 2^12 buckets. */
const DEFAULT_TABLE_SIZE = 4096;
/** How often the kernel looks after its defences (DEFENSE_TIMER_PERIOD). */
const DEFENCE_PERIOD = seconds(1);
/** The kernel keeps time-outs in ticks of a signed 32-bit number; this is the greatest it takes at 1000 ticks a second. */
const MAX_TIMEOUT = seconds(2_147_483);

export interface MemoryOptions {
  readonly clock: Clock;
  readonly tableSize?: number;
  /** What is not the kernel's default. */
  readonly settings?: Partial<ForwardingSettings>;
  /** Pages of memory that are free, for the automatic modes of the defences; plenty unless given. */
  readonly freePages?: () => number;
  /** For twos, which draws, and drop_entry, which picks. */
  readonly seed?: number;
}

export class MemoryDataPlane implements DataPlane {
  readonly kind = 'memory';
  readonly tableSize: number;
  private readonly clock: Clock;
  private readonly table = new TableStore(SCHEDULER_NAMES);
  private readonly schedulers = new Map<ServiceEntry, Scheduler<ServerEntry>>();
  private readonly connectionTable: ConnectionTable;
  private readonly estimator: EstimatorClock;
  private readonly traffic: Traffic;
  private readonly random: Random;
  private readonly freePages: (() => number) | undefined;
  private currentSettings: ForwardingSettings;
  private currentTimeouts = DEFAULT_TIMEOUTS;
  private closed = false;
  /** When the defences were last looked after. */
  private defended: Instant;

  constructor(options: MemoryOptions) {
    this.clock = options.clock;
    this.tableSize = options.tableSize ?? DEFAULT_TABLE_SIZE;
    this.random = new Random(options.seed ?? 0);
    this.freePages = options.freePages;
    this.currentSettings = { ...DEFAULT_FORWARDING_SETTINGS, ...options.settings };
    const now = options.clock.now();
    this.connectionTable = new ConnectionTable(now);
    this.estimator = new EstimatorClock(now);
    this.traffic = new Traffic({
      table: this.table,
      connections: this.connectionTable,
      schedulerOf: (service) => this.schedulerOf(service),
      timeouts: () => this.currentTimeouts,
      settings: () => this.currentSettings,
    });
    this.defend();
    this.defended = now;
  }

  services(): readonly ServiceStatus[] {
    this.tick();
    return this.table.statuses();
  }

  addService(service: VirtualService): void {
    const entry = this.table.addService(service);
    this.schedulers.set(entry, this.makeScheduler(entry));
  }

  editService(service: VirtualService): void {
    const before = this.table.service(service.key).service;
    const entry = this.table.editService(service);
    const sameFlags = before.schedulerFlags.join() === service.schedulerFlags.join();
    // IPVS binds the scheduler anew only when another one was asked for; its position survives other edits. Flags act at once.
    if (before.scheduler !== service.scheduler || (!sameFlags && usesFlags(service.scheduler))) {
      this.schedulers.set(entry, this.makeScheduler(entry));
    }
  }

  deleteService(key: ServiceKey): void {
    this.schedulers.delete(this.table.deleteService(key, this.clock.now()));
    this.expireUnserved();
  }

  addServer(service: ServiceKey, server: RealServer): void {
    this.tick();
    const entry = this.table.addServer(service, server);
    this.schedulerOf(entry.owner).added(entry);
  }

  editServer(service: ServiceKey, server: RealServer): void {
    const entry = this.table.editServer(service, server);
    this.schedulerOf(entry.owner).edited(entry);
  }

  deleteServer(service: ServiceKey, server: RealServerKey): void {
    const { entry, index } = this.table.deleteServer(service, server, this.clock.now());
    this.schedulerOf(entry.owner).removed(entry, index);
    this.expireUnserved();
  }

  endConnections(service: ServiceKey, server: RealServerKey): void {
    const entry = this.table.server(service, server);
    this.connectionTable.removeWhere((connection) => connection.server === entry);
  }

  flush(): void {
    for (const { service } of this.table.services()) this.deleteService(service.key);
  }

  zero(key?: ServiceKey): void {
    this.tick();
    this.table.zero(key);
  }

  timeouts(): Timeouts {
    return this.currentTimeouts;
  }

  /** 0 keeps a value, as `ipvsadm --set` means it. Running time-outs are not changed, only those started from now on. */
  setTimeouts(timeouts: Partial<Timeouts>): void {
    const next = { ...this.currentTimeouts };
    for (const name of ['tcp', 'tcpFin', 'udp'] as const) {
      const value = timeouts[name] ?? 0;
      if (!Number.isInteger(value) || value < 0 || value > MAX_TIMEOUT) throw new DataPlaneError('invalid', `${value} µs is no time-out`);
      if (value > 0) next[name] = value;
    }
    this.currentTimeouts = next;
  }

  connections(): Iterable<ConnectionStatus> {
    this.tick();
    return this.connectionTable.statuses(this.clock.now());
  }

  tick(): void {
    const now = this.clock.now();
    this.connectionTable.expire(now);
    this.table.emptyTrash(now);
    for (; now - this.defended >= DEFENCE_PERIOD; this.defended += DEFENCE_PERIOD) {
      this.defend();
      if (isOn(this.currentSettings.dropEntry)) this.connectionTable.dropEntries(this.random, now);
    }
    for (let due = this.estimator.stepsDue(now); due > 0; due--) {
      for (const service of this.table.services()) {
        service.meter.step();
        for (const server of service.servers) server.meter.step();
      }
    }
  }

  close(): void {
    this.flush();
    this.closed = true;
  }

  settings(): ForwardingSettings {
    return this.currentSettings;
  }

  /** Takes effect with the next packet. A changed lifetime of caches holds for schedulers bound from now on. */
  setSettings(settings: Partial<ForwardingSettings>): void {
    this.currentSettings = { ...this.currentSettings, ...settings };
    this.defend();
  }

  /** A packet from a client arrives; the answer says where it goes. */
  receive(packet: Packet): Verdict {
    if (this.closed) return { kind: 'pass' };
    const now = this.clock.now();
    this.connectionTable.expire(now);
    return this.traffic.receive(packet, now);
  }

  /** An answer of a real server passes the director. */
  receiveReply(packet: Reply): ReplyVerdict {
    if (this.closed) return { kind: 'pass' };
    const now = this.clock.now();
    this.connectionTable.expire(now);
    return this.traffic.reply(packet, now);
  }

  /** Which of the defences are on. */
  private defend(): void {
    const { memoryThreshold: threshold } = this.currentSettings;
    const level = defenceLevel(this.currentSettings, this.freePages ? [{ available: this.freePages(), threshold }] : []);
    this.currentSettings = { ...this.currentSettings, ...level.modes };
    this.traffic.setDropRate(level);
  }

  /** With expire_nodest_conn the connections of deleted servers, and then their templates, end at once. */
  private expireUnserved(): void {
    if (this.currentSettings.expireConnectionsOfDeleted) this.connectionTable.removeWhere(({ server }) => !server.available);
  }

  private schedulerOf(service: ServiceEntry): Scheduler<ServerEntry> {
    return this.schedulers.get(service) as Scheduler<ServerEntry>;
  }

  private makeScheduler({ service, servers }: ServiceEntry): Scheduler<ServerEntry> {
    const { key, scheduler, schedulerFlags } = service;
    return makeScheduler(scheduler, servers, {
      flags: schedulerFlags,
      family: key.kind === 'address' ? key.address.family : key.family,
      random: this.random,
      now: this.clock.now(),
      cacheLifetime: cacheLifetimeOf(scheduler, this.currentSettings),
    });
  }
}
