/** Lines of virtual_routes and static_routes to the model: the language of `ip route add`. */
import { IpAddress, type IpFamily, type IpPrefix } from '../../base/index.ts';
import type { NextHop, Route, RouteType } from '../../model/index.ts';
import type { BoundEntry } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, wordValue } from './lexer.ts';
import { parseNumber } from './route-names.ts';
import { ROUTE_TYPES, ROUTE_WORDS } from './table-lines.ts';
import { Words } from './words.ts';

/** RTPROT_KEEPALIVED of `linux/rtnetlink.h`. */
const PROTOCOL_KEEPALIVED = 18;
const TABLE_MAIN = 254;
const RTAX_FEATURE_ECN = 1;
const UINT = 0xffffffff;
/** RTAX_* of `linux/rtnetlink.h`, with the greatest value. */
const METRICS: Readonly<Record<string, { readonly number: number; readonly max: number }>> = {
  mtu: { number: 2, max: UINT },
  window: { number: 3, max: UINT },
  rtt: { number: 4, max: UINT },
  rttvar: { number: 5, max: UINT },
  ssthresh: { number: 6, max: UINT },
  cwnd: { number: 7, max: UINT },
  advmss: { number: 8, max: UINT },
  reordering: { number: 9, max: UINT },
  hoplimit: { number: 10, max: 255 },
  initcwnd: { number: 11, max: UINT },
  rto_min: { number: 13, max: UINT },
  initrwnd: { number: 14, max: UINT },
  quickack: { number: 15, max: 1 },
};
const FEATURES = 12;
const CONGESTION_CONTROL = 16;
const FASTOPEN_NO_COOKIE = 17;
/** The kernel keeps the smoothed round trip in eighths of a millisecond and its variation in quarters. */
const TIME_UNITS: Readonly<Record<string, number>> = { rtt: 8, rttvar: 4, rto_min: 1 };
/** Types that go nowhere, so that they need no interface. */
const DEAD_ENDS: readonly RouteType[] = ['blackhole', 'unreachable', 'prohibit', 'throw'];
const NO_ADDRESS: Readonly<Record<IpFamily, IpAddress>> = {
  4: IpAddress.fromV4Number(0),
  6: IpAddress.fromBytes(new Uint8Array(16)) as IpAddress,
};
const HOP_WORDS = ROUTE_WORDS.filter(({ name }) => ['via', 'gw', 'dev', 'oif', 'onlink', 'realms', 'encap'].includes(name));

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

/** A static route may name a track group, whose token is where a wrong name is reported. */
export interface ReadRoute {
  readonly route: Route;
  readonly trackGroup?: Token;
}

/** `defaultInterface` is the virtual router's; static routes have none. */
export function readRoute(entry: BoundEntry, defaultInterface: string | undefined, context: Context): ReadRoute | undefined {
  return new RouteReader(new Words(entry, context)).read(defaultInterface);
}

class RouteReader {
  private readonly words: Words;
  private readonly draft: Mutable<Omit<Route, 'metrics' | 'nextHops'>> = { type: 'unicast' };
  private readonly metrics: { number: number; value: number | string; locked: boolean }[] = [];
  private readonly single: Mutable<NextHop> = {};
  private readonly hops: NextHop[] = [];
  private destination: IpPrefix | 'any' | undefined;
  private trackGroup: Token | undefined;

  constructor(words: Words) {
    this.words = words;
  }

  read(defaultInterface: string | undefined): ReadRoute | undefined {
    while (!this.words.done) this.word();
    if (this.destination === undefined) {
      if (!this.words.failed) this.words.about('config/missing-keyword', 'A route needs a destination: a network, or default.');
      return undefined;
    }
    return this.words.failed ? undefined : this.finish(this.destination, defaultInterface);
  }

  private word(): void {
    const type = ROUTE_TYPES.find((name) => name === this.words.peek());
    if (type !== undefined) {
      const token = this.words.next() as Token;
      if (this.destination !== undefined) this.words.wrong('config/bad-value', token, `The type ${type} stands before the destination.`);
      this.draft.type = type;
      return;
    }
    const found = this.words.keyword(ROUTE_WORDS);
    if (found) this.keyword(found.keyword.aliasOf ?? found.keyword.name, found.token);
    else if (this.destination === undefined) this.destination = this.readDestination();
    else this.words.unknown('a route', ROUTE_WORDS);
  }

