/** One virtual service in the packet path's maps: its record and the two schedules, of which one is in use. */
import { type Instant, type Micros, seconds, toSeconds } from '../../base/index.ts';
import type { SchedulerName } from '../../model/index.ts';
import { type PathDescription, PathSchedule, type ScanRule, type ServerChange, type SlotHash } from '../../scheduler/index.ts';
import type { ServiceEntry } from '../memory/index.ts';
import { defenceFlags, defenceMask, expectProxied } from './defence.ts';
import type { PacketPath } from './program.ts';
import { Records } from './records.ts';
import type { Run, SlotSpace } from './slot-space.ts';

const NO_RUN: Run = { offset: 0, length: 0 };
/** The kernel looks every half hour for virtual addresses that nobody asked for (ip_vs_lblc: COUNT_FOR_FULL_EXPIRATION minutes). */
const FORGET_INTERVAL = seconds(30 * 60);

type NumberOf = (server: ServiceEntry['servers'][number]) => number;

/** What the slots of all services share. */
export interface SlotRoom {
  readonly path: PacketPath;
  readonly space: SlotSpace;
  /** How long lblc and lblcr remember a virtual address (lblc_expiration, lblcr_expiration). */
  readonly cacheLifetimeOf: (scheduler: SchedulerName) => Micros;
  readonly now: () => Instant;
}

export class ServiceSlot {
  readonly entry: ServiceEntry;
  readonly index: number;
  private readonly path: PacketPath;
  private readonly space: SlotSpace;
  private readonly runs: [Run, Run] = [NO_RUN, NO_RUN];
  private readonly room: SlotRoom;
  private schedule: PathSchedule;
  private nextForgetting: Instant;

  constructor(entry: ServiceEntry, index: number, room: SlotRoom) {
    this.entry = entry;
    this.index = index;
    this.path = room.path;
    this.space = room.space;
    this.room = room;
    this.nextForgetting = room.now() + FORGET_INTERVAL;
    this.schedule = this.newSchedule();
  }

  /** The slots that an earlier process laid out stay in use, and their room taken, until the next ones are published. */
  adopt(): void {
    const current = this.path.services.u32(this.index, 'current');
    const record = this.record(current);
    const run = { offset: record.u32(0, 'offset'), length: record.u32(0, 'length') };
    this.space.reserve(run);
    this.runs[current === 0 ? 0 : 1] = run;
  }

  /** Writes scheduler-independent settings, and starts the scheduler afresh where another one was chosen. */
  configure(newScheduler: boolean, numberOf: NumberOf): void {
    const { services, numbers, hz } = this.path;
    const { persistence, onePacket, key } = this.entry.service;
    services.setU32(this.index, 'index', this.index);
    services.setU32(this.index, 'persistence_timeout', (persistence?.timeoutSeconds ?? 0) * hz);
    services.setBytes(this.index, 'persistence_mask', maskBytes(persistence?.prefixLength ?? 0));
    if (key.kind === 'fwmark') services.setBytes(this.index, 'mark', markBytes(key.mark));
    const { SERVICE_PERSISTENT, SERVICE_ONE_PACKET, SERVICE_MARKED } = numbers.serviceFlag as Record<
      'SERVICE_PERSISTENT' | 'SERVICE_ONE_PACKET' | 'SERVICE_MARKED',
      number
    >;
    const flags = services.u32(this.index, 'flags') & defenceMask(this.path);
    const kind = (onePacket ? SERVICE_ONE_PACKET : 0) | (key.kind === 'fwmark' ? SERVICE_MARKED : 0);
    services.setU32(this.index, 'flags', flags | (persistence ? SERVICE_PERSISTENT : 0) | kind);
    if (!newScheduler) return;
    this.forget();
    this.schedule = this.newSchedule();
    this.publish(numberOf);
  }

  /** The defences that stand in the way of new connections; called again whenever its servers change, since they depend on them. */
  defend(isLocal: (server: ServiceEntry['servers'][number]) => boolean): void {
    const { services } = this.path;
    const { sourceLimit } = this.entry.service.defence ?? {};
    const flags = defenceFlags(this.path, this.entry, isLocal);
    const others = services.u32(this.index, 'flags') & ~defenceMask(this.path);
    if (this.entry.service.defence?.synProxy) expectProxied(this.path);
    services.setU32(this.index, 'source_rate', sourceLimit?.perSecond ?? 0);
    services.setU32(this.index, 'source_burst', sourceLimit?.burst ?? 0);
    services.setU32(this.index, 'flags', others | flags);
  }

  change(change: ServerChange, numberOf: NumberOf): void {
    this.schedule.change(change, this.entry.servers, Number(this.cursor()));
    this.publish(numberOf);
  }

  /** Nothing of it is left: no slots, no settings, no memory. Packets have to have stopped finding it before. */
  clear(): void {
    for (const run of this.runs) this.space.release(run);
    this.path.services.clear(this.index);
    this.forget();
  }

  private newSchedule(): PathSchedule {
    const { service, servers } = this.entry;
    const family = service.key.kind === 'address' ? service.key.address.family : service.key.family;
    return new PathSchedule(service, family, servers);
  }

