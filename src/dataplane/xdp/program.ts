/** The loaded packet path: its maps as memory, its programs, its numbers. */
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { IpFamily } from '../../base/index.ts';
import { type BpfMap, BpfObject, type BpfProgram, indexKey, perCpuStride, possibleCpus, type StructLayout } from '../../os/bpf/index.ts';
import { allowInherited } from './inherited-ports.ts';
import { Records } from './records.ts';

/** The director writes it again at every start. */
const UNPINNED = new Set(['ports']);
const PER_CPU = new Set(['server_stats', 'reasons', 'scratches']);
/**
 * Entries of the overflow map for each line of the connection table. When there are as many connections as the table has entries, chance
 * leaves 0.39 for each line that find no room in it and the line beside it.
 */
const OVERFLOW_SHARE = 7 / 16;
/** The same of the map of ways to overflown connections: only full NAT has such, and half of its entries are ways back. Its buckets take memory even while nobody uses full NAT. */
const OVERFLOW_WAYS_SHARE = 1 / 4;
const FEWEST_OVERFLOWING = 1024;
const CONNECTIONS_PER_LINE = 2;
/** One connection in so many of the larger table has room for what the SYN proxy remembers of it: the map's buckets take memory even while nobody is behind it. */
const PROXIED_SHARE = 16;
/** What the kernel adds to an entry of a hash map, and to its bucket. */
const HASH_ENTRY_BYTES = 64;
const HZ_CHOICES = [100, 250, 300, 1000];
const HZ_MEASURE_MS = 60;
/** A line and the one beside it. */
const COPY_LINES = 2;

/** Which program lies where in the jump table (enum tail). */
const TAILS = {
  TAIL_ADMIT: 'admit_program',
  TAIL_ICMP: 'icmp_program',
  TAIL_FRAGMENT: 'fragment_program',
  TAIL_REJECT: 'reject_program',
  TAIL_REPLY: 'reply_program',
  TAIL_BALANCE6: 'balance6',
  TAIL_HEADERS6: 'headers6_program',
  TAIL_ADMIT6: 'admit6_program',
  TAIL_ICMP6: 'icmp6_program',
  TAIL_FRAGMENT6: 'fragment6_program',
  TAIL_REPLY6: 'reply6_program',
  TAIL_SYN_PROXY: 'syn_proxy',
  TAIL_PROXIED: 'proxied_program',
  TAIL_PROXIED_REPLY: 'proxied_reply',
  TAIL_SYN_PROXY6: 'syn_proxy6',
  TAIL_PROXIED6: 'proxied6_program',
  TAIL_PROXIED_REPLY6: 'proxied_reply6',
  TAIL_STRAY: 'stray_program',
  TAIL_STRAY6: 'stray6_program',
  TAIL_FULLNAT: 'fullnat_program',
  TAIL_FULLNAT6: 'fullnat6_program',
  TAIL_FULLNAT_REPLY: 'fullnat_reply_program',
  TAIL_FULLNAT_REPLY6: 'fullnat_reply6_program',
  TAIL_REPLY_ICMP: 'reply_icmp_program',
  TAIL_REPLY_ICMP6: 'reply_icmp6_program',
  TAIL_TUNNEL_ERROR: 'tunnel_error_program',
  TAIL_ROUTE: 'route_program',
  TAIL_TAGGED: 'tagged_program',
  TAIL_BALANCE: 'balance',
  TAIL_FTP: 'ftp_program',
  TAIL_FTP6: 'ftp6_program',
} as const;
/** All that packets run through. */
const PROGRAMS = Object.values(TAILS);

export interface PacketPathOptions {
  readonly objectPath: string;
  /** Connections that the table holds before it overflows; rounded up to a power of two. */
  readonly connections: number;
  /** The same of the table for IPv6. */
  readonly connections6: number;
  readonly pinDirectory?: string;
  readonly onLoss?: (why: string) => void;
}

/** The connections of one address family: lines of two entries each, and what does not fit into them. */
export interface ConnectionTable {
  readonly family: IpFamily;
  readonly lines: number;
  readonly entries: Records;
  /** Where the addresses of the entries are: of IPv4 they themselves. */
  readonly rests: Records;
  readonly overflow: BpfMap;
}