  private readDestination(): IpPrefix | 'any' | undefined {
    return this.words.prefix('A route', ['default', 'any', 'all', 'default6']);
  }

  private keyword(name: string, token: Token): void {
    const { words, draft } = this;
    if (name in METRICS) this.metric(name);
    else if (name === 'to') this.destination = this.readDestination();
    else if (name === 'via') this.single.via = this.gateway(name) as IpAddress;
    else if (name === 'dev') this.single.interface = words.device(name) as string;
    else if (name === 'onlink') this.single.onlink = true;
    else if (name === 'or') this.secondGateway();
    else if (name === 'nexthop') this.hops.push(this.hop());
    else if (name === 'src') draft.preferredSource = words.address(name) as IpAddress;
    else if (name === 'from') this.source();
    else if (name === 'table') draft.table = words.number('table', name) as number;
    else if (name === 'protocol') draft.protocol = words.number('protocol', name) as number;
    else if (name === 'scope') draft.scope = words.number('scope', name) as number;
    else if (name === 'tos') draft.tos = words.number('tos', name) as number;
    else if (name === 'metric') draft.metric = words.scalar({ kind: 'integer', min: 0, max: UINT }, name) as number;
    else if (name === 'inet' || name === 'inet6') words.takeFamily(name === 'inet' ? 4 : 6, token);
    else if (name === 'no_track') draft.tracked = false;
    else if (name === 'track_group') this.trackGroup = words.next() ?? words.missing(name, 'the name of a track_group');
    else this.rareKeyword(name);
  }

  private rareKeyword(name: string): void {
    const { words, draft, metrics } = this;
    if (name === 'congctl')
      metrics.push({
        locked: this.lock(),
        number: CONGESTION_CONTROL,
        value: words.scalar({ kind: 'word', what: 'a name' }, name) as string,
      });
    else if (name === 'features') {
      if (words.scalar({ kind: 'choice', words: ['ecn'] }, name) !== undefined)
        metrics.push({ number: FEATURES, value: RTAX_FEATURE_ECN, locked: false });
    } else if (name === 'fastopen_no_cookie')
      metrics.push({ number: FASTOPEN_NO_COOKIE, value: words.scalar({ kind: 'integer', min: 0, max: 1 }, name) as number, locked: false });
    else if (name === 'pref') draft.preference = words.scalar({ kind: 'choice', words: ['low', 'medium', 'high'] }, name) as 'low';
    else if (name === 'ttl-propagate')
      draft.ttlPropagate = words.scalar({ kind: 'choice', words: ['enabled', 'disabled'] }, name) === 'enabled';
    else if (['realms', 'expires', 'vrf'].includes(name)) words.scalar({ kind: 'word', what: 'a value' }, name);
    else if (name === 'encap') while (!words.done) words.next();
  }

  /** `via [inet|inet6] ADDRESS`. */
  private gateway(name: string): IpAddress | undefined {
    const family = this.words.peek();
    if (family === 'inet' || family === 'inet6') this.words.takeFamily(family === 'inet' ? 4 : 6, this.words.next() as Token);
    return this.words.address(name);
  }

  private source(): void {
    const source = this.words.prefix('from', ['default', 'any', 'all']);
    if (source !== undefined && source !== 'any') this.draft.source = source;
  }

  /** `via A or B`: the way of older files to have two gateways. */
  private secondGateway(): void {
    const via = this.words.address('or');
    if (via) this.hops.push({ via, weight: 1, onlink: false });
  }

  private hop(): NextHop {
    const hop: { via?: IpAddress; interface?: string; weight: number; onlink: boolean } = { weight: 1, onlink: false };
    for (;;) {
      if (this.words.peek() === 'weight') {
        this.words.next();
        hop.weight = (this.words.scalar({ kind: 'integer', min: 1, max: 256 }, 'weight') as number | undefined) ?? 1;
        continue;
      }
      const found = this.words.keyword(HOP_WORDS);
      if (!found) return hop;
      const name = found.keyword.aliasOf ?? found.keyword.name;
      if (name === 'via') hop.via = this.gateway(name) as IpAddress;
      else if (name === 'dev') hop.interface = this.words.device(name) as string;
      else if (name === 'onlink') hop.onlink = true;
      else this.rareKeyword(name);
    }
  }

