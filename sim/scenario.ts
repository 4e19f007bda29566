/** What happens in one run, sampled from its seed before the run starts: who takes part, and which fault strikes when. */
import { type Instant, IpAddress, type Micros, millis, Random, seconds } from '../src/base/index.ts';
import type { SyncGroup, VirtualRouter } from '../src/model/index.ts';
import type { VrrpSettings } from '../src/vrrp/index.ts';
import { type Noise, sampleNoise } from './network.ts';

export type Fault =
  | { readonly kind: 'crash' | 'stop'; readonly director: number; readonly lasts: Micros }
  /** `hears`: packets wait in the socket (SIGSTOP); otherwise they are lost (a frozen machine). */
  | { readonly kind: 'pause'; readonly director: number; readonly lasts: Micros; readonly hears: boolean }
  | { readonly kind: 'cut'; readonly paths: readonly (readonly [link: string, from: number, to: number])[]; readonly lasts: Micros }
  | { readonly kind: 'noise'; readonly noise: Noise; readonly lasts: Micros }
  | { readonly kind: 'link'; readonly director: number; readonly link: string; readonly lasts: Micros }
  | { readonly kind: 'priority'; readonly director: number; readonly priority: number };

export interface Scenario {
  readonly seed: number;
  readonly links: readonly string[];
  readonly directors: readonly { readonly priority: number; readonly startsAt: Instant }[];
  readonly faults: readonly { readonly at: Instant; readonly fault: Fault }[];
  readonly endsAt: Instant;
  readonly version: 2 | 3;
  readonly interval: Micros;
  readonly noPreempt: boolean;
  readonly preemptDelay: Micros;
}

/** Simulated length of one run. */
export const RUN_LENGTH: Micros = seconds(600);

const KINDS = ['crash', 'stop', 'pause', 'cut', 'noise', 'link', 'priority'] as const;

export function sampleScenario(seed: number): Scenario {
  const random = new Random(seed);
  const count = random.pick([2, 2, 2, 3, 3, 4, 5, 7]);
  const links = random.chance(0.3) ? ['eth0', 'eth1'] : ['eth0'];
  const equal = random.chance(0.2);
  const version = random.chance(0.7) ? 2 : 3;
  const noPreempt = random.chance(0.2);
  // All different, so that it is always clear who should win; unless the seed is about ties.
  const free = Array.from({ length: 245 }, (_, i) => i + 5);
  const priority = (): number => (equal || free.length === 0 ? 100 : (free.splice(random.below(free.length), 1)[0] as number));
  return {
    seed,
    links,
    directors: Array.from({ length: count }, () => ({ priority: priority(), startsAt: millis(random.below(20_000)) })),
    faults: sampleFaults(random, count, links, priority),
    endsAt: RUN_LENGTH,
    version,
    interval: version === 2 ? seconds(random.pick([1, 1, 2])) : millis(random.pick([500, 1000])),
    noPreempt,
    preemptDelay: !noPreempt && random.chance(0.1) ? seconds(10) : 0,
  };
}

/** Swarm testing: each run knows only some kinds of fault, so that none hides what another one would show. */
function sampleFaults(random: Random, directors: number, links: readonly string[], priority: () => number): Scenario['faults'] {
  const kinds = KINDS.filter(() => random.chance(0.5));
  const faults: { at: Instant; fault: Fault }[] = [];
  if (kinds.length === 0) return faults;
  const longestGap = random.pick([5, 20, 90]);
  for (let at = seconds(40); at < RUN_LENGTH - seconds(60); at += millis(random.between(500, longestGap * 1000))) {
    faults.push({ at, fault: sampleFault(random, random.pick(kinds), directors, links, priority) });
  }
  return faults;
}

function sampleFault(random: Random, kind: Fault['kind'], directors: number, links: readonly string[], priority: () => number): Fault {
  const director = random.below(directors);
  const lasts = millis(random.pick([random.between(10, 2000), random.between(2000, 15_000), random.between(15_000, 60_000)]));
  switch (kind) {
    case 'crash':
    case 'stop':
      return { kind, director, lasts };
    case 'pause':
      return { kind, director, lasts, hears: random.chance(0.5) };
    case 'noise':
      return { kind, noise: sampleNoise(random), lasts };
    case 'link':
      return { kind, director, link: random.pick(links), lasts };
    case 'priority':
      return { kind, director, priority: priority() };
    case 'cut':
      return { kind, paths: sampleCut(random, directors, links), lasts };
  }
}

/** Parts the directors in two; the one side hears the other, or neither does, on one link or on all. */
function sampleCut(random: Random, directors: number, links: readonly string[]): [string, number, number][] {
  const side = Array.from({ length: directors }, () => random.chance(0.5));
  const oneWay = random.chance(0.4);
  const cutLinks = random.chance(0.5) ? links : [random.pick(links)];
  const paths: [string, number, number][] = [];
  for (const link of cutLinks) {
    for (let from = 0; from < directors; from++) {
      for (let to = 0; to < directors; to++) {
        if (from !== to && side[from] !== side[to] && (!oneWay || side[from])) paths.push([link, from, to]);
      }
    }
  }
  return paths;
}

/** The address of a director on a link. */
export function addressOf(scenario: Scenario, director: number, link: string): IpAddress {
  return IpAddress.fromV4Number(0x0a000000 + scenario.links.indexOf(link) * 0x10000 + director + 1);
}

/** One virtual router for each link, and where there are two links, both in one sync group. */
export function settingsOf(scenario: Scenario, priority: number): VrrpSettings {
  const routers = scenario.links.map((link, i) => routerOf(scenario, link, 51 + i, priority));
  const group: SyncGroup = {
    name: 'G',
    members: routers.map((router) => router.name),
    notify: {},
    smtpAlert: false,
    trackInterfaces: [],
    trackScripts: [],
  };
  return { routers, groups: routers.length > 1 ? [group] : [], scripts: [], startupDelay: 0 };
}

function routerOf(scenario: Scenario, link: string, vrid: number, priority: number): VirtualRouter {
  return {
    name: `VI_${link}`,
    interface: link,
    vrid,
    version: scenario.version,
    wantsMaster: false,
    priority,
    advertInterval: scenario.interval,
    multicastGroup: IpAddress.fromV4Number(0xe0000012),
    vips: [{ address: IpAddress.fromV4Number(0x0a000064 + vrid * 0x100), length: 32, interface: link }],
    excludedVips: [],
    noPreempt: scenario.noPreempt,
    preemptDelay: scenario.preemptDelay,
    garp: { repeat: 5, secondBurstDelay: seconds(5), refresh: 0, refreshRepeat: 1, lowerPriorityRepeat: 5, lowerPriorityDelay: seconds(5) },
    trackInterfaces: [],
    trackScripts: [],
    trackPrimary: true,
    notify: {},
    smtpAlert: false,
  };
}
