/**
 * The schedulers for transparent caches: lblc keeps a virtual address with one server, lblcr with a set of servers, as long
 * as these are not overloaded. They are meant for services of a firewall mark, behind which there are many addresses.
 */
import { type Instant, type IpAddress, type IpFamily, type Micros, seconds } from '../base/index.ts';
import { leastPerWeight, overhead, productExceeds } from './cost.ts';
import { foldAddress, goldenHash } from './hash.ts';
import { isUsable, type SchedulableServer, type ScheduleRequest, type SchedulerOptions, StatelessScheduler } from './scheduler.ts';

/** The kernel's CONFIG_IP_VS_LBLC_TAB_BITS: 1024 buckets. The partial sweep goes by them. */
const BUCKET_BITS = 10;
const BUCKETS = 1 << BUCKET_BITS;
/** More than this many addresses are too many: those that nobody asked for in 6 minutes go first. */
export const CACHE_LIMIT = BUCKETS * 16;
/** At this many no further address is remembered. */
const CACHE_BOUND = (CACHE_LIMIT * 3) / 2;
const SWEEP_INTERVAL = seconds(60);
const SWEEPS_PER_FULL = 30;
const IDLE_LIMIT = seconds(6 * 60);

interface CacheEntry<V> {
  value: V;
  lastUse: Instant;
}

/** What is remembered about virtual addresses, and forgotten as the kernel's minute timer forgets. */
export class AddressCache<V> {
  private readonly family: IpFamily;
  private readonly lifetime: Micros;
  private readonly buckets = Array.from({ length: BUCKETS }, () => new Map<string, CacheEntry<V>>());
  private nextSweep: Instant;
  private sweeps = 1;
  private rover = 0;
  private count = 0;

  constructor({ family, cacheLifetime, now }: Pick<SchedulerOptions, 'family' | 'cacheLifetime' | 'now'>) {
    this.family = family;
    this.lifetime = cacheLifetime;
    this.nextSweep = now + SWEEP_INTERVAL;
  }

  get size(): number {
    return this.count;
  }

  /** What is known of the address; asking keeps it known. */
  use(address: IpAddress, now: Instant): V | undefined {
    this.sweepDue(now);
    const entry = this.bucketOf(address).get(address.toString());
    if (entry) entry.lastUse = now;
    return entry?.value;
  }

  remember(address: IpAddress, value: V, now: Instant): void {
    const bucket = this.bucketOf(address);
    const name = address.toString();
    if (!bucket.has(name)) {
      if (this.count >= CACHE_BOUND) return;
      this.count++;
    }
    bucket.set(name, { value, lastUse: now });
  }

  private sweepDue(now: Instant): void {
    for (; this.nextSweep <= now; this.nextSweep += SWEEP_INTERVAL) this.sweep(this.nextSweep);
  }

  private sweep(now: Instant): void {
    if (this.sweeps % SWEEPS_PER_FULL === 0) {
      for (const bucket of this.buckets) this.forgetIdle(bucket, now, this.lifetime);
      this.sweeps = 1;
    } else if (this.count <= CACHE_LIMIT) {
      this.sweeps++;
    } else {
      this.sweepSome(now);
    }
  }

  /** From the bucket where the last such sweep stopped, until enough are gone. */
  private sweepSome(now: Instant): void {
    let goal = Math.min(Math.floor(((this.count - CACHE_LIMIT) * 4) / 3), CACHE_LIMIT / 2);
    for (let walked = 0; walked < BUCKETS && goal > 0; walked++) {
      this.rover = (this.rover + 1) % BUCKETS;
      goal -= this.forgetIdle(this.buckets[this.rover] as Map<string, CacheEntry<V>>, now, IDLE_LIMIT);
    }
  }

  private forgetIdle(bucket: Map<string, CacheEntry<V>>, now: Instant, limit: Micros): number {
    const before = bucket.size;
    for (const [name, entry] of bucket) if (now - entry.lastUse >= limit) bucket.delete(name);
    const forgotten = before - bucket.size;
    this.count -= forgotten;
    return forgotten;
  }

  private bucketOf(address: IpAddress): Map<string, CacheEntry<V>> {
    return this.buckets[goldenHash(foldAddress(address, this.family), BUCKET_BITS)] as Map<string, CacheEntry<V>>;
  }
}

/** Locality-based least connection: the address's server, else the least loaded one, which then is the address's server. */
export class LblcScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  private readonly cache: AddressCache<S>;

  constructor(servers: readonly S[], options: SchedulerOptions) {
    super(servers);
    this.cache = new AddressCache(options);
  }

  override schedule({ virtual }: ScheduleRequest, now: Instant): S | undefined {
    const cached = this.cache.use(virtual, now);
    // As in the kernel, a cached server may be over its threshold: only weight and the others' idleness are asked.
    if (cached?.available && cached.weight > 0 && !isOverloaded(cached, this.servers)) return cached;
    const server = leastPerWeight(this.servers, overhead, isUsable);
    if (server) this.cache.remember(virtual, server, now);
    return server;
  }
}

/** The servers of one address. The newest member stands first. */
interface ServerSet<S> {
  members: readonly S[];
  changed: Instant;
}

/** Locality-based least connection with replication: an address whose servers are overloaded gets one more. */
export class LblcrScheduler<S extends SchedulableServer> extends StatelessScheduler<S> {
  private readonly cache: AddressCache<ServerSet<S>>;
  private readonly lifetime: Micros;

  constructor(servers: readonly S[], options: SchedulerOptions) {
    super(servers);
    this.cache = new AddressCache(options);
    this.lifetime = options.cacheLifetime;
  }

  override schedule({ virtual }: ScheduleRequest, now: Instant): S | undefined {
    const set = this.cache.use(virtual, now);
    if (set) {
      const least = leastPerWeight(set.members, overhead, (server) => isUsable(server) && server.available);
      this.dropSuperfluous(set, now);
      if (least && !isOverloaded(least, this.servers)) return least;
    }
    const server = leastPerWeight(this.servers, overhead, isUsable);
    if (!server) return undefined;
    if (!set) this.cache.remember(virtual, { members: [server], changed: now }, now);
    else if (!set.members.includes(server)) {
      set.members = [server, ...set.members];
      set.changed = now;
    }
    return server;
  }

  /** A set of several that has not changed for long loses its most loaded member. */
  private dropSuperfluous(set: ServerSet<S>, now: Instant): void {
    if (set.members.length < 2 || now <= set.changed + this.lifetime) return;
    let most: S | undefined;
    for (const server of set.members) {
      if (server.weight <= 0) continue;
      if (!most || productExceeds(overhead(server), most.weight, overhead(most), server.weight)) most = server;
    }
    if (!most) return;
    set.members = set.members.filter((server) => server !== most);
    set.changed = now;
  }
}

/** More active connections than its weight, while another one has less than half of its own. */
function isOverloaded(server: SchedulableServer, servers: readonly SchedulableServer[]): boolean {
  return server.activeConnections > server.weight && servers.some((other) => other.activeConnections * 2 < other.weight);
}
