/** What the plan looks at: the host as it is now. */
import { type IpAddress, type IpPrefix, maxPrefixLength } from '../../base/index.ts';
import type { ToaCounts, ToaReader } from './toa.ts';
import type { Decapsulator, DecapsulatorCounts } from './tunnel.ts';

export const LOOPBACK = 'lo';
export const ARP_ANNOUNCE_ALL = 'net.ipv4.conf.all.arp_announce';
export const ARP_IGNORE_ALL = 'net.ipv4.conf.all.arp_ignore';

/** Settings below `net.ipv4.conf`. */
export interface InterfaceSettings {
  readonly arpAnnounce: string;
  readonly arpIgnore: string;
  readonly rpFilter: string;
}

export interface InterfaceState extends InterfaceSettings {
  readonly name: string;
  readonly mtu: number;
  /** Whether it has a discipline with tc hooks (`clsact` or `ingress`), whoever made it. */
  readonly hasDiscipline: boolean;
  /** Our program, if it is there. */
  readonly decapsulator?: Decapsulator;
  readonly counts?: DecapsulatorCounts;
}

export interface HostAddress {
  readonly interface: string;
  readonly prefix: IpPrefix;
  readonly label?: string;
}

export interface HostState {
  readonly bootId: string;
  readonly namespace: string;
  /** `net.ipv4.conf.all`: combined with each interface's own values by the larger of the two. */
  readonly all: InterfaceSettings;
  /** Every interface that speaks ARP, up or down: one that is down today may come up tomorrow. Loopback is not among them. */
  readonly interfaces: readonly InterfaceState[];
  readonly addresses: readonly HostAddress[];
  /** What tells servers who their clients behind full NAT are, if it is there. */
  readonly toaReader?: ToaReader;
  readonly toaCounts?: ToaCounts;
}

export function interfaceNamed(host: HostState, name: string): InterfaceState | undefined {
  return host.interfaces.find((entry) => entry.name === name);
}

/** sysctl(8) writes a slash for a dot within an interface's name. */
export function rpFilterName(interfaceName: string): string {
  return `net.ipv4.conf.${interfaceName.replaceAll('.', '/')}.rp_filter`;
}

export function readSysctl(host: HostState, name: string): string | undefined {
  if (name === ARP_ANNOUNCE_ALL) return host.all.arpAnnounce;
  if (name === ARP_IGNORE_ALL) return host.all.arpIgnore;
  return host.interfaces.find((entry) => rpFilterName(entry.name) === name)?.rpFilter;
}

/** A setting is in effect the larger of the interface's own and the one for all. */
export function inEffect(host: HostState, entry: InterfaceSettings, setting: keyof InterfaceSettings): string {
  return String(Math.max(Number(host.all[setting]), Number(entry[setting])));
}

export function onLoopback(host: HostState, vip: IpAddress): HostAddress | undefined {
  return host.addresses.find((entry) => entry.interface === LOOPBACK && entry.prefix.address.equals(vip));
}

export function asPrefix(address: IpAddress): string {
  return `${address}/${maxPrefixLength(address.family)}`;
}
