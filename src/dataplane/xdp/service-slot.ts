/** One virtual service in the packet path's maps: its record and the two wheels of its scheduler. */
import { type ServerChange, SlotSchedule, type SlotScheduler } from '../../scheduler/index.ts';
import type { ServiceEntry } from '../memory/index.ts';
import type { PacketPath } from './program.ts';
import { Records } from './records.ts';
import type { Run, WheelSpace } from './wheels.ts';

const NO_RUN: Run = { offset: 0, length: 0 };

export class ServiceSlot {
  readonly entry: ServiceEntry;
  readonly index: number;
  private readonly path: PacketPath;
  private readonly space: WheelSpace;
  private readonly runs: [Run, Run] = [NO_RUN, NO_RUN];
  private schedule: SlotSchedule;

  constructor(entry: ServiceEntry, index: number, path: PacketPath, space: WheelSpace) {
    this.entry = entry;
    this.index = index;
    this.path = path;
    this.space = space;
    this.schedule = this.newSchedule();
  }

  /** The wheel that an earlier process laid out stays in use, and its room taken, until the next one is published. */
  adopt(): void {
    const { services } = this.path;
    const current = services.u32(this.index, 'current');
    const wheel = this.wheel(current);
    const run = { offset: wheel.u32(0, 'offset'), length: wheel.u32(0, 'length') };
    this.space.reserve(run);
    this.runs[current === 0 ? 0 : 1] = run;
  }

  /** Writes scheduler-independent settings, and starts the scheduler afresh where another one was chosen. */
  configure(newScheduler: boolean, numberOf: (server: ServiceEntry['servers'][number]) => number): void {
    const { services, numbers, hz } = this.path;
    const { persistence } = this.entry.service;
    const prefix = persistence?.prefixLength ?? 32;
    services.setU32(this.index, 'persistence_timeout', (persistence?.timeoutSeconds ?? 0) * hz);
    services.setBytes(this.index, 'persistence_mask', maskBytes(prefix));
    services.setU32(this.index, 'flags', persistence ? (numbers.serviceFlag.SERVICE_PERSISTENT as number) : 0);
    if (!newScheduler) return;
    this.schedule = this.newSchedule();
    this.publish(numberOf);
  }

  change(change: ServerChange, numberOf: (server: ServiceEntry['servers'][number]) => number): void {
    this.schedule.change(change, this.weights(), Number(this.cursor()));
    this.publish(numberOf);
  }

  /** Nothing of it is left: no wheel, no settings. Packets have to have stopped finding it before. */
  clear(): void {
    for (const run of this.runs) this.space.release(run);
    this.path.services.clear(this.index);
  }

  private newSchedule(): SlotSchedule {
    return new SlotSchedule(this.entry.service.scheduler as SlotScheduler, this.weights());
  }

  private weights(): number[] {
    return this.entry.servers.map((server) => server.weight);
  }

  /** Lays the new wheel out beside the one in use, then lets packets see it by one write. */
  private publish(numberOf: (server: ServiceEntry['servers'][number]) => number): void {
    const { services, wheels } = this.path;
    const { slots } = this.schedule.current;
    const current = services.u32(this.index, 'current');
    const next = current === 0 ? 1 : 0;
    this.space.release(this.runs[next]);
    this.runs[next] = NO_RUN;
    const run = this.space.allocate(slots.length);
    this.runs[next] = run;
    for (const [position, server] of slots.entries()) {
      const entry = this.entry.servers[server];
      if (entry) wheels[run.offset + position] = numberOf(entry);
    }
    const wheel = this.wheel(next);
    wheel.clear(0);
    wheel.setU32(0, 'offset', run.offset);
    wheel.setU32(0, 'length', run.length);
    services.setU32(this.index, 'current', next);
  }

  /** Steps that packets have taken on the wheel in use. */
  private cursor(): bigint {
    return this.wheel(this.path.services.u32(this.index, 'current')).u64(0, 'cursor');
  }

  private wheel(which: number): Records {
    const { services } = this.path;
    const layout = this.path.struct('wheel');
    const at = services.at(this.index, 'wheels') + which * layout.size;
    return new Records(services.bytes.subarray(at, at + layout.size), layout);
  }
}

function maskBytes(prefixLength: number): Uint8Array {
  const mask = prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
  return Uint8Array.of(mask >>> 24, (mask >>> 16) & 255, (mask >>> 8) & 255, mask & 255);
}
