/** What the compliance suite asks of a data plane under test, and the words its cases are written in. */
import { expect } from 'vitest';
import { IpAddress } from '../../src/base/index.ts';
import { type RealServer, type ServiceKey, serviceKeyText, type VirtualService } from '../../src/model/index.ts';
import { type DataPlane, DataPlaneError, type DataPlaneErrorCode, type ServerStatus } from '../../src/ports/index.ts';

/** A packet from a client to the director. */
export interface TestPacket {
  readonly protocol: 'tcp' | 'udp';
  readonly client: IpAddress;
  readonly clientPort: number;
  readonly virtual: IpAddress;
  readonly virtualPort: number;
  /** TCP flags as letters of `S`, `A`, `F`, `R`; empty for UDP. */
  readonly flags: string;
  /** Bytes from the IP header on; at least the two headers. */
  readonly length: number;
}

/** The server that a packet went to, as `address:port` of the table; or `pass` (into the stack), or `drop`. */
export type Outcome = string;

export interface Harness {
  readonly plane: DataPlane;
  send(packet: TestPacket): Outcome;
  /** Lets this much time pass, and the plane's periodic work happen. Only where `canAdvance`. */
  advance(seconds: number): void;
  /** Takes everything down; called once after each case. */
  close(): void;
}

export interface Capabilities {
  /** Whether the harness can let time pass without waiting for it. */
  readonly canAdvance: boolean;
}

/** Handed to every part of the suite: a fresh harness per case. */
export interface Context extends Capabilities {
  readonly bed: () => Bed;
}

export const VIP = ip('10.9.9.9');

export function ip(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
}

export function tcp(port: number, address = VIP): ServiceKey {
  return { kind: 'address', protocol: 'tcp', address, port };
}

export function udp(port: number): ServiceKey {
  return { kind: 'address', protocol: 'udp', address: VIP, port };
}

/** Real server N of the tests is 10.2.0.N; its port is the service's, as direct routing has it. */
export function real(octet: number, weight = 1, more: Partial<RealServer> = {}): RealServer {
  return { address: ip(`10.2.0.${octet}`), port: 80, method: 'dr', weight, upperThreshold: 0, lowerThreshold: 0, ...more };
}

/** A harness with the moves that most cases are made of. Clients are 10.0.0.N. */
export class Bed {
  readonly harness: Harness;
  readonly plane: DataPlane;

  constructor(harness: Harness) {
    this.harness = harness;
    this.plane = harness.plane;
  }

  service(key: ServiceKey, more: Partial<VirtualService> = {}): this {
    this.plane.addService({ key, scheduler: 'rr', schedulerFlags: [], onePacket: false, ...more });
    return this;
  }

  /** The usual table: TCP port 80 with servers 1 to `count`, added in this order. */
  web(count: number, more: Partial<VirtualService> = {}): this {
    this.service(tcp(80), more);
    for (let octet = 1; octet <= count; octet++) this.plane.addServer(tcp(80), real(octet));
    return this;
  }

  /** Sends a TCP segment from 10.0.0.`client`:`clientPort` and tells the server's last octet, or `pass` or `drop`. */
  segment(flags: string, client: number, clientPort = 40_000, virtualPort = 80, length = 40): string {
    const from = ip(`10.0.0.${client}`);
    return octetOf(this.harness.send({ protocol: 'tcp', client: from, clientPort, virtual: VIP, virtualPort, flags, length }));
  }

  datagram(client: number, clientPort = 40_000, virtualPort = 53, length = 60): string {
    const from = ip(`10.0.0.${client}`);
    return octetOf(this.harness.send({ protocol: 'udp', client: from, clientPort, virtual: VIP, virtualPort, flags: '', length }));
  }

  /** New connections from `count` different clients; the answers joined by blanks. */
  newConnections(count: number, firstClient = 100): string {
    return Array.from({ length: count }, (_, index) => this.segment('S', firstClient + index)).join(' ');
  }

  server(octet: number, key: ServiceKey = tcp(80)): ServerStatus {
    const address = ip(`10.2.0.${octet}`);
    const found = this.plane
      .services()
      .find((service) => serviceKeyText(service.key) === serviceKeyText(key))
      ?.servers.find((server) => server.address.equals(address));
    if (!found) throw new Error(`server ${address} is not in the table`);
    return found;
  }

  /** Active, inactive and persistent connections of server N. */
  counts(octet: number, key: ServiceKey = tcp(80)): readonly [number, number, number] {
    const { activeConnections, inactiveConnections, persistentConnections } = this.server(octet, key);
    return [activeConnections, inactiveConnections, persistentConnections];
  }

  /** The state column of the only connection (templates apart). */
  state(): string {
    const connections = [...this.plane.connections()].filter((connection) => connection.clientPort !== 0);
    return connections.map((connection) => connection.state).join(' ');
  }

  /** Remaining seconds of the only connection (templates apart). */
  remaining(): number {
    const connections = [...this.plane.connections()].filter((connection) => connection.clientPort !== 0);
    expect(connections).toHaveLength(1);
    return connections[0]?.expiresSeconds ?? Number.NaN;
  }

  /** The call is refused with this code, and the tables are as they were. */
  refused(code: DataPlaneErrorCode, call: () => void): void {
    const before = tablesOf(this.plane);
    expect(codeOf(call)).toBe(code);
    expect(tablesOf(this.plane)).toEqual(before);
  }
}

/** A time-out that started within the last second or two reads as the whole or a little less. */
export function expectAbout(remaining: number, seconds: number): void {
  expect(remaining).toBeLessThanOrEqual(seconds);
  expect(remaining).toBeGreaterThanOrEqual(seconds - 2);
}

function codeOf(call: () => void): DataPlaneErrorCode | 'no error' {
  try {
    call();
  } catch (error) {
    if (error instanceof DataPlaneError) return error.code;
    throw error;
  }
  return 'no error';
}

function tablesOf(plane: DataPlane): unknown {
  return plane.services().map(({ key, scheduler, schedulerFlags, persistence, onePacket, servers }) => ({
    key,
    scheduler,
    schedulerFlags,
    persistence,
    onePacket,
    servers: servers.map(({ address, port, method, weight, upperThreshold, lowerThreshold }) => ({
      server: `${address}:${port}`,
      method,
      weight,
      upperThreshold,
      lowerThreshold,
    })),
  }));
}

function octetOf(outcome: Outcome): string {
  return outcome.replace(/^10\.2\.0\.(\d+):\d+$/, '$1');
}
