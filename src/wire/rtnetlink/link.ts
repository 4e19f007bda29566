/** Links (network interfaces): RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (rtnetlink(7), linux/if_link.h). */
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
  u8,
  u32,
  viewOf,
} from '../netlink.ts';
import { AF_INET6 } from './family.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

const INFO_LENGTH = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_AF_SPEC = 26;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_MACVLAN_MODE = 1;
const IFLA_VLAN_ID = 1;
const IFLA_VLAN_PROTOCOL = 5;
const ETH_P_8021Q = 0x8100;
const VETH_INFO_PEER = 1;
/** Macvlans of the same interface do not talk to each other: two virtual routers of one host must not meet inside it. */
const MACVLAN_MODE_PRIVATE = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
/** No IPv6 link-local address is made from the MAC, which every director of the virtual router shares. */
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const IFF_NOARP = 0x80;
const IFF_MULTICAST = 0x1000;

export interface Link {
  /** The interface index, at least 1. */
  readonly index: number;
  readonly name: string;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** Able to carry packets: up and with carrier (IFF_RUNNING). What keepalived means by an interface being up is both. */
  readonly running: boolean;
  readonly loopback: boolean;
  readonly multicast: boolean;
  /** ARPHRD_*: 1 is Ethernet, 772 loopback. */
  readonly hardwareType: number;
  readonly mtu: number;
  /** The hardware address; absent on interfaces without one. */
  readonly mac?: Uint8Array;
  /** Driver kind for virtual interfaces: `veth`, `bridge`, `macvlan`, `vlan`, `bond` … */
  readonly kind?: string;
  /** Of a VLAN of IEEE 802.1Q: its number. */
  readonly vlan?: number;
  /** The interface underneath (VLAN, macvlan) or the peer in this namespace (veth). */
  readonly lowerIndex?: number;
  /** The bridge or bond that this interface belongs to. */
  readonly masterIndex?: number;
}

/** Asks for one link by index or by name, or for all of them (as a dump). */
export function encodeLinkQuery(which?: { readonly index: number } | { readonly name: string }): Uint8Array {
  const info = new Uint8Array(INFO_LENGTH);
  if (which && 'index' in which) viewOf(info).setInt32(4, which.index, HOST_IS_LITTLE_ENDIAN);
  return which && 'name' in which ? concat([info, encodeAttributes([{ type: IFLA_IFNAME, value: text(which.name) }])]) : info;
}

/** A macvlan to be made on another interface. */
export interface MacvlanSpec {
  /** At most 15 characters. */
  readonly name: string;
  /** The interface that it lies on. */
  readonly lowerIndex: number;
  /** Six bytes. */
  readonly mac: Uint8Array;
}

/** For RTM_NEWLINK: a macvlan in private mode. Down, as every new interface is. */
export function encodeMacvlan(spec: MacvlanSpec): Uint8Array {
  const attributes = encodeAttributes([
    { type: IFLA_LINK, value: u32(spec.lowerIndex) },
    { type: IFLA_IFNAME, value: text(spec.name) },
    { type: IFLA_ADDRESS, value: spec.mac },
    {
      type: IFLA_LINKINFO,
      value: [
        { type: IFLA_INFO_KIND, value: text('macvlan') },
        { type: IFLA_INFO_DATA, value: [{ type: IFLA_MACVLAN_MODE, value: u32(MACVLAN_MODE_PRIVATE) }] },
      ],
    },
  ]);
  return concat([new Uint8Array(INFO_LENGTH), attributes]);
}

/** Two interfaces, each of which receives what the other sends. */
export interface VethSpec {
  /** At most 15 characters each. */
  readonly names: readonly [string, string];
  /** Of both: they may even have the same address, for nobody else sees it. */
  readonly mtu: number;
  readonly mac: Uint8Array;
}

/** For RTM_NEWLINK: a pair. Both ends are down. */
export function encodeVeth({ names: [name, peer], mtu, mac }: VethSpec): Uint8Array {
  const end = (own: string): NetlinkAttribute[] => [
    { type: IFLA_IFNAME, value: text(own) },
    { type: IFLA_ADDRESS, value: mac },
    { type: IFLA_MTU, value: u32(mtu) },
  ];
  const other = concat([new Uint8Array(INFO_LENGTH), encodeAttributes(end(peer))]);
  const info: NetlinkAttribute = {
    type: IFLA_LINKINFO,
    value: [
      { type: IFLA_INFO_KIND, value: text('veth') },
      { type: IFLA_INFO_DATA, value: [{ type: VETH_INFO_PEER, value: other }] },
    ],
  };
  return concat([new Uint8Array(INFO_LENGTH), encodeAttributes([...end(name), info])]);
}

