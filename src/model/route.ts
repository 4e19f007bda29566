/** Routes and policy rules that a virtual router moves with its addresses, in the words of `ip route` and `ip rule`. */
import type { IpAddress, IpFamily, IpPrefix } from '../base/index.ts';

/** One way of a route; a route with several shares its traffic out by weight. */
export interface NextHop {
  readonly via?: IpAddress;
  readonly interface?: string;
  /** 1 to 256. */
  readonly weight: number;
  readonly onlink: boolean;
}

export type RouteType = 'unicast' | 'local' | 'broadcast' | 'multicast' | 'throw' | 'unreachable' | 'prohibit' | 'blackhole' | 'nat';

/** One line of `virtual_routes` or `static_routes`. Numbers are the kernel's; names of /etc/iproute2 are resolved when read. */
export interface Route {
  readonly family: IpFamily;
  readonly type: RouteType;
  /** `default` is the prefix of length 0. */
  readonly destination: IpPrefix;
  readonly nextHops: readonly NextHop[];
  readonly preferredSource?: IpAddress;
  readonly source?: IpPrefix;
  /** Routing table, 254 (main) unless given. */
  readonly table: number;
  readonly metric?: number;
  readonly scope?: number;
  readonly tos?: number;
  /** RTPROT number; keepalived's own, 18, unless given. */
  readonly protocol: number;
  /** RTAX metrics by number: mtu 2, window 3, rtt 4, rttvar 5, ssthresh 6, cwnd 7, advmss 8, reordering 9, hoplimit 10, initcwnd 11, features 12, rto_min 13, initrwnd 14, quickack 15, congctl 16, fastopen_no_cookie 17. */
  readonly metrics: readonly { readonly number: number; readonly value: number | string; readonly locked: boolean }[];
  /** IPv6 router preference. */
  readonly preference?: 'low' | 'medium' | 'high';
  readonly ttlPropagate?: boolean;
  /** Somebody else may delete it without a transition (`no_track`). */
  readonly tracked: boolean;
  /** The static track group that holds it (`track_group`). */
  readonly trackGroup?: string;
}

/** What a rule does with a packet it matches. */
export type RuleAction =
  | { readonly kind: 'table'; readonly table: number }
  | { readonly kind: 'goto'; readonly priority: number }
  | { readonly kind: 'nop' | 'blackhole' | 'unreachable' | 'prohibit' };

/** One line of `virtual_rules` or `static_rules`. */
export interface PolicyRule {
  readonly family: IpFamily;
  readonly action: RuleAction;
  readonly inverted: boolean;
  readonly from?: IpPrefix;
  readonly to?: IpPrefix;
  readonly inputInterface?: string;
  readonly outputInterface?: string;
  readonly mark?: { readonly value: number; readonly mask: number };
  readonly tos?: number;
  readonly priority?: number;
  readonly ipProtocol?: number;
  readonly sourcePorts?: { readonly from: number; readonly to: number };
  readonly destinationPorts?: { readonly from: number; readonly to: number };
  readonly uids?: { readonly from: number; readonly to: number };
  readonly tunnelId?: bigint;
  readonly realm?: number;
  readonly suppressPrefixLength?: number;
  readonly suppressInterfaceGroup?: number;
  readonly l3mdev: boolean;
  readonly protocol: number;
  readonly tracked: boolean;
  readonly trackGroup?: string;
}
