/** Whether the host is a real server: what is there, and what is wrong with it. Nothing here touches the host. */
import { type IpAddress, maxPrefixLength } from '../../base/index.ts';
import { asPrefix, type HostState, inEffect, interfaceNamed, LOOPBACK, onLoopback } from './host-state.ts';
import type { RealServerMode, RealServerRecord } from './record.ts';
import { sameToaReader, type ToaCounts, type ToaReader } from './toa.ts';
import { type Decapsulator, type DecapsulatorCounts, describeTunnel, sameDecapsulator, sortedTexts } from './tunnel.ts';

export type ProblemCode =
  | 'realserver/address-missing'
  | 'realserver/answers-arp'
  | 'realserver/announces-vip'
  | 'realserver/vip-on-interface'
  | 'realserver/vip-not-host-prefix'
  | 'realserver/decapsulator-missing'
  | 'realserver/decapsulator-differs'
  | 'realserver/reverse-path'
  | 'realserver/toa-reader-missing'
  | 'realserver/toa-reader-differs';

export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
}

export type RunState = 'running' | 'partly' | 'stopped';

/** Where packets are taken out of tunnels, and what became of them there. */
export interface DecapsulatorStatus extends Decapsulator {
  readonly interface: string;
  readonly counts: DecapsulatorCounts;
}

/** By whom this host's servers are told their clients behind full NAT, and how often that was. */
export interface ToaReaderStatus extends ToaReader {
  readonly counts: ToaCounts;
}

export interface Assessment {
  readonly state: RunState;
  readonly mode: RealServerMode;
  readonly problems: readonly Problem[];
  readonly vips: readonly IpAddress[];
  readonly decapsulators: readonly DecapsulatorStatus[];
  readonly toaReader?: ToaReaderStatus;
}

/** The record to go by: one of an earlier boot says nothing about this one. */
export function currentRecord(host: HostState, record: RealServerRecord | undefined): RealServerRecord | undefined {
  return record?.bootId === host.bootId ? record : undefined;
}

/**
 * `running` when every VIP is on lo, the host is silent about it, and it takes packets for those of the mode `tun` out of their tunnel;
 * `stopped` when none is there and nothing of ours is left; else `partly`. Without VIPs the recorded ones are meant.
 */
export function assess(host: HostState, found: RealServerRecord | undefined, asked: readonly IpAddress[] | undefined): Assessment {
  const record = currentRecord(host, found);
  const vips = asked ?? record?.vips.map((entry) => entry.address) ?? [];
  const recorded = record?.vips.filter((entry) => vips.some((vip) => vip.equals(entry.address))) ?? [];
  const isRecorded = (mode: RealServerMode) => recorded.some((entry) => entry.mode === mode);
  const mode = (['tun', 'dr', 'fullnat'] as const).find(isRecorded) ?? 'dr';
  const decapsulators = mode === 'tun' ? decapsulatorsOf(host) : [];
  const toaReader = isRecorded('fullnat') && host.toaReader ? { ...host.toaReader, counts: host.toaCounts ?? {} } : undefined;
  // Full NAT sends to the host's own address.
  const held = vips.filter((vip) => !recorded.some((entry) => entry.mode === 'fullnat' && entry.address.equals(vip)));
  const present = held.filter((vip) => onLoopback(host, vip));
  const wrong = held.flatMap((vip) => misplaced(host, vip));
  const common = { mode, vips, decapsulators, ...(toaReader && { toaReader }) };
  if (present.length === 0 && wrong.length === 0 && recorded.length === 0) return { state: 'stopped', problems: [], ...common };
  const missing = held
    .filter((vip) => !present.includes(vip))
    .map((vip): Problem => ({ code: 'realserver/address-missing', message: `${vip} is not on ${LOOPBACK}.` }));
  const unready = record
    ? [...(mode === 'tun' ? unreceptive(host, record) : []), ...(isRecorded('fullnat') ? unknowing(host, record) : [])]
    : [];
  const problems = [...wrong, ...missing, ...talkative(host, held), ...unready];
  return { state: problems.length === 0 ? 'running' : 'partly', problems, ...common };
}

function decapsulatorsOf(host: HostState): DecapsulatorStatus[] {
  return host.interfaces.flatMap(({ name, decapsulator, counts }) =>
    decapsulator ? [{ interface: name, ...decapsulator, counts: counts ?? {} }] : [],
  );
}

/** What the program on each of the tunnel's interfaces has to go by. Undefined without VIPs of the mode `tun`. */
export function wantedDecapsulator(host: HostState, record: RealServerRecord): Decapsulator | undefined {
  const vips = record.vips.filter((entry) => entry.mode === 'tun').map((entry) => entry.address);
  if (!record.tunnel || vips.length === 0) return undefined;
  const { type, port, directors } = record.tunnel;
  const hosts = host.addresses
    .filter((entry) => entry.interface !== LOOPBACK)
    .map((entry) => entry.prefix.address)
    .filter((address) => mayEndTunnel(address, directors));
  return {
    type,
    port,
    directors: directors === 'any' ? 'any' : sortedTexts(directors),
    hosts: sortedTexts(hosts),
    vips: sortedTexts(vips),
  };
}

