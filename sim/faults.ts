/** What can go wrong, and the schedule of it for one run. */
import { type Instant, type Micros, millis, type Random, seconds } from '../src/base/index.ts';
import { type Noise, type Path, sampleNoise } from './network.ts';

/** What routers may follow: a script, an interface, a BFD session, a file with a number in it. */
export const TRACKER_KINDS = ['script', 'link', 'bfd', 'file'] as const;
export type TrackerKind = (typeof TRACKER_KINDS)[number];

/**
 * What makes a forged advertisement one that must change nothing. All but `truncated` and `replay` claim priority 255; a replay can
 * be told only by who has heard the original.
 */
export type Defect = 'checksum' | 'ttl' | 'vrid' | 'password' | 'interval' | 'addresses' | 'stranger' | 'truncated' | 'digest' | 'replay';

export type Fault =
  | { readonly kind: 'crash' | 'stop'; readonly director: number; readonly lasts: Micros }
  /** `process`: packets wait in the sockets and the clock runs on (SIGSTOP). `machine`: packets are lost, the clock stands still. */
  | { readonly kind: 'pause'; readonly director: number; readonly lasts: Micros; readonly what: 'process' | 'machine' }
  /** The monotonic clock jumps forward, as on a virtual machine that was moved. */
  | { readonly kind: 'clock'; readonly director: number; readonly step: Micros }
  /** With `flaps` the paths are cut and mended in turn, each for that long. */
  | { readonly kind: 'cut'; readonly paths: readonly Path[]; readonly lasts: Micros; readonly flaps?: Micros }
  | { readonly kind: 'noise'; readonly link: string; readonly noise: Noise; readonly lasts: Micros }
  | { readonly kind: 'link'; readonly director: number; readonly link: string; readonly lasts: Micros }
  /** An interface loses its own address. */
  | { readonly kind: 'address'; readonly director: number; readonly link: string; readonly lasts: Micros }
  /** Something tracked fails. */
  | { readonly kind: 'tracker'; readonly director: number; readonly tracker: TrackerKind; readonly lasts: Micros }
  /** A reload with another priority for one unit. */
  | { readonly kind: 'priority'; readonly director: number; readonly unit: number; readonly priority: number }
  /** A reload of a file that has not changed. */
  | { readonly kind: 'reload'; readonly director: number }
  /** Somebody deletes the virtual addresses. */
  | { readonly kind: 'vip-lost'; readonly director: number }
  /** Somebody on the link sends altered copies of the last advertisement. */
  | { readonly kind: 'forge'; readonly link: string; readonly defect: Defect; readonly count: number; readonly gap: Micros };

export interface PlannedFault {
  readonly at: Instant;
  readonly fault: Fault;
}

/** What the sampling must know of the run. */
export interface FaultGround {
  readonly directors: number;
  readonly links: readonly string[];
  readonly units: number;
  readonly trackers: readonly TrackerKind[];
  readonly defects: readonly Defect[];
  readonly endsAt: Instant;
  /** Draws a priority that no director has. */
  readonly priority: () => number;
}

const KINDS: readonly Fault['kind'][] = [
  'crash',
  'stop',
  'pause',
  'clock',
  'cut',
  'noise',
  'link',
  'address',
  'tracker',
  'priority',
  'reload',
  'vip-lost',
  'forge',
];

/** Swarm testing: each run knows only some kinds of fault, so that none hides what another one would show. */
export function sampleFaults(random: Random, ground: FaultGround): PlannedFault[] {
  const density = random.pick([0.15, 0.4, 0.7]);
  const kinds = KINDS.filter((kind) => (kind !== 'tracker' || ground.trackers.length > 0) && random.chance(density));
  const faults: PlannedFault[] = [];
  if (kinds.length === 0) return faults;
  const longestGap = random.pick([5, 20, 90]);
  for (let at = seconds(40); at < ground.endsAt - seconds(60); at += millis(random.between(500, longestGap * 1000))) {
    faults.push({ at, fault: sampleFault(random, random.pick(kinds), ground) });
  }
  return faults;
}

function sampleFault(random: Random, kind: Fault['kind'], ground: FaultGround): Fault {
  const director = random.below(ground.directors);
  const lasts = millis(random.pick([random.between(10, 2000), random.between(2000, 15_000), random.between(15_000, 60_000)]));
  const link = random.pick(ground.links);
  switch (kind) {
    case 'crash':
    case 'stop':
      return { kind, director, lasts };
    case 'pause':
      return { kind, director, lasts, what: random.chance(0.5) ? 'process' : 'machine' };
    case 'clock':
      return { kind, director, step: millis(random.pick([random.between(1, 299), random.between(300, 5000), 3_600_000])) };
    case 'noise':
      return { kind, link, noise: sampleNoise(random), lasts };
    case 'link':
    case 'address':
      return { kind, director, link, lasts };
    case 'tracker':
      return { kind, director, tracker: random.pick(ground.trackers), lasts };
    case 'priority':
      return { kind, director, unit: random.below(ground.units), priority: ground.priority() };
    case 'reload':
    case 'vip-lost':
      return { kind, director };
    case 'forge':
      return { kind, link, defect: random.pick(ground.defects), count: random.between(1, 20), gap: millis(random.between(1, 1500)) };
    case 'cut':
      return { kind, paths: sampleCut(random, ground), lasts, ...(random.chance(0.3) && { flaps: millis(random.between(50, 4000)) }) };
  }
}

/** Parts the directors in two; the one side hears the other, or neither does, on one link or on all. */
function sampleCut(random: Random, { directors, links }: FaultGround): Path[] {
  const side = Array.from({ length: directors }, () => random.chance(0.5));
  const oneWay = random.chance(0.4);
  const cutLinks = random.chance(0.5) ? links : [random.pick(links)];
  const paths: Path[] = [];
  for (const link of cutLinks) {
    for (let from = 0; from < directors; from++) {
      for (let to = 0; to < directors; to++) {
        if (from !== to && side[from] !== side[to] && (!oneWay || side[from])) paths.push([link, from, to]);
      }
    }
  }
  return paths;
}
