/** A list of servers with its scheduler, driven as its owner drives it. */
import { type Instant, IpAddress, Random, seconds } from '../base/index.ts';
import type { SchedulerName } from '../model/index.ts';
import { makeScheduler } from './registry.ts';
import type { SchedulableServer, ScheduleRequest, Scheduler } from './scheduler.ts';

export interface Server extends SchedulableServer {
  name: string;
  weight: number;
  lastWeight: number;
  overloaded: boolean;
  available: boolean;
  activeConnections: number;
  inactiveConnections: number;
}

export function ip(text: string): IpAddress {
  return IpAddress.parse(text)!;
}

/** Server `a` is 10.2.0.97, and so on by the code of the first letter. */
export function server(name: string, weight = 1): Server {
  const address = IpAddress.fromV4Number(0x0a02_0000 + name.charCodeAt(0));
  const counts = { overloaded: false, available: true, activeConnections: 0, inactiveConnections: 0 };
  return { name, address, port: 80, weight, lastWeight: weight, ...counts };
}

export function request(client = '10.0.0.1', virtual = '10.9.9.9', clientPort = 1): ScheduleRequest {
  return { client: ip(client), clientPort, virtual: ip(virtual), virtualPort: 80 };
}

export const CACHE_LIFETIME = seconds(1000);

export class Bed {
  readonly list: Server[] = [];
  readonly scheduler: Scheduler<Server>;
  now: Instant = 0;

  constructor(name: SchedulerName, flags: readonly string[] = [], seed = 1) {
    const options = { flags, family: 4, random: new Random(seed), now: 0, cacheLifetime: CACHE_LIFETIME } as const;
    this.scheduler = makeScheduler(name, this.list, options);
  }

  add(name: string, weight = 1): this {
    const added = server(name, weight);
    this.list.unshift(added);
    this.scheduler.added(added);
    return this;
  }

  edit(name: string, weight: number): this {
    const edited = this.get(name);
    edited.weight = weight;
    if (weight !== 0) edited.lastWeight = weight;
    this.scheduler.edited(edited);
    return this;
  }

  remove(name: string): this {
    const index = this.list.findIndex((candidate) => candidate.name === name);
    const [removed] = this.list.splice(index, 1) as [Server];
    removed.available = false;
    this.scheduler.removed(removed, index);
    return this;
  }

  overload(name: string, overloaded: boolean): this {
    this.get(name).overloaded = overloaded;
    return this;
  }

  load(name: string, active: number, inactive = 0): this {
    const loaded = this.get(name);
    loaded.activeConnections = active;
    loaded.inactiveConnections = inactive;
    return this;
  }

  get(name: string): Server {
    const found = this.list.find((candidate) => candidate.name === name);
    if (!found) throw new Error(`there is no server ${name}`);
    return found;
  }

  /** A server's name, `-` when nobody takes the connection. */
  pick(asked: ScheduleRequest = request()): string {
    return this.scheduler.schedule(asked, this.now)?.name ?? '-';
  }

  take(count: number): string {
    return Array.from({ length: count }, () => this.pick()).join('');
  }
}
