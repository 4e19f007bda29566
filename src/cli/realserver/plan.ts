/**
 * What a real server of LVS-DR or LVS-TUN must change on its own host, decided from what was read there. It holds the VIP on lo, so that it
 * accepts the packets that the director hands it, and it must never answer ARP for the VIP nor use it as an ARP sender, or it would
 * take the VIP away from the director. Nothing here touches the host.
 */
import type { IpAddress } from '../../base/index.ts';
import {
  currentRecord,
  ignoresForeignArp,
  keepsVipOutOfArp,
  misplaced,
  type Problem,
  talkative,
  wantedDecapsulator,
  wantedToaReader,
} from './assess.ts';
import {
  ARP_ANNOUNCE_ALL,
  ARP_IGNORE_ALL,
  type HostState,
  inEffect,
  interfaceNamed,
  LOOPBACK,
  onLoopback,
  readSysctl,
  rpFilterName,
} from './host-state.ts';
import type { RealServerMode, RealServerRecord, RecordedSysctl, RecordedTunnel, RecordedVip } from './record.ts';
import { sameToaReader, type ToaReader } from './toa.ts';
import { type Decapsulator, type PlacedTunnel, sameDecapsulator, sizeAdvice } from './tunnel.ts';

/** Longest label that the kernel keeps (IFNAMSIZ less the terminator). */
const LABEL_LENGTH_MAX = 15;

/** One change. They are made in order; each can be undone by itself. */
export type Step =
  | { readonly kind: 'save-record'; readonly record: RealServerRecord; readonly before: RealServerRecord | undefined }
  | { readonly kind: 'delete-record'; readonly before: RealServerRecord }
  | { readonly kind: 'set-sysctl'; readonly name: string; readonly value: string; readonly before: string }
  | { readonly kind: 'add-address'; readonly address: IpAddress; readonly label: string | undefined }
  | { readonly kind: 'remove-address'; readonly address: IpAddress; readonly label: string | undefined }
  | ({ readonly kind: 'attach-decapsulator'; readonly interface: string; readonly wanted: Decapsulator } & DecapsulatorBefore)
  | ({ readonly kind: 'detach-decapsulator'; readonly interface: string } & DecapsulatorBefore)
  | { readonly kind: 'attach-toa-reader'; readonly wanted: ToaReader; readonly before: ToaReader | undefined }
  | { readonly kind: 'detach-toa-reader'; readonly before: ToaReader };

interface DecapsulatorBefore {
  readonly before: Decapsulator | undefined;
  /** Whether the interface's discipline is ours to take off with the program. */
  readonly withDiscipline: boolean;
}

/** Refused when `problems` is not empty; there are no steps then. */
export interface Plan {
  readonly problems: readonly Problem[];
  readonly steps: readonly Step[];
  /** What a person should know that is not a change. */
  readonly notes: readonly string[];
}

/**
 * What start is asked for: VIPs; for the mode `tun` the tunnel by which packets for them come, for the mode `fullnat` where they come from,
 * as prefixes.
 */
export interface StartRequest {
  readonly vips: readonly IpAddress[];
  readonly tunnel?: PlacedTunnel;
  readonly localAddresses?: readonly string[];
}

