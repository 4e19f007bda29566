/**
 * What a real server of LVS-DR must change on its own host, decided from what was read there. It holds the VIP on lo, so that it
 * accepts the packets that the director hands it, and it must never answer ARP for the VIP nor use it as an ARP sender, or it would
 * take the VIP away from the director. Nothing here touches the host.
 */
import { type IpAddress, type IpPrefix, maxPrefixLength } from '../../base/index.ts';
import type { RealServerRecord, RecordedSysctl, RecordedVip } from './record.ts';

export const LOOPBACK = 'lo';
export const ARP_ANNOUNCE_ALL = 'net.ipv4.conf.all.arp_announce';
export const ARP_IGNORE_ALL = 'net.ipv4.conf.all.arp_ignore';

/** Longest label that the kernel keeps (IFNAMSIZ less the terminator). */
const LABEL_LENGTH_MAX = 15;

export interface InterfaceState {
  readonly name: string;
  readonly arpAnnounce: string;
  readonly arpIgnore: string;
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
  readonly all: Omit<InterfaceState, 'name'>;
  /** Every interface that speaks ARP, up or down: one that is down today may come up tomorrow. Loopback is not among them. */
  readonly interfaces: readonly InterfaceState[];
  readonly addresses: readonly HostAddress[];
}

/** One change. They are made in order; each can be undone by itself. */
export type Step =
  | { readonly kind: 'save-record'; readonly record: RealServerRecord; readonly before: RealServerRecord | undefined }
  | { readonly kind: 'delete-record'; readonly before: RealServerRecord }
  | { readonly kind: 'set-sysctl'; readonly name: string; readonly value: string; readonly before: string }
  | { readonly kind: 'add-address'; readonly address: IpAddress; readonly label: string | undefined }
  | { readonly kind: 'remove-address'; readonly address: IpAddress; readonly label: string | undefined };

export type ProblemCode =
  | 'realserver/address-missing'
  | 'realserver/answers-arp'
  | 'realserver/announces-vip'
  | 'realserver/vip-on-interface'
  | 'realserver/vip-not-host-prefix';

export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
}

/** Refused when `problems` is not empty; there are no steps then. */
export interface Plan {
  readonly problems: readonly Problem[];
  readonly steps: readonly Step[];
  /** What a person should know that is not a change. */
  readonly notes: readonly string[];
}

/** The record to go by: one of an earlier boot says nothing about this one. */
export function currentRecord(host: HostState, record: RealServerRecord | undefined): RealServerRecord | undefined {
  return record?.bootId === host.bootId ? record : undefined;
}

export function planStart(host: HostState, found: RealServerRecord | undefined, vips: readonly IpAddress[]): Plan {
  const { arpAnnounce, arpIgnore } = host.all;
  const quiet = {
    arpAnnounce: keepsVipOutOfArp(arpAnnounce) ? arpAnnounce : '2',
    arpIgnore: ignoresForeignArp(arpIgnore) ? arpIgnore : '1',
  };
  // An interface's own odd value can outdo what we set for all of them; better to say so than to start and leak.
  const problems = [...vips.flatMap((vip) => misplaced(host, vip)), ...talkative({ ...host, all: quiet })];
  if (problems.length > 0) return { problems, steps: [], notes: [] };
  const record = currentRecord(host, found);
  const sysctls: Step[] = [];
  if (quiet.arpAnnounce !== arpAnnounce) {
    sysctls.push({ kind: 'set-sysctl', name: ARP_ANNOUNCE_ALL, value: quiet.arpAnnounce, before: arpAnnounce });
  }
  if (quiet.arpIgnore !== arpIgnore) sysctls.push({ kind: 'set-sysctl', name: ARP_IGNORE_ALL, value: quiet.arpIgnore, before: arpIgnore });
  const labels = freeLabels(host);
  const additions: Step[] = vips
    .filter((vip) => !onLoopback(host, vip))
    .map((address) => ({ kind: 'add-address', address, label: labels.next().value }));
  // ARP is silenced before the address appears: one answer in between would put the real server into the router's ARP table.
  const changes = [...sysctls, ...additions];
  const next = recordOfStart(host, record, vips, changes);
  const saving: Step[] = sameRecord(record, next) ? [] : [{ kind: 'save-record', record: next, before: found }];
  return { problems: [], steps: [...saving, ...changes], notes: [] };
}

