/** Links, addresses, neighbours, routes and rules of a network namespace, asked and changed synchronously. */
import type { IpAddress } from '../../base/index.ts';
import {
  type AddressSpec,
  CLSACT_EGRESS,
  CLSACT_INGRESS,
  type Decoded,
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  decodeRule,
  decodeTraffic,
  encodeAddress,
  encodeAddressQuery,
  encodeLinkChange,
  encodeLinkQuery,
  encodeMacvlan,
  encodeNeighbour,
  encodeNeighbourDump,
  encodeNeighbourQuery,
  encodeNoGeneratedAddress,
  encodeRoute,
  encodeRouteDump,
  encodeRouteQuery,
  encodeRule,
  encodeRuleDump,
  encodeTrafficQuery,
  encodeVeth,
  type InterfaceAddress,
  type Link,
  type MacvlanSpec,
  type Neighbour,
  type NetlinkMessage,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Route,
  type RouteSpec,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_GETTFILTER,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  type RuleSpec,
  type TrafficControl,
  type VethSpec,
} from '../../wire/index.ts';
import { SystemError } from '../ffi/index.ts';
import { encodeRequest, NetlinkSocket } from './netlink-socket.ts';

const NETLINK_ROUTE = 0;

/** The whole request that puts an address on an interface. */
export function encodeNewAddress(address: AddressSpec): Uint8Array {
  return encodeRequest(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, encodeAddress(address));
}

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

  /** Makes a macvlan, down, without IPv6 address of its own making. `exists` when an interface of that name is there already, whatever it is. Throws SystemError otherwise. */
  createMacvlan(spec: MacvlanSpec): 'created' | 'exists' {
    return this.createLink(encodeMacvlan(spec), [spec.name]);
  }

  /** Makes a veth pair in the same way. */
  createVeth(spec: VethSpec): 'created' | 'exists' {
    return this.createLink(encodeVeth(spec), spec.names);
  }

  /** Deletes an interface of a kind that can be deleted. */
  deleteLink(index: number): 'deleted' | 'absent' {
    const remove = () => this.socket.request('RTM_DELLINK', RTM_DELLINK, 0, encodeLinkChange(index));
    return unlessAbsent(remove, ['ENODEV']) ? 'deleted' : 'absent';
  }

  /** Sets an interface up or down; `noArp`: one where nobody is asked for addresses. Throws SystemError (ENODEV when it is gone). */
  setLinkUp(index: number, up: boolean, options: { readonly noArp?: boolean } = {}): void {
    this.socket.request('RTM_NEWLINK', RTM_NEWLINK, 0, encodeLinkChange(index, { up, ...options }));
  }

  /** The addresses of all interfaces or of one, in the kernel's order: the first IPv4 one is the interface's primary address. */
  addresses(interfaceIndex?: number): readonly InterfaceAddress[] {
    const messages = unlessAbsent(() => this.socket.dump('RTM_GETADDR', RTM_GETADDR, encodeAddressQuery(interfaceIndex)), ['ENODEV']);
    return collect(messages ?? [], decodeAddress);
  }

  /**
   * Puts an address on an interface; who is in a hurry has `encodeNewAddress` done beforehand. `exists` when it was there already (whoever
   * put it there). Throws SystemError otherwise.
   */
  addAddress(address: AddressSpec | Uint8Array): 'added' | 'exists' {
    const request = address instanceof Uint8Array ? address : encodeNewAddress(address);
    return unlessAbsent(() => this.socket.perform('RTM_NEWADDR', request), ['EEXIST']) ? 'added' : 'exists';
  }

  /** Takes an address off an interface. `absent` when it, or the interface itself, is not there any more. Throws SystemError otherwise. */
  deleteAddress(spec: AddressSpec): 'deleted' | 'absent' {
    const remove = () => this.socket.request('RTM_DELADDR', RTM_DELADDR, 0, encodeAddress(spec));
    return unlessAbsent(remove, ['EADDRNOTAVAIL', 'ENODEV']) ? 'deleted' : 'absent';
  }

  routes(): readonly Route[] {
    return collect(this.socket.dump('RTM_GETROUTE', RTM_GETROUTE, encodeRouteDump()), decodeRoute);
  }

  /** Puts a route into its table. `exists` when an equal one, or another to the same place at the same metric, is there already. */
  addRoute(spec: RouteSpec): 'added' | 'exists' {
    const add = () => this.socket.request('RTM_NEWROUTE', RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, encodeRoute(spec));
    return unlessAbsent(add, ['EEXIST']) ? 'added' : 'exists';
  }

  /** Takes a route out of its table. `absent` when it, its table or its interface is not there any more. Throws SystemError otherwise. */
  deleteRoute(spec: RouteSpec): 'deleted' | 'absent' {
    const remove = () => this.socket.request('RTM_DELROUTE', RTM_DELROUTE, 0, encodeRoute(spec));
    return unlessAbsent(remove, ['ESRCH', 'ENODEV', 'ENETDOWN']) ? 'deleted' : 'absent';
  }

  rules(): readonly RuleSpec[] {
    return collect(this.socket.dump('RTM_GETRULE', RTM_GETRULE, encodeRuleDump()), decodeRule);
  }

  addRule(spec: RuleSpec): 'added' | 'exists' {
    const add = () => this.socket.request('RTM_NEWRULE', RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, encodeRule(spec));
    return unlessAbsent(add, ['EEXIST']) ? 'added' : 'exists';
  }

  deleteRule(spec: RuleSpec): 'deleted' | 'absent' {
    const remove = () => this.socket.request('RTM_DELRULE', RTM_DELRULE, 0, encodeRule(spec));
    return unlessAbsent(remove, ['ENOENT', 'ESRCH']) ? 'deleted' : 'absent';
  }

  /** The queueing disciplines of every interface. */
  disciplines(): readonly TrafficControl[] {
    return collect(this.socket.dump('RTM_GETQDISC', RTM_GETQDISC, encodeTrafficQuery()), decodeTraffic);
  }

  /** The filters at both hooks of the interface's `clsact` discipline, whoever put them there. */
  clsactFilters(interfaceIndex: number): readonly TrafficControl[] {
    return [CLSACT_INGRESS, CLSACT_EGRESS].flatMap((parent) => {
      const dump = () => this.socket.dump('RTM_GETTFILTER', RTM_GETTFILTER, encodeTrafficQuery(interfaceIndex, parent));
      return collect(unlessAbsent(dump, ['EINVAL', 'ENODEV']) ?? [], decodeTraffic);
    });
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

  private createLink(payload: Uint8Array, names: readonly string[]): 'created' | 'exists' {
    const create = () => this.socket.request('RTM_NEWLINK', RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload);
    if (!unlessAbsent(create, ['EEXIST'])) return 'exists';
    for (const made of names.map((name) => this.link(name))) {
      // A kernel without IPv6 knows no such setting, and makes no such address.
      if (made)
        unlessAbsent(() => this.socket.request('RTM_NEWLINK', RTM_NEWLINK, 0, encodeNoGeneratedAddress(made.index)), ['EAFNOSUPPORT']);
    }
    return 'created';
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
