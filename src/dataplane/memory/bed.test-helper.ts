/** An in-memory data plane with a clock of its own, and the moves that the cases are made of. */
import { type Instant, IpAddress, seconds } from '../../base/index.ts';
import { type ForwardingSettings, type RealServer, type ServiceKey, serverKeyText, type VirtualService } from '../../model/index.ts';
import { MemoryDataPlane, type Packet, type TcpFlags } from './index.ts';
import type { Reply } from './traffic.ts';

export const VIP = ip('10.9.9.9');
export const FOR_ALL = { timeoutSeconds: 100, prefixLength: 32 };

export function ip(text: string): IpAddress {
  return IpAddress.parse(text)!;
}

export class Bed {
  now: Instant = 0;
  readonly plane: MemoryDataPlane;
  /** Memory that is left. */
  freePages = 1_000_000;

  constructor(settings: Partial<ForwardingSettings> = {}) {
    this.plane = new MemoryDataPlane({ clock: { now: () => this.now }, settings, freePages: () => this.freePages });
  }

  service(key: ServiceKey, servers: readonly string[], more: Partial<VirtualService> = {}, method: RealServer['method'] = 'dr'): this {
    this.plane.addService({ key, scheduler: 'rr', schedulerFlags: [], onePacket: false, ...more });
    const port = key.kind === 'fwmark' ? 0 : key.port;
    for (const address of servers) {
      this.plane.addServer(key, { address: ip(address), port, method, weight: 1, upperThreshold: 0, lowerThreshold: 0 });
    }
    return this;
  }

  send(more: Partial<Packet> = {}, flags: TcpFlags = { syn: true }): string {
    const verdict = this.plane.receive({
      protocol: 'tcp',
      client: ip('10.0.0.1'),
      clientPort: 40_000,
      virtual: VIP,
      virtualPort: 80,
      length: 40,
      flags,
      ...more,
    });
    if (verdict.kind === 'forward') return `${serverKeyText(verdict.server)}>${verdict.serverPort}`;
    return verdict.kind === 'drop' ? verdict.reason : verdict.kind;
  }

  /** An answer of a real server to the client of `send`; tells the address it goes on with. */
  answer(more: Partial<Reply> = {}, flags: TcpFlags = { ack: true }): string {
    const addresses = { server: ip('10.2.0.1'), serverPort: 80, client: ip('10.0.0.1'), clientPort: 40_000 };
    const verdict = this.plane.receiveReply({ protocol: 'tcp', ...addresses, length: 40, flags, ...more });
    return verdict.kind === 'translate' ? `${verdict.virtual}:${verdict.virtualPort}` : verdict.kind;
  }

  edit(address: string, weight: number, more: Partial<RealServer> = {}): this {
    this.plane.editServer(tcp(80), { ...server(address), weight, ...more });
    return this;
  }

  states(): string {
    return [...this.plane.connections()].map(({ state }) => state).join(' ');
  }

  advance(count: number): void {
    for (let second = 0; second < count; second++) {
      this.now += seconds(1);
      this.plane.tick();
    }
  }

  listing(): string[] {
    return [...this.plane.connections()].map(
      ({ protocol, client, clientPort, virtual, virtualPort, server, serverPort }) =>
        `${protocol} ${client}:${clientPort} ${virtual}:${virtualPort} ${server}:${serverPort}`,
    );
  }
}

export function tcp(port: number, address = VIP): ServiceKey {
  return { kind: 'address', protocol: 'tcp', address, port };
}

export function server(address: string): RealServer {
  return { address: ip(address), port: 80, method: 'dr', weight: 1, upperThreshold: 0, lowerThreshold: 0 };
}