/** What `locate` found. */
export interface Location {
  readonly entry: Uint8Array | undefined;
  /** Whether a new entry would find a place in the lines. */
  readonly room: boolean;
  /** The firewall mark that such a packet gets; 0 is none. */
  readonly mark: number;
}

/** How the names of pinned links begin; the interface's number follows. */
export const LINK_PIN = 'link_';

/** What the packet path counted for one real server, all CPUs together. */
export interface ServerTotals {
  readonly connections: number;
  readonly inPackets: number;
  readonly inBytes: number;
  /** Replies of masqueraded servers; nobody else's come this way. */
  readonly outPackets: number;
  readonly outBytes: number;
}

/** What a sweep releases besides what has expired (enum sweep_kind). */
export type Sweep =
  | { readonly kind: 'SWEEP_EXPIRED' | 'SWEEP_UNSERVED' | 'SWEEP_CROWDED' | 'SWEEP_FRAGMENTS' }
  | { readonly kind: 'SWEEP_SERVER'; readonly server: number };

export class PacketPath {
  readonly hz: number;
  /** IPv4's first. */
  readonly tables: readonly [ConnectionTable, ConnectionTable];
  readonly servers: Records;
  readonly loads: Records;
  readonly services: Records;
  /** The rules that give firewall marks, twice as many as are in use at a time. */
  readonly markRules: Records;
  readonly localAddresses: Records;
  readonly settings: Records;
  readonly slots: Uint16Array;
  /** Services over IPv4 by place, each found in one step: see near_services in bpf/maps.h. */
  readonly nearServices: BigUint64Array;
  /** Which service a packet's address, port and protocol lead to. */
  readonly serviceIndexes: Readonly<Record<IpFamily, BpfMap>>;
  /** Which service a mark leads to. */
  readonly serviceMarks: BpfMap;
  readonly ports: BpfMap;
  readonly localities: BpfMap;
  /** Per CPU: what a program leaves for the one it jumps to, and the ICMP errors that may still be sent. */
  readonly scratches: BpfMap;
  /** Connections of which the SYN proxy made the handshake. */
  readonly proxied: BpfMap;
  /** Clients that have answered a challenge, and sources whose connections are counted. */
  readonly knownClients: BpfMap;
  readonly sources: BpfMap;
  /** Which connection of an overflow map a way back of full NAT leads to. */
  readonly overflowWays: Readonly<Record<IpFamily, BpfMap>>;
  readonly balance: BpfProgram;
  /** Of tc: hands over what the director itself sends. */
  readonly localOut: BpfProgram;
  readonly numbers: Record<
    | 'meta'
    | 'family'
    | 'state'
    | 'protocol'
    | 'forwarding'
    | 'loadFlag'
    | 'scheduleKind'
    | 'scheduleFlag'
    | 'serverFlag'
    | 'serviceFlag'
    | 'settingsFlag'
    | 'sweepKind'
    | 'nearService'
    | 'reason',
    Readonly<Record<string, number>>
  >;
  /** True when the maps were pinned by an earlier process and hold its tables. */
  readonly inherited: boolean;
  private readonly object: BpfObject;
  private readonly stats: BpfMap;
  private readonly reasons: BpfMap;
  private readonly unmaps: (() => void)[] = [];
  private readonly sweepProgram: BpfProgram;
  private readonly locateProgram: BpfProgram;

