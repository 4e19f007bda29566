/** Every log line of the engine, in keepalived's wording where keepalived has one: people grep for these. */
import { type IpAddress, type Micros, toSeconds } from '../base/index.ts';
import type { VrrpRejection } from '../wire/index.ts';
import type { ScriptOutcome } from './event.ts';

export const enteringInitialBackup = (name: string): string => `(${name}) Entering BACKUP STATE (init)`;
export const enteringBackup = (name: string): string => `(${name}) Entering BACKUP STATE`;
export const enteringMaster = (name: string): string => `(${name}) Entering MASTER STATE`;
export const enteringFault = (name: string): string => `(${name}) Entering FAULT STATE`;
export const enteringInitialFault = (name: string): string => `(${name}) Entering FAULT STATE (init)`;

export const advertTimeout = (name: string): string => `(${name}) Receive advertisement timeout`;
export const settingVips = (name: string): string => `(${name}) setting VIPs.`;
export const removingVips = (name: string): string => `(${name}) removing VIPs.`;
export const sentPriorityZero = (name: string): string => `(${name}) sent 0 priority`;
export const backupGotPriorityZero = (name: string): string => `(${name}) Backup received priority 0 advertisement`;
export const masterGotPriorityZero = (name: string): string => `(${name}) Master received priority 0 message`;

export const announcing = (name: string, link: string, address: IpAddress): string =>
  `(${name}) Sending/queueing gratuitous ARPs on ${link} for ${address}`;
/** For the shell, which sends them. */
export const sendingGratuitousArp = (link: string, address: IpAddress): string => `Sending gratuitous ARP on ${link} for ${address}`;

/** An active router has heard a better one. */
export function givingWay(name: string, from: IpAddress, theirs: number, ours: number): string {
  return theirs > ours
    ? `(${name}) Master received advert from ${from} with higher priority ${theirs}, ours ${ours}`
    : `(${name}) Master received advert from ${from} with same priority ${theirs} but higher IP address than ours`;
}
export const lowerPriority = (name: string, from: IpAddress, theirs: number, ours: number): string =>
  `(${name}) Received advert from ${from} with lower priority ${theirs}, ours ${ours}, forcing new election`;
export const discardingLower = (name: string, from: IpAddress, priority: number): string =>
  `(${name}) received lower priority (${priority}) advert from ${from} - discarding`;
export const twoOwners = (name: string): string =>
  `(${name}) CONFIGURATION ERROR: local instance and a remote instance are both configured as address owner, please fix - reducing local priority`;
export const startPreemptDelay = (name: string, delay: Micros): string => `(${name}) start preempt delay (${toSeconds(delay).toFixed(6)})`;
export const stopPreemptDelay = (name: string): string => `(${name}) stop preempt delay`;
export const changingPriority = (name: string, from: number, to: number): string =>
  `(${name}) Changing effective priority from ${from} to ${to}`;
export const intervalUpdated = (name: string, from: Micros, to: Micros): string =>
  `(${name}) advertisement interval updated from ${from / 1000}ms to ${to / 1000}ms by master`;

export const faultFromLink = (name: string, link: string): string => `(${name}): entering FAULT state (interface ${link} down)`;
export const faultFromAddress = (name: string): string => `(${name}) entering FAULT state (no IPv4 address for interface)`;
export const faultFromScript = (name: string, script: string): string => `(${name}): entering FAULT state due to script ${script}`;

export const linkChanged = (link: string, up: boolean): string => `Netlink reports ${link} ${up ? 'up' : 'down'}`;
export const vipPutBack = (name: string, link: string, address: IpAddress): string =>
  `(${name}) VIP ${address} was removed from ${link} by someone else - putting it back`;

export const groupSyncing = (group: string, state: string): string => `VRRP_Group(${group}) Syncing instances to ${state} state`;

export const scriptReturns = (script: string, status: number): string => `Script \`${script}\` now returning ${status}`;
export const scriptStillRunning = (script: string): string => `Track script ${script} is already running, expect idle - skipping run`;

/** The line for a script that has changed its verdict. */
export function scriptVerdict(script: string, outcome: ScriptOutcome, status: number): string {
  switch (outcome) {
    case 'success':
      return `VRRP_Script(${script}) succeeded`;
    case 'failure':
      return `VRRP_Script(${script}) failed (exited with status ${status})`;
    case 'signal':
      return `VRRP_Script(${script}) failed (due to signal ${status})`;
    case 'timeout':
      return `VRRP_Script(${script}) timed_out`;
  }
}

export const steppingDownAfterPause = (name: string, silence: Micros): string =>
  `(${name}) sent nothing for ${toSeconds(silence).toFixed(3)} s, longer than its peers wait - stepping down`;
export const pausedFor = (duration: Micros): string => `This process did not run for ${toSeconds(duration).toFixed(3)} s`;

/** The line for a rejected packet. Never contains what the packet claimed as its password. */
export function rejected(name: string, rejection: VrrpRejection): string {
  const { reason, found = 0, expected = 0 } = rejection;
  switch (reason) {
    case 'ttl':
      return `(${name}) invalid TTL/HL. Received ${found} and expect ${expected}`;
    case 'version':
      return `(${name}) wrong version. Received ${found} and expect ${expected}`;
    case 'type':
      return `(${name}) Invalid packet type. ${found} and expect ${expected}`;
    case 'length':
      return `(${name}) vrrp packet too ${found < expected ? 'short' : 'long'}, length ${found} and expect ${expected}`;
    case 'checksum':
      return `(${name}) Invalid VRRPv${found} checksum`;
    case 'auth-type':
      return `(${name}) received a ${found} auth, expecting ${expected}!`;
    case 'auth-data':
      return `(${name}) received an invalid passwd!`;
    case 'interval':
      return `(${name}) advertisement interval mismatch mine=${expected} sec rcv'd=${found} sec`;
    case 'addresses':
      return found === expected
        ? `(${name}) expected ${expected} VIPs but received others`
        : `(${name}) received an unexpected ip number count ${found}, expected ${expected}!`;
    default:
      return `(${name}) rejected packet: ${reason}`;
  }
}
