/**
 * The way of a packet: which connection it belongs to, whether it begins one, on which server, and what it does to the
 * connection's state. The kernel's ip_vs_in, ip_vs_schedule, ip_vs_sched_persist and ip_vs_out.
 */
import { type Instant, type IpAddress, seconds } from '../../base/index.ts';
import type { ForwardingMethod, ForwardingSettings, Protocol, RealServerKey, Timeouts } from '../../model/index.ts';
import type { LocalEndpoint } from '../../ports/index.ts';
import type { Scheduler } from '../../scheduler/index.ts';
import { bind, Connection, type ConnectionTable, setActive, unbind } from './connections.ts';
import { type DefenceLevel, isOn } from './defence-level.ts';
import type { Direction } from './directions.ts';
import { LocalPorts } from './local-ports.ts';
import { templateKey, templateServerPort } from './persistence.ts';
import { isActiveSctpState, nextSctpState, type SctpState, sctpEvent, sctpTimeout } from './sctp-states.ts';
import type { ServerEntry, ServiceEntry, TableStore } from './table.ts';
import { isActiveTcpState, nextTcpState, type TcpFlags, type TcpState, tcpTimeout } from './tcp-states.ts';

const FTP_PORT = 21;
const FTP_DATA_PORT = 20;
/** What a connection lives before its state has a say. */
const FIRST_TIMEOUT = seconds(3);

/** What is read of a packet's transport header. */
interface Segment {
  readonly protocol: Protocol;
  /** TCP only. */
  readonly flags?: TcpFlags;
  /** SCTP only: the types of the chunks, in order; the first two matter. */
  readonly chunks?: readonly number[];
  /** Bytes from the IP header on. */
  readonly length: number;
}

/** A packet from a client, as far as a director looks at it. */
export interface Packet extends Segment {
  readonly client: IpAddress;
  readonly clientPort: number;
  readonly virtual: IpAddress;
  readonly virtualPort: number;
  /** Firewall mark; 0 or absent is none. */
  readonly mark?: number;
}

/** A packet from a real server whose answers pass the director (NAT). */
export interface Reply extends Segment {
  readonly server: IpAddress;
  readonly serverPort: number;
  readonly client: IpAddress;
  readonly clientPort: number;
}

/**
 * Why a packet was dropped: no server may take the connection (the client gets a port unreachable), its server was deleted, full NAT has
 * no local port for it, or it was drop_packet's turn.
 */
export type DropReason = 'no-server' | 'server-deleted' | 'no-local-port' | 'every-nth';

/** What becomes of a packet. `pass`: it is none of ours and goes on into the stack. */
export type Verdict =
  | {
      readonly kind: 'forward';
      readonly server: RealServerKey;
      readonly serverPort: number;
      readonly method: ForwardingMethod;
      /** Full NAT: what the server sees as its source. */
      readonly local?: LocalEndpoint;
    }
  | { readonly kind: 'pass' }
  | { readonly kind: 'drop'; readonly reason: DropReason };

/** What becomes of a server's answer: it goes on with the service's address as its source, or is none of ours. */
export type ReplyVerdict =
  | { readonly kind: 'translate'; readonly virtual: IpAddress; readonly virtualPort: number }
  | { readonly kind: 'pass' };

const PASS = { kind: 'pass' } as const;

/** What the packets need to know, and the owner keeps. */
export interface TrafficOptions {
  readonly table: TableStore;
  readonly connections: ConnectionTable;
  readonly schedulerOf: (service: ServiceEntry) => Scheduler<ServerEntry>;
  readonly timeouts: () => Timeouts;
  readonly settings: () => ForwardingSettings;
}

interface Bound {
  readonly server: ServerEntry;
  readonly template?: Connection;
}

export class Traffic {
  private readonly table: TableStore;
  private readonly connections: ConnectionTable;
  private readonly schedulerOf: TrafficOptions['schedulerOf'];
  private readonly timeouts: () => Timeouts;
  private readonly settings: () => ForwardingSettings;
  private readonly localPorts = new LocalPorts();
  private dropRate = 0;
  private dropCount = 0;

  constructor(options: TrafficOptions) {
    this.table = options.table;
    this.connections = options.connections;
    this.schedulerOf = options.schedulerOf;
    this.timeouts = options.timeouts;
    this.settings = options.settings;
  }

  /** drop_packet's level for the next second. */
  setDropRate({ dropRate, countsAnew }: DefenceLevel): void {
    this.dropRate = dropRate;
    if (countsAnew) this.dropCount = dropRate;
  }

