/**
 * A data plane without packets: tables, reference schedulers and connections as IPVS keeps them, in memory. What the
 * simulator and dry runs use, and what the compliance suite measures the other data planes by. Its packets come in
 * through `receive`, its clock is handed to it.
 */
import { type Instant, type IpAddress, seconds } from '../../base/index.ts';
import {
  DEFAULT_TIMEOUTS,
  type ForwardingMethod,
  type Protocol,
  type RealServer,
  type RealServerKey,
  type ServiceKey,
  type Timeouts,
  type VirtualService,
} from '../../model/index.ts';
import { type Clock, type ConnectionStatus, type DataPlane, DataPlaneError, type ServiceStatus } from '../../ports/index.ts';
import { SCHEDULERS, type Scheduler } from '../../scheduler/index.ts';
import { bind, Connection, ConnectionTable, setActive, unbind } from './connections.ts';
import { EstimatorClock } from './meter.ts';
import { templateKey, templateServerPort } from './persistence.ts';
import { isActiveTcpState, nextTcpState, type TcpFlags, type TcpState, tcpTimeout } from './states.ts';
import { type ServerEntry, type ServiceEntry, TableStore } from './table.ts';

/** ip_vs's default: 2^12 buckets. */
const DEFAULT_TABLE_SIZE = 4096;
const FTP_PORT = 21;
const FTP_DATA_PORT = 20;
/** The kernel keeps time-outs in ticks of a signed 32-bit number; this is the greatest it takes at 1000 ticks a second. */
const MAX_TIMEOUT = seconds(2_147_483);

/** A packet from a client, as far as a director looks at it. */
export interface Packet {
  readonly protocol: Protocol;
  readonly client: IpAddress;
  readonly clientPort: number;
  readonly virtual: IpAddress;
  readonly virtualPort: number;
  /** TCP only. */
  readonly flags?: TcpFlags;
  /** Bytes from the IP header on. */
  readonly length: number;
  /** Firewall mark; 0 or absent is none. */
  readonly mark?: number;
}

/** Why a packet was dropped: no server may take the connection (the client gets a port unreachable), or its server was deleted. */
export type DropReason = 'no-server' | 'server-deleted';

/** What becomes of a packet. `pass`: it is none of ours and goes on into the stack. */
export type Verdict =
  | { readonly kind: 'forward'; readonly server: RealServerKey; readonly serverPort: number; readonly method: ForwardingMethod }
  | { readonly kind: 'pass' }
  | { readonly kind: 'drop'; readonly reason: DropReason };

const PASS: Verdict = { kind: 'pass' };

export class MemoryDataPlane implements DataPlane {
  readonly kind = 'memory';
  readonly tableSize: number;
  private readonly clock: Clock;
  private readonly table = new TableStore(SCHEDULERS.keys());
  private readonly schedulers = new Map<ServiceEntry, Scheduler<ServerEntry>>();
  private readonly connectionTable: ConnectionTable;
  private readonly estimator: EstimatorClock;
  private currentTimeouts = DEFAULT_TIMEOUTS;
  private closed = false;

  constructor(options: { readonly clock: Clock; readonly tableSize?: number }) {
    this.clock = options.clock;
    this.tableSize = options.tableSize ?? DEFAULT_TABLE_SIZE;
    const now = options.clock.now();
    this.connectionTable = new ConnectionTable(now);
    this.estimator = new EstimatorClock(now);
  }

  services(): readonly ServiceStatus[] {
    this.tick();
    return this.table.statuses();
  }

  addService(service: VirtualService): void {
    requireRunnable(service);
    const entry = this.table.addService(service);
    this.schedulers.set(entry, makeScheduler(entry));
  }

  editService(service: VirtualService): void {
    requireRunnable(service);
    const before = this.table.service(service.key).service;
    const entry = this.table.editService(service);
    const sameFlags = before.schedulerFlags.join() === service.schedulerFlags.join();
    // IPVS binds the scheduler anew only when another one was asked for; its position survives other edits.
    if (before.scheduler !== service.scheduler || !sameFlags) this.schedulers.set(entry, makeScheduler(entry));
  }

  deleteService(key: ServiceKey): void {
    this.schedulers.delete(this.table.deleteService(key, this.clock.now()));
  }