/** Of the directors' families only: IPv6 addresses come and go by themselves. Nor does a tunnel end at an address of the link alone. */
function mayEndTunnel(address: IpAddress, directors: readonly IpAddress[] | 'any'): boolean {
  const isLinkLocal = address.family === 6 && address.bytes[0] === 0xfe && ((address.bytes[1] ?? 0) & 0xc0) === 0x80;
  return !isLinkLocal && (directors === 'any' || directors.some((director) => director.family === address.family));
}

/** What the programs have to go by. Undefined without VIPs of the mode `fullnat`. */
export function wantedToaReader({ localAddresses }: RealServerRecord): ToaReader | undefined {
  return localAddresses && { localAddresses: [...localAddresses].sort() };
}

function unknowing(host: HostState, record: RealServerRecord): Problem[] {
  const wanted = wantedToaReader(record);
  if (sameToaReader(host.toaReader, wanted)) return [];
  if (host.toaReader && host.toaReader.localAddresses.length > 0) {
    const message = `Clients are believed from ${host.toaReader.localAddresses.join(', ')} and not from ${wanted?.localAddresses.join(', ')}: run start again.`;
    return [{ code: 'realserver/toa-reader-differs', message }];
  }
  return [
    { code: 'realserver/toa-reader-missing', message: 'Servers do not learn who their clients behind full NAT are: run start again.' },
  ];
}

/** Interfaces that do not take the director's packets out of the tunnel, or refuse what was inside. */
function unreceptive(host: HostState, record: RealServerRecord): Problem[] {
  const wanted = wantedDecapsulator(host, record);
  const ipv4 = record.vips.some((entry) => entry.mode === 'tun' && entry.address.family === 4);
  return (record.tunnel?.interfaces ?? []).flatMap(({ name }): Problem[] => {
    const entry = interfaceNamed(host, name);
    if (!wanted || !entry?.decapsulator) {
      const tunnel = record.tunnel ? describeTunnel(record.tunnel) : 'tunnel';
      return [{ code: 'realserver/decapsulator-missing', message: `${name} takes no packets out of the ${tunnel}: run start again.` }];
    }
    const problems: Problem[] = [];
    if (!sameDecapsulator(entry.decapsulator, wanted)) {
      const message = `${name} goes by other addresses than this host has now, or by other settings than start gave it: run start again.`;
      problems.push({ code: 'realserver/decapsulator-differs', message });
    }
    if (ipv4 && inEffect(host, entry, 'rpFilter') === '1') {
      const message = `${name} refuses clients whose way back is another interface: its rp_filter is in effect 1 (0 or 2 is needed).`;
      problems.push({ code: 'realserver/reverse-path', message });
    }
    return problems;
  });
}

/** Places in which a VIP of a real server must not be. */
export function misplaced(host: HostState, vip: IpAddress): Problem[] {
  return host.addresses
    .filter((entry) => entry.prefix.address.equals(vip))
    .flatMap((entry): Problem[] => {
      if (entry.interface !== LOOPBACK) {
        const message = `${vip} is on ${entry.interface}: this host owns the VIP as a director does, so it cannot be its real server as well.`;
        return [{ code: 'realserver/vip-on-interface', message }];
      }
      if (entry.prefix.length === maxPrefixLength(vip.family)) return [];
      // The kernel would take every address of the subnet for its own, and the host would stop reaching its neighbours.
      const message = `${vip}/${entry.prefix.length} is on ${LOOPBACK}, which makes every address of that subnet local: it must be ${asPrefix(vip)}.`;
      return [{ code: 'realserver/vip-not-host-prefix', message }];
    });
}

/**
 * Interfaces that would still speak about a VIP. IPv6 needs no setting: the kernel solicits, and answers solicitations, for addresses of
 * the very interface only.
 */
export function talkative(host: HostState, vips: readonly IpAddress[]): Problem[] {
  if (!vips.some((vip) => vip.family === 4)) return [];
  return host.interfaces.flatMap((entry) => {
    const problems: Problem[] = [];
    const ignore = inEffect(host, entry, 'arpIgnore');
    if (!ignoresForeignArp(ignore)) {
      const message = `${entry.name} answers ARP for the VIP: its arp_ignore is in effect ${ignore} (1, 2 or 8 is needed).`;
      problems.push({ code: 'realserver/answers-arp', message });
    }
    const announce = inEffect(host, entry, 'arpAnnounce');
    if (!keepsVipOutOfArp(announce)) {
      const message = `${entry.name} names the VIP as ARP sender: its arp_announce is in effect ${announce} (2 is needed).`;
      problems.push({ code: 'realserver/announces-vip', message });
    }
    return problems;
  });
}

/** 1 and 2 answer only for addresses of the receiving interface, 8 for none. 3 exempts scope host only, 4 to 7 mean 0 to the kernel. */
export function ignoresForeignArp(value: string): boolean {
  return value === '1' || value === '2' || value === '8';
}

/** 2 always picks a sender address of the sending interface; 1 only sometimes does. */
export function keepsVipOutOfArp(value: string): boolean {
  return value === '2';
}
