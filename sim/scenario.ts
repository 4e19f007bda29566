/** What one run is about, sampled from its seed before it starts: who takes part, how they are configured, what goes wrong when. */
import { type Instant, IpAddress, type IpFamily, type Micros, millis, Random, seconds } from '../src/base/index.ts';
import { type Defect, type PlannedFault, sampleFaults, TRACKER_KINDS, type TrackerKind } from './faults.ts';

/** One virtual router of every director. Those of one unit change state together. */
export interface PlannedRouter {
  readonly name: string;
  readonly link: string;
  readonly vrid: number;
  readonly unit: number;
}

export interface PlannedDirector {
  /** One for each unit. */
  readonly priorities: readonly number[];
  readonly startsAt: Instant;
  /** What the director's own clock shows at the beginning of the run. */
  readonly clock: Instant;
}

/** Something that all routers of a director follow. */
export interface PlannedTracker {
  readonly kind: TrackerKind;
  /** 0 means FAULT. */
  readonly weight: number;
}

export interface Scenario {
  readonly seed: number;
  /**
   * `single`: one router. `group`: two routers on two links in one sync group. `dual`: two routers on one link, each with an owner
   * of its own as a rule (dual master).
   */
  readonly shape: 'single' | 'group' | 'dual';
  readonly links: readonly string[];
  readonly routers: readonly PlannedRouter[];
  readonly units: number;
  readonly directors: readonly PlannedDirector[];
  readonly faults: readonly PlannedFault[];
  readonly endsAt: Instant;
  readonly version: 2 | 3;
  readonly family: IpFamily;
  readonly unicast: boolean;
  readonly authentication: 'none' | 'pass' | 'ah';
  readonly interval: Micros;
  /** Advertisements missed before the active router counts as gone. */
  readonly downTimerAdverts: number;
  readonly noPreempt: boolean;
  readonly preemptDelay: Micros;
  readonly startupDelay: Micros;
  readonly lowerPriorityNoAdvert: boolean;
  readonly higherPrioritySendAdvert: boolean;
  readonly trackers: readonly PlannedTracker[];
  /** Of the script. */
  readonly rise: number;
  readonly fall: number;
}

/** Simulated length of one run. */
export const RUN_LENGTH: Micros = seconds(600);

export const OWNER_PRIORITY = 255;

export function sampleScenario(seed: number): Scenario {
  const random = new Random(seed);
  const count = random.pick([2, 2, 2, 2, 3, 3, 3, 4, 5, 6, 7]);
  const shape = random.pick(['single', 'single', 'single', 'group', 'dual'] as const);
  const wire = sampleWire(random);
  const links = shape === 'group' ? ['eth0', 'eth1'] : ['eth0'];
  const units = shape === 'dual' ? 2 : 1;
  const priority = priorities(random);
  const trackers = sampleTrackers(random);
  const noPreempt = random.chance(0.2);
  const directors: PlannedDirector[] = Array.from({ length: count }, () => ({
    priorities: Array.from({ length: units }, priority),
    startsAt: millis(random.below(20_000)),
    clock: random.between(0, 1_000_000) * 1_000_000 + random.below(1_000_000),
  }));
  if (random.chance(0.1)) directors[0] = withOwner(directors[0] as PlannedDirector);
  const scenario = {
    seed,
    shape,
    links,
    routers: Array.from({ length: 2 }, (_, i) => routerOf(shape, i)).slice(0, shape === 'single' ? 1 : 2),
    units,
    directors,
    endsAt: RUN_LENGTH,
    ...wire,
    downTimerAdverts: random.pick([3, 3, 3, 3, 2, 5]),
    noPreempt,
    preemptDelay: !noPreempt && random.chance(0.1) ? seconds(10) : 0,
    startupDelay: random.chance(0.1) ? seconds(5) : 0,
    lowerPriorityNoAdvert: random.chance(0.2),
    higherPrioritySendAdvert: random.chance(0.2),
    trackers,
    rise: random.pick([1, 1, 2, 3]),
    fall: random.pick([1, 1, 2, 3]),
  };
  const faults = sampleFaults(random, {
    directors: count,
    links,
    units,
    trackers: trackers.map(({ kind }) => kind),
    defects: defectsFor(scenario),
    endsAt: RUN_LENGTH,
    priority,
  });
  return { ...scenario, faults };
}

/** The address of a director on a link. */
export function addressOf(family: IpFamily, director: number, link: string): IpAddress {
  const net = Number(link.slice(3));
  if (family === 4) return IpAddress.fromV4Number(0x0a000000 + net * 0x10000 + director + 1);
  return IpAddress.fromBytes(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, net, 0, 0, 0, 0, 0, 0, 0, director + 1)) as IpAddress;
}

function routerOf(shape: Scenario['shape'], i: number): PlannedRouter {
  const link = shape === 'group' ? `eth${i}` : 'eth0';
  return { name: `VI_${i + 1}`, link, vrid: 51 + i, unit: shape === 'dual' ? i : 0 };
}

function withOwner(director: PlannedDirector): PlannedDirector {
  return { ...director, priorities: director.priorities.map((priority, unit) => (unit === 0 ? OWNER_PRIORITY : priority)) };
}

/** Draws priorities, all different, so that it is always clear who should win; unless the seed is about ties. */
function priorities(random: Random): () => number {
  const equal = random.chance(0.2);
  const free = Array.from({ length: 245 }, (_, i) => i + 5);
  return () => (equal || free.length === 0 ? 100 : (free.splice(random.below(free.length), 1)[0] as number));
}

type Wire = Pick<Scenario, 'version' | 'family' | 'unicast' | 'authentication' | 'interval'>;

/** The costly ones (an authentication header, a short interval) are rare, so that more seeds are played in the same time. */
function sampleWire(random: Random): Wire {
  const version = random.chance(0.6) ? 2 : 3;
  const authentication = random.pick(['none', 'none', 'none', 'none', 'none', 'none', 'pass', 'pass', 'pass', 'ah'] as const);
  return {
    version,
    family: version === 3 && random.chance(0.4) ? 6 : 4,
    unicast: random.chance(0.3),
    authentication: version === 2 ? authentication : 'none',
    interval:
      version === 2 ? seconds(random.pick([1, 1, 2])) : millis(random.pick([200, 500, 500, 500, 1000, 1000, 1000, 1000, 1000, 1000])),
  };
}

function sampleTrackers(random: Random): PlannedTracker[] {
  const kinds = TRACKER_KINDS.filter(() => random.chance(0.2));
  return kinds.map((kind) => ({ kind, weight: random.pick([0, 30, -30, -120]) }));
}

/** The forgeries that must be found out under this configuration: without authentication a well-made one cannot be. */
function defectsFor(scenario: Pick<Scenario, 'version' | 'unicast' | 'authentication'>): Defect[] {
  const defects: Defect[] = ['checksum', 'vrid', 'addresses', 'truncated'];
  if (!scenario.unicast) defects.push('ttl');
  if (scenario.unicast) defects.push('stranger');
  if (scenario.version === 2) defects.push('interval');
  if (scenario.authentication === 'pass') defects.push('password');
  if (scenario.authentication === 'ah') defects.push('digest', 'replay');
  return defects;
}