  /** `hz`, where it is known already: of a copy. */
  private constructor(object: BpfObject, hz?: number) {
    this.object = object;
    this.tables = [this.connectionTable(4), this.connectionTable(6)];
    this.servers = this.records('.data.servers', 'server');
    this.loads = this.records('.data.loads', 'server_load');
    this.services = this.records('.data.services', 'service');
    this.markRules = this.records('mark_rules', 'mark_rule');
    this.localAddresses = this.records('local_addresses', 'local_address');
    this.settings = this.records('.data.settings', 'settings');
    const slots = this.memory('slots');
    this.slots = new Uint16Array(slots.buffer, slots.byteOffset, slots.byteLength / 2);
    const near = this.memory('.data.near');
    this.nearServices = new BigUint64Array(near.buffer, near.byteOffset, near.byteLength / 8);
    this.serviceIndexes = { 4: object.map('service_index'), 6: object.map('service_index6') };
    this.serviceMarks = object.map('service_marks');
    this.ports = object.map('ports');
    this.localities = object.map('localities');
    this.scratches = object.map('scratches');
    this.proxied = object.map('proxied');
    this.knownClients = object.map('known_clients');
    this.sources = object.map('sources');
    this.overflowWays = { 4: object.map('overflow_ways'), 6: object.map('overflow_ways6') };
    this.stats = object.map('server_stats');
    this.reasons = object.map('reasons');
    this.balance = object.program('balance');
    this.localOut = object.program('local_out');
    this.sweepProgram = object.program('sweep');
    this.locateProgram = object.program('locate');
    const { btf } = object;
    this.numbers = {
      meta: btf.enumeration('meta'),
      family: btf.enumeration('family'),
      state: btf.enumeration('conn_state'),
      protocol: btf.enumeration('conn_protocol'),
      forwarding: btf.enumeration('forwarding'),
      loadFlag: btf.enumeration('load_flag'),
      scheduleKind: btf.enumeration('schedule_kind'),
      scheduleFlag: btf.enumeration('schedule_flag'),
      serverFlag: btf.enumeration('server_flag'),
      serviceFlag: btf.enumeration('service_flag'),
      settingsFlag: btf.enumeration('settings_flag'),
      sweepKind: btf.enumeration('sweep_kind'),
      nearService: btf.enumeration('near_service'),
      reason: btf.enumeration('reason'),
    };
    this.inherited = this.settings.u32(0, 'hz') !== 0;
    if (this.inherited) allowInherited(this.ports, this.settings, this.servers);
    this.connectPrograms();
    this.hz = hz ?? (this.inherited ? this.settings.u32(0, 'hz') : this.measureHz());
    if (!this.inherited) this.initialize();
  }

  /**
   * Loads the object, taking over pinned maps where they fit. Maps of another shape are given up, with their connections, and `onLoss` is
   * told why; pinned links stay, so that the new program takes the old one's place without a gap.
   */
  static load(options: PacketPathOptions): PacketPath {
    const [lines, lines6] = [linesFor(options.connections), linesFor(options.connections6)];
    const maxEntries = {
      connections: lines,
      overflow: overflowFor(lines, OVERFLOW_SHARE),
      overflow_ways: overflowFor(lines, OVERFLOW_WAYS_SHARE),
      connections6: lines6,
      rests6: lines6,
      overflow6: overflowFor(lines6, OVERFLOW_SHARE),
      overflow_ways6: overflowFor(lines6, OVERFLOW_WAYS_SHARE),
      proxied: Math.ceil((Math.max(lines, lines6) * CONNECTIONS_PER_LINE) / PROXIED_SHARE),
    };
    const { pinDirectory } = options;
    const load = (): BpfObject =>
      BpfObject.load(options.objectPath, PER_CPU, { maxEntries, unpinned: UNPINNED, ...(pinDirectory !== undefined && { pinDirectory }) });
    if (pinDirectory === undefined) return new PacketPath(load());
    try {
      return new PacketPath(load());
    } catch (error) {
      const pins = readdirSync(pinDirectory).filter((name) => !name.startsWith(LINK_PIN));
      if (pins.length === 0) throw error;
      options.onLoss?.((error as Error).message);
      for (const name of pins) rmSync(join(pinDirectory, name), { recursive: true, force: true });
      return new PacketPath(load());
    }
  }

  /**
   * Loads the same programs once more, with maps of their own that nobody else reaches: room for the fewest connections, and nothing in it.
   * Throws an Error when the object is not the one that this packet path was loaded from.
   */
  async loadCopy(objectPath: string): Promise<PacketPath> {
    const maxEntries = {
      connections: COPY_LINES,
      overflow: 1,
      overflow_ways: 1,
      connections6: COPY_LINES,
      rests6: COPY_LINES,
      overflow6: 1,
      overflow_ways6: 1,
      proxied: 1,
    };
    const copy = new PacketPath(await BpfObject.loadAside(objectPath, PER_CPU, { maxEntries }), this.hz);
    const other = PROGRAMS.find((name) => copy.object.program(name).tag() !== this.object.program(name).tag());
    if (other === undefined) return copy;
    copy.close();
    throw new Error(`${objectPath} is not what the packet path was loaded from: its program ${other} is another one`);
  }