  addServer(service: ServiceKey, server: RealServer): void {
    this.tick();
    const entry = this.table.addServer(service, server);
    this.schedulerOf(entry.owner).added(entry);
  }

  editServer(service: ServiceKey, server: RealServer): void {
    const entry = this.table.editServer(service, server);
    this.schedulerOf(entry.owner).edited(entry);
  }

  deleteServer(service: ServiceKey, server: RealServerKey): void {
    const { entry, index } = this.table.deleteServer(service, server, this.clock.now());
    this.schedulerOf(entry.owner).removed(entry, index);
  }

  flush(): void {
    for (const { service } of this.table.services()) this.deleteService(service.key);
  }

  zero(key?: ServiceKey): void {
    this.tick();
    this.table.zero(key);
  }

  timeouts(): Timeouts {
    return this.currentTimeouts;
  }

  /** 0 keeps a value, as `ipvsadm --set` means it. Running time-outs are not changed, only those started from now on. */
  setTimeouts(timeouts: Partial<Timeouts>): void {
    const next = { ...this.currentTimeouts };
    for (const name of ['tcp', 'tcpFin', 'udp'] as const) {
      const value = timeouts[name] ?? 0;
      if (!Number.isInteger(value) || value < 0 || value > MAX_TIMEOUT) throw new DataPlaneError('invalid', `${value} µs is no time-out`);
      if (value > 0) next[name] = value;
    }
    this.currentTimeouts = next;
  }

  connections(): Iterable<ConnectionStatus> {
    this.tick();
    return this.connectionTable.statuses(this.clock.now());
  }

  tick(): void {
    const now = this.clock.now();
    this.connectionTable.expire(now);
    this.table.emptyTrash(now);
    for (let due = this.estimator.stepsDue(now); due > 0; due--) {
      for (const service of this.table.services()) {
        service.meter.step();
        for (const server of service.servers) server.meter.step();
      }
    }
  }

  close(): void {
    this.flush();
    this.closed = true;
  }

  /** A packet from a client arrives; the answer says where it goes. */
  receive(packet: Packet): Verdict {
    if (this.closed) return PASS;
    const now = this.clock.now();
    this.connectionTable.expire(now);
    let connection = this.connectionTable.find(packet);
    if (connection && packet.flags?.syn && mayBeReused(connection)) {
      this.connectionTable.remove(connection);
      connection = undefined;
    }
    if (connection) {
      // Its time-out runs on: the server may come back before it ends.
      if (!connection.server.available) return { kind: 'drop', reason: 'server-deleted' };
      return this.forward(connection, packet, now);
    }
    return this.receiveNew(packet, now);
  }

  private receiveNew(packet: Packet, now: Instant): Verdict {
    // The middle of a connection that is not ours: the stack answers, with a reset where nobody listens.
    if (packet.protocol === 'tcp' && (!packet.flags?.syn || packet.flags.rst)) return PASS;
    const service = this.table.lookup(packet.protocol, packet.virtual, packet.virtualPort, packet.mark ?? 0);
    if (!service || packet.clientPort === FTP_DATA_PORT) return PASS;
    const bound = service.service.persistence ? this.bindPersistent(service, packet, now) : this.bindPlain(service, packet);
    if (!bound) return this.refuse(service, packet);
    const { server, template } = bound;
    const { protocol, client, clientPort, virtual, virtualPort } = packet;
    const connection = new Connection({
      key: { protocol, client, clientPort, virtual, virtualPort },
      server,
      serverPort: this.serverPortFor(service, server, packet),
      timeout: seconds(3),
      ...(template && { template }),
    });
    server.meter.connection();
    service.meter.connection();
    if (!isOnePacket(service, packet)) {
      this.connectionTable.add(connection);
      return this.forward(connection, packet, now);
    }
    // One-packet scheduling: the connection lives for this packet.
    bind(connection);
    const verdict = this.forward(connection, packet, undefined);
    unbind(connection);
    return verdict;
  }

