/** Where a packet would go, asked of the packet path's own programs. */
import { IpAddress, type IpFamily } from '../../../base/index.ts';
import { type Protocol, type ServiceKey, serverKeyText, serviceKeyText } from '../../../model/index.ts';
import {
  type ConnectionStatus,
  DataPlaneError,
  type TraceCandidate,
  type TraceFate,
  type TraceFlow,
  type TraceReport,
} from '../../../ports/index.ts';
import type { ServerEntry, ServiceEntry } from '../../memory/index.ts';
import { endsOf, readConnections } from '../connections.ts';
import type { Location } from '../program.ts';
import { Records } from '../records.ts';
import type { PathCopy, Proxied, Wanted } from './copy.ts';
import { describeFrame } from './describe.ts';
import { frameOf, NOBODYS_MAC, type Segment, shortestPacket } from './frame.ts';
import { reasonOf } from './reasons.ts';

/** enum xdp_action. */
/** Reasons of packets that go back to their sender as something else. */
const ANSWERS = /^(REJECT_|ANSWER_COOKIE|ANSWER_CHALLENGE)/;
const VERDICTS: readonly TraceFate[] = ['dropped', 'dropped', 'passed', 'forwarded', 'forwarded'];
const REDIRECT = 4;
const TRANSMIT = 3;
/** struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex. */
const CONTEXT_SIZE = 24;
const FTP_PORT = 21;
/** A jumbo frame's. */
const MAX_PACKET = 9000;

/** A port of the packet path. */
export interface TracePort {
  readonly index: number;
  readonly name: string;
  readonly mac: Uint8Array;
}

/** What the plane knows of its tables. */
export interface TraceTables {
  service(protocol: Protocol, address: IpAddress, port: number, mark: number): ServiceEntry | undefined;
  indexOf(service: ServiceEntry): number;
  /** Every server that has a number, deleted ones too. */
  servers(): ReadonlyMap<number, ServerEntry>;
  /** Undefined when the packet path is not on this interface, or on none. */
  port(name: string | undefined, source: IpAddress): TracePort | undefined;
  portName(index: number): string;
}

/** What a run left behind in the copy. */
interface Run {
  readonly verdict: number;
  readonly frame: Uint8Array;
  readonly reasons: readonly string[];
  readonly after: readonly ConnectionStatus[];
  readonly counted: { readonly number: number; readonly isNew: boolean } | undefined;
}

/** The entries of the tables that have to do with the flow. */
interface Known {
  readonly connection: Uint8Array | undefined;
  readonly template: Uint8Array | undefined;
  readonly reply: Uint8Array | undefined;
  /** What the SYN proxy remembers of the connection. */
  readonly proxied: Proxied | undefined;
  readonly room: boolean;
  /** That the packet would find. */
  readonly service: ServiceEntry | undefined;
}

export class Tracer {
  private readonly copy: PathCopy;
  private readonly tables: TraceTables;

  constructor(copy: PathCopy, tables: TraceTables) {
    this.copy = copy;
    this.tables = tables;
  }

  /** Throws DataPlaneError `invalid` for a packet that there cannot be, or an interface that the packet path is not on. */
  trace(flow: TraceFlow): TraceReport {
    requirePossible(flow);
    const port = this.tables.port(flow.interface, flow.source);
    if (!port)
      throw new DataPlaneError('invalid', `the packet path is not on ${flow.interface ?? 'any interface'}: it sees no such packet`);
    const { copy, tables } = this;
    const numbers = [...tables.servers().keys()];
    copy.refresh(numbers);
    const { family } = flow.destination;
    const known = this.known(flow, port.index);
    const { service } = known;
    copy.plant(family, known.connection, known.template, known.reply);
    if (!known.room) copy.fill(family);
    if (service) copy.copyLocality(tables.indexOf(service), flow.destination);
    copy.copyClient(flow.source, service && tables.indexOf(service));
    const before = this.connections();
    const frame = frameOf(flow, segmentOf(flow, known), { destination: port.mac, source: NOBODYS_MAC });
    const run = this.run(frame, port.index, numbers);
    return this.report(flow, { port, frame, before, run, known });
  }

  close(): void {
    this.copy.close();
  }