  /** The entry of a key in the connection tables; expired ones too. */
  locate(fill: (request: Records) => void): Location {
    const layout = this.object.btf.struct('location');
    const request = new Records(new Uint8Array(layout.size), layout);
    fill(request);
    this.locateProgram.testRun({ context: request.bytes });
    const room = request.u32(0, 'room') !== 0;
    return { entry: request.u32(0, 'found') ? request.bytesOf(0, 'entry') : undefined, room, mark: request.u32(0, 'mark') };
  }

  /** An entry of a connection table, and where its addresses are, in bytes that `locate` gave or an overflow map. */
  entryIn(bytes: Uint8Array, family: IpFamily): { readonly entry: Records; readonly rest: Records } {
    const { btf } = this.object;
    const conn = btf.struct('conn');
    const entry = new Records(bytes.subarray(0, conn.size), conn);
    return { entry, rest: family === 4 ? entry : new Records(bytes.subarray(conn.size), btf.struct('rest6')) };
  }

  /** The layout of a struct that is part of another or the key of a map. */
  struct(name: string): StructLayout {
    return this.object.btf.struct(name);
  }

  /** Connections that the table of a family holds before it overflows. */
  tableSize(family: IpFamily): number {
    return this.tableOf(family).lines * CONNECTIONS_PER_LINE;
  }

  tableOf(family: IpFamily): ConnectionTable {
    return this.tables[family === 4 ? 0 : 1];
  }

  /** Memory of the connection tables, which is all there from the start; what they keep for what does not fit counts too. */
  get tableBytes(): number {
    return this.tables.reduce((sum, { entries, rests, overflow }) => {
      const { keySize, valueSize, maxEntries } = overflow.shape;
      const bytes = entries === rests ? entries.bytes.length : entries.bytes.length + rests.bytes.length;
      return sum + bytes + maxEntries * (keySize + valueSize + HASH_ENTRY_BYTES);
    }, 0);
  }

