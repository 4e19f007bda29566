/** Real servers by their numbers in the packet path's maps, and what is written and counted under them. */
import { assert, type Instant, IpAddress, seconds } from '../../base/index.ts';
import { DataPlaneError } from '../../ports/index.ts';
import type { ServerEntry, ServiceEntry } from '../memory/index.ts';
import type { NextHop } from './next-hops.ts';
import type { PacketPath, ServerTotals } from './program.ts';

/** The numbers of tunnels in the packet path (enum forwarding), and the bytes that each puts between the two IP headers. */
const TUNNELS = {
  ipip: { name: 'FORWARD_IPIP', between: 0 },
  gue: { name: 'FORWARD_GUE', between: 8 + 4 },
  gre: { name: 'FORWARD_GRE', between: 4 },
} as const;
/** What GRE's checksum takes; that of GUE is in the UDP header anyway. */
const GRE_CHECKSUM = 4;
const METHODS = { dr: 'FORWARD_DIRECT', tun: 'FORWARD_IPIP', nat: 'FORWARD_MASQUERADE', fullnat: 'FORWARD_FULLNAT' } as const;
const IP_HEADERS = { 4: 20, 6: 40 } as const;

/** How long an ICMP error about a narrow way is believed, as the kernel has it (net.ipv4.route.mtu_expires). */
const PATH_MTU_LIFETIME = seconds(600);

const NOTHING: ServerTotals = { connections: 0, inPackets: 0, inBytes: 0, outPackets: 0, outBytes: 0 };

interface Numbered {
  readonly number: number;
  /** The packet path's totals when they were last read. */
  seen: ServerTotals;
}

export class ServerNumbers {
  private readonly path: PacketPath;
  private readonly numbered = new Map<ServerEntry, Numbered>();
  private readonly used = new Set<number>();
  private readonly limit: number;
  /** Numbers whose servers nobody knows any more, but whose connections an earlier process left in the table. */
  private readonly orphans = new Set<number>();
  /** What the packet path learned of the ways of tunnels, and when that was noticed. */
  private readonly pathMtus = new Map<ServerEntry, { readonly pathMtu: number; readonly since: Instant }>();

  constructor(path: PacketPath) {
    this.path = path;
    this.limit = path.servers.bytes.length / path.servers.layout.size - 1;
    this.writeBypass(this.limit);
  }

  requireRoom(): void {
    if (this.used.size >= this.limit) throw new DataPlaneError('full', `the packet path has room for ${this.limit} real servers`);
  }

  /** A new server gets a number with clean records; one that came back from the trash still has its own, with its connections. */
  add(server: ServerEntry, service: number): void {
    if (!this.numbered.has(server)) {
      let number = 0;
      while (this.used.has(number)) number++;
      this.use(server, number);
      this.path.loads.clear(number);
      this.path.clearTotals(number);
      this.path.servers.clear(number);
      this.path.servers.setBytes(number, 'address', server.address.bytes);
      this.path.servers.setU8(number, 'family', server.address.family);
    }
    this.writeMethod(server);
    this.writeSchedulable(server, service);
    this.setAvailable(server, true);
  }

  /** Takes over a number with everything that an earlier process and the packet path wrote under it. */
  adopt(server: ServerEntry, number: number): void {
    this.use(server, number);
  }

  /** After the last `adopt`: numbers that connections still name must not be given to anybody yet. */
  reserveOrphans(): void {
    for (let number = 0; number < this.limit; number++) {
      if (this.used.has(number) || !this.isReferenced(number)) continue;
      this.used.add(number);
      this.orphans.add(number);
    }
  }

  releaseOrphans(): void {
    for (const number of this.orphans) {
      if (this.isReferenced(number)) continue;
      this.orphans.delete(number);
      this.used.delete(number);
    }
  }

  /** Its number may be given to another server: no connection names it any more. */
  forget(server: ServerEntry): void {
    const numbered = this.numbered.get(server);
    if (!numbered) return;
    this.path.servers.clear(numbered.number);
    this.used.delete(numbered.number);
    this.numbered.delete(server);
    this.pathMtus.delete(server);
  }

  numberOf(server: ServerEntry): number {
    const numbered = this.numbered.get(server);
    assert(numbered, `${server.address}:${server.port} has no number in the packet path`);
    return numbered.number;
  }

