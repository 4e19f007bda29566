/** The connection table: established connections and persistence templates, with their expiry. */
import { type Instant, type IpAddress, MICROS_PER_SECOND, type Micros, type Random, seconds } from '../../base/index.ts';
import type { ForwardingMethod, Protocol } from '../../model/index.ts';
import type { ConnectionStatus, LocalEndpoint } from '../../ports/index.ts';
import type { SctpState } from './sctp-states.ts';
import type { ServerEntry } from './table.ts';
import type { TcpState } from './tcp-states.ts';

/** A template that still controls connections when its time is up gets this much more (kernel: ip_vs_conn_expire_later). */
const EXPIRE_LATER = seconds(60);

/** drop_entry looks at one connection in so many each second (kernel: ip_vs_random_dropentry). */
const DROP_SHARE = 32;
/** It spares connections that were heard of in this time, and those of more packets than this (kernel: todrop_entry). */
const SPARED_TIME = seconds(60);
const SPARED_PACKETS = 8;

/** What an invalidated template shows as its ports. */
const NO_PORT = 0xffff;

/** What identifies a connection; for a template `clientPort` is 0 and `client` the client's network. */
export interface ConnectionKey {
  /** `ip` only in the templates of firewall-mark services, whose `virtual` is the mark. */
  readonly protocol: Protocol | 'ip';
  readonly client: IpAddress;
  readonly clientPort: number;
  readonly virtual: IpAddress;
  readonly virtualPort: number;
}

export class Connection {
  readonly key: ConnectionKey;
  readonly server: ServerEntry;
  readonly serverPort: number;
  /** The server's when the connection began; a later change of the server's does not concern it. */
  readonly method: ForwardingMethod;
  readonly isTemplate: boolean;
  /** The template that this connection belongs to. */
  readonly template: Connection | undefined;
  /** Full NAT: where the server sees it come from. */
  readonly local: LocalEndpoint | undefined;
  state: TcpState | SctpState | 'UDP' | 'ASSURED' = 'NONE';
  timeout: Micros;
  expires: Instant = 0;
  /** Connections of this template that are alive. */
  controlled = 0;
  /** Whether the server counts it under ActiveConn. */
  active = false;
  /** Packets of the client. */
  packets = 0;
  /** A template whose server went: it stays until it expires, but nobody finds it. */
  invalidated = false;

  constructor(options: {
    key: ConnectionKey;
    server: ServerEntry;
    serverPort: number;
    timeout: Micros;
    isTemplate?: boolean;
    template?: Connection;
    local?: LocalEndpoint;
  }) {
    this.key = options.key;
    this.server = options.server;
    this.serverPort = options.serverPort;
    this.method = options.server.method;
    this.timeout = options.timeout;
    this.isTemplate = options.isTemplate ?? false;
    this.template = options.template;
    this.local = options.local;
  }

  /** Whether the server's answers come through the director. */
  get answersPass(): boolean {
    return this.method === 'nat' || this.method === 'fullnat';
  }

  status(now: Instant): ConnectionStatus {
    return {
      protocol: this.key.protocol,
      state: this.state,
      expiresSeconds: Math.max(0, Math.floor((this.expires - now) / MICROS_PER_SECOND)),
      client: this.key.client,
      clientPort: this.key.clientPort,
      virtual: this.key.virtual,
      virtualPort: this.invalidated ? NO_PORT : this.key.virtualPort,
      server: this.server.address,
      serverPort: this.invalidated ? NO_PORT : this.serverPort,
      ...(this.local && { local: this.local }),
    };
  }
}

export class ConnectionTable {
  private readonly connections = new Map<string, Connection>();
  /** The same connections by what their server's answers carry; of equals the newest, which the kernel's lookup meets first. */
  private readonly answering = new Map<string, Connection>();
  private readonly templates = new Map<string, Connection>();
  private readonly invalidated = new Set<Connection>();
  /** Connections and templates by the second in which they were last known to expire. */
  private readonly wheel = new Map<number, Set<Connection>>();
  private swept: number;
  /** Idle connections of so many packets until one is given up. */
  private readonly turns = new Array<number>(SPARED_PACKETS + 1).fill(0);

  constructor(now: Instant) {
    this.swept = secondOf(now);
  }

  find(key: ConnectionKey): Connection | undefined {
    return this.connections.get(textOf(key));
  }

  findTemplate(key: ConnectionKey): Connection | undefined {
    return this.templates.get(textOf(key));
  }

  /** The translated connection (NAT) that an answer belongs to. */
  findReplying(answer: {
    protocol: Protocol;
    server: IpAddress;
    serverPort: number;
    client: IpAddress;
    clientPort: number;
  }): Connection | undefined {
    const { protocol, server, serverPort, client, clientPort } = answer;
    return this.answering.get(textOf({ protocol, client, clientPort, virtual: server, virtualPort: serverPort }));
  }

  /** Enters a connection or template; its server's counts go up. Set its time-out running with `refresh`. */
  add(connection: Connection): void {
    (connection.isTemplate ? this.templates : this.connections).set(textOf(connection.key), connection);
    if (!connection.isTemplate && connection.answersPass) this.answering.set(answerOf(connection), connection);
    bind(connection);
  }

