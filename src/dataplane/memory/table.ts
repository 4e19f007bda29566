/**
 * The table of virtual services and real servers with IPVS's rules for changing it: what exists, what is refused and
 * with which error, the order of the servers, thresholds, and the trash from which a re-added server comes back.
 * It knows nothing of packets; the data plane that owns it does.
 */
import { type Instant, type IpAddress, maxPrefixLength, seconds } from '../../base/index.ts';
import {
  type ForwardingMethod,
  type RealServer,
  type RealServerKey,
  type SchedulerName,
  type ServiceKey,
  serverKeyText,
  serviceKeyText,
  type Tunnel,
  type VirtualService,
} from '../../model/index.ts';
import { DataPlaneError, type ServerStatus, type ServiceStatus } from '../../ports/index.ts';
import type { SchedulableServer } from '../../scheduler/index.ts';
import { Meter } from './meter.ts';

const MAX_INT = 0x7fff_ffff;
const MAX_PERSISTENCE_SECONDS = 2_678_400;
const FTP_PORT = 21;
/** Ticks of a signed 32-bit number at 1000 a second. */
const MAX_TIMEOUT = seconds(2_147_483);

/** A deleted server that nobody uses is forgotten after this time (kernel: IP_VS_DEST_TRASH_PERIOD). */
const TRASH_PERIOD = seconds(120);

export class ServiceEntry {
  service: VirtualService;
  /** Newest first, the order in which schedulers walk. The array is the same one for the life of the service. */
  readonly servers: ServerEntry[] = [];
  readonly meter = new Meter();

  constructor(service: VirtualService) {
    this.service = service;
  }
}

export class ServerEntry implements SchedulableServer {
  readonly address: IpAddress;
  readonly port: number;
  method: ForwardingMethod = 'dr';
  tunnel: Tunnel | undefined;
  weight = 0;
  lastWeight = 0;
  upperThreshold = 0;
  lowerThreshold = 0;
  overloaded = false;
  activeConnections = 0;
  inactiveConnections = 0;
  persistentConnections = 0;
  /** False once deleted: its connections still exist, but their packets are dropped. */
  available = true;
  owner: ServiceEntry;
  readonly meter = new Meter();

  constructor(server: RealServerKey, owner: ServiceEntry) {
    this.address = server.address;
    this.port = server.port;
    this.owner = owner;
  }

  get isReferenced(): boolean {
    return this.activeConnections + this.inactiveConnections + this.persistentConnections > 0;
  }

  /** Takes over everything but the key. The new thresholds hold at once. */
  set(server: RealServer): void {
    this.method = server.method;
    this.tunnel = server.tunnel;
    this.weight = server.weight;
    if (server.weight !== 0) this.lastWeight = server.weight;
    this.upperThreshold = server.upperThreshold;
    this.lowerThreshold = server.lowerThreshold;
    this.checkLowerThreshold();
    this.checkUpperThreshold();
  }

  /** After a connection or template was bound. */
  checkUpperThreshold(): void {
    if (this.upperThreshold !== 0 && this.totalConnections >= this.upperThreshold) this.overloaded = true;
  }

  /** After a connection or template was unbound: below the lower threshold, or three quarters of the upper one. */
  checkLowerThreshold(): void {
    const total = this.totalConnections;
    if (this.lowerThreshold !== 0) {
      if (total < this.lowerThreshold) this.overloaded = false;
    } else if (this.upperThreshold === 0 || total * 4 < this.upperThreshold * 3) {
      this.overloaded = false;
    }
  }

  status(): ServerStatus {
    return {
      address: this.address,
      port: this.port,
      method: this.method,
      ...(this.tunnel && { tunnel: this.tunnel }),
      weight: this.weight,
      upperThreshold: this.upperThreshold,
      lowerThreshold: this.lowerThreshold,
      activeConnections: this.activeConnections,
      inactiveConnections: this.inactiveConnections,
      persistentConnections: this.persistentConnections,
      counters: this.meter.counters(),
      rates: this.meter.rates(),
    };
  }

  private get totalConnections(): number {
    return this.activeConnections + this.inactiveConnections;
  }
}

export class TableStore {
  private readonly schedulers: ReadonlySet<SchedulerName>;
  private readonly entries = new Map<string, ServiceEntry>();
  private readonly trash = new Map<string, { readonly entry: ServerEntry; idleSince: Instant }>();

  /** `schedulers` are those that may be named; any other is refused as the kernel refuses a missing module. */
  constructor(schedulers: Iterable<SchedulerName>) {
    this.schedulers = new Set(schedulers);
  }

  /** In the order of their addition; a copy, so that services may be deleted while it is walked. */
  services(): ServiceEntry[] {
    return [...this.entries.values()];
  }

  find(key: ServiceKey): ServiceEntry | undefined {
    return this.entries.get(serviceKeyText(key));
  }

