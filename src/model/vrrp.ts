/** Virtual routers, their addresses, groups and trackers, as the configuration means them (all defaults filled in). */
import type { IpAddress, IpFamily, IpPrefix, Micros } from '../base/index.ts';
import type { PolicyRule, Route } from './route.ts';

/** A virtual address and where it goes (one line of `virtual_ipaddress`). */
export interface Vip extends IpPrefix {
  /** The interface that carries it: its own `dev`, else the instance's. */
  readonly interface: string;
  /** Linux address label, for example `eth0:1`. */
  readonly label?: string;
  readonly scope?: 'global' | 'site' | 'link' | 'host';
  /** Broadcast address, or `+` / `-` handled at parse time; absent means none. */
  readonly broadcast?: IpAddress;
  /** The other end of a point-to-point link (`peer`). */
  readonly peer?: IpAddress;
  /** IPv6 flags `home` (Mobile IPv6) and `-nodad` (no duplicate address detection; VIPs never do it). */
  readonly home: boolean;
  /** `preferred_lft 0`: IPv6 /128 and whoever asks; new outgoing connections do not choose the address. */
  readonly deprecated: boolean;
  /** Somebody else may delete the address without a transition (`no_track`). */
  readonly tracked: boolean;
  /** The virtual router's macvlan carries it, not `interface` (`use_vmac`, and `use_vmac_addr` for other interfaces). */
  readonly onVmac: boolean;
}

/**
 * VRRPv2 simple authentication: at most 8 bytes, sent in clear (RFC 2338; keepalived `auth_type PASS`). Never logged or dumped. Over IPv6
 * the password is not sent: routers only agree that there is one, as in keepalived 2.2.7.
 */
export interface PassAuthentication {
  readonly type: 'pass';
  readonly password: Uint8Array;
}

/** VRRPv2 authentication header (RFC 2338 §5.3.6.3, keepalived `auth_type AH`): HMAC-MD5-96 with a sequence number; IPv4 only. */
export interface AhAuthentication {
  readonly type: 'ah';
  readonly password: Uint8Array;
}

/** One line of `unicast_peer`. TTL bounds apply to what is received from it. */
export interface UnicastPeer {
  readonly address: IpAddress;
  /** 0 to 255; absent means not checked. */
  readonly minTtl?: number;
  readonly maxTtl?: number;
}

/** Advertisements go to listed peers and not to a group (`unicast_peer`). */
export interface Unicast {
  readonly peers: readonly UnicastPeer[];
  /** TTL or hop limit of what we send, 1 to 255. */
  readonly ttl: number;
  /** Advertisements must come from a listed peer (`check_unicast_src`). */
  readonly checkSource: boolean;
  /** FAULT while no peer is listed (`unicast_fault_no_peer`). */
  readonly faultWithoutPeer: boolean;
}

/** A macvlan of our own with the virtual router's MAC address (`use_vmac`; RFC 9568 §7.3). */
export interface VirtualMac {
  /** Name of the macvlan, at most 15 characters: given, or `vrrp.VRID` (`vrrp6.VRID`). */
  readonly name: string;
  /** 00:00:5e:00:01:VRID, 02 for IPv6, unless the file gives one. */
  readonly address: Uint8Array;
  /** Advertisements pass through the interface below (`vmac_xmit_base`; always so with unicast). */
  readonly transmitOnBase: boolean;
}

/** How a failed tracker acts: weight 0 means FAULT; otherwise the priority changes by it. */
export interface TrackerWeight {
  readonly weight: number;
  readonly reverse: boolean;
}

export interface TrackedInterface extends TrackerWeight {
  readonly interface: string;
}

export interface TrackedScript extends TrackerWeight {
  readonly script: string;
}

export interface TrackedFile extends TrackerWeight {
  /** Name of a `track_file`. The number in the file times the weight is added to the priority; -254 or less means FAULT. */
  readonly file: string;
}

export interface TrackedProcess extends TrackerWeight {
  readonly process: string;
}

export interface TrackedBfd extends TrackerWeight {
  readonly bfd: string;
}

/** Everything that a virtual router or a sync group follows. */
export interface Trackers {
  readonly trackInterfaces: readonly TrackedInterface[];
  readonly trackScripts: readonly TrackedScript[];
  readonly trackFiles: readonly TrackedFile[];
  readonly trackProcesses: readonly TrackedProcess[];
  readonly trackBfds: readonly TrackedBfd[];
}

