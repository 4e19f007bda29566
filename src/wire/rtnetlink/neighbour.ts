/** Neighbours (ARP and ND cache entries): RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (rtnetlink(7), linux/neighbour.h). */
import type { IpAddress } from '../../base/index.ts';
import { accepted, type Decoded, refused } from '../decoded.ts';
import { concat, decodeAttributes, encodeAttributes, HOST_IS_LITTLE_ENDIAN, type NetlinkAttribute, viewOf } from '../netlink.ts';
import { readAddress } from './address.ts';
import { AF_UNSPEC, addressFamily, ipFamily } from './family.ts';

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

const HEADER_LENGTH = 12;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NTF_USE = 0x01;

/** How much the kernel trusts an entry (NUD_*). `none` is a fresh entry; `noarp` needs no resolution; `permanent` never ages. */
export type NeighbourState = 'none' | 'incomplete' | 'reachable' | 'stale' | 'delay' | 'probe' | 'failed' | 'noarp' | 'permanent';

const STATE_NUMBERS: Readonly<Record<NeighbourState, number>> = {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
};
const STATE_NAMES: ReadonlyMap<number, NeighbourState> = new Map(
  Object.entries(STATE_NUMBERS).map(([name, number]) => [number, name as NeighbourState]),
);

export interface Neighbour {
  readonly interfaceIndex: number;
  readonly address: IpAddress;
  readonly state: NeighbourState;
  /** Absent while unresolved. */
  readonly mac?: Uint8Array;
}

/** What to write into the neighbour table. */
export interface NeighbourSpec {
  readonly interfaceIndex: number;
  readonly address: IpAddress;
  readonly state: NeighbourState;
  readonly mac?: Uint8Array;
  /** Make the kernel resolve the address as if a packet were to be sent there (NTF_USE). */
  readonly use?: boolean;
}

export function encodeNeighbour(spec: NeighbourSpec): Uint8Array {
  const attributes: NetlinkAttribute[] = [{ type: NDA_DST, value: spec.address.bytes }];
  if (spec.mac) attributes.push({ type: NDA_LLADDR, value: spec.mac });
  const header = neighbourHeader(addressFamily(spec.address), spec.interfaceIndex, STATE_NUMBERS[spec.state], spec.use ? NTF_USE : 0);
  return concat([header, encodeAttributes(attributes)]);
}

/** Asks for one entry (the state must not be given, or the kernel refuses the question). */
export function encodeNeighbourQuery(interfaceIndex: number, address: IpAddress): Uint8Array {
  const header = neighbourHeader(addressFamily(address), interfaceIndex, 0, 0);
  return concat([header, encodeAttributes([{ type: NDA_DST, value: address.bytes }])]);
}

/** Asks for the whole table, as a dump. */
export function encodeNeighbourDump(): Uint8Array {
  return neighbourHeader(AF_UNSPEC, 0, 0, 0);
}

export function decodeNeighbour(payload: Uint8Array): Decoded<Neighbour> {
  if (payload.length < HEADER_LENGTH) return refused('truncated');
  const view = viewOf(payload);
  const family = ipFamily(view.getUint8(0));
  if (family === undefined) return refused('bad-address-family');
  const attributes = decodeAttributes(payload, HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  const address = readAddress(attributes.value.get(NDA_DST));
  if (address?.family !== family) return refused('bad-address-family');
  const mac = attributes.value.get(NDA_LLADDR);
  return accepted({
    interfaceIndex: view.getInt32(4, HOST_IS_LITTLE_ENDIAN),
    address,
    state: STATE_NAMES.get(view.getUint16(8, HOST_IS_LITTLE_ENDIAN)) ?? 'none',
    ...(mac && mac.length > 0 && { mac: mac.slice() }),
  });
}

/** Whether packets are sent to the entry's MAC without first asking for it. */
export function isUsable(state: NeighbourState): boolean {
  return state !== 'none' && state !== 'incomplete' && state !== 'failed';
}

function neighbourHeader(family: number, interfaceIndex: number, state: number, flags: number): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  const view = viewOf(header);
  view.setUint8(0, family);
  view.setInt32(4, interfaceIndex, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(8, state, HOST_IS_LITTLE_ENDIAN);
  view.setUint8(10, flags);
  return header;
}
