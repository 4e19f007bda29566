/** What the compliance suite leaves out: firewall marks, FTP, IPv6, masquerading's states, the trash, the estimator. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Instant, IpAddress, seconds } from '../../base/index.ts';
import { type RealServer, type ServiceKey, serverKeyText, type VirtualService } from '../../model/index.ts';
import { MemoryDataPlane, type Packet, type TcpFlags } from './index.ts';
import { Meter } from './meter.ts';
import { isActiveTcpState, nextTcpState, type TcpState } from './states.ts';

const VIP = ip('10.9.9.9');
const FOR_ALL = { timeoutSeconds: 100, prefixLength: 32 };

function ip(text: string): IpAddress {
  return IpAddress.parse(text)!;
}

class Bed {
  now: Instant = 0;
  readonly plane = new MemoryDataPlane({ clock: { now: () => this.now } });

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

function tcp(port: number, address = VIP): ServiceKey {
  return { kind: 'address', protocol: 'tcp', address, port };
}

describe('firewall marks', () => {
  const MARK: ServiceKey = { kind: 'fwmark', mark: 7, family: 4 };

  it('take packets of any address and port, and keep the port', () => {
    const b = new Bed().service(MARK, ['10.2.0.1', '10.2.0.2']);
    expect(b.send({ mark: 7, virtualPort: 1234 })).toBe('10.2.0.2:0>1234');
    expect(b.send({ mark: 7, virtual: ip('10.9.9.8') })).toBe('10.2.0.1:0>80');
    expect(b.send({ mark: 8 })).toBe('pass');
    expect(b.send({ clientPort: 1 })).toBe('pass');
  });

  it('come before a service of the address', () => {
    const b = new Bed().service(MARK, ['10.2.0.1']).service(tcp(80), ['10.2.0.9']);
    expect(b.send({ mark: 7 })).toBe('10.2.0.1:0>80');
    expect(b.send({ clientPort: 1 })).toBe('10.2.0.9:80>80');
  });

  it('keep a persistent client with one server on every port; the template shows the mark', () => {
    const b = new Bed().service(MARK, ['10.2.0.1', '10.2.0.2'], { persistence: { timeoutSeconds: 60, prefixLength: 24 } });
    expect([b.send({ mark: 7 }), b.send({ mark: 7, virtualPort: 443 })]).toEqual(['10.2.0.2:0>80', '10.2.0.2:0>443']);
    expect(b.listing()).toContain('ip 10.0.0.0:0 0.0.0.7:0 10.2.0.2:0');
  });

  it('are kept apart by family', () => {
    const b = new Bed().service({ kind: 'fwmark', mark: 7, family: 6 }, ['fd00::2'], {
      persistence: { timeoutSeconds: 9, prefixLength: 64 },
    });
    expect(b.send({ mark: 7 })).toBe('pass');
    expect(b.send({ mark: 7, client: ip('fd01::5'), virtual: ip('fd00::9') })).toBe('[fd00::2]:0>80');
    expect(b.listing()).toContain('ip fd01:::0 0:7:::0 fd00::2:0');
  });
});

describe('FTP', () => {
  it('data connections follow the control connection of a persistent client', () => {
    const b = new Bed().service(tcp(21), ['10.2.0.1', '10.2.0.2'], { persistence: FOR_ALL });
    expect([b.send({ virtualPort: 21 }), b.send({ virtualPort: 5000, clientPort: 2 })]).toEqual(['10.2.0.2:21>21', '10.2.0.2:21>5000']);
    expect(b.listing()).toContain('tcp 10.0.0.1:0 10.9.9.9:0 10.2.0.2:0');
  });

  it('without persistence data connections pass into the stack', () => {
    const b = new Bed().service(tcp(21), ['10.2.0.1']);
    expect([b.send({ virtualPort: 21 }), b.send({ virtualPort: 5000 }), b.send({ virtualPort: 22 })]).toEqual([
      '10.2.0.1:21>21',
      'pass',
      'pass',
    ]);
  });

  it('active data connections from port 20 are never scheduled', () => {
    expect(new Bed().service(tcp(80), ['10.2.0.1']).send({ clientPort: 20 })).toBe('pass');
  });
});

describe('services of every port', () => {
  it('refuse what is not persistent', () => {
    expect(new Bed().service(tcp(0), ['10.2.0.1']).send()).toBe('no-server');
  });
});

describe('IPv6', () => {
  it('is balanced, with persistence by prefix', () => {
    const b = new Bed().service(tcp(80, ip('fd00::9')), ['fd00::1', 'fd00::2'], {
      persistence: { timeoutSeconds: 60, prefixLength: 64 },
    });
    const from = (client: string): string => b.send({ client: ip(client), virtual: ip('fd00::9') });
    expect([from('fd01::1'), from('fd01::2'), from('fd02::1')]).toEqual(['[fd00::2]:80>80', '[fd00::2]:80>80', '[fd00::1]:80>80']);
  });
});

describe('what is not there', () => {
  it('SCTP is refused as unsupported', () => {
    const key: ServiceKey = { kind: 'address', protocol: 'sctp', address: VIP, port: 9 };
    expect(() => new Bed().service(key, [])).toThrow(/not SCTP/);
  });
});

describe('masquerading', () => {
  it('tells the server port to translate to', () => {
    const b = new Bed().service(tcp(80), []);
    const server = { address: ip('10.2.0.1'), port: 8080, method: 'nat', weight: 1, upperThreshold: 0, lowerThreshold: 0 } as const;
    b.plane.addServer(tcp(80), server);
    expect(b.send()).toBe('10.2.0.1:8080>8080');
  });

  it('has states of its own where answers are seen', () => {
    expect([nextTcpState('ESTABLISHED', { fin: true }, true), nextTcpState('ESTABLISHED', { fin: true }, false)]).toEqual([
      'CLOSE_WAIT',
      'FIN_WAIT',
    ]);
    expect([nextTcpState('SYNACK', { rst: true }, true), nextTcpState('SYNACK', { rst: true }, false)]).toEqual(['SYN_RECV', 'CLOSE']);
    expect(nextTcpState('ESTABLISHED', {}, true)).toBe('CLOSE');
  });
});

describe('the trash', () => {
  it('forgets a deleted server two minutes after its last connection', () => {
    const b = new Bed().service(tcp(80), ['10.2.0.1']);
    const server = b.plane.services()[0]!.servers[0]!;
    const connections = (): bigint => b.plane.services()[0]!.servers[0]!.counters.connections;
    b.send();
    b.plane.deleteServer(tcp(80), server);
    // The connection was last seen alive in its 59th second (SYN_RECV); from then on two minutes count.
    b.advance(60);
    b.advance(118);
    b.plane.addServer(tcp(80), server);
    expect(connections()).toBe(1n);
    b.plane.deleteServer(tcp(80), server);
    b.advance(120);
    b.plane.addServer(tcp(80), server);
    expect(connections()).toBe(0n);
  });
});

describe('the estimator', () => {
  it('moves a quarter of the way every two seconds, rounded as the kernel exports it', () => {
    const meter = new Meter();
    for (let packet = 0; packet < 3; packet++) meter.packetIn(60);
    meter.step();
    // 3 packets in 2 s: 1.5/s, a quarter of it is 0.375; 180 bytes: 90/s, a quarter is 22.5 (kept as 720/32).
    expect(meter.rates()).toEqual({ connections: 0, inPackets: 0, outPackets: 0, inBytes: 22, outBytes: 0 });
    meter.step();
    expect(meter.rates().inBytes).toBe(17);
    meter.zero();
    meter.step();
    expect(meter.rates().inBytes).toBe(0);
  });
});

describe('any traffic', () => {
  const flags = fc.record({ syn: fc.boolean(), ack: fc.boolean(), fin: fc.boolean(), rst: fc.boolean() });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('packet' as const), client: fc.integer({ min: 1, max: 3 }), flags }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), by: fc.integer({ min: 1, max: 130 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('add' as const, 'delete' as const), octet: fc.integer({ min: 1, max: 2 }) }),
    },
  );

  it('leaves counts that are those of the listed connections', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, persistent) => {
        const b = new Bed().service(tcp(80), ['10.2.0.1', '10.2.0.2'], persistent ? { persistence: FOR_ALL } : {});
        for (const action of steps) {
          if (action.kind === 'advance') b.advance(action.by);
          else if (action.kind === 'packet') b.send({ client: ip(`10.0.0.${action.client}`) }, action.flags);
          else {
            const server = {
              address: ip(`10.2.0.${action.octet}`),
              port: 80,
              method: 'dr',
              weight: 1,
              upperThreshold: 0,
              lowerThreshold: 0,
            } as const;
            const there = b.plane.services()[0]!.servers.some((candidate) => candidate.address.equals(server.address));
            if (action.kind === 'add' && !there) b.plane.addServer(tcp(80), server);
            if (action.kind === 'delete' && there) b.plane.deleteServer(tcp(80), server);
          }
          const connections = [...b.plane.connections()];
          for (const server of b.plane.services()[0]!.servers) {
            const own = connections.filter((connection) => connection.server.equals(server.address));
            const real = own.filter((connection) => connection.clientPort !== 0);
            const active = real.filter((connection) => isActiveTcpState(connection.state as TcpState)).length;
            expect([server.activeConnections, server.inactiveConnections]).toEqual([active, real.length - active]);
            expect(server.persistentConnections).toBe(own.length - real.length);
          }
        }
        b.advance(1100);
        expect(b.listing()).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