  private connections(): ConnectionStatus[] {
    return [...readConnections(this.copy.path, this.copy.path.clock().jiffies)];
  }

  private known(flow: TraceFlow, ingress: number): Known {
    const nothing = { connection: undefined, template: undefined, reply: undefined, proxied: undefined, room: true, service: undefined };
    if (flow.protocol === 'icmp') return nothing;
    const { numbers } = this.copy.path;
    const kind = this.kindOf(flow.protocol);
    const { source: client, sourcePort: clientPort, destination: virtual, destinationPort: virtualPort } = flow;
    const wanted: Wanted = { kind, client, clientPort, virtual, virtualPort, ingress };
    const { family } = virtual;
    const { entry: connection, room, mark } = this.locateAny(wanted);
    const service = this.tables.service(flow.protocol, virtual, virtualPort, mark);
    if (connection) return { ...nothing, connection, ...this.partsOf(connection, family), room, service };
    this.refuseExpected(wanted);
    const reply = this.locateAny({ ...wanted, kind: kind | (numbers.meta.META_REPLY as number) }).entry;
    if (!reply) return { ...nothing, template: service && this.template(flow, service, ingress), room, service };
    const origin =
      this.copy.originOf(family, reply) ??
      this.locateAny({ kind, client: virtual, clientPort: virtualPort, ...this.translated(reply, family), ingress }).entry;
    return { ...nothing, connection: origin, ...(origin && this.partsOf(origin, family)), reply, service };
  }

  /** A plain entry, or one that the SYN proxy made. */
  private locateAny(wanted: Wanted): Location {
    const plain = this.copy.locate(wanted);
    if (plain.entry) return plain;
    const { META_PROXIED } = this.copy.path.numbers.meta as Record<'META_PROXIED', number>;
    return { ...plain, entry: this.copy.locate({ ...wanted, kind: wanted.kind | META_PROXIED }).entry };
  }

  /** What belongs to a connection. */
  private partsOf(connection: Uint8Array, family: IpFamily): Pick<Known, 'template' | 'proxied'> {
    const { path } = this.copy;
    const { entry, rest } = path.entryIn(connection, family);
    const ends = endsOf(entry, rest);
    return { template: this.copy.templateOf(family, connection), proxied: this.copy.copyProxied(ends) };
  }

  /** That an FTP session expects a connection is not copied: an answer without it would be wrong. */
  private refuseExpected(wanted: Wanted): void {
    if (this.copy.locate({ ...wanted, clientPort: 0 }).entry)
      throw new DataPlaneError('unsupported', 'an FTP session expects this connection: its first packet cannot be traced');
  }

  /** META_PROTOCOL of an entry. */
  private kindOf(protocol: Protocol | 'ip'): number {
    const { protocol: numbers, meta } = this.copy.path.numbers;
    return (numbers[`CONN_${protocol.toUpperCase()}`] as number) << (meta.META_PROTOCOL_SHIFT as number);
  }

  /** The virtual address and port that a way back leads to. */
  private translated(reply: Uint8Array, family: IpFamily): { readonly virtual: IpAddress; readonly virtualPort: number } {
    const { path } = this.copy;
    const core = new Records(reply, path.struct(family === 4 ? 'reply' : 'reply6'));
    const rest = family === 4 ? core : new Records(reply.subarray(core.layout.size), path.struct('reply_rest6'));
    return { virtual: IpAddress.fromBytes(core.bytesOf(0, 'virtual')) as IpAddress, virtualPort: rest.port(0, 'virtual_port') };
  }

  private template({ source, destination, protocol }: TraceFlow, { service }: ServiceEntry, ingress: number): Uint8Array | undefined {
    const { persistence, key } = service;
    if (!persistence || protocol === 'icmp') return undefined;
    const client = networkOf(source, persistence.prefixLength);
    const template = this.copy.path.numbers.meta.META_TEMPLATE as number;
    const whose =
      key.kind === 'fwmark'
        ? { kind: this.kindOf('ip') | template, virtual: markAddress(key.mark, client), virtualPort: 0 }
        : { kind: this.kindOf(protocol) | template, virtual: destination, virtualPort: isFtp(key) ? 0 : key.port };
    return this.copy.locate({ ...whose, client, clientPort: 0, ingress }).entry;
  }

