/** Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (rtnetlink(7), linux/rtnetlink.h). */
import { type IpAddress, type IpPrefix, maxPrefixLength } from '../../base/index.ts';
import { accepted, type Decoded, refused } from '../decoded.ts';
import { type AttributeMap, concat, decodeAttributes, encodeAttributes, type NetlinkAttribute, readU32, u32, viewOf } from '../netlink.ts';
import { readAddress } from './address.ts';
import { AF_UNSPEC, addressFamily, ipFamily } from './family.ts';

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
const RTA_TABLE = 15;
const RTA_MARK = 16;
const RTA_VIA = 18;
const RTAX_MTU = 2;

/** What the kernel does with packets of a route (RTN_*). `other` stands for kinds that carry no unicast traffic. */
export type RouteType = 'unicast' | 'local' | 'broadcast' | 'anycast' | 'multicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'other';

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
];

export interface Route {
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
    destination: address ? { address, length: view.getUint8(1) } : 'default',
    type: TYPE_NAMES[view.getUint8(7)] ?? 'other',
    table: readU32(attributes.value.get(RTA_TABLE)) ?? view.getUint8(4),
    metric: readU32(attributes.value.get(RTA_PRIORITY)) ?? 0,
    ...(gateway && { gateway }),
    ...(interfaceIndex !== undefined && { interfaceIndex }),
    ...(source && { source }),
    ...(mtu !== undefined && { mtu }),
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