  private lock(): boolean {
    if (this.words.peek() !== 'lock') return false;
    this.words.next();
    return true;
  }

  private metric(name: string): void {
    const { number, max } = METRICS[name] as { number: number; max: number };
    const locked = this.lock();
    const token = this.words.next();
    if (!token) return this.words.missing(name, `a number from 0 to ${max}`);
    const unit = TIME_UNITS[name];
    const value = unit === undefined ? parseNumber(wordValue(token), max) : parseTime(wordValue(token), unit);
    if (value === undefined) {
      this.words.wrong('config/bad-value', token, `${name} takes a whole number from 0 to ${max}, not ${token.text}.`);
      return;
    }
    this.metrics.push({ number, value, locked });
  }

  /** A route is known again by its interface and by our protocol number. */
  private isTrackable(interfaceName: string | undefined): boolean {
    const { protocol } = this.draft;
    if (interfaceName === undefined) {
      this.words.about(
        'config/not-tracked',
        'A route without an interface is not watched: nobody notices when it is deleted.',
        'Write dev and the name of an interface, or no_track.',
      );
      return false;
    }
    if (protocol !== undefined && protocol !== PROTOCOL_KEEPALIVED)
      this.words.about(
        'config/protocol-reset',
        'A route that is watched has the protocol keepalived (18), not the one given.',
        'Remove protocol, or write no_track.',
      );
    return true;
  }

  private finish(destination: IpPrefix | 'any', defaultInterface: string | undefined): ReadRoute | undefined {
    const { draft, single, words } = this;
    const family = words.family ?? 4;
    if (draft.preference !== undefined && family === 4) {
      words.about('config/bad-value', 'pref is a matter of IPv6 routes only.');
      return undefined;
    }
    if (draft.source && family === 4) {
      words.about('config/bad-value', 'from is a matter of IPv6 routes only.', 'Use a rule with from and a table of its own.');
      return undefined;
    }
    const deadEnd = DEAD_ENDS.includes(draft.type as RouteType);
    const direct = single.via === undefined && this.hops.length === 0 && !deadEnd;
    const interfaceName = single.interface ?? (direct ? defaultInterface : undefined);
    const first: NextHop = {
      ...(single.via && { via: single.via }),
      ...(interfaceName !== undefined && { interface: interfaceName }),
      weight: 1,
      onlink: single.onlink ?? false,
    };
    const alone = first.via !== undefined || first.interface !== undefined;
    if (direct && interfaceName === undefined) {
      words.about('config/missing-keyword', 'A route without a gateway needs an interface.', 'Write dev and the name of an interface.');
      return undefined;
    }
    const tracked = draft.tracked !== false && this.isTrackable(interfaceName);
    return {
      route: {
        ...draft,
        type: draft.type as RouteType,
        family,
        destination: destination === 'any' ? { address: NO_ADDRESS[family], length: 0 } : destination,
        nextHops: [...(alone ? [first] : []), ...this.hops],
        table: draft.table ?? TABLE_MAIN,
        protocol: tracked ? PROTOCOL_KEEPALIVED : (draft.protocol ?? PROTOCOL_KEEPALIVED),
        metrics: this.metrics,
        tracked,
        ...(this.trackGroup && { trackGroup: wordValue(this.trackGroup) }),
      },
      ...(this.trackGroup && { trackGroup: this.trackGroup }),
    };
  }
}

/** `5s`, `5ms` or the kernel's own unit without a letter. */
function parseTime(text: string, unitsPerMillisecond: number): number | undefined {
  const match = /^(\d+)(ms|s)?$/.exec(text);
  if (!match) return undefined;
  const factor = match[2] === undefined ? 1 : match[2] === 's' ? 1000 * unitsPerMillisecond : unitsPerMillisecond;
  return parseNumber(String(Number(match[1]) * factor), UINT);
}