/** For RTM_NEWLINK on an interface that exists: it makes no IPv6 link-local address from its MAC. */
export function encodeNoGeneratedAddress(index: number): Uint8Array {
  const mode: NetlinkAttribute = { type: IFLA_INET6_ADDR_GEN_MODE, value: u8(IN6_ADDR_GEN_MODE_NONE) };
  return concat([encodeLinkChange(index), encodeAttributes([{ type: IFLA_AF_SPEC, value: [{ type: AF_INET6, value: [mode] }] }])]);
}

/** For RTM_NEWLINK (to set it up or down) and RTM_DELLINK: one link, with the flags to change. `noArp`: nobody is asked there for addresses. */
export function encodeLinkChange(index: number, change: { readonly up?: boolean; readonly noArp?: boolean } = {}): Uint8Array {
  const info = new Uint8Array(INFO_LENGTH);
  const view = viewOf(info);
  view.setInt32(4, index, HOST_IS_LITTLE_ENDIAN);
  const noArp = change.noArp ? IFF_NOARP : 0;
  view.setUint32(8, (change.up ? IFF_UP : 0) | noArp, HOST_IS_LITTLE_ENDIAN);
  view.setUint32(12, (change.up === undefined ? 0 : IFF_UP) | noArp, HOST_IS_LITTLE_ENDIAN);
  return info;
}

export function decodeLink(payload: Uint8Array): Decoded<Link> {
  if (payload.length < INFO_LENGTH) return refused('truncated');
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, INFO_LENGTH);
  if (!attributes.ok) return attributes;
  const name = attributes.value.get(IFLA_IFNAME);
  const mac = attributes.value.get(IFLA_ADDRESS);
  const { kind, vlan } = linkInfo(attributes.value.get(IFLA_LINKINFO));
  const lowerIndex = readU32(attributes.value.get(IFLA_LINK));
  const masterIndex = readU32(attributes.value.get(IFLA_MASTER));
  const flags = view.getUint32(8, HOST_IS_LITTLE_ENDIAN);
  return accepted({
    index: view.getInt32(4, HOST_IS_LITTLE_ENDIAN),
    name: name ? readText(name) : '',
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    multicast: (flags & IFF_MULTICAST) !== 0,
    hardwareType: view.getUint16(2, HOST_IS_LITTLE_ENDIAN),
    mtu: readU32(attributes.value.get(IFLA_MTU)) ?? 0,
    ...(mac && mac.length > 0 && { mac: mac.slice() }),
    ...(kind !== undefined && { kind }),
    ...(vlan !== undefined && { vlan }),
    ...(lowerIndex !== undefined && { lowerIndex }),
    ...(masterIndex !== undefined && { masterIndex }),
  });
}

function linkInfo(info: Uint8Array | undefined): { readonly kind?: string; readonly vlan?: number } {
  const attributes = info && decodeAttributes(info);
  const kind = attributes?.ok ? attributes.value.get(IFLA_INFO_KIND) : undefined;
  if (!attributes?.ok || !kind) return {};
  const vlan = readText(kind) === 'vlan' ? vlanNumber(attributes.value.get(IFLA_INFO_DATA)) : undefined;
  return { kind: readText(kind), ...(vlan !== undefined && { vlan }) };
}

/** Kernels before the second kind of tag did not say which one it is. */
function vlanNumber(data: Uint8Array | undefined): number | undefined {
  const attributes = data && decodeAttributes(data);
  const id = attributes?.ok ? attributes.value.get(IFLA_VLAN_ID) : undefined;
  const protocol = attributes?.ok ? attributes.value.get(IFLA_VLAN_PROTOCOL) : undefined;
  if (!id || id.length < 2 || (protocol && protocol.length >= 2 && viewOf(protocol).getUint16(0) !== ETH_P_8021Q)) return undefined;
  return viewOf(id).getUint16(0, HOST_IS_LITTLE_ENDIAN);
}