function recordOfStart(host: HostState, record: RealServerRecord | undefined, vips: readonly IpAddress[], changes: readonly Step[]) {
  const known = record?.sysctls ?? [];
  const newSysctls = changes
    .filter((step) => step.kind === 'set-sysctl')
    .filter((step) => !known.some((entry) => entry.name === step.name))
    .map((step): RecordedSysctl => ({ name: step.name, before: step.before, set: step.value }));
  const added = changes.filter((step) => step.kind === 'add-address').map((step) => step.address);
  const isAdded = (address: IpAddress) => added.some((entry) => entry.equals(address));
  const knownVips = (record?.vips ?? []).map((vip): RecordedVip => ({ address: vip.address, added: vip.added || isAdded(vip.address) }));
  const newVips = vips
    .filter((vip) => !knownVips.some((entry) => entry.address.equals(vip)))
    .map((address): RecordedVip => ({ address, added: isAdded(address) }));
  return { bootId: host.bootId, namespace: host.namespace, sysctls: [...known, ...newSysctls], vips: [...knownVips, ...newVips] };
}

/** Stops the given VIPs, or every recorded one. What start did not add stays; what was changed since by somebody else stays too. */
export function planStop(host: HostState, found: RealServerRecord | undefined, vips: readonly IpAddress[] | undefined): Plan {
  const record = currentRecord(host, found);
  if (!record) return { problems: [], steps: found ? [{ kind: 'delete-record', before: found }] : [], notes: [] };
  const leaving = record.vips.filter((entry) => vips === undefined || vips.some((vip) => vip.equals(entry.address)));
  const staying = record.vips.filter((entry) => !leaving.includes(entry));
  if (leaving.length === 0) return { problems: [], steps: [], notes: [] };
  const notes: string[] = [];
  const steps: Step[] = [];
  for (const { address, added } of leaving) {
    const present = onLoopback(host, address);
    if (present && added) steps.push({ kind: 'remove-address', address, label: present.label });
    else if (present) notes.push(`${address} was on ${LOOPBACK} before the first start and stays there.`);
  }
  if (staying.length > 0) {
    steps.push({ kind: 'save-record', record: { ...record, vips: staying }, before: record });
    return { problems: [], steps, notes };
  }
  for (const entry of [...record.sysctls].reverse()) {
    const value = readSysctl(host, entry.name);
    if (value === entry.set) steps.push({ kind: 'set-sysctl', name: entry.name, value: entry.before, before: entry.set });
    else if (value !== entry.before) notes.push(`${entry.name} is ${value} and not the ${entry.set} that start had set: it is left alone.`);
  }
  steps.push({ kind: 'delete-record', before: record });
  return { problems: [], steps, notes };
}

export type RunState = 'running' | 'partly' | 'stopped';

export interface Assessment {
  readonly state: RunState;
  readonly problems: readonly Problem[];
  readonly vips: readonly IpAddress[];
}

/**
 * `running` when every VIP is on lo and the host is silent about it; `stopped` when none is there and nothing of ours is left;
 * else `partly`. Without VIPs the recorded ones are meant.
 */