export function planStart(host: HostState, found: RealServerRecord | undefined, request: StartRequest): Plan {
  const { tunnel } = request;
  // Full NAT sends to the host's own address: it need not hold any other.
  const vips = request.localAddresses ? [] : request.vips;
  const quiet = quietSettings(host, vips);
  // An interface's own odd value can outdo what we set for all of them; better to say so than to start and leak.
  const problems = [...vips.flatMap((vip) => misplaced(host, vip)), ...talkative({ ...host, all: quiet }, vips)];
  if (problems.length > 0) return { problems, steps: [], notes: [] };
  const record = currentRecord(host, found);
  const sysctls: Step[] = [];
  if (quiet.arpAnnounce !== host.all.arpAnnounce)
    sysctls.push({ kind: 'set-sysctl', name: ARP_ANNOUNCE_ALL, value: quiet.arpAnnounce, before: host.all.arpAnnounce });
  if (quiet.arpIgnore !== host.all.arpIgnore)
    sysctls.push({ kind: 'set-sysctl', name: ARP_IGNORE_ALL, value: quiet.arpIgnore, before: host.all.arpIgnore });
  if (tunnel && vips.some((vip) => vip.family === 4)) sysctls.push(...looseReversePaths(host, tunnel));
  const labels = freeLabels(host);
  const additions: Step[] = vips
    .filter((vip) => !onLoopback(host, vip))
    .map((address) => ({ kind: 'add-address', address, label: address.family === 4 ? labels.next().value : undefined }));
  const next = recordOfStart(host, record, request, [...sysctls, ...additions]);
  const saving: Step[] = sameRecord(record, next) ? [] : [{ kind: 'save-record', record: next, before: found }];
  // ARP is silenced before the address appears: one answer in between would put the real server into the router's ARP table. And what
  // comes out of the tunnel needs the address, or a host that routes would send it back to the director.
  const steps = [...saving, ...sysctls, ...additions, ...decapsulatorSteps(host, record, next), ...toaSteps(host, next)];
  const sizes = tunnel?.interfaces.map((name) => sizeAdvice(tunnel, name, interfaceNamed(host, name)?.mtu ?? 0)) ?? [];
  return { problems: [], steps, notes: sizes };
}

function quietSettings(host: HostState, vips: readonly IpAddress[]) {
  if (!vips.some((vip) => vip.family === 4)) return host.all;
  const { arpAnnounce, arpIgnore } = host.all;
  return {
    ...host.all,
    arpAnnounce: keepsVipOutOfArp(arpAnnounce) ? arpAnnounce : '2',
    arpIgnore: ignoresForeignArp(arpIgnore) ? arpIgnore : '1',
  };
}

/** A client's packet comes by the tunnel's interface, and the way back to him may be another one: 2 accepts it if there is any. */
function looseReversePaths(host: HostState, tunnel: PlacedTunnel): Step[] {
  return tunnel.interfaces.flatMap((name): Step[] => {
    const entry = interfaceNamed(host, name);
    if (!entry || inEffect(host, entry, 'rpFilter') !== '1') return [];
    return [{ kind: 'set-sysctl', name: rpFilterName(name), value: '2', before: entry.rpFilter }];
  });
}

function recordOfStart(
  host: HostState,
  record: RealServerRecord | undefined,
  request: StartRequest,
  changes: readonly Step[],
): RealServerRecord {
  const mode: RealServerMode = request.tunnel ? 'tun' : request.localAddresses ? 'fullnat' : 'dr';
  const known = record?.sysctls ?? [];
  const newSysctls = changes
    .filter((step) => step.kind === 'set-sysctl')
    .filter((step) => !known.some((entry) => entry.name === step.name))
    .map((step): RecordedSysctl => ({ name: step.name, before: step.before, set: step.value }));
  const added = changes.filter((step) => step.kind === 'add-address').map((step) => step.address);
  const isAdded = (address: IpAddress) => added.some((entry) => entry.equals(address));
  const isAsked = (address: IpAddress) => request.vips.some((entry) => entry.equals(address));
  const knownVips = (record?.vips ?? []).map(
    (vip): RecordedVip => ({
      address: vip.address,
      mode: isAsked(vip.address) ? mode : vip.mode,
      added: vip.added || isAdded(vip.address),
    }),
  );
  const newVips = request.vips
    .filter((vip) => !knownVips.some((entry) => entry.address.equals(vip)))
    .map((address): RecordedVip => ({ address, mode, added: isAdded(address) }));
  const vips = [...knownVips, ...newVips];
  const tunnel = request.tunnel ? recordedTunnel(host, record, request.tunnel) : record?.tunnel;
  const sysctls = [...known, ...newSysctls];
  const localAddresses = request.localAddresses ?? record?.localAddresses;
  const { bootId, namespace } = host;
  return withoutIdle({ bootId, namespace, sysctls, vips, ...(tunnel && { tunnel }), ...(localAddresses && { localAddresses }) });
}

