/** Every log line of the engine, in keepalived's wording where keepalived has one: people grep for these. */
import { type IpAddress, type IpFamily, type Micros, toSeconds } from '../base/index.ts';
import type { VrrpRejection } from '../wire/index.ts';
import type { ScriptOutcome } from './event.ts';

export const enteringInitialBackup = (name: string): string => `(${name}) Entering BACKUP STATE (init)`;
export const enteringBackup = (name: string): string => `(${name}) Entering BACKUP STATE`;
export const enteringMaster = (name: string): string => `(${name}) Entering MASTER STATE`;
export const enteringFault = (name: string): string => `(${name}) Entering FAULT STATE`;
export const enteringInitialFault = (name: string): string => `(${name}) Entering FAULT STATE (init)`;

export const unknownVrid = (link: string, from: IpAddress, vrid: number): string =>
  `Unknown VRID(${vrid}) received on interface(${link}) from ${from}. ignoring...`;

export const advertTimeout = (name: string): string => `(${name}) Receive advertisement timeout`;
export const settingVips = (name: string): string => `(${name}) setting VIPs.`;
export const removingVips = (name: string): string => `(${name}) removing VIPs.`;
export const sentPriorityZero = (name: string): string => `(${name}) sent 0 priority`;
export const backupGotPriorityZero = (name: string): string => `(${name}) Backup received priority 0 advertisement`;
export const masterGotPriorityZero = (name: string): string => `(${name}) Master received priority 0 message`;

export const announcing = (name: string, link: string, address: IpAddress): string =>
  `(${name}) Sending/queueing ${address.family === 4 ? 'gratuitous ARPs' : 'Unsolicited Neighbour Adverts'} on ${link} for ${address}`;
/** For the shell, which sends them. */
export const sendingAnnouncement = (link: string, address: IpAddress): string =>
  `Sending ${address.family === 4 ? 'gratuitous ARP' : 'unsolicited Neighbour Advert'} on ${link} for ${address}`;

/** An active router has heard a better one. */
export function givingWay(name: string, from: IpAddress, theirs: number, ours: number): string {
  return theirs > ours
    ? `(${name}) Master received advert from ${from} with higher priority ${theirs}, ours ${ours}`
    : `(${name}) Master received advert from ${from} with same priority ${theirs} but higher IP address than ours`;
}
export const lowerPriority = (name: string, from: IpAddress, theirs: number, ours: number, isAnswered: boolean): string =>
  `(${name}) Received advert from ${from} with lower priority ${theirs}, ours ${ours}${isAnswered ? ', forcing new election' : ''}`;
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
export const cameLate = (name: string, late: Micros, patience: Micros): string =>
  `(${name}) an advertisement came ${(late / 1000).toFixed(1)} ms late - from now on ${(patience / 1000).toFixed(1)} ms of silence are borne`;
export const ownInterval = (name: string, from: Micros, to: Micros): string =>
  `(${name}) changing advert interval from ${from / 1000}ms to locally configured ${to / 1000}ms`;

export const faultFromLink = (name: string, link: string): string => `(${name}): entering FAULT state (interface ${link} down)`;
export const faultFromAddress = (name: string, family: IpFamily): string =>
  `(${name}) entering FAULT state (no IPv${family} address for interface)`;
export const faultFromSource = (name: string, address: IpAddress): string =>
  `(${name}) entering FAULT state (source address ${address} not configured)`;
export const faultWithoutPeer = (name: string): string => `(${name}) Cannot use unicast without any peers - going to fault state`;
export const faultFromStatics = (name: string): string => `(${name}) entering FAULT state (static address, route or rule lost)`;
export const faultFromTracker = (name: string, kind: 'script' | 'file' | 'process' | 'bfd', tracker: string): string =>
  `(${name}): entering FAULT state due to ${kind} ${tracker}`;

export const linkChanged = (link: string, up: boolean): string => `Netlink reports ${link} ${up ? 'up' : 'down'}`;
export const vipPutBack = (name: string, link: string, address: IpAddress): string =>
  `(${name}) VIP ${address} was removed from ${link} by someone else - putting it back`;

export const routesPutBack = (name: string): string => `(${name}) routes or rules were removed by someone else - putting them back`;
export const interfaceIsBack = (name: string, link: string): string => `(${name}) interface ${link} is back - setting what belongs on it`;

export const groupSyncing = (group: string, state: string): string => `VRRP_Group(${group}) Syncing instances to ${state} state`;

export const scriptReturns = (script: string, status: number): string => `Script \`${script}\` now returning ${status}`;
export const scriptStillRunning = (script: string): string => `Track script ${script} is already running, expect idle - skipping run`;

/** The line for a new count of processes; `verdict` when the count means another state. */
export const processCount = (process: string, from: number, to: number, verdict: 'up' | 'down' | undefined): string =>
  `Process ${process}, number of current processes changed from ${from} to ${to}${verdict ? `, quorum ${verdict}` : ''}`;

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
      return expected === 0
        ? `(${name}) TTL/HL ${found} not in the range of its peer`
        : `(${name}) invalid TTL/HL. Received ${found} and expect ${expected}`;
    case 'version':
      return `(${name}) wrong version. Received ${found} and expect ${expected}`;
    case 'type':
      return `(${name}) Invalid packet type. ${found} and expect ${expected}`;
    case 'length':
      return `(${name}) vrrp packet too ${found < expected ? 'short' : 'long'}, length ${found} and expect ${expected}`;
    case 'checksum':
      return `(${name}) Invalid VRRPv${found} checksum`;
    case 'auth-unknown':
    case 'auth-type':
      return `(${name}) received a ${found} auth, expecting ${expected}!`;
    case 'auth-data':
      return `(${name}) received an invalid passwd!`;
    case 'ah-presence':
      return found === 0 ? `(${name}) No AH header but auth type is AH` : `(${name}) Received AH header but auth type not AH`;
    case 'ah-spi':
      return `IPSEC AH : invalid IPSEC SPI value. ${found} and expect ${expected}`;
    case 'ah-digest':
      return `(${name}) IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !`;
    case 'ah-replay':
      return `(${name}) IPSEC-AH : sequence number ${found} already processed. Packet dropped. Local(${expected})`;
    case 'destination':
      return `(${name}) Expected ${expected ? 'multi' : 'uni'}cast packet but received ${found ? 'multi' : 'uni'}cast packet`;
    case 'unicast-source':
      return `(${name}) unicast source address ${rejection.source} not a unicast peer`;
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
