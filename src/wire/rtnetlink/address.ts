/** Interface addresses: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (rtnetlink(7), linux/if_addr.h). */
import { IpAddress, type IpPrefix } from '../../base/index.ts';
import { accepted, type Decoded, refused } from '../decoded.ts';
import {
  concat,
  decodeAttributes,
  encodeAttributes,
  HOST_IS_LITTLE_ENDIAN,
  type NetlinkAttribute,
  readText,
  readU32,
  text,
  u32,
  viewOf,
} from '../netlink.ts';
import { AF_UNSPEC, addressFamily, ipFamily } from './family.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const HEADER_LENGTH = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_F_SECONDARY = 0x01;
const IFA_F_NODAD = 0x02;
const IFA_F_HOMEADDRESS = 0x10;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
/** In IFA_CACHEINFO: a lifetime without end. */
const FOREVER = 0xffffffff;

export type AddressScope = 'global' | 'site' | 'link' | 'host' | 'nowhere';

const SCOPE_NUMBERS: Readonly<Record<AddressScope, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };
const SCOPE_NAMES: ReadonlyMap<number, AddressScope> = new Map(
  Object.entries(SCOPE_NUMBERS).map(([name, number]) => [number, name as AddressScope]),
);

/** An address to put on an interface or take off it. */
export interface AddressSpec {
  readonly interfaceIndex: number;
  readonly prefix: IpPrefix;
  readonly scope?: AddressScope;
  /** IPv4 only; the interface's name, alone or followed by `:` and more. At most 15 bytes. */
  readonly label?: string;
  /** IPv4 only. Absent means none, as `ip addr add` without `brd`. */
  readonly broadcast?: IpAddress;
  /** The other end of a point-to-point link; the prefix length is then its own. */
  readonly peer?: IpAddress;
  /** IPv6 only: usable at once, without duplicate address detection. */
  readonly noDuplicateDetection?: boolean;
  /** IPv6 only: a Mobile IPv6 home address. */
  readonly home?: boolean;
  /** Preferred lifetime 0: never chosen as the source of new connections. */
  readonly deprecated?: boolean;
}

/** An address as the kernel reports it. */
export interface InterfaceAddress {
  readonly interfaceIndex: number;
  /** Our own address (IFA_LOCAL) with its prefix length. */
  readonly prefix: IpPrefix;
  /** The other end of a point-to-point address, when it differs. */
  readonly peer?: IpAddress;
  /** A scope number without a name counts as `global` when below 200, else as `nowhere`. */
  readonly scope: AddressScope;
  readonly label?: string;
  readonly broadcast?: IpAddress;
  /** Not the first address of its subnet on the interface. */
  readonly secondary: boolean;
  /** IPv6 duplicate address detection has not finished; the address cannot be used yet. */
  readonly tentative: boolean;
  /** Not chosen as the source of new connections. */
  readonly deprecated: boolean;
}

export function encodeAddress(spec: AddressSpec): Uint8Array {
  const { address, length } = spec.prefix;
  const header = new Uint8Array(HEADER_LENGTH);
  header[0] = addressFamily(address);
  header[1] = length;
  header[3] = SCOPE_NUMBERS[spec.scope ?? 'global'];
  viewOf(header).setUint32(4, spec.interfaceIndex, HOST_IS_LITTLE_ENDIAN);
  const attributes: NetlinkAttribute[] = [
    { type: IFA_LOCAL, value: address.bytes },
    { type: IFA_ADDRESS, value: (spec.peer ?? address).bytes },
  ];
  if (spec.broadcast) attributes.push({ type: IFA_BROADCAST, value: spec.broadcast.bytes });
  if (spec.label !== undefined) attributes.push({ type: IFA_LABEL, value: text(spec.label) });
  const flags = (spec.noDuplicateDetection ? IFA_F_NODAD : 0) | (spec.home ? IFA_F_HOMEADDRESS : 0);
  if (flags !== 0) attributes.push({ type: IFA_FLAGS, value: u32(flags) });
  // struct ifa_cacheinfo: preferred and valid lifetime, then two time stamps that the kernel fills in.
  if (spec.deprecated) attributes.push({ type: IFA_CACHEINFO, value: concat([u32(0), u32(FOREVER), u32(0), u32(0)]) });
  return concat([header, encodeAttributes(attributes)]);
}

/** Asks for the addresses of every interface, or of one where the socket has strict checking on. */
export function encodeAddressQuery(interfaceIndex = 0): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  header[0] = AF_UNSPEC;
  viewOf(header).setUint32(4, interfaceIndex, HOST_IS_LITTLE_ENDIAN);
  return header;
}

export function decodeAddress(payload: Uint8Array): Decoded<InterfaceAddress> {
  if (payload.length < HEADER_LENGTH) return refused('truncated');
  const view = viewOf(payload);
  const family = ipFamily(view.getUint8(0));
  if (family === undefined) return refused('bad-address-family');
  const attributes = decodeAttributes(payload, HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  const remote = readAddress(attributes.value.get(IFA_ADDRESS));
  const address = readAddress(attributes.value.get(IFA_LOCAL)) ?? remote;
  if (address?.family !== family) return refused('bad-address-family');
  const label = attributes.value.get(IFA_LABEL);
  const broadcast = readAddress(attributes.value.get(IFA_BROADCAST));
  const flags = readU32(attributes.value.get(IFA_FLAGS)) ?? view.getUint8(2);
  return accepted({
    interfaceIndex: view.getUint32(4, HOST_IS_LITTLE_ENDIAN),
    prefix: { address, length: view.getUint8(1) },
    ...(remote && !remote.equals(address) && { peer: remote }),
    scope: scopeName(view.getUint8(3)),
    ...(label && { label: readText(label) }),
    ...(broadcast && { broadcast }),
    secondary: (flags & IFA_F_SECONDARY) !== 0,
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
    deprecated: (flags & IFA_F_DEPRECATED) !== 0,
  });
}

function scopeName(scope: number): AddressScope {
  return SCOPE_NAMES.get(scope) ?? (scope < SCOPE_NUMBERS.site ? 'global' : 'nowhere');
}

/** An address attribute; undefined when it is absent or neither 4 nor 16 bytes long. */
export function readAddress(value: Uint8Array | undefined): IpAddress | undefined {
  return value && IpAddress.fromBytes(value);
}