function recordedTunnel(host: HostState, record: RealServerRecord | undefined, tunnel: PlacedTunnel): RecordedTunnel {
  const interfaces = tunnel.interfaces.map((name) => {
    const known = record?.tunnel?.interfaces.find((entry) => entry.name === name);
    return known ?? { name, madeDiscipline: interfaceNamed(host, name)?.hasDiscipline === false };
  });
  return { type: tunnel.type, port: tunnel.port, directors: tunnel.directors, interfaces };
}

/** The tunnel goes with the last VIP that needs it, and so do the local addresses. */
function withoutIdle(record: RealServerRecord): RealServerRecord {
  const { tunnel, localAddresses, ...rest } = record;
  const isNeeded = (mode: RealServerMode) => record.vips.some((vip) => vip.mode === mode);
  return { ...rest, ...(tunnel && isNeeded('tun') && { tunnel }), ...(localAddresses && isNeeded('fullnat') && { localAddresses }) };
}

function toaSteps(host: HostState, next: RealServerRecord | undefined): Step[] {
  const wanted = next && wantedToaReader(next);
  const before = host.toaReader;
  if (sameToaReader(before, wanted)) return [];
  if (wanted) return [{ kind: 'attach-toa-reader', wanted, before }];
  return before ? [{ kind: 'detach-toa-reader', before }] : [];
}

/** From the programs that are there to those that the next record wants. */
function decapsulatorSteps(host: HostState, record: RealServerRecord | undefined, next: RealServerRecord | undefined): Step[] {
  const wanted = next && wantedDecapsulator(host, next);
  const interfaces = new Map(
    [...(record?.tunnel?.interfaces ?? []), ...(next?.tunnel?.interfaces ?? [])].map((entry) => [entry.name, entry]),
  );
  return [...interfaces.values()].flatMap(({ name, madeDiscipline: withDiscipline }): Step[] => {
    const entry = interfaceNamed(host, name);
    const before = entry?.decapsulator;
    if (wanted && next.tunnel?.interfaces.some((candidate) => candidate.name === name)) {
      if (sameDecapsulator(before, wanted)) return [];
      return [{ kind: 'attach-decapsulator', interface: name, wanted, before, withDiscipline }];
    }
    if (!before && !(withDiscipline && entry?.hasDiscipline)) return [];
    return [{ kind: 'detach-decapsulator', interface: name, before, withDiscipline }];
  });
}

/** Stops the given VIPs, or every recorded one. What start did not add stays; what was changed since by somebody else stays too. */
export function planStop(host: HostState, found: RealServerRecord | undefined, vips: readonly IpAddress[] | undefined): Plan {
  const record = currentRecord(host, found);
  if (!record) return { problems: [], steps: found ? [{ kind: 'delete-record', before: found }] : [], notes: [] };
  const leaving = record.vips.filter((entry) => vips === undefined || vips.some((vip) => vip.equals(entry.address)));
  const staying = record.vips.filter((entry) => !leaving.includes(entry));
  if (leaving.length === 0) return { problems: [], steps: [], notes: [] };
  const next = staying.length > 0 ? withoutIdle({ ...record, vips: staying }) : undefined;
  const notes: string[] = [];
  const steps = [...decapsulatorSteps(host, record, next), ...toaSteps(host, next)];
  for (const { address, added } of leaving) {
    const present = onLoopback(host, address);
    if (present && added) steps.push({ kind: 'remove-address', address, label: present.label });
    else if (present) notes.push(`${address} was on ${LOOPBACK} before the first start and stays there.`);
  }
  if (next) {
    steps.push({ kind: 'save-record', record: next, before: record });
    return { problems: [], steps, notes };
  }
  for (const entry of [...record.sysctls].reverse()) {
    const value = readSysctl(host, entry.name);
    if (value === entry.set) steps.push({ kind: 'set-sysctl', name: entry.name, value: entry.before, before: entry.set });
    else if (value !== undefined && value !== entry.before)
      notes.push(`${entry.name} is ${value} and not the ${entry.set} that start had set: it is left alone.`);
  }
  steps.push({ kind: 'delete-record', before: record });
  return { problems: [], steps, notes };
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