/** `track_file`: a file with a number in it, watched by inotify. */
export interface TrackFile {
  readonly name: string;
  readonly path: string;
  readonly weight: TrackerWeight;
  /** Written at start when the file is absent, or always with `overwrite` (`init_file`). */
  readonly initial?: { readonly value: number; readonly overwrite: boolean };
}

/** `vrrp_track_process`: running processes counted through the kernel's process events. */
export interface TrackProcess {
  readonly name: string;
  /** Name as in /proc/PID/comm, or the whole path and arguments with `fullCommand`. */
  readonly command: string;
  readonly parameters: readonly string[];
  /** How the arguments must agree with `parameters`; `any` when the file says nothing of them. */
  readonly parameterMatch: 'any' | 'exact' | 'initial' | 'partial';
  readonly fullCommand: boolean;
  readonly weight: TrackerWeight;
  /** Healthy while between `quorum` and `quorumMax` processes run. */
  readonly quorum: number;
  readonly quorumMax?: number;
  readonly terminateDelay: Micros;
  readonly forkDelay: Micros;
}

/** A command that the daemon runs: argument vector, never a shell string, and the identity it runs under. */
export interface ScriptCommand {
  /** The words of the command. A script that the configuration writes as shell text becomes `/bin/sh -c TEXT` here, visibly. */
  readonly argv: readonly string[];
  readonly user?: string;
  readonly group?: string;
}

/** `vrrp_script`: a periodic check that virtual routers track. */
export interface VrrpScript {
  readonly name: string;
  readonly command: ScriptCommand;
  readonly interval: Micros;
  readonly timeout: Micros;
  readonly weight: TrackerWeight;
  /** Successes in a row until it counts as up, at least 1; failures until down. */
  readonly rise: number;
  readonly fall: number;
  readonly initFail: boolean;
}

/** Commands run on transitions (`notify_master` …); `notify` gets four words appended. */
export interface NotifyScripts {
  readonly master?: ScriptCommand;
  readonly backup?: ScriptCommand;
  readonly fault?: ScriptCommand;
  readonly stop?: ScriptCommand;
  readonly any?: ScriptCommand;
  /** A reload removed the instance (`notify_deleted`); without it that is reported as FAULT. `true`: report without a command. */
  readonly deleted?: ScriptCommand | true;
  /** As master it heard a lower-priority advertisement (`notify_master_rx_lower_pri`). */
  readonly lowerPriorityHeard?: ScriptCommand;
}

/** Gratuitous ARP timing (`garp_master_*`). */
export interface GarpSettings {
  /** Announcements in a burst, at least 1. */
  readonly repeat: number;
  /** Delay before the second burst after becoming MASTER; 0 means no second burst. */
  readonly secondBurstDelay: Micros;
  /** Period of re-announcements while MASTER; 0 means none. */
  readonly refresh: Micros;
  readonly refreshRepeat: number;
  /** Announcements after a lower-priority advertisement was heard while MASTER. */
  readonly lowerPriorityRepeat: number;
  readonly lowerPriorityDelay: Micros;
  /** Period of announcements on the other interfaces that carry VIPs (`garp_extra_if`); 0 means none. `all`: not only on macvlans. */
  readonly extraInterfaces: { readonly period: Micros; readonly all: boolean };
}