  receive(packet: Packet, now: Instant): Verdict {
    let connection = this.connections.find(packet);
    if (connection && beginsConnection(packet) && this.beginsAnew(connection)) {
      this.connections.remove(connection);
      connection = undefined;
    }
    if (connection && !connection.server.available) {
      // Its time-out runs on: the server may come back before it ends.
      if (!this.settings().expireConnectionsOfDeleted) return { kind: 'drop', reason: 'server-deleted' };
      this.connections.remove(connection);
      connection = undefined;
    }
    return connection ? this.forward(connection, packet, now) : this.receiveNew(packet, now);
  }

  reply(packet: Reply, now: Instant): ReplyVerdict {
    const connection = this.connections.findReplying(packet);
    if (!connection) return PASS;
    const { server } = connection;
    if (server.available) {
      const figures = { outPackets: 1, outBytes: packet.length };
      server.meter.add(figures);
      server.owner.meter.add(figures);
    }
    this.move(connection, packet, 'output');
    this.connections.refresh(connection, now);
    return { kind: 'translate', virtual: connection.key.virtual, virtualPort: connection.key.virtualPort };
  }

  /** Whether a packet that begins connections makes the present one over (conn_reuse_mode, expire_nodest_conn). */
  private beginsAnew(connection: Connection): boolean {
    const { expireConnectionsOfDeleted, connectionReuse } = this.settings();
    if (expireConnectionsOfDeleted && connection.server.weight === 0) return true;
    if (connectionReuse === 0 || connection.template) return false;
    const { state } = connection;
    if (connection.key.protocol === 'sctp') return state === 'CLOSED';
    if (state === 'TIME_WAIT' || state === 'CLOSE') return true;
    return (connectionReuse & 2) !== 0 && state === 'FIN_WAIT' && !connection.answersPass;
  }

  private receiveNew(packet: Packet, now: Instant): Verdict {
    // The middle of a connection that is not ours: the stack answers, with a reset where nobody listens.
    if (!this.mayBegin(packet)) return PASS;
    const service = this.table.lookup(packet.protocol, packet.virtual, packet.virtualPort, packet.mark ?? 0);
    if (!service || packet.clientPort === FTP_DATA_PORT) return PASS;
    if (this.isEveryNth()) return { kind: 'drop', reason: 'every-nth' };
    const bound = service.service.persistence ? this.bindPersistent(service, packet, now) : this.bindPlain(service, packet, now);
    if (!bound) return this.settings().cacheBypass && service.service.key.kind === 'fwmark' ? PASS : refuse(service, packet);
    const { server, template } = bound;
    const { protocol, client, clientPort, virtual, virtualPort } = packet;
    const serverPort = serverPortFor(service, server, packet);
    const local = server.method === 'fullnat' ? this.chooseLocal(service, server, serverPort, protocol) : undefined;
    if (server.method === 'fullnat' && !local) return { kind: 'drop', reason: 'no-local-port' };
    const connection = new Connection({
      key: { protocol, client, clientPort, virtual, virtualPort },
      server,
      serverPort,
      timeout: FIRST_TIMEOUT,
      ...(local && { local }),
      ...(template && { template }),
    });
    server.meter.connection();
    service.meter.connection();
    if (!isOnePacket(service, packet)) {
      this.connections.add(connection);
      return this.forward(connection, packet, now);
    }
    // One-packet scheduling: the connection lives for this packet.
    bind(connection);
    const verdict = this.forward(connection, packet, undefined);
    unbind(connection);
    return verdict;
  }

  /** The kernel's ip_vs_todrop. */
  private isEveryNth(): boolean {
    if (this.dropRate === 0 || --this.dropCount > 0) return false;
    this.dropCount = this.dropRate;
    return true;
  }

  private chooseLocal(service: ServiceEntry, server: ServerEntry, serverPort: number, protocol: Protocol): LocalEndpoint | undefined {
    const isFree = ({ address, port }: LocalEndpoint): boolean =>
      !this.connections.findReplying({ protocol, server: server.address, serverPort, client: address, clientPort: port });
    return this.localPorts.choose(service.service.localAddresses ?? [], this.settings().localPorts, isFree);
  }

  private mayBegin({ protocol, flags, chunks }: Packet): boolean {
    const { sloppyTcp, sloppySctp } = this.settings();
    if (protocol === 'udp') return true;
    if (protocol === 'tcp') return (sloppyTcp || flags?.syn === true) && !flags?.rst;
    const event = sctpEvent((chunks ?? []).slice(0, 1));
    return (sloppySctp || event === 'init') && event !== 'abort';
  }