  private run(frame: Uint8Array, ingress: number, numbers: readonly number[]): Run {
    const { path } = this.copy;
    const context = new Uint8Array(CONTEXT_SIZE);
    const view = new DataView(context.buffer);
    view.setUint32(4, frame.length, true);
    view.setUint32(12, ingress, true);
    const { verdict, data } = path.balance.testRun({ data: frame, context, repeat: 1 });
    const reasons = Object.entries(path.reasonCounts()).flatMap(([name, count]) => (count > 0 ? [name] : []));
    const totals = numbers.map((number) => ({ number, ...path.totals(number) }));
    const found = totals.find(({ connections, inPackets, outPackets }) => connections + inPackets + outPackets > 0);
    const counted = found && { number: found.number, isNew: found.connections > 0 };
    return { verdict, frame: data, reasons, after: this.connections(), counted };
  }

  private report(flow: TraceFlow, parts: Parts): TraceReport {
    const { port, frame, before, run, known } = parts;
    const isReply = known.reply !== undefined;
    const existing = before.find((connection) => isOf(flow, connection, isReply));
    const after = run.after.find((connection) => isOf(flow, connection, isReply));
    const kept = existing !== undefined && run.counted?.isNew !== true;
    const number = run.counted?.number ?? (kept && known.connection ? this.serverOf(flow, known.connection) : undefined);
    const entry = number === undefined ? undefined : this.tables.servers().get(number);
    const isPassed = run.reasons.includes('PASS_NO_SERVICE') || (VERDICTS[run.verdict] === 'passed' && run.reasons.length === 0);
    const owner = entry?.owner ?? (isPassed ? undefined : known.service);
    const reason = reasonOf(run.reasons, this.copy.path.numbers.reason, VERDICTS[run.verdict] as TraceFate);
    const answered = run.reasons.some((name) => ANSWERS.test(name)) && run.verdict >= TRANSMIT;
    const template = this.templateReport(before, run.after);
    const by = isReply ? 'reply' : kept ? 'connection' : template?.kind === 'existing' ? 'template' : 'scheduler';
    const fate = answered ? 'answered' : (VERDICTS[run.verdict] as TraceFate);
    return {
      interface: port.name,
      packet: describeFrame(frame),
      fate,
      ...(reason && { reason }),
      ...(owner && { service: serviceKeyText(owner.service.key), scheduler: owner.service.scheduler }),
      ...((kept || run.counted?.isNew) && { connection: connectionReport(kept ? existing : undefined, after, known.proxied) }),
      ...(template && { template }),
      ...(entry && { server: { server: serverKeyText(entry), method: entry.method, ...(entry.tunnel && { tunnel: entry.tunnel }), by } }),
      ...(owner && by === 'scheduler' && { candidates: owner.servers.map(candidate) }),
      ...((fate === 'forwarded' || fate === 'answered') && { out: this.outgoing(run, port, answered, number, entry) }),
    };
  }

  private serverOf({ destination }: TraceFlow, connection: Uint8Array): number {
    return this.copy.path.entryIn(connection, destination.family).entry.u32(0, 'server');
  }

  private templateReport(before: readonly ConnectionStatus[], after: readonly ConnectionStatus[]): TraceReport['template'] {
    const planted = before.find((connection) => connection.clientPort === 0);
    const template = planted ?? after.find((connection) => connection.clientPort === 0);
    return template && { kind: planted ? 'existing' : 'new', client: String(template.client), secondsLeft: template.expiresSeconds };
  }

  private outgoing(
    run: Run,
    port: TracePort,
    answered: boolean,
    server: number | undefined,
    entry: ServerEntry | undefined,
  ): TraceReport['out'] {
    const packet = describeFrame(run.frame, entry?.tunnel?.port);
    if (run.verdict !== REDIRECT || answered) return { interface: port.name, packet };
    const { path } = this.copy;
    const isReply = server !== undefined && path.totals(server).inPackets === 0;
    const index = server === undefined || isReply ? this.portOfMac(run.frame.subarray(6, 12)) : path.servers.u32(server, 'ifindex');
    return { interface: index === undefined ? port.name : this.tables.portName(index), packet };
  }