  /** The services, present and deleted, of every server that has a number. */
  owners(): ServiceEntry[] {
    return [...this.numbered.keys()].map((server) => server.owner);
  }

  /** Every server that has a number, deleted ones with connections too. */
  all(): ServerEntry[] {
    return [...this.numbered.keys()];
  }

  byNumber(): ReadonlyMap<number, ServerEntry> {
    return new Map([...this.numbered].map(([server, { number }]) => [number, server]));
  }

  setAvailable(server: ServerEntry, available: boolean): void {
    this.changeFlags(server, this.path.numbers.serverFlag.SERVER_AVAILABLE as number, available);
  }

  /** Whether the director itself is that server. */
  isLocal(server: ServerEntry): boolean {
    return (this.path.servers.u16(this.numberOf(server), 'flags') & (this.path.numbers.serverFlag.SERVER_LOCAL as number)) !== 0;
  }

  isReachable(server: ServerEntry): boolean {
    const { SERVER_REACHABLE, SERVER_LOCAL } = this.path.numbers.serverFlag as Record<string, number>;
    return (this.path.servers.u16(this.numberOf(server), 'flags') & ((SERVER_REACHABLE as number) | (SERVER_LOCAL as number))) !== 0;
  }

  /** What the schedulers look at. `service` is the index of its service. */
  writeSchedulable(server: ServerEntry, service: number): void {
    const number = this.numberOf(server);
    this.path.loads.setU32(number, 'weight', server.weight);
    this.path.loads.setU32(number, 'service', service);
    this.path.loads.setU32(number, 'upper', server.upperThreshold);
    this.path.loads.setU32(number, 'lower', server.lowerThreshold);
    this.path.loads.setU32(number, 'flags', server.overloaded ? (this.path.numbers.loadFlag.LOAD_OVERLOADED as number) : 0);
  }

  /** How packets are sent to it. */
  writeMethod(server: ServerEntry): void {
    const number = this.numberOf(server);
    const { servers, numbers } = this.path;
    const name = tunnelOf(server)?.name ?? METHODS[server.method];
    servers.setPort(number, 'port', portFor(server));
    servers.setPort(number, 'tunnel_port', server.tunnel?.port ?? 0);
    servers.setU8(number, 'forwarding', numbers.forwarding[name] as number);
    if (!tunnelOf(server)) servers.setU16(number, 'path_mtu', 0);
    this.changeFlags(server, numbers.serverFlag.SERVER_CHECKSUM as number, hasChecksum(server));
  }

  /** Addresses first, flags last: a packet that sees the flag sees the addresses. */
  writeNextHop(server: ServerEntry, hop: NextHop | 'local'): void {
    const number = this.numberOf(server);
    const { servers, numbers } = this.path;
    if (hop !== 'local') {
      servers.setBytes(number, 'destination_mac', hop.destinationMac);
      servers.setBytes(number, 'source_mac', hop.sourceMac);
      servers.setU32(number, 'ifindex', hop.interfaceIndex);
      servers.setU32(number, 'mtu', leastMtu(Math.max(0, hop.mtu - tunnelOverhead(server)), servers.u16(number, 'path_mtu')));
      servers.setBytes(number, 'tunnel_source', hop.source.bytes);
    }
    this.changeFlags(server, numbers.serverFlag.SERVER_LOCAL as number, hop === 'local');
    this.changeFlags(server, numbers.serverFlag.SERVER_REACHABLE as number, hop !== 'local');
  }

  /** The director's own addresses that tunnels start from. */
  tunnelSources(): IpAddress[] {
    const { servers } = this.path;
    return [...this.numbered].flatMap(([server, { number }]) => {
      const length = server.address.family === 4 ? 4 : 16;
      const source = IpAddress.fromBytes(servers.bytesOf(number, 'tunnel_source').slice(0, length));
      return server.method === 'tun' && source && this.isReachable(server) ? [source] : [];
    });
  }

