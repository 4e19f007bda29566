/**
 * The schedulers that hash an address into a table of slots: dh (the virtual address), sh (the client), mh (the client, with
 * a table that changes little when servers come and go). The table alone decides until the servers change, so the packet path
 * gets the same table.
 */
import type { IpAddress, IpFamily } from '../base/index.ts';
import { readSchedulerFlags, type SchedulerFlags } from './flags.ts';
import { foldAddress, goldenHash, sipHash } from './hash.ts';
import { fillMh, MH_HASH_KEY, MH_TABLE_SIZE } from './mh.ts';
import { isUsable, type SchedulableServer, type ScheduleRequest, type Scheduler, type SchedulerOptions } from './scheduler.ts';

/** dh and sh have 2^8 slots (CONFIG_IP_VS_DH_TAB_BITS, CONFIG_IP_VS_SH_TAB_BITS). */
const GOLDEN_BITS = 8;
const GOLDEN_SIZE = 1 << GOLDEN_BITS;

export const HASHED_SCHEDULERS = ['dh', 'sh', 'mh'] as const;
export type HashedSchedulerName = (typeof HASHED_SCHEDULERS)[number];

/**
 * How a slot is found from a packet. With `n` the host-order 32-bit address (IPv6: its four words xored), plus the host-order
 * client port where `port` is set, modulo 2^32, and an offset that is 0 but for the fallback:
 * `golden`: (offset + ((n * 0x61C88647) >> 24)) & 255; `siphash`: hsiphash(n + offset, key, key) % size.
 * Fallback: where the slot's server is unusable, the offsets (i + first slot) % size are tried for i from 0 to size - 1.
 */
export interface SlotHash {
  readonly of: 'client' | 'virtual';
  readonly kind: 'golden' | 'siphash';
  readonly size: number;
  /** Both words of the siphash key; 0 with `golden`. */
  readonly key: number;
  readonly port: boolean;
  readonly fallback: boolean;
}

export function slotHash(name: HashedSchedulerName, flags: SchedulerFlags): SlotHash {
  if (name === 'dh') return { of: 'virtual', kind: 'golden', size: GOLDEN_SIZE, key: 0, port: false, fallback: false };
  const { port, fallback } = flags;
  if (name === 'sh') return { of: 'client', kind: 'golden', size: GOLDEN_SIZE, key: 0, port, fallback };
  return { of: 'client', kind: 'siphash', size: MH_TABLE_SIZE, key: MH_HASH_KEY, port, fallback };
}

/** Fills the table: for every slot the index of its server in the list; empty when there is no server to put in. */
export function fillSlots(
  name: HashedSchedulerName,
  servers: readonly SchedulableServer[],
  family: IpFamily,
  flags: SchedulerFlags,
): readonly number[] {
  if (name === 'mh') return fillMh(servers, family, flags.identity);
  if (servers.length === 0) return [];
  // dh gives every server one slot a round whatever its weight; sh as many as its weight, but one also for weight 0.
  const slots: number[] = [];
  for (let index = 0; slots.length < GOLDEN_SIZE; index = (index + 1) % servers.length) {
    const share = name === 'dh' ? 1 : Math.max(1, (servers[index] as SchedulableServer).weight);
    for (let taken = 0; taken < share && slots.length < GOLDEN_SIZE; taken++) slots.push(index);
  }
  return slots;
}

export class HashedScheduler<S extends SchedulableServer> implements Scheduler<S> {
  private readonly name: HashedSchedulerName;
  private readonly servers: readonly S[];
  private readonly family: IpFamily;
  private readonly flags: SchedulerFlags;
  private readonly hash: SlotHash;
  /** The servers themselves, not their indexes: dh keeps its table while weights change, and any table while counts do. */
  private slots: readonly S[] = [];

  constructor(name: HashedSchedulerName, servers: readonly S[], options: SchedulerOptions) {
    this.name = name;
    this.servers = servers;
    this.family = options.family;
    this.flags = readSchedulerFlags(options.flags);
    this.hash = slotHash(name, this.flags);
    this.fill();
  }

  added(): void {
    this.fill();
  }

  edited(): void {
    this.fill();
  }

  removed(): void {
    this.fill();
  }

  schedule({ client, clientPort, virtual }: ScheduleRequest): S | undefined {
    if (this.slots.length === 0) return undefined;
    const address: IpAddress = this.hash.of === 'client' ? client : virtual;
    const value = foldAddress(address, this.family) + (this.hash.port ? clientPort : 0);
    const first = slotOf(this.hash, value, 0);
    const server = this.slots[first] as S;
    if (isUsable(server)) return server;
    if (!this.hash.fallback) return undefined;
    const { size } = this.hash;
    for (let step = 0; step < size; step++) {
      const candidate = this.slots[slotOf(this.hash, value, (step + first) % size)] as S;
      if (isUsable(candidate)) return candidate;
    }
    return undefined;
  }

  private fill(): void {
    this.slots = fillSlots(this.name, this.servers, this.family, this.flags).map((index) => this.servers[index] as S);
  }
}

function slotOf(hash: SlotHash, value: number, offset: number): number {
  if (hash.kind === 'golden') return (offset + goldenHash(value, GOLDEN_BITS)) & (GOLDEN_SIZE - 1);
  return sipHash((value + offset) >>> 0, hash.key) % hash.size;
}
