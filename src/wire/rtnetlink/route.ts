/** Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (rtnetlink(7), linux/rtnetlink.h). */
import { type IpAddress, type IpFamily, type IpPrefix, maxPrefixLength } from '../../base/index.ts';
import { accepted, type Decoded, refused } from '../decoded.ts';
import {
  type AttributeMap,
  concat,
  decodeAttributes,
  encodeAttributes,
  HOST_IS_LITTLE_ENDIAN,
  type NetlinkAttribute,
  readU32,
  text,
  u8,
  u16,
  u32,
  viewOf,
} from '../netlink.ts';
import { readAddress } from './address.ts';
import { AF_INET, AF_INET6, AF_UNSPEC, addressFamily, ipFamily } from './family.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

const HEADER_LENGTH = 12;
const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_MARK = 16;
const RTA_VIA = 18;
const RTA_PREF = 20;
const RTA_TTL_PROPAGATE = 26;
const RTAX_LOCK = 1;
const RTAX_MTU = 2;
const RTNH_F_ONLINK = 4;
const NEXT_HOP_LENGTH = 8;
/** In the header's table byte: the number is too large for it and stands in RTA_TABLE. */
const RT_TABLE_COMPAT = 252;
const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
const SCOPE_HOST = 254;
const PREFERENCES = { low: 3, medium: 0, high: 1 } as const;

/** What the kernel does with packets of a route (RTN_*). `other` stands for kinds that carry no unicast traffic. */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'nat'
  | 'other';

const TYPE_NAMES: readonly (RouteType | undefined)[] = [
  undefined,
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
];

export interface Route {
  readonly family: IpFamily;
  /** What the route is for; as the answer to a look-up, the destination itself with its full length. */
  readonly destination: IpPrefix | 'default';
  readonly type: RouteType;
  /** 254 is main, 255 local. */
  readonly table: number;
  readonly metric: number;
  /** Absent for destinations on the link. May be of the other family (RFC 5549). */
  readonly gateway?: IpAddress;
  readonly interfaceIndex?: number;
  /** Preferred source address. */
  readonly source?: IpAddress;
  /** Path MTU, where the route or the route cache has one. */
  readonly mtu?: number;
  /** RTPROT_*: who put it there; 2 is the kernel, 3 boot, 4 static, 18 keepalived. */
  readonly protocol: number;
  readonly typeOfService: number;
}

/** One way of a route. */
export interface NextHopSpec {
  /** May be of the other family. */
  readonly via?: IpAddress;
  readonly interfaceIndex?: number;
  /** 1 to 256. */
  readonly weight: number;
  /** Believe that `via` is on the link, whatever the addresses say. */
  readonly onlink: boolean;
}

/** A route to be put into a table or taken out of it. */
export interface RouteSpec {
  readonly family: IpFamily;
  readonly type: Exclude<RouteType, 'other'>;
  /** Length 0 is the default route. */
  readonly destination: IpPrefix;
  /** IPv6 source-specific routing. */
  readonly source?: IpPrefix;
  readonly nextHops: readonly NextHopSpec[];
  readonly preferredSource?: IpAddress;
  readonly table: number;
  readonly metric?: number;
  /** What ip(8) would choose, unless given. */
  readonly scope?: number;
  readonly typeOfService?: number;
  readonly protocol: number;
  /** RTAX_* numbers; a text for the congestion control. */
  readonly metrics: readonly { readonly number: number; readonly value: number | string; readonly locked: boolean }[];
  /** IPv6 router preference. */
  readonly preference?: keyof typeof PREFERENCES;
  readonly ttlPropagate?: boolean;
}

/** For RTM_NEWROUTE and RTM_DELROUTE. */
export function encodeRoute(spec: RouteSpec): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  const single = spec.nextHops.length === 1 ? spec.nextHops[0] : undefined;
  header[0] = spec.family === 4 ? AF_INET : AF_INET6;
  header[1] = spec.destination.length;
  header[2] = spec.source?.length ?? 0;
  header[3] = spec.typeOfService ?? 0;
  header[4] = spec.table < 256 ? spec.table : RT_TABLE_COMPAT;
  header[5] = spec.protocol;
  header[6] = spec.scope ?? usualScope(spec);
  header[7] = TYPE_NAMES.indexOf(spec.type);
  viewOf(header).setUint32(8, single?.onlink ? RTNH_F_ONLINK : 0, HOST_IS_LITTLE_ENDIAN);
  const attributes: NetlinkAttribute[] = [{ type: RTA_TABLE, value: u32(spec.table) }];
  if (spec.destination.length > 0) attributes.push({ type: RTA_DST, value: spec.destination.address.bytes });
  if (spec.source) attributes.push({ type: RTA_SRC, value: spec.source.address.bytes });
  if (spec.metric !== undefined) attributes.push({ type: RTA_PRIORITY, value: u32(spec.metric) });
  if (spec.preferredSource) attributes.push({ type: RTA_PREFSRC, value: spec.preferredSource.bytes });
  if (single) attributes.push(...viaAttributes(single, spec.family), ...oif(single.interfaceIndex));
  else if (spec.nextHops.length > 1) attributes.push({ type: RTA_MULTIPATH, value: encodeNextHops(spec) });
  if (spec.metrics.length > 0) attributes.push({ type: RTA_METRICS, value: metricAttributes(spec) });
  if (spec.preference) attributes.push({ type: RTA_PREF, value: u8(PREFERENCES[spec.preference]) });
  if (spec.ttlPropagate !== undefined) attributes.push({ type: RTA_TTL_PROPAGATE, value: u8(spec.ttlPropagate ? 1 : 0) });
  return concat([header, encodeAttributes(attributes)]);
}