  /** Lets go what ICMP errors said long ago about the ways to servers; those have to be resolved again. */
  forgetPathMtus(now: Instant): ServerEntry[] {
    const { servers } = this.path;
    return [...this.numbered].flatMap(([server, { number }]) => {
      const pathMtu = servers.u16(number, 'path_mtu');
      const seen = this.pathMtus.get(server);
      if (pathMtu === 0) this.pathMtus.delete(server);
      else if (seen?.pathMtu !== pathMtu) this.pathMtus.set(server, { pathMtu, since: now });
      else if (now - seen.since >= PATH_MTU_LIFETIME) {
        this.pathMtus.delete(server);
        servers.setU16(number, 'path_mtu', 0);
        return [server];
      }
      return [];
    });
  }

  /** Copies the counts of connections into the entries and returns what else was counted since the last time. */
  read(): { server: ServerEntry; change: ServerTotals }[] {
    return [...this.numbered].map(([server, numbered]) => {
      const { loads } = this.path;
      const both = loads.u64(numbered.number, 'connections');
      const active = Number(both >> 32n);
      server.activeConnections = active;
      server.inactiveConnections = Math.max(0, Number(both & 0xffff_ffffn) - active);
      server.persistentConnections = loads.u32(numbered.number, 'persistent');
      server.overloaded = loads.u32(numbered.number, 'flags') !== 0;
      const totals = this.path.totals(numbered.number);
      const change = {
        connections: totals.connections - numbered.seen.connections,
        inPackets: totals.inPackets - numbered.seen.inPackets,
        inBytes: totals.inBytes - numbered.seen.inBytes,
        outPackets: totals.outPackets - numbered.seen.outPackets,
        outBytes: totals.outBytes - numbered.seen.outBytes,
      };
      numbered.seen = totals;
      return { server, change };
    });
  }

  /** The last number is nobody's: of connections that go on to where they were going. It never was deleted, nor is it being drained. */
  private writeBypass(number: number): void {
    const { servers, loads, numbers } = this.path;
    const { SERVER_AVAILABLE, SERVER_LOCAL } = numbers.serverFlag as Record<string, number>;
    servers.setU8(number, 'forwarding', numbers.forwarding.FORWARD_BYPASS as number);
    servers.setU16(number, 'flags', (SERVER_AVAILABLE as number) | (SERVER_LOCAL as number));
    loads.setU32(number, 'weight', 1);
  }

  private isReferenced(number: number): boolean {
    return this.path.loads.u64(number, 'connections') !== 0n || this.path.loads.u32(number, 'persistent') !== 0;
  }

  private use(server: ServerEntry, number: number): void {
    this.used.add(number);
    this.numbered.set(server, { number, seen: NOTHING });
  }

  private changeFlags(server: ServerEntry, bit: number, on: boolean): void {
    const number = this.numberOf(server);
    const flags = this.path.servers.u16(number, 'flags');
    this.path.servers.setU16(number, 'flags', on ? flags | bit : flags & ~bit);
  }
}

/** The port that its packets get; 0 where they keep theirs, as with the persistent services of every port and of firewall marks. */
function portFor({ port, owner: { service } }: ServerEntry): number {
  return service.persistence && (service.key.kind === 'fwmark' || service.key.port === 0) ? 0 : port;
}

/** The tunnel of a server with the forwarding method tun: IPIP unless it names another. */
function tunnelOf(server: ServerEntry): (typeof TUNNELS)[keyof typeof TUNNELS] | undefined {
  return server.method === 'tun' ? TUNNELS[server.tunnel?.type ?? 'ipip'] : undefined;
}

/** Bytes that its tunnel puts before a packet. */
function tunnelOverhead(server: ServerEntry): number {
  const tunnel = tunnelOf(server);
  const checksum = hasChecksum(server) && server.tunnel?.type === 'gre' ? GRE_CHECKSUM : 0;
  return tunnel ? IP_HEADERS[server.address.family] + tunnel.between + checksum : 0;
}

/** 0 says that nothing is known. */
function leastMtu(known: number, learned: number): number {
  return learned > 0 && (known === 0 || learned < known) ? learned : known;
}

/** Remote checksum offload is for packets that the director's own stack has not finished: IPVS sends all others with a plain checksum. */
function hasChecksum({ method, tunnel }: ServerEntry): boolean {
  return method === 'tun' && tunnel !== undefined && tunnel.type !== 'ipip' && tunnel.checksum !== 'none';
}