export function assess(host: HostState, found: RealServerRecord | undefined, asked: readonly IpAddress[] | undefined): Assessment {
  const record = currentRecord(host, found);
  const vips = asked ?? record?.vips.map((entry) => entry.address) ?? [];
  const present = vips.filter((vip) => onLoopback(host, vip));
  const wrong = vips.flatMap((vip) => misplaced(host, vip));
  const recorded = record?.vips.some((entry) => vips.some((vip) => vip.equals(entry.address))) ?? false;
  if (present.length === 0 && wrong.length === 0 && !recorded) return { state: 'stopped', problems: [], vips };
  const missing = vips
    .filter((vip) => !present.includes(vip))
    .map((vip): Problem => ({ code: 'realserver/address-missing', message: `${vip} is not on ${LOOPBACK}.` }));
  const problems = [...wrong, ...missing, ...talkative(host)];
  return { state: problems.length === 0 ? 'running' : 'partly', problems, vips };
}

/** Places in which a VIP of a real server must not be. */
function misplaced(host: HostState, vip: IpAddress): Problem[] {
  return host.addresses
    .filter((entry) => entry.prefix.address.equals(vip))
    .flatMap((entry): Problem[] => {
      if (entry.interface !== LOOPBACK) {
        const message = `${vip} is on ${entry.interface}: this host owns the VIP as a director does, so it cannot be its real server as well.`;
        return [{ code: 'realserver/vip-on-interface', message }];
      }
      if (entry.prefix.length === maxPrefixLength(vip.family)) return [];
      // The kernel would take every address of the subnet for its own, and the host would stop reaching its neighbours.
      const message = `${vip}/${entry.prefix.length} is on ${LOOPBACK}, which makes every address of that subnet local: it must be /32.`;
      return [{ code: 'realserver/vip-not-host-prefix', message }];
    });
}

/** Interfaces that would still speak about the VIP. The kernel takes the larger of `all` and the interface's own value. */
function talkative(host: HostState): Problem[] {
  const larger = (a: string, b: string) => String(Math.max(Number(a), Number(b)));
  return host.interfaces.flatMap((entry) => {
    const problems: Problem[] = [];
    const ignore = larger(host.all.arpIgnore, entry.arpIgnore);
    if (!ignoresForeignArp(ignore)) {
      const message = `${entry.name} answers ARP for the VIP: its arp_ignore is in effect ${ignore} (1, 2 or 8 is needed).`;
      problems.push({ code: 'realserver/answers-arp', message });
    }
    const announce = larger(host.all.arpAnnounce, entry.arpAnnounce);
    if (!keepsVipOutOfArp(announce)) {
      const message = `${entry.name} names the VIP as ARP sender: its arp_announce is in effect ${announce} (2 is needed).`;
      problems.push({ code: 'realserver/announces-vip', message });
    }
    return problems;
  });
}

/** 1 and 2 answer only for addresses of the receiving interface, 8 for none. 3 exempts scope host only, 4 to 7 mean 0 to the kernel. */
function ignoresForeignArp(value: string): boolean {
  return value === '1' || value === '2' || value === '8';
}

/** 2 always picks a sender address of the sending interface; 1 only sometimes does. */
function keepsVipOutOfArp(value: string): boolean {
  return value === '2';
}

function onLoopback(host: HostState, vip: IpAddress): HostAddress | undefined {
  return host.addresses.find((entry) => entry.interface === LOOPBACK && entry.prefix.address.equals(vip));
}

function readSysctl(host: HostState, name: string): string | undefined {
  if (name === ARP_ANNOUNCE_ALL) return host.all.arpAnnounce;
  return name === ARP_IGNORE_ALL ? host.all.arpIgnore : undefined;
}

/** `lo:0`, `lo:1` … as far as they are free; after the longest possible one, none. ifconfig and old scripts look for them. */
function* freeLabels(host: HostState): Generator<string | undefined, undefined> {
  const used = new Set(host.addresses.map((entry) => entry.label));
  for (let number = 0; ; number++) {
    const label = `${LOOPBACK}:${number}`;
    if (label.length > LABEL_LENGTH_MAX) return undefined;
    if (!used.has(label)) yield label;
  }
}

function sameRecord(a: RealServerRecord | undefined, b: RealServerRecord): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