  totals(server: number): ServerTotals {
    const layout = this.object.btf.struct('server_stats');
    const value = this.stats.lookup(indexKey(server)) as Uint8Array;
    const sum = { connections: 0, packets: 0, bytes: 0, out_packets: 0, out_bytes: 0 };
    const view = new DataView(value.buffer);
    for (let cpu = 0; cpu < possibleCpus(); cpu++) {
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) {
        const field = layout.fields[name] as { offset: number };
        sum[name] += Number(view.getBigUint64(cpu * perCpuStride(layout.size) + field.offset, true));
      }
    }
    const { connections, packets: inPackets, bytes: inBytes, out_packets: outPackets, out_bytes: outBytes } = sum;
    return { connections, inPackets, inBytes, outPackets, outBytes };
  }

  clearTotals(server: number): void {
    this.stats.update(indexKey(server), new Uint8Array(possibleCpus() * perCpuStride(this.stats.shape.valueSize)));
  }

  /** How often each numbered reason came up, by its name in bpf/reasons.h. */
  reasonCounts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [name, number] of Object.entries(this.numbers.reason)) {
      if (name === 'REASON_COUNT') continue;
      const value = new BigUint64Array((this.reasons.lookup(indexKey(number)) as Uint8Array).buffer);
      counts[name] = Number(value.reduce((sum, count) => sum + count, 0n));
    }
    return counts;
  }

  clearReasons(): void {
    for (const number of Object.values(this.numbers.reason)) {
      if (number < this.reasons.shape.maxEntries)
        this.reasons.update(indexKey(number), new Uint8Array(possibleCpus() * perCpuStride(this.reasons.shape.valueSize)));
    }
  }

  /** Releases expired entries of some lines and says what the packet path's clock shows. */
  sweep(
    family: IpFamily,
    firstLine: number,
    lineCount: number,
    withOverflow: boolean,
    what: Sweep = { kind: 'SWEEP_EXPIRED' },
  ): { jiffies: number; nanoseconds: bigint } {
    const layout = this.object.btf.struct('sweep');
    const request = new Records(new Uint8Array(layout.size), layout);
    request.setU32(0, 'family', family);
    request.setU32(0, 'first_line', firstLine);
    request.setU32(0, 'line_count', lineCount);
    request.setU32(0, 'with_overflow', withOverflow ? 1 : 0);
    request.setU32(0, 'kind', this.numbers.sweepKind[what.kind] as number);
    request.setU32(0, 'server', what.kind === 'SWEEP_SERVER' ? what.server : 0);
    this.sweepProgram.testRun({ context: request.bytes });
    return { jiffies: request.u32(0, 'jiffies'), nanoseconds: request.u64(0, 'monotonic_ns') };
  }

  /** Goes through both tables at once, and ends connections before their time. */
  sweepAll(what: Sweep): void {
    for (const { family, lines } of this.tables) this.sweep(family, 0, lines, true, what);
  }

  /** What the packet path's clock shows. */
  clock(): { jiffies: number; nanoseconds: bigint } {
    return this.sweep(4, 0, 0, false);
  }

  /** Unmaps and gives up everything; what is pinned or attached stays. */
  close(): void {
    for (const unmap of this.unmaps) unmap();
    this.object.close();
  }

  private connectionTable(family: IpFamily): ConnectionTable {
    const suffix = family === 4 ? '' : '6';
    const entries = this.records(`connections${suffix}`, 'conn');
    return {
      family,
      lines: this.object.map(`connections${suffix}`).shape.maxEntries,
      entries,
      rests: family === 4 ? entries : this.records('rests6', 'rest6'),
      overflow: this.object.map(`overflow${suffix}`),
    };
  }

  private records(map: string, struct: string): Records {
    return new Records(this.memory(map), this.object.btf.struct(struct));
  }

  private memory(map: string): Uint8Array {
    const mapped = this.object.map(map).mapped();
    this.unmaps.push(() => mapped.unmap());
    return mapped.bytes;
  }

  /** Also after a take-over: the jump table then leads to the new programs. */
  private connectPrograms(): void {
    const tails = this.object.btf.enumeration('tail');
    for (const [tail, name] of Object.entries(TAILS)) {
      this.object.map('programs').update(indexKey(tails[tail] as number), indexKey(this.object.program(name).fd));
    }
  }

  /** The kernel tells its tick rate to nobody: two readings of its clock against CLOCK_MONOTONIC tell it. */
  private measureHz(): number {
    const before = this.clock();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HZ_MEASURE_MS);
    const after = this.clock();
    const rate = ((after.jiffies - before.jiffies) >>> 0) / (Number(after.nanoseconds - before.nanoseconds) / 1e9);
    const distance = (hz: number): number => Math.abs(Math.log(hz / rate));
    return HZ_CHOICES.reduce((best, hz) => (distance(hz) < distance(best) ? hz : best));
  }

  private initialize(): void {
    const seed = randomBytes(this.settings.sizeOf('hash_seed'));
    // The multipliers must be odd, or the hash loses bits.
    for (let at = 0; at < seed.length; at += 8) seed[at] = (seed[at] as number) | 1;
    this.settings.setBytes(0, 'hash_seed', seed);
    this.settings.setU32(0, 'line_mask', this.tables[0].lines - 1);
    this.settings.setBytes(0, 'hash6_seed', randomBytes(this.settings.sizeOf('hash6_seed')));
    this.settings.setBytes(0, 'cookie_key', randomBytes(this.settings.sizeOf('cookie_key')));
    this.settings.setU32(0, 'line_mask6', this.tables[1].lines - 1);
    this.settings.setU32(0, 'hz', this.hz);
  }
}

/** A table's size is a power of two. */
export function roundedSize(connections: number): number {
  return linesFor(connections) * CONNECTIONS_PER_LINE;
}

function linesFor(connections: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, connections / CONNECTIONS_PER_LINE)));
}

function overflowFor(lines: number, share: number): number {
  return Math.max(FEWEST_OVERFLOWING, Math.ceil(lines * share));
}