  statuses(): ServiceStatus[] {
    return [...this.entries.values()].map(({ service, servers, meter }) => ({
      ...service,
      servers: servers.map((server) => server.status()),
      counters: meter.counters(),
      rates: meter.rates(),
    }));
  }

  /**
   * The service that a packet to this address belongs to, as ip_vs_service_find looks: firewall mark, exact port, the
   * FTP service for its data ports, the service of every port.
   */
  lookup(protocol: 'tcp' | 'udp' | 'sctp', address: IpAddress, port: number, mark: number): ServiceEntry | undefined {
    const byPort = (candidate: number): ServiceEntry | undefined => this.find({ kind: 'address', protocol, address, port: candidate });
    const byMark = mark === 0 ? undefined : this.find({ kind: 'fwmark', mark, family: address.family });
    const ftpData = protocol === 'tcp' && (port === FTP_PORT - 1 || port >= 1024);
    return byMark ?? byPort(port) ?? (ftpData ? byPort(FTP_PORT) : undefined) ?? byPort(0);
  }

  addService(service: VirtualService): ServiceEntry {
    const id = serviceKeyText(service.key);
    if (this.entries.has(id)) throw new DataPlaneError('service-exists', `service ${id} exists already`);
    this.validateService(service);
    const entry = new ServiceEntry(service);
    this.entries.set(id, entry);
    return entry;
  }

  editService(service: VirtualService): ServiceEntry {
    const entry = this.service(service.key);
    this.validateService(service);
    for (const server of entry.servers) requireConnections(service, server);
    entry.service = service;
    return entry;
  }

  deleteService(key: ServiceKey, now: Instant): ServiceEntry {
    const entry = this.service(key);
    for (const server of entry.servers) this.discard(server, now);
    this.entries.delete(serviceKeyText(key));
    return entry;
  }

  /** The entry is at index 0 of its service's list; it may be one that was deleted before, with its connections. */
  addServer(key: ServiceKey, server: RealServer): ServerEntry {
    const service = this.service(key);
    validateThresholds(server);
    if (service.servers.some((candidate) => isSame(candidate, server))) {
      throw new DataPlaneError('server-exists', `service ${serviceKeyText(key)} has the server ${serverKeyText(server)} already`);
    }
    validateServer(key, server);
    requireConnections(service.service, server);
    const entry = this.revive(service, server) ?? new ServerEntry(server, service);
    entry.set(server);
    service.servers.unshift(entry);
    return entry;
  }

  /** Throws DataPlaneError for one that is not there. */
  server(key: ServiceKey, server: RealServerKey): ServerEntry {
    const service = this.service(key);
    return service.servers[indexOf(service, server)] as ServerEntry;
  }

  editServer(key: ServiceKey, server: RealServer): ServerEntry {
    const service = this.service(key);
    validateThresholds(server);
    const entry = service.servers[indexOf(service, server)] as ServerEntry;
    validateServer(key, server);
    requireConnections(service.service, server);
    entry.set(server);
    return entry;
  }

  /** `index` is where the server was. */
  deleteServer(key: ServiceKey, server: RealServerKey, now: Instant): { entry: ServerEntry; index: number } {
    const service = this.service(key);
    const index = indexOf(service, server);
    const [entry] = service.servers.splice(index, 1) as [ServerEntry];
    this.discard(entry, now);
    return { entry, index };
  }

  zero(key?: ServiceKey): void {
    for (const service of key ? [this.service(key)] : this.entries.values()) {
      service.meter.zero();
      for (const server of service.servers) server.meter.zero();
    }
  }

  /** Forgets deleted servers that no connection has used for two minutes, and returns them. */
  emptyTrash(now: Instant): ServerEntry[] {
    const forgotten: ServerEntry[] = [];
    for (const [id, discarded] of this.trash) {
      if (discarded.entry.isReferenced) discarded.idleSince = now;
      else if (now - discarded.idleSince >= TRASH_PERIOD) {
        this.trash.delete(id);
        forgotten.push(discarded.entry);
      }
    }
    return forgotten;
  }

  service(key: ServiceKey): ServiceEntry {
    const entry = this.find(key);
    if (!entry) throw new DataPlaneError('no-such-service', `there is no service ${serviceKeyText(key)}`);
    return entry;
  }

  private discard(entry: ServerEntry, now: Instant): void {
    entry.available = false;
    this.trash.set(trashId(entry.owner.service.key, entry), { entry, idleSince: now });
  }

  private revive(service: ServiceEntry, server: RealServerKey): ServerEntry | undefined {
    const id = trashId(service.service.key, server);
    const entry = this.trash.get(id)?.entry;
    if (!entry) return undefined;
    this.trash.delete(id);
    // Within one life of the service a server keeps its counters; in a new service it starts from nothing.
    if (entry.owner !== service) entry.meter.zero();
    entry.owner = service;
    entry.available = true;
    return entry;
  }

