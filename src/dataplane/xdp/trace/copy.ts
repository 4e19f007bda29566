/**
 * The packet path a second time: the same programs, checked by the kernel's own hash of them, on copies of what they read. Nothing that
 * they do there reaches the maps that packets use.
 */
import type { IpAddress } from '../../../base/index.ts';
import type { BpfMap } from '../../../os/bpf/index.ts';
import { foldWords } from '../address-filter.ts';
import type { ConnectionTable, Location, PacketPath } from '../program.ts';
import { Records } from '../records.ts';

/** Which entry of the connection tables; the kind is made of META_PROTOCOL, META_TEMPLATE and META_REPLY. */
export interface Wanted {
  readonly kind: number;
  readonly client: IpAddress;
  readonly clientPort: number;
  readonly virtual: IpAddress;
  readonly virtualPort: number;
  /** The interface by which the packet would come in. */
  readonly ingress: number;
}

/** The bit that says which table a connection's number is of, and the one of numbers that stand for a place in an overflow map. */
const TABLE_BIT = 0x8000_0000;
const OVERFLOW_BIT = 0x4000_0000;
/** Of a connection's key: what the key of IPv4's overflow map is. */
const OVERFLOW_KEY_BYTES = 16;

/** What the SYN proxy remembers of a connection that it made. */
export interface Proxied {
  /** The client's first sequence number, and the one that it was given as the server's. */
  readonly clientFirst: number;
  readonly cookie: number;
  /** The server's own less the cookie; undefined until it has answered. */
  readonly difference: number | undefined;
}

export class PathCopy {
  readonly path: PacketPath;
  private readonly live: PacketPath;

  private constructor(live: PacketPath, path: PacketPath) {
    this.live = live;
    this.path = path;
  }

  /** Throws an Error when the object has changed since the live packet path was loaded from it, SystemError when the kernel refuses it. */
  static async load(live: PacketPath, objectPath: string): Promise<PathCopy> {
    return new PathCopy(live, await live.loadCopy(objectPath));
  }

  /** Services, servers, ports and settings as they are now; no connections, no counts. `servers`: the numbers in use. */
  refresh(servers: readonly number[]): void {
    const { live, path } = this;
    for (const name of ['servers', 'loads', 'services', 'markRules', 'localAddresses', 'settings'] as const)
      path[name].bytes.set(live[name].bytes);
    path.slots.set(live.slots);
    for (const family of [4, 6] as const) copyMap(live.serviceIndexes[family], path.serviceIndexes[family]);
    copyMap(live.serviceMarks, path.serviceMarks);
    copyMap(live.ports, path.ports);
    for (const map of [path.localities, path.proxied, path.knownClients, path.sources, path.overflowWays[4], path.overflowWays[6]])
      clearMap(map);
    for (const table of path.tables) {
      const suffix = table.family === 4 ? '' : '6';
      path.settings.setU32(0, `line_mask${suffix}`, table.lines - 1);
      path.settings.setU32(0, `overflow${suffix}_count`, 0);
      this.clearTable(table);
    }
    for (const number of servers) path.clearTotals(number);
    path.clearReasons();
  }

  /** What lblc and lblcr remember of a virtual address. */
  copyLocality(service: number, virtual: IpAddress): void {
    const key = new Records(new Uint8Array(this.live.struct('locality_key').size), this.live.struct('locality_key'));
    key.setU32(0, 'service', service);
    key.setU32(0, 'virtual', foldWords(virtual.bytes) >>> 0);
    copyEntry(this.live.localities, this.path.localities, key.bytes);
  }

  /** What defences remember of a client: that it has proven that it is there, and the connections that it made to a service. */
  copyClient(client: IpAddress, service: number | undefined): void {
    const { live, path } = this;
    const address = new Uint8Array(live.struct('address6').size);
    address.set(client.bytes);
    copyEntry(live.knownClients, path.knownClients, address);
    if (service === undefined) return;
    const key = new Records(new Uint8Array(live.struct('source_key').size), live.struct('source_key'));
    key.setU32(0, 'service', service);
    key.setBytes(0, 'network', client.bytes.subarray(0, key.sizeOf('network')));
    copyEntry(live.sources, path.sources, key.bytes);
  }

  /** What the SYN proxy remembers of a connection, which the copy remembers from now on; undefined for one that it did not make. */
  copyProxied({ client, clientPort, virtual, virtualPort }: Omit<Wanted, 'kind' | 'ingress'>): Proxied | undefined {
    const key = new Records(new Uint8Array(this.live.struct('proxied_key').size), this.live.struct('proxied_key'));
    key.setBytes(0, 'client', client.bytes);
    key.setBytes(0, 'virtual', virtual.bytes);
    key.setBytes(0, 'ports', Uint8Array.of(clientPort >> 8, clientPort, virtualPort >> 8, virtualPort));
    const value = copyEntry(this.live.proxied, this.path.proxied, key.bytes);
    if (!value) return undefined;
    const record = new Records(value, this.live.struct('proxied'));
    const hasAnswered = record.bytesOf(0, 'answered').some((byte) => byte !== 0);
    return {
      clientFirst: record.u32(0, 'client_first'),
      cookie: record.u32(0, 'cookie'),
      difference: hasAnswered ? record.u32(0, 'difference') : undefined,
    };
  }