  /** Lays the new schedule out beside the one in use, then lets packets see it by one write. */
  private publish(numberOf: NumberOf): void {
    const { services, slots } = this.path;
    const description = this.schedule.current;
    const servers = description.kind === 'scan' ? this.entry.servers : description.slots.map((server) => this.entry.servers[server]);
    const current = services.u32(this.index, 'current');
    const next = current === 0 ? 1 : 0;
    this.space.release(this.runs[next]);
    this.runs[next] = NO_RUN;
    const run = this.space.allocate(servers.length);
    this.runs[next] = run;
    for (const [position, server] of servers.entries()) if (server) slots[run.offset + position] = numberOf(server);
    const record = this.record(next);
    record.clear(0);
    this.describe(record, description);
    record.setU32(0, 'offset', run.offset);
    record.setU32(0, 'length', run.length);
    services.setU32(this.index, 'current', next);
  }

  private describe(record: Records, description: PathDescription): void {
    const { scheduleKind } = this.path.numbers;
    if (description.kind === 'hash') {
      record.setU16(0, 'kind', scheduleKind.SCHEDULE_HASH as number);
      record.setU16(0, 'flags', this.flags(hashFlags(description.hash)));
      record.setU32(0, 'hash_key', description.hash.key);
    } else if (description.kind === 'scan') {
      const { rule } = description;
      record.setU16(0, 'kind', scheduleKind.SCHEDULE_SCAN as number);
      record.setU16(0, 'flags', this.flags(scanFlags(rule)));
      record.setU16(0, 'cost_base', rule.base);
      record.setU16(0, 'cost_active', rule.active);
      record.setU16(0, 'cost_inactive', rule.inactive);
      record.setU32(0, 'keep', this.lifetime());
    } else {
      record.setU16(0, 'kind', scheduleKind.SCHEDULE_CYCLE as number);
    }
  }

  /** The setting changed: what is remembered is forgotten after this time from now on. */
  keepAgain(): void {
    const current = this.path.services.u32(this.index, 'current');
    if (this.schedule.current.kind === 'scan') this.record(current).setU32(0, 'keep', this.lifetime());
  }

  /** Jiffies. */
  private lifetime(): number {
    return Math.min(2 ** 31 - 1, toSeconds(this.room.cacheLifetimeOf(this.entry.service.scheduler)) * this.path.hz);
  }

  private flags(names: Readonly<Record<string, boolean>>): number {
    const { scheduleFlag } = this.path.numbers;
    return Object.entries(names).reduce((bits, [name, on]) => (on ? bits | (scheduleFlag[name] as number) : bits), 0);
  }

  /** Forgets, now and then, the virtual addresses that nobody asked for in the lifetime of lblc's and lblcr's memory. */
  forgetIdle(now: Instant, jiffies: number): void {
    if (now < this.nextForgetting) return;
    this.nextForgetting += FORGET_INTERVAL;
    const lifetime = this.lifetime();
    this.forget((locality) => ((jiffies - locality.u32(0, 'used')) | 0) >= lifetime);
  }

  /** By default all: what is remembered is nothing to another scheduler, nor to another service with the same index. */
  private forget(which: (locality: Records) => boolean = () => true): void {
    const { localities } = this.path;
    const [keyLayout, layout] = [this.path.struct('locality_key'), this.path.struct('locality')];
    const keys = Array.from(localities.keys());
    for (const key of keys) {
      if (new Records(key, keyLayout).u32(0, 'service') !== this.index) continue;
      const value = localities.lookup(key);
      if (value && which(new Records(value, layout))) localities.delete(key);
    }
  }

  /** Steps that packets have taken on the schedule in use. */
  private cursor(): bigint {
    return this.record(this.path.services.u32(this.index, 'current')).u64(0, 'cursor');
  }

  private record(which: number): Records {
    const { services } = this.path;
    const layout = this.path.struct('schedule');
    const at = services.at(this.index, 'schedules') + which * layout.size;
    return new Records(services.bytes.subarray(at, at + layout.size), layout);
  }
}

function hashFlags(hash: SlotHash): Readonly<Record<string, boolean>> {
  return {
    HASH_OF_VIRTUAL: hash.of === 'virtual',
    HASH_SIP: hash.kind === 'siphash',
    HASH_WITH_PORT: hash.port,
    HASH_FALLBACK: hash.fallback,
  };
}

function scanFlags(rule: ScanRule): Readonly<Record<string, boolean>> {
  return {
    SCAN_GREATEST_WEIGHT: rule.pick === 'greatest-weight',
    SCAN_TWO_DRAWS: rule.pick === 'two-draws',
    SCAN_PER_WEIGHT: rule.perWeight,
    SCAN_IDLE_FIRST: rule.idleFirst,
    SCAN_FULL_ABOVE_WEIGHT: rule.fullAboveWeight,
    SCAN_KEEP_SERVER: rule.remembers === 'server',
    SCAN_KEEP_SET: rule.remembers === 'set',
  };
}

/** As it stands in templates for the virtual address: in network order. */
function markBytes(mark: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, mark);
  return bytes;
}

/** As it lies before the addresses of packets; of IPv4 only the first four bytes count. */
function maskBytes(prefixLength: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, at) => 0xff00 >>> Math.min(8, Math.max(0, prefixLength - 8 * at)));
}