/** ip(8)'s rule: how far away the destination can be. IPv6 has no scopes. */
function usualScope({ family, type, nextHops }: RouteSpec): number {
  if (family === 6) return SCOPE_UNIVERSE;
  if (type === 'local' || type === 'nat') return SCOPE_HOST;
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return SCOPE_LINK;
  if (type !== 'unicast') return SCOPE_UNIVERSE;
  return nextHops.length === 1 && !nextHops[0]?.via ? SCOPE_LINK : SCOPE_UNIVERSE;
}

function oif(index: number | undefined): NetlinkAttribute[] {
  return index === undefined ? [] : [{ type: RTA_OIF, value: u32(index) }];
}

function viaAttributes({ via }: NextHopSpec, family: IpFamily): NetlinkAttribute[] {
  if (!via) return [];
  if (via.family === family) return [{ type: RTA_GATEWAY, value: via.bytes }];
  return [{ type: RTA_VIA, value: concat([u16(addressFamily(via)), via.bytes]) }];
}

/** `struct rtnexthop` for each way: length, flags, weight less one, interface; then the gateway. */
function encodeNextHops({ nextHops, family }: RouteSpec): Uint8Array {
  const hops = nextHops.map((hop) => {
    const attributes = encodeAttributes(viaAttributes(hop, family));
    const header = new Uint8Array(NEXT_HOP_LENGTH);
    const view = viewOf(header);
    view.setUint16(0, NEXT_HOP_LENGTH + attributes.length, HOST_IS_LITTLE_ENDIAN);
    view.setUint8(2, hop.onlink ? RTNH_F_ONLINK : 0);
    view.setUint8(3, hop.weight - 1);
    view.setInt32(4, hop.interfaceIndex ?? 0, HOST_IS_LITTLE_ENDIAN);
    return concat([header, attributes]);
  });
  return concat(hops);
}

/** The values, and a bit mask of those that the kernel must not adapt by itself. */
function metricAttributes({ metrics }: RouteSpec): NetlinkAttribute[] {
  const locked = metrics.reduce((bits, metric) => (metric.locked ? bits | (1 << metric.number) : bits), 0);
  const values = metrics.map(({ number, value }) => ({ type: number, value: typeof value === 'string' ? text(value) : u32(value) }));
  return locked === 0 ? values : [{ type: RTAX_LOCK, value: u32(locked >>> 0) }, ...values];
}

/** Asks which route a packet to `destination` takes. */
export function encodeRouteQuery(
  destination: IpAddress,
  options: { readonly source?: IpAddress; readonly mark?: number } = {},
): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  const length = maxPrefixLength(destination.family);
  header[0] = addressFamily(destination);
  header[1] = length;
  const attributes: NetlinkAttribute[] = [{ type: RTA_DST, value: destination.bytes }];
  if (options.source) {
    header[2] = length;
    attributes.push({ type: RTA_SRC, value: options.source.bytes });
  }
  if (options.mark !== undefined) attributes.push({ type: RTA_MARK, value: u32(options.mark) });
  return concat([header, encodeAttributes(attributes)]);
}

/** Asks for all routes of both families, as a dump. */
export function encodeRouteDump(): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  header[0] = AF_UNSPEC;
  return header;
}

export function decodeRoute(payload: Uint8Array): Decoded<Route> {
  if (payload.length < HEADER_LENGTH) return refused('truncated');
  const view = viewOf(payload);
  const family = ipFamily(view.getUint8(0));
  if (family === undefined) return refused('bad-address-family');
  const attributes = decodeAttributes(payload, HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  const address = readAddress(attributes.value.get(RTA_DST));
  if (address && address.family !== family) return refused('bad-address-family');
  const gateway = readAddress(attributes.value.get(RTA_GATEWAY)) ?? readVia(attributes.value.get(RTA_VIA));
  const interfaceIndex = readU32(attributes.value.get(RTA_OIF));
  const source = readAddress(attributes.value.get(RTA_PREFSRC));
  const mtu = readMtu(attributes.value);
  return accepted({
    family,
    destination: address ? { address, length: view.getUint8(1) } : 'default',
    type: TYPE_NAMES[view.getUint8(7)] ?? 'other',
    table: readU32(attributes.value.get(RTA_TABLE)) ?? view.getUint8(4),
    metric: readU32(attributes.value.get(RTA_PRIORITY)) ?? 0,
    ...(gateway && { gateway }),
    ...(interfaceIndex !== undefined && { interfaceIndex }),
    ...(source && { source }),
    ...(mtu !== undefined && { mtu }),
    protocol: view.getUint8(5),
    typeOfService: view.getUint8(3),
  });
}

/** RTA_VIA: a family number and an address of that family. */
function readVia(value: Uint8Array | undefined): IpAddress | undefined {
  return value && value.length > 2 ? readAddress(value.subarray(2)) : undefined;
}

function readMtu(attributes: AttributeMap): number | undefined {
  const metrics = attributes.get(RTA_METRICS);
  if (!metrics) return undefined;
  const decoded = decodeAttributes(metrics);
  return decoded.ok ? readU32(decoded.value.get(RTAX_MTU)) : undefined;
}