  /** An entry of the live tables, and whether a new one would find a place in the table. */
  locate({ kind, client, clientPort, virtual, virtualPort, ingress }: Wanted): Location {
    const { entry, room, mark } = this.live.locate((request) => {
      request.setU32(0, 'family', client.family);
      request.setU32(0, 'kind', kind);
      request.setU32(0, 'ifindex', ingress);
      request.setBytes(0, 'client', client.bytes);
      request.setBytes(0, 'virtual', virtual.bytes);
      request.setPort(0, 'client_port', clientPort);
      request.setPort(0, 'virtual_port', virtualPort);
    });
    const { overflow } = this.live.tableOf(client.family);
    const used = this.live.settings.u32(0, `overflow${client.family === 4 ? '' : '6'}_count`);
    return {
      entry: client.family === 4 ? entry?.subarray(0, this.live.tableOf(4).entries.layout.size) : entry,
      room: room || used < overflow.shape.maxEntries,
      mark,
    };
  }

  /** The entry that a connection names as its template; undefined for none. */
  templateOf(family: 4 | 6, connection: Uint8Array): Uint8Array | undefined {
    const number = this.live.entryIn(connection, family).entry.u32(0, 'control');
    return number === 0 ? undefined : this.numbered(family, number);
  }

  /** The connection that a way back of full NAT leads to; undefined for another way back, or where it is gone. */
  originOf(family: 4 | 6, reply: Uint8Array): Uint8Array | undefined {
    const { overflow } = this.live.tableOf(family);
    const record = this.replyRecord(family, reply);
    if (!this.isOfFullNat(record)) return undefined;
    const number = record.u32(0, 'number');
    if (!(number & OVERFLOW_BIT)) return this.numbered(family, number);
    const key = this.live.overflowWays[family].lookup(record.bytesOf(0, 'number'));
    return key && overflow.lookup(family === 4 ? key.slice(0, OVERFLOW_KEY_BYTES) : this.fingerprintIn(key));
  }

  /** The entry in a numbered slot of the live table. */
  private numbered(family: 4 | 6, number: number): Uint8Array {
    const { entries, rests } = this.live.tableOf(family);
    const slot = (number & ~TABLE_BIT) - 1;
    return family === 4 ? entries.whole(slot).slice() : Buffer.concat([entries.whole(slot), rests.whole(slot)]);
  }

  private fingerprintIn(key: Uint8Array): Uint8Array {
    return new Records(key, this.live.struct('conn_key')).bytesOf(0, 'fingerprint');
  }

  private replyRecord(family: 4 | 6, reply: Uint8Array): Records {
    return new Records(reply, this.live.struct(family === 4 ? 'reply' : 'reply6'));
  }

  private isOfFullNat(reply: Records): boolean {
    return (reply.u32(0, 'meta') & (this.live.numbers.meta.META_FULLNAT as number)) !== 0;
  }

  /**
   * Puts entries into the copy, the template of the first one second, and lets a way back of full NAT lead to the first. Every entry is found
   * whatever line its key leads to: there are only two, and each says that the other one may have it.
   */
  plant(family: 4 | 6, connection: Uint8Array | undefined, template: Uint8Array | undefined, reply: Uint8Array | undefined): void {
    const { entries, rests } = this.path.tableOf(family);
    const tableBit = family === 6 ? TABLE_BIT : 0;
    for (const [slot, entry] of [connection, template, reply].entries()) {
      if (!entry) continue;
      entries.whole(slot).set(entry.subarray(0, entries.layout.size));
      if (family === 6) rests.whole(slot).set(entry.subarray(entries.layout.size));
    }
    if (connection && template) entries.setU32(0, 'control', (2 | tableBit) >>> 0);
    const planted = this.replyRecord(family, entries.whole(2));
    if (reply && this.isOfFullNat(planted)) planted.setU32(0, 'number', (1 | tableBit) >>> 0);
    const { META_LINE, META_NEIGHBOUR, META_SPILLED } = this.path.numbers.meta as Record<string, number>;
    const marks = ((META_NEIGHBOUR as number) | (META_SPILLED as number)) >>> 0;
    for (let slot = 0; slot < this.path.tableSize(family) && slot < 4; slot++) {
      const meta = entries.u32(slot, 'meta') & ~(META_LINE as number);
      entries.setU32(slot, 'meta', (slot % 2 === 0 ? meta | marks : meta) >>> 0);
    }
  }

  /** Leaves no place for another entry. */
  fill(family: 4 | 6): void {
    const { path } = this;
    const { entries, overflow } = path.tableOf(family);
    const { META_VALID, META_BUSY } = path.numbers.meta as Record<string, number>;
    for (let slot = 0; slot < 4; slot++) {
      const meta = entries.u32(slot, 'meta');
      if (!(meta & (META_VALID as number))) entries.setU32(slot, 'meta', (meta | (META_BUSY as number)) >>> 0);
    }
    overflow.update(new Uint8Array(overflow.shape.keySize), new Uint8Array(overflow.shape.valueSize));
  }

  close(): void {
    this.path.close();
  }

  private clearTable({ entries, rests, overflow }: ConnectionTable): void {
    entries.bytes.fill(0);
    rests.bytes.fill(0);
    clearMap(overflow);
  }
}

function clearMap(map: BpfMap): void {
  for (const key of Array.from(map.keys())) map.delete(key);
}

/** Undefined where there is none. */
function copyEntry(from: BpfMap, to: BpfMap, key: Uint8Array): Uint8Array | undefined {
  const value = from.lookup(key);
  if (value) to.update(key, value);
  return value;
}

function copyMap(from: BpfMap, to: BpfMap): void {
  const kept = new Set<string>();
  for (const key of Array.from(from.keys())) {
    const value = from.lookup(key);
    if (!value) continue;
    kept.add(key.toString());
    to.update(key, value);
  }
  for (const key of Array.from(to.keys())) if (!kept.has(key.toString())) to.delete(key);
}