/** One virtual router (`vrrp_instance`). */
export interface VirtualRouter extends Trackers {
  readonly name: string;
  /** The interface that the file names; with `vmac` the macvlan lies on it. */
  readonly interface: string;
  /** 1 to 255. */
  readonly vrid: number;
  readonly version: 2 | 3;
  /** Of the advertisements; all advertised addresses are of it. */
  readonly family: IpFamily;
  /** `state MASTER` in the file. It does not skip the election, except for the owner. */
  readonly wantsMaster: boolean;
  /** 1 to 255; 255 is the address owner. */
  readonly priority: number;
  readonly advertInterval: Micros;
  /** Version 2 only. */
  readonly authentication?: PassAuthentication | AhAuthentication;
  /** Source of our advertisements; absent means the interface's first address. */
  readonly sourceAddress?: IpAddress;
  /** The source address going away means FAULT (`track_src_ip`). */
  readonly trackSourceAddress: boolean;
  /** Destination group, 224.0.0.18 or ff02::12 unless the file says otherwise; unused with `unicast`. */
  readonly multicastGroup: IpAddress;
  readonly unicast?: Unicast;
  readonly vmac?: VirtualMac;
  readonly vips: readonly Vip[];
  /** Moved with the others but not advertised; of any family. */
  readonly excludedVips: readonly Vip[];
  /** Present while active (`virtual_routes`, `virtual_rules`). */
  readonly routes: readonly Route[];
  readonly rules: readonly PolicyRule[];
  /** Secondary addresses survive their primary (`promote_secondaries`). */
  readonly promoteSecondaries: boolean;
  readonly noPreempt: boolean;
  readonly preemptDelay: Micros;
  /** Advertisements missed before the active router counts as gone, 1 to 100 (`down_timer_adverts`, 3). */
  readonly downTimerAdverts: number;
  /** Packets to the VIPs are accepted when not the owner (`accept`; `no_accept` and strict mode say no). */
  readonly accept: boolean;
  /** RFC behaviour to the letter (`vrrp_strict`, `strict_mode`). */
  readonly strict: boolean;
  /** The address list of a master that keeps advertising is not compared again (`skip_check_adv_addr`). */
  readonly skipCheckAdvertisedAddresses: boolean;
  /** Version 3 over IPv4: no pseudo-header in the checksum (`v3_checksum_as_v2`). */
  readonly checksumWithoutPseudoHeader: boolean;
  /** As master it stays silent on a lower-priority advertisement (`lower_prio_no_advert`). */
  readonly lowerPriorityNoAdvert: boolean;
  /** A master that loses sends one more advertisement (`higher_prio_send_advert`). */
  readonly higherPrioritySendAdvert: boolean;
  /** A priority-255 master ignores advertisements (`owner_ignore_adverts`). */
  readonly ownerIgnoreAdverts: boolean;
  /** With nopreempt: step down, at this priority, if own timers ran so late that another may be master (`timer_expired_backup`). */
  readonly timerExpiredBackup?: number;
  readonly garp: GarpSettings;
  /** Whether the instance's own interface going down means FAULT (all but `dont_track_primary`). */
  readonly trackPrimary: boolean;
  readonly notify: NotifyScripts;
  /** Priority changes go to the FIFOs too (`notify_priority_changes`). */
  readonly notifyPriorityChanges: boolean;
  readonly smtpAlert: boolean;
}

/** Virtual routers that change state together (`vrrp_sync_group`). */
export interface SyncGroup extends Trackers {
  readonly name: string;
  readonly members: readonly string[];
  readonly notify: NotifyScripts;
  readonly notifyPriorityChanges: boolean;
  readonly smtpAlert: boolean;
  /** Any member's trackers count for the whole group (`global_tracking`). */
  readonly globalTracking: boolean;
  /** Trackers of the group may have weights (`sync_group_tracking_weight`). */
  readonly trackingWeight: boolean;
}

/** Gaps between announcements that interfaces share (`garp_group`, `vrrp_garp_interval`, `vrrp_gna_interval`); 0 means none. */
export interface AnnouncementPacing {
  /** Empty means every interface that no other group names, each for itself. */
  readonly interfaces: readonly string[];
  readonly garpInterval: Micros;
  readonly gnaInterval: Micros;
}

/** How long an interface must be down, or up, before it counts (`interface_up_down_delays`). */
export interface InterfaceDelay {
  readonly interface: string;
  readonly down: Micros;
  readonly up: Micros;
}

/** One session of Bidirectional Forwarding Detection (`bfd_instance`; RFC 5880, RFC 5881, RFC 5883). */
export interface BfdSession {
  readonly name: string;
  readonly neighbor: IpAddress;
  readonly source?: IpAddress;
  readonly requiredMinRx: Micros;
  readonly desiredMinTx: Micros;
  /** Transmit interval while not up, at least a second. */
  readonly idleTx: Micros;
  readonly multiplier: number;
  readonly passive: boolean;
  /** TTL or hop limit sent. */
  readonly ttl: number;
  /** By how much the TTL may have fallen on the way here; 255 means not checked. */
  readonly maxHops: number;
  /** Port 4784 instead of 3784. */
  readonly multihop: boolean;
  readonly weight: TrackerWeight;
  readonly forVrrp: boolean;
  readonly forChecks: boolean;
}

/** What makes a virtual router the same one across a reload, as in keepalived: not its name. */
export function routerKey(router: VirtualRouter): string {
  const { vrid, family, interface: link, unicast, sourceAddress, multicastGroup, vmac } = router;
  const way = unicast ? `unicast ${sourceAddress ?? ''}` : `${multicastGroup}${vmac ? ' vmac' : ''}`;
  return `${vrid} ${family} ${link} ${way}`;
}
