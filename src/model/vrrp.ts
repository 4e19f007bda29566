/** Virtual routers, their addresses, groups and trackers, as the configuration means them (all defaults filled in). */
import type { IpAddress, IpPrefix, Micros } from '../base/index.ts';

/** A virtual address and where it goes (one line of `virtual_ipaddress`). */
export interface Vip extends IpPrefix {
  /** The interface that carries it: its own `dev`, else the instance's. */
  readonly interface: string;
  /** Linux address label, for example `eth0:1`. */
  readonly label?: string;
  readonly scope?: 'global' | 'site' | 'link' | 'host';
  /** Broadcast address, or `+` / `-` handled at parse time; absent means none. */
  readonly broadcast?: IpAddress;
}

/** VRRPv2 simple authentication: at most 8 bytes, sent in clear (RFC 2338; keepalived `auth_type PASS`). Never logged or dumped. */
export interface PassAuthentication {
  readonly type: 'pass';
  readonly password: Uint8Array;
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
}

/** One virtual router (`vrrp_instance`). */
export interface VirtualRouter {
  readonly name: string;
  readonly interface: string;
  /** 1 to 255. */
  readonly vrid: number;
  readonly version: 2 | 3;
  /** `state MASTER` in the file. It does not skip the election, except for the owner. */
  readonly wantsMaster: boolean;
  /** 1 to 255; 255 is the address owner. */
  readonly priority: number;
  readonly advertInterval: Micros;
  readonly authentication?: PassAuthentication;
  /** Source of our advertisements; absent means the interface's first address. */
  readonly sourceAddress?: IpAddress;
  /** Destination group, 224.0.0.18 unless the file says otherwise. */
  readonly multicastGroup: IpAddress;
  readonly vips: readonly Vip[];
  /** Moved with the others but not advertised. */
  readonly excludedVips: readonly Vip[];
  readonly noPreempt: boolean;
  readonly preemptDelay: Micros;
  readonly garp: GarpSettings;
  readonly trackInterfaces: readonly TrackedInterface[];
  readonly trackScripts: readonly TrackedScript[];
  /** Whether the instance's own interface going down means FAULT (all but `dont_track_primary`). */
  readonly trackPrimary: boolean;
  readonly notify: NotifyScripts;
  readonly smtpAlert: boolean;
}

/** Virtual routers that change state together (`vrrp_sync_group`). */
export interface SyncGroup {
  readonly name: string;
  readonly members: readonly string[];
  readonly notify: NotifyScripts;
  readonly smtpAlert: boolean;
  readonly trackInterfaces: readonly TrackedInterface[];
  readonly trackScripts: readonly TrackedScript[];
}