  /** Starts the time-out again. */
  refresh(connection: Connection, now: Instant): void {
    this.schedule(connection, now + connection.timeout);
  }

  /** Makes the template unfindable; it keeps its remaining time. */
  invalidate(template: Connection): void {
    this.templates.delete(textOf(template.key));
    this.invalidated.add(template);
    template.invalidated = true;
  }

  /** Ends a connection before its time. */
  remove(connection: Connection): void {
    this.wheel.get(secondOf(connection.expires))?.delete(connection);
    if (connection.invalidated) this.invalidated.delete(connection);
    else (connection.isTemplate ? this.templates : this.connections).delete(textOf(connection.key));
    if (this.answering.get(answerOf(connection)) === connection) this.answering.delete(answerOf(connection));
    unbind(connection);
  }

  /** Ends connections before their time, and those of the templates meant that are left without any. */
  removeWhere(isMeant: (connection: Connection) => boolean): void {
    for (const connections of [this.connections, this.templates]) {
      for (const connection of connections.values()) if (connection.controlled === 0 && isMeant(connection)) this.remove(connection);
    }
  }

  /** Ends everything whose time is up. */
  expire(now: Instant): void {
    const current = secondOf(now);
    for (; this.swept <= current; this.swept++) {
      const due = this.wheel.get(this.swept);
      if (!due) continue;
      for (const connection of due) {
        if (connection.expires > now) continue;
        if (connection.controlled > 0) this.schedule(connection, connection.expires + EXPIRE_LATER);
        else this.remove(connection);
      }
      if (due.size === 0) this.wheel.delete(this.swept);
    }
    // The running second may still hold connections that end later within it.
    this.swept = current;
  }

  /** By drop_entry some of the half-open, idle and unproven connections and templates give up their places. */
  dropEntries(random: Random, now: Instant): void {
    for (const connections of [this.connections, this.templates]) {
      for (const connection of connections.values()) {
        if (random.below(DROP_SHARE) === 0 && connection.controlled === 0 && this.isExpendable(connection, now)) this.remove(connection);
      }
    }
  }

  *statuses(now: Instant): Iterable<ConnectionStatus> {
    for (const connections of [this.connections.values(), this.templates.values(), this.invalidated]) {
      for (const connection of connections) yield connection.status(now);
    }
  }

  private isExpendable(connection: Connection, now: Instant): boolean {
    const { state, key, isTemplate } = connection;
    // A datagram's own connections never make a template worth keeping.
    if (isTemplate) return state !== 'ASSURED' && !connection.server.owner.service.onePacket;
    if (state === 'SYN_RECV' || state === 'SYNACK' || state === 'INIT1' || state === 'INIT') return true;
    return (key.protocol === 'udp' || state === 'ESTABLISHED') && this.isIdle(connection, now);
  }

  private isIdle({ timeout, expires, packets }: Connection, now: Instant): boolean {
    if (timeout - (expires - now) < SPARED_TIME || packets < 1 || packets > SPARED_PACKETS) return false;
    const turn = (this.turns[packets] as number) - 1;
    this.turns[packets] = turn > 0 ? turn : packets;
    return turn <= 0;
  }

  private schedule(connection: Connection, expires: Instant): void {
    const before = secondOf(connection.expires);
    const after = secondOf(expires);
    connection.expires = expires;
    const bucket = this.wheel.get(after);
    if (before === after && bucket?.has(connection)) return;
    this.wheel.get(before)?.delete(connection);
    if (bucket) bucket.add(connection);
    else this.wheel.set(after, new Set([connection]));
  }
}

/** A new connection counts as inactive until its state says otherwise; a template counts apart. */
export function bind(connection: Connection): void {
  const { server, template } = connection;
  if (connection.isTemplate) server.persistentConnections++;
  else server.inactiveConnections++;
  if (template) template.controlled++;
  server.checkUpperThreshold();
}

export function unbind(connection: Connection): void {
  const { server, template } = connection;
  if (connection.isTemplate) server.persistentConnections--;
  else if (connection.active) server.activeConnections--;
  else server.inactiveConnections--;
  if (template) template.controlled--;
  server.checkLowerThreshold();
}

/** The state changes; the server's active and inactive counts follow. */
export function setActive(connection: Connection, active: boolean): void {
  if (connection.active === active) return;
  connection.active = active;
  const step = active ? 1 : -1;
  connection.server.activeConnections += step;
  connection.server.inactiveConnections -= step;
}

function secondOf(instant: Instant): number {
  return Math.floor(instant / MICROS_PER_SECOND);
}

/** Under which key a server's answer finds the connection. */
function answerOf({ key, server, serverPort, local }: Connection): string {
  const destination = local ?? { address: key.client, port: key.clientPort };
  return textOf({
    protocol: key.protocol,
    client: destination.address,
    clientPort: destination.port,
    virtual: server.address,
    virtualPort: serverPort,
  });
}

function textOf(key: ConnectionKey): string {
  return `${key.protocol} ${key.client} ${key.clientPort} ${key.virtual} ${key.virtualPort}`;
}