  private bindPlain(service: ServiceEntry, packet: Packet, now: Instant): Bound | undefined {
    const { key } = service.service;
    // A service of every port, and FTP's for its data ports, can only be meant for persistent clients.
    if (key.kind === 'address' && key.port !== packet.virtualPort) return undefined;
    const server = this.schedulerOf(service).schedule(packet, now);
    return server && { server };
  }

  private bindPersistent(service: ServiceEntry, packet: Packet, now: Instant): Bound | undefined {
    const key = templateKey(service.service, packet);
    const timeout = seconds(service.service.persistence?.timeoutSeconds ?? 0);
    let template = this.connections.findTemplate(key);
    if (template && !this.mayAttract(template.server)) {
      this.connections.invalidate(template);
      template = undefined;
    }
    if (!template) {
      const server = this.schedulerOf(service).schedule(packet, now);
      if (!server) return undefined;
      const serverPort = templateServerPort(service.service, packet, server.port);
      template = new Connection({ key, server, serverPort, timeout, isTemplate: true });
      this.connections.add(template);
    }
    this.connections.refresh(template, now);
    return { server: template.server, template };
  }

  /** Whether a client's template may bring the client's next connection to the server: also to an overloaded one, as IPVS does. */
  private mayAttract(server: ServerEntry): boolean {
    return server.available && !(this.settings().expireTemplatesOfQuiescent && server.weight === 0);
  }

  /** Counts the packet, moves the state on, and starts the time-out again (`now` absent: a connection of one packet). */
  private forward(connection: Connection, packet: Packet, now: Instant | undefined): Verdict {
    const { server } = connection;
    connection.packets++;
    server.meter.packetIn(packet.length);
    server.owner.meter.packetIn(packet.length);
    this.move(connection, packet, connection.answersPass ? 'input' : 'input-only');
    if (now !== undefined) this.connections.refresh(connection, now);
    const { address, port } = server;
    const { serverPort, method, local } = connection;
    return { kind: 'forward', server: { address, port }, serverPort, method, ...(local && { local }) };
  }

  private move(connection: Connection, segment: Segment, direction: Direction): void {
    const { template, server } = connection;
    const timeouts = { ...this.timeouts(), ...server.owner.service.timeouts };
    if (segment.protocol === 'udp') {
      connection.state = 'UDP';
      connection.timeout = timeouts.udp;
      if (direction === 'output' && template) template.state = 'ASSURED';
      return;
    }
    if (segment.protocol === 'tcp') {
      const state = nextTcpState(connection.state as TcpState, segment.flags ?? {}, direction, isOn(this.settings().secureTcp));
      setActive(connection, isActiveTcpState(state));
      connection.state = state;
      connection.timeout = tcpTimeout(state, timeouts);
    } else {
      const state = nextSctpState(connection.state as SctpState, sctpEvent(segment.chunks ?? []), direction);
      setActive(connection, isActiveSctpState(state));
      connection.state = state;
      connection.timeout = sctpTimeout(state);
    }
    if (connection.state === 'ESTABLISHED' && template) template.state = 'ASSURED';
  }
}

/** A SYN (also one with an ACK) or an INIT. */
function beginsConnection({ protocol, flags, chunks }: Packet): boolean {
  if (protocol === 'tcp') return flags?.syn === true;
  return protocol === 'sctp' && sctpEvent((chunks ?? []).slice(0, 1)) === 'init';
}

function isOnePacket({ service }: ServiceEntry, packet: Packet): boolean {
  return service.onePacket && packet.protocol === 'udp';
}

/** The server's own port replaces the service's; a service of every port, and a server with port 0, keep the packet's. */
function serverPortFor({ service }: ServiceEntry, server: ServerEntry, packet: Packet): number {
  const { key } = service;
  if (service.persistence && (key.kind === 'fwmark' || key.port !== packet.virtualPort)) return packet.virtualPort;
  return server.port === 0 ? packet.virtualPort : server.port;
}

/** No server took the connection. FTP's data connections may be the director's own, so they go on into the stack. */
function refuse({ service }: ServiceEntry, packet: Packet): Verdict {
  const { key } = service;
  if (key.kind === 'address' && key.port === FTP_PORT && packet.virtualPort !== FTP_PORT) return PASS;
  return { kind: 'drop', reason: 'no-server' };
}