  private validateService({ key, scheduler, persistence, onePacket, localAddresses = [], timeouts = {} }: VirtualService): void {
    if (!this.schedulers.has(scheduler)) {
      throw new DataPlaneError('unknown-scheduler', `the scheduler ${scheduler} is not available`);
    }
    if (key.kind === 'address') requirePort(key.port);
    else if (!isWhole(key.mark, 1, 0xffff_ffff)) throw new DataPlaneError('invalid', `${key.mark} is no firewall mark`);
    if (onePacket && key.kind === 'address' && key.protocol !== 'udp') {
      throw new DataPlaneError('invalid', 'one-packet scheduling is only for UDP');
    }
    const family = key.kind === 'address' ? key.address.family : key.family;
    const stranger = localAddresses.find((address) => address.family !== family || !isUnicast(address));
    if (stranger) throw new DataPlaneError('invalid', `${stranger} cannot be a local address of an IPv${family} service`);
    const tooLong = Object.values(timeouts).find((timeout) => !isWhole(timeout, 1, MAX_TIMEOUT));
    if (tooLong !== undefined) throw new DataPlaneError('out-of-range', `${tooLong} µs is no time-out`);
    if (!persistence) return;
    if (!isWhole(persistence.timeoutSeconds, 1, MAX_PERSISTENCE_SECONDS)) {
      throw new DataPlaneError(
        'out-of-range',
        `persistence of ${persistence.timeoutSeconds} s is not within 1 and ${MAX_PERSISTENCE_SECONDS}`,
      );
    }
    if (!isWhole(persistence.prefixLength, family === 4 ? 0 : 1, maxPrefixLength(family))) {
      throw new DataPlaneError('invalid', `/${persistence.prefixLength} is no persistence mask for IPv${family}`);
    }
  }
}

/** Full NAT finds a reply's client by the connection, and one-packet scheduling keeps none. */
function requireConnections({ onePacket }: VirtualService, { method }: Pick<RealServer, 'method'>): void {
  if (onePacket && method === 'fullnat')
    throw new DataPlaneError('unsupported', 'one-packet scheduling keeps no connections, and full NAT needs them for the replies');
}

function indexOf(service: ServiceEntry, server: RealServerKey): number {
  const index = service.servers.findIndex((candidate) => isSame(candidate, server));
  if (index < 0) {
    throw new DataPlaneError('no-such-server', `service ${serviceKeyText(service.service.key)} has no server ${serverKeyText(server)}`);
  }
  return index;
}

function isSame(a: RealServerKey, b: RealServerKey): boolean {
  return a.port === b.port && a.address.equals(b.address);
}

function trashId(service: ServiceKey, server: RealServerKey): string {
  return `${serviceKeyText(service)} ${serverKeyText(server)}`;
}

/** The kernel checks the numbers before it looks for the server. */
function validateThresholds(server: RealServer): void {
  if (!isWhole(server.weight, 0, MAX_INT))
    throw new DataPlaneError('out-of-range', `weight ${server.weight} is not within 0 and ${MAX_INT}`);
  if (!isWhole(server.upperThreshold, 0, MAX_INT) || !isWhole(server.lowerThreshold, 0, MAX_INT)) {
    throw new DataPlaneError('invalid', `thresholds must be within 0 and ${MAX_INT}`);
  }
  if (server.lowerThreshold > server.upperThreshold) {
    throw new DataPlaneError(
      'out-of-range',
      `lower threshold ${server.lowerThreshold} is higher than the upper one, ${server.upperThreshold}`,
    );
  }
}

function validateServer(key: ServiceKey, server: RealServer): void {
  requirePort(server.port);
  const { address, tunnel } = server;
  if (!isUnicast(address)) {
    throw new DataPlaneError('invalid', `${address} is not a unicast address`);
  }
  const family = key.kind === 'address' ? key.address.family : key.family;
  if (address.family !== family && server.method !== 'tun') {
    throw new DataPlaneError('invalid', 'a server of the other address family needs a tunnel');
  }
  if (tunnel && server.method !== 'tun') throw new DataPlaneError('invalid', 'tunnel options need the forwarding method tun');
  if (tunnel?.type === 'gue') {
    if (!isWhole(tunnel.port, 1, 0xffff)) throw new DataPlaneError('invalid', 'a GUE tunnel needs a port');
  } else if (tunnel && (tunnel.port !== 0 || tunnel.checksum === 'remcsum')) {
    throw new DataPlaneError('invalid', `${tunnel.type} has neither a port nor remote checksum offload`);
  }
}

function isUnicast(address: IpAddress): boolean {
  const broadcast = address.family === 4 && address.toV4Number() === 0xffff_ffff;
  return !address.isMulticast() && !address.isUnspecified() && !broadcast;
}

function requirePort(port: number): void {
  if (!isWhole(port, 0, 0xffff)) throw new DataPlaneError('invalid', `${port} is not a port`);
}

function isWhole(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