  private portOfMac(mac: Uint8Array): number | undefined {
    const { settings } = this.copy.path;
    const macs = settings.bytesOf(0, 'port_macs');
    for (let port = 0; port < settings.u32(0, 'port_count'); port++) {
      if (mac.every((byte, at) => byte === macs[port * 8 + at])) return settings.u32Of(0, 'port_indexes', port);
    }
    return undefined;
  }
}

interface Parts {
  readonly port: TracePort;
  readonly frame: Uint8Array;
  readonly before: readonly ConnectionStatus[];
  readonly run: Run;
  readonly known: Known;
}

function requirePossible(flow: TraceFlow): void {
  const { source, destination, length = shortestPacket(flow), hops = 64 } = flow;
  const refuse = (why: string): never => {
    throw new DataPlaneError('invalid', why);
  };
  if (source.family !== destination.family) refuse(`${source} and ${destination} are of different address families`);
  if (length < shortestPacket(flow)) refuse(`${length} bytes are less than the packet's headers, ${shortestPacket(flow)}`);
  if (length > MAX_PACKET) refuse(`${length} bytes are more than a trace can carry, ${MAX_PACKET}`);
  if (hops < 1 || hops > 255) refuse(`${hops} is no TTL`);
}

/** Without a wish: what the connection waits for. The SYN proxy looks at the numbers, so they have to be right for its connections. */
function segmentOf({ flag }: TraceFlow, { connection, reply, proxied }: Known): Segment {
  const isReply = reply !== undefined;
  const awaited = isReply && proxied && proxied.difference === undefined ? 'syn' : connection || reply ? 'ack' : 'syn';
  const segment = { flag: flag ?? awaited, isReply, sequence: 0, acknowledged: 0 } as const;
  if (!proxied) return segment;
  const { clientFirst, cookie, difference } = proxied;
  const [clients, directors] = [(clientFirst + 1) >>> 0, (cookie + 1) >>> 0];
  if (!isReply) return { ...segment, sequence: clients, acknowledged: directors };
  return { ...segment, sequence: difference === undefined ? 0 : (directors + difference) >>> 0, acknowledged: clients };
}

/** Whether the entry is the flow's connection, or the one that the flow answers. */
function isOf(flow: TraceFlow, connection: ConnectionStatus, isReply: boolean): boolean {
  const { client, clientPort, local } = connection;
  const known = (isReply && local) || { address: client, port: clientPort };
  const [address, port] = isReply ? [flow.destination, flow.destinationPort] : [flow.source, flow.sourcePort];
  return known.address.equals(address) && known.port === port;
}

function connectionReport(
  existing: ConnectionStatus | undefined,
  after: ConnectionStatus | undefined,
  proxied: Proxied | undefined,
): TraceReport['connection'] {
  const local = (existing ?? after)?.local;
  return {
    kind: existing ? 'existing' : 'new',
    ...(existing && { state: existing.state, secondsLeft: existing.expiresSeconds }),
    ...(after && { nextState: after.state, nextSecondsLeft: after.expiresSeconds }),
    ...(local && { local: serverKeyText(local) }),
    ...(existing && proxied && { synProxy: proxied.difference === undefined ? 'awaits-server' : 'translates' }),
  };
}

function candidate(server: ServerEntry): TraceCandidate {
  const { weight, activeConnections, inactiveConnections, overloaded } = server;
  return { server: serverKeyText(server), weight, activeConnections, inactiveConnections, overloaded };
}

/** Whose templates hold for every port. */
function isFtp(key: ServiceKey): boolean {
  return key.kind === 'address' && key.protocol === 'tcp' && key.port === FTP_PORT;
}

function networkOf(address: IpAddress, prefixLength: number): IpAddress {
  const bytes = address.bytes.map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixLength - at * 8))));
  return IpAddress.fromBytes(bytes) as IpAddress;
}

/** What stands for the virtual address in the templates of a mark. */
function markAddress(mark: number, like: IpAddress): IpAddress {
  const bytes = new Uint8Array(like.bytes.length);
  new DataView(bytes.buffer).setUint32(0, mark);
  return IpAddress.fromBytes(bytes) as IpAddress;
}
