/** Random histories: every scheduler with every flag, all protocols, both families, persistence, weights, thresholds, deletions, waits. */
import { type IpFamily, Random } from '../../src/base/index.ts';
import type { Persistence, Protocol, SchedulerName } from '../../src/model/index.ts';
import type { History, HistoryEvent } from './histories.ts';

/** Debian's kernel has no twos, and twos draws. */
const PLAIN: readonly SchedulerName[] = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sed', 'nq', 'fo', 'ovf'];
const VARIANTS: readonly (readonly [SchedulerName, readonly string[]])[] = [
  ...PLAIN.map((scheduler) => [scheduler, []] as const),
  ...(['sh', 'mh'] as const).flatMap((scheduler) =>
    [[], [`${scheduler}-fallback`], [`${scheduler}-port`], [`${scheduler}-fallback`, `${scheduler}-port`]].map(
      (flags) => [scheduler, flags] as const,
    ),
  ),
];

/** Each one of them appears this often with each of these. */
const SETTINGS: readonly {
  readonly protocol: Protocol;
  readonly family: IpFamily;
  readonly marked: boolean;
  readonly persistence?: Persistence;
}[] = [
  { protocol: 'tcp', family: 4, marked: false },
  { protocol: 'tcp', family: 4, marked: false },
  { protocol: 'tcp', family: 4, marked: false },
  { protocol: 'tcp', family: 4, marked: true },
  { protocol: 'tcp', family: 4, marked: true },
  { protocol: 'tcp', family: 6, marked: false },
  { protocol: 'tcp', family: 6, marked: true },
  { protocol: 'udp', family: 4, marked: false },
  { protocol: 'udp', family: 6, marked: true },
  { protocol: 'sctp', family: 4, marked: false },
  { protocol: 'sctp', family: 6, marked: false },
  { protocol: 'tcp', family: 4, marked: false, persistence: { timeoutSeconds: 100, prefixLength: 32 } },
  { protocol: 'tcp', family: 4, marked: true, persistence: { timeoutSeconds: 100, prefixLength: 16 } },
  { protocol: 'udp', family: 6, marked: false, persistence: { timeoutSeconds: 100, prefixLength: 128 } },
];

const MAX_SERVERS = 7;
/** Virtual addresses of a marked service. */
const TARGETS = 5;
/** A connection that was reset is gone after 10 s, and the kernel's timer may be a quarter of a second late. */
const WAIT_SECONDS = 12;
/** So that no wait ends near the 60 s of a connection that is still being opened. */
const MAX_WAITS = 3;

/** What lblc_expiration and lblcr_expiration are while histories are recorded: between one wait and two. */
export const CACHE_LIFETIME_SECONDS = 20;

export function randomHistories(seed: number): History[] {
  const random = new Random(seed);
  const histories = VARIANTS.flatMap(([scheduler, flags]) => SETTINGS.map((setting) => ({ scheduler, flags, ...setting })));
  return histories.map((history, index) => ({ number: index + 1, ...history, events: new Writer(random, history).write() }));
}

class Writer {
  private readonly random: Random;
  private readonly targets: number;
  private readonly isTcp: boolean;
  /** Weights go up to this: small ones make ties, great ones tell 256 from 257. */
  private readonly heaviest: number;
  private readonly events: HistoryEvent[] = [];
  private readonly present = new Set<number>();
  private readonly opened: { client: number; target: number }[] = [];
  private nextClient = 0;
  private waits = 0;

  constructor(random: Random, { marked, protocol }: { readonly marked: boolean; readonly protocol: Protocol }) {
    this.random = random;
    this.targets = marked ? TARGETS : 1;
    this.isTcp = protocol === 'tcp';
    this.heaviest = random.pick([3, 6, 12, 400, 3000]);
  }

  write(): readonly HistoryEvent[] {
    const servers = this.random.between(2, 5);
    for (let added = 0; added < servers; added++) this.add();
    for (let left = this.random.between(8, 14); left > 0; left--) this.step();
    this.open();
    return this.events;
  }

  private step(): void {
    this.open();
    const roll = this.random.below(10);
    if (roll < 3) this.edit();
    else if (roll < 4) this.add();
    else if (roll < 5) this.remove();
    else if (this.isTcp && roll < 8) this.proceed();
    else if (this.isTcp && roll < 9) this.end();
  }

  private open(): void {
    const target = this.random.below(this.targets);
    const clients = Array.from({ length: this.random.between(2, 12) }, () => this.nextClient++);
    for (const client of clients) this.opened.push({ client, target });
    this.events.push({ at: 0, kind: 'new', target, clients, chosen: [] });
  }

  private add(): void {
    const absent = Array.from({ length: MAX_SERVERS }, (_, index) => index + 1).filter((server) => !this.present.has(server));
    if (absent.length === 0) return;
    const server = this.random.pick(absent);
    this.present.add(server);
    this.events.push({ at: 0, kind: 'add', server, ...this.figures() });
  }

  private edit(): void {
    if (this.present.size === 0) return;
    this.events.push({ at: 0, kind: 'edit', server: this.random.pick([...this.present]), ...this.figures() });
  }

  private remove(): void {
    if (this.present.size === 0) return;
    const server = this.random.pick([...this.present]);
    this.present.delete(server);
    this.events.push({ at: 0, kind: 'delete', server });
  }

  private figures(): { weight: number; upper: number; lower: number } {
    const weight = this.random.chance(0.15) ? 0 : this.random.between(1, this.heaviest);
    const upper = this.random.chance(0.35) ? this.random.between(1, 9) : 0;
    return { weight, upper, lower: this.random.chance(0.5) ? 0 : this.random.between(0, upper) };
  }

  /** Some connections are established, some of them are closed by their clients. */
  private proceed(): void {
    this.push('ack', this.some());
    this.push('fin', this.some());
  }

  /** Some connections are established and reset, and time passes until they are forgotten. */
  private end(): void {
    if (this.waits === MAX_WAITS) return;
    this.waits++;
    const some = this.some();
    this.push('ack', some);
    this.push('reset', some);
    this.events.push({ at: 0, kind: 'wait', seconds: WAIT_SECONDS });
  }

  private some(): typeof this.opened {
    const share = this.random.pick([0.2, 0.5, 0.9]);
    return this.opened.filter(() => this.random.chance(share));
  }

  private push(kind: 'ack' | 'fin' | 'reset', some: typeof this.opened): void {
    for (let target = 0; target < this.targets; target++) {
      const clients = some.filter((connection) => connection.target === target).map(({ client }) => client);
      if (clients.length > 0) this.events.push({ at: 0, kind, target, clients });
    }
  }
}
