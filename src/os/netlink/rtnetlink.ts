/** Links, addresses, neighbours and routes of a network namespace, asked and changed synchronously. */
import type { IpAddress } from '../../base/index.ts';
import {
  type AddressSpec,
  type Decoded,
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  encodeAddress,
  encodeAddressQuery,
  encodeLinkQuery,
  encodeNeighbour,
  encodeNeighbourDump,
  encodeNeighbourQuery,
  encodeRouteQuery,
  type InterfaceAddress,
  type Link,
  type Neighbour,
  type NetlinkMessage,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Route,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWNEIGH,
} from '../../wire/index.ts';
import { SystemError } from '../ffi/index.ts';
import { NetlinkSocket } from './netlink-socket.ts';

const NETLINK_ROUTE = 0;

export class Rtnetlink {
  private readonly socket: NetlinkSocket;

  /** Belongs to the network namespace that the calling thread is in now. Throws SystemError. */
  constructor() {
    this.socket = new NetlinkSocket(NETLINK_ROUTE);
  }

  links(): readonly Link[] {
    return collect(this.socket.dump('RTM_GETLINK', RTM_GETLINK, encodeLinkQuery()), decodeLink);
  }

  /** One link by name or index; undefined when there is none. */
  link(which: string | number): Link | undefined {
    const query = encodeLinkQuery(typeof which === 'string' ? { name: which } : { index: which });
    return unlessAbsent(() => collect(this.socket.request('RTM_GETLINK', RTM_GETLINK, 0, query), decodeLink)[0], ['ENODEV', 'ERANGE']);
  }

  /** The addresses of all interfaces or of one, in the kernel's order: the first IPv4 one is the interface's primary address. */
  addresses(interfaceIndex?: number): readonly InterfaceAddress[] {
    const messages = unlessAbsent(() => this.socket.dump('RTM_GETADDR', RTM_GETADDR, encodeAddressQuery(interfaceIndex)), ['ENODEV']);
    return collect(messages ?? [], decodeAddress);
  }

  /** Puts an address on an interface. `exists` when it was there already (whoever put it there). Throws SystemError otherwise. */
  addAddress(spec: AddressSpec): 'added' | 'exists' {
    const add = () => this.socket.request('RTM_NEWADDR', RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, encodeAddress(spec));
    return unlessAbsent(add, ['EEXIST']) ? 'added' : 'exists';
  }

  /** Takes an address off an interface. `absent` when it, or the interface itself, is not there any more. Throws SystemError otherwise. */
  deleteAddress(spec: AddressSpec): 'deleted' | 'absent' {
    const remove = () => this.socket.request('RTM_DELADDR', RTM_DELADDR, 0, encodeAddress(spec));
    return unlessAbsent(remove, ['EADDRNOTAVAIL', 'ENODEV']) ? 'deleted' : 'absent';
  }

  neighbours(): readonly Neighbour[] {
    return collect(this.socket.dump('RTM_GETNEIGH', RTM_GETNEIGH, encodeNeighbourDump()), decodeNeighbour);
  }

  /** One neighbour; undefined when the kernel has no entry for it. */
  neighbour(interfaceIndex: number, address: IpAddress): Neighbour | undefined {
    const query = encodeNeighbourQuery(interfaceIndex, address);
    const find = () => collect(this.socket.request('RTM_GETNEIGH', RTM_GETNEIGH, 0, query), decodeNeighbour)[0];
    return unlessAbsent(find, ['ENOENT', 'ENODEV']);
  }

  /**
   * Makes the kernel ask for an on-link address now: resolves it when it is unknown or failed, and re-confirms a stale entry by
   * asking its known MAC first. The outcome arrives as a neighbour event. Entries that need no asking are left alone.
   */
  probeNeighbour(interfaceIndex: number, address: IpAddress): void {
    const state = this.neighbour(interfaceIndex, address)?.state ?? 'none';
    if (state === 'permanent' || state === 'noarp' || state === 'probe' || state === 'incomplete') return;
    const known = state === 'reachable' || state === 'stale' || state === 'delay';
    if (known && this.confirmNeighbour(interfaceIndex, address)) return;
    this.writeNeighbour(encodeNeighbour({ interfaceIndex, address, state: 'none', use: true }));
  }

  /** How the kernel would route a packet to `destination`; undefined when it has no route or refuses to carry it. */
  routeTo(destination: IpAddress, options: { readonly source?: IpAddress; readonly mark?: number } = {}): Route | undefined {
    const query = encodeRouteQuery(destination, options);
    const find = () => collect(this.socket.request('RTM_GETROUTE', RTM_GETROUTE, 0, query), decodeRoute)[0];
    // A blackhole route answers EINVAL, a prohibited one EACCES.
    return unlessAbsent(find, ['ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL']);
  }

  close(): void {
    this.socket.close();
  }

  /** False when the entry lost its MAC since it was read (EINVAL), so that there is nothing to confirm. */
  private confirmNeighbour(interfaceIndex: number, address: IpAddress): boolean {
    const confirm = () => this.writeNeighbour(encodeNeighbour({ interfaceIndex, address, state: 'probe' }));
    return unlessAbsent(confirm, ['EINVAL']) !== undefined;
  }

  private writeNeighbour(payload: Uint8Array): readonly NetlinkMessage[] {
    return this.socket.request('RTM_NEWNEIGH', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, payload);
  }
}

/** Decodes what can be decoded: other families (MPLS routes, bridge neighbours) share the same dumps and are left out. */
function collect<T>(messages: readonly NetlinkMessage[], decode: (payload: Uint8Array) => Decoded<T>): readonly T[] {
  const items: T[] = [];
  for (const message of messages) {
    const decoded = decode(message.payload);
    if (decoded.ok) items.push(decoded.value);
  }
  return items;
}

/** Runs a request; errors that mean "already so" or "not there" become undefined, others stay exceptions. */
function unlessAbsent<T>(run: () => T, codes: readonly string[]): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof SystemError && codes.includes(error.code)) return undefined;
    throw error;
  }
}