  private bindPlain(service: ServiceEntry, packet: Packet): { server: ServerEntry; template?: Connection } | undefined {
    const { key } = service.service;
    // A service of every port, and FTP's for its data ports, can only be meant for persistent clients.
    if (key.kind === 'address' && key.port !== packet.virtualPort) return undefined;
    const server = this.schedulerOf(service).schedule(packet);
    return server && { server };
  }

  private bindPersistent(service: ServiceEntry, packet: Packet, now: Instant): { server: ServerEntry; template: Connection } | undefined {
    const key = templateKey(service.service, packet);
    const timeout = seconds(service.service.persistence?.timeoutSeconds ?? 0);
    let template = this.connectionTable.findTemplate(key);
    if (template && !template.server.available) {
      this.connectionTable.invalidate(template);
      template = undefined;
    }
    if (!template) {
      const server = this.schedulerOf(service).schedule(packet);
      if (!server) return undefined;
      const serverPort = templateServerPort(service.service, packet, server.port);
      template = new Connection({ key, server, serverPort, timeout, isTemplate: true });
      this.connectionTable.add(template);
    }
    this.connectionTable.refresh(template, now);
    return { server: template.server, template };
  }

  /** The server's own port replaces the service's; a service of every port, and a server with port 0, keep the packet's. */
  private serverPortFor({ service }: ServiceEntry, server: ServerEntry, packet: Packet): number {
    const { key } = service;
    if (service.persistence && (key.kind === 'fwmark' || key.port !== packet.virtualPort)) return packet.virtualPort;
    return server.port === 0 ? packet.virtualPort : server.port;
  }

  /** No server took the connection. FTP's data connections may be the director's own, so they go on into the stack. */
  private refuse({ service }: ServiceEntry, packet: Packet): Verdict {
    const { key } = service;
    if (key.kind === 'address' && key.port === FTP_PORT && packet.virtualPort !== FTP_PORT) return PASS;
    return { kind: 'drop', reason: 'no-server' };
  }

  /** Counts the packet, moves the state on, and starts the time-out again (`now` absent: a connection of one packet). */
  private forward(connection: Connection, packet: Packet, now: Instant | undefined): Verdict {
    const { server } = connection;
    server.meter.packetIn(packet.length);
    server.owner.meter.packetIn(packet.length);
    if (packet.protocol === 'tcp') this.moveTcp(connection, packet.flags ?? {});
    else {
      connection.state = 'UDP';
      connection.timeout = this.currentTimeouts.udp;
    }
    if (now !== undefined) this.connectionTable.refresh(connection, now);
    const { address, port, method } = server;
    return { kind: 'forward', server: { address, port }, serverPort: connection.serverPort, method };
  }

  private moveTcp(connection: Connection, flags: TcpFlags): void {
    const answersSeen = connection.server.method === 'nat' || connection.server.method === 'fullnat';
    const state = nextTcpState(connection.state as TcpState, flags, answersSeen);
    setActive(connection, isActiveTcpState(state));
    if (state === 'ESTABLISHED' && connection.template) connection.template.state = 'ASSURED';
    connection.state = state;
    connection.timeout = tcpTimeout(state, this.currentTimeouts);
  }

  private schedulerOf(service: ServiceEntry): Scheduler<ServerEntry> {
    return this.schedulers.get(service) as Scheduler<ServerEntry>;
  }
}

function makeScheduler(entry: ServiceEntry): Scheduler<ServerEntry> {
  const factory = SCHEDULERS.get(entry.service.scheduler);
  if (!factory) throw new DataPlaneError('unknown-scheduler', `this version does not run the scheduler ${entry.service.scheduler}`);
  return factory(entry.servers, entry.service.schedulerFlags);
}

function requireRunnable({ key }: VirtualService): void {
  if (key.kind === 'address' && key.protocol === 'sctp') {
    throw new DataPlaneError('unsupported', 'this version balances TCP and UDP, not SCTP');
  }
}

/** A SYN on a connection that is as good as over begins a new one (conn_reuse_mode 1), unless a template rules it. */
function mayBeReused(connection: Connection): boolean {
  return !connection.template && (connection.state === 'TIME_WAIT' || connection.state === 'CLOSE');
}

function isOnePacket({ service }: ServiceEntry, packet: Packet): boolean {
  return service.onePacket && packet.protocol === 'udp';
}
