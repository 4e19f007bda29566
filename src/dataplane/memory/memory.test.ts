/** What the compliance suite leaves out: firewall marks, FTP, IPv6, masquerading's states, the trash, the estimator. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceKey } from '../../model/index.ts';
import { Bed, FOR_ALL, ip, tcp, VIP } from './bed.test-helper.ts';
import { Meter } from './meter.ts';
import { isActiveTcpState, nextTcpState, type TcpState } from './tcp-states.ts';

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

  it('let packets that find no server go on by cache_bypass, those of services by address not', () => {
    const bypassed = new Bed({ cacheBypass: true }).service(MARK, []).service(tcp(80), []);
    expect([bypassed.send({ mark: 7 }), bypassed.send({ clientPort: 1 })]).toEqual(['pass', 'no-server']);
    expect(new Bed().service(MARK, []).send({ mark: 7 })).toBe('no-server');
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

describe('masquerading', () => {
  it('tells the server port to translate to', () => {
    const b = new Bed().service(tcp(80), []);
    const server = { address: ip('10.2.0.1'), port: 8080, method: 'nat', weight: 1, upperThreshold: 0, lowerThreshold: 0 } as const;
    b.plane.addServer(tcp(80), server);
    expect(b.send()).toBe('10.2.0.1:8080>8080');
  });

  it('has states of its own where answers are seen', () => {
    expect([nextTcpState('ESTABLISHED', { fin: true }, 'input'), nextTcpState('ESTABLISHED', { fin: true }, 'input-only')]).toEqual([
      'CLOSE_WAIT',
      'FIN_WAIT',
    ]);
    expect([nextTcpState('SYNACK', { rst: true }, 'input'), nextTcpState('SYNACK', { rst: true }, 'input-only')]).toEqual([
      'SYN_RECV',
      'CLOSE',
    ]);
    expect(nextTcpState('ESTABLISHED', {}, 'input')).toBe('CLOSE');
  });
});

describe('answers of real servers', () => {
  it('are translated where they pass the director, counted, and move the state', () => {
    const b = new Bed().service(tcp(80), ['10.2.0.1'], {}, 'nat');
    b.send();
    expect([b.answer({}, { syn: true, ack: true }), b.states()]).toEqual(['10.9.9.9:80', 'SYN_RECV']);
    b.send({}, { ack: true });
    expect([b.answer({ length: 1500 }, { fin: true, ack: true }), b.states()]).toEqual(['10.9.9.9:80', 'FIN_WAIT']);
    expect(b.plane.services()[0]?.counters).toMatchObject({ outPackets: 2n, outBytes: 1540n });
  });

  it('of nobody, and where they go past the director, are none of ours', () => {
    const b = new Bed().service(tcp(80), ['10.2.0.1'], {}, 'nat');
    expect(b.answer()).toBe('pass');
    b.send();
    expect([b.answer({ serverPort: 81 }), b.answer({ clientPort: 1 })]).toEqual(['pass', 'pass']);
    b.advance(62);
    expect(b.answer()).toBe('pass');
    const direct = new Bed().service(tcp(80), ['10.2.0.1']);
    direct.send();
    expect(direct.answer()).toBe('pass');
  });

  it('assure the template of a persistent UDP client', () => {
    const key: ServiceKey = { kind: 'address', protocol: 'udp', address: VIP, port: 80 };
    const b = new Bed().service(key, ['10.2.0.1'], { persistence: FOR_ALL }, 'nat');
    b.send({ protocol: 'udp' });
    expect(b.states()).toBe('UDP NONE');
    b.answer({ protocol: 'udp' });
    expect(b.states()).toBe('UDP ASSURED');
  });

  it('keep the method that a connection began with', () => {
    const b = new Bed().service(tcp(80), ['10.2.0.1'], {}, 'nat');
    b.send();
    b.edit('10.2.0.1', 1, { method: 'dr' });
    expect(b.answer()).toBe('10.9.9.9:80');
    b.send({ clientPort: 1 });
    expect(b.answer({ clientPort: 1 })).toBe('pass');
  });
});

describe('SCTP', () => {
  const key: ServiceKey = { kind: 'address', protocol: 'sctp', address: VIP, port: 80 };
  const chunks = (b: Bed, ...types: number[]): string => b.send({ protocol: 'sctp', chunks: types });

  it('begins with an INIT and is active only while established', () => {
    const b = new Bed().service(key, ['10.2.0.1']);
    expect([chunks(b, 10), chunks(b, 1), b.states()]).toEqual(['pass', '10.2.0.1:80>80', 'INIT1']);
    const counts = (): unknown => b.plane.services()[0]?.servers.map((s) => [s.activeConnections, s.inactiveConnections]);
    expect(counts()).toEqual([[0, 1]]);
    chunks(b, 10, 0);
    expect([b.states(), counts()]).toEqual(['ESTABLISHED', [[1, 0]]]);
    chunks(b, 7);
    expect([b.states(), counts()]).toEqual(['S-RECEIVED', [[0, 1]]]);
    b.advance(62);
    expect(b.states()).toBe('');
  });

  it('takes an ABORT behind a cookie for what it is, and begins anew on a closed association', () => {
    const b = new Bed().service(key, ['10.2.0.1', '10.2.0.2']);
    chunks(b, 1);
    chunks(b, 10, 6);
    expect(b.states()).toBe('CLOSED');
    expect([chunks(b, 1), b.states()]).toEqual(['10.2.0.1:80>80', 'INIT1']);
  });

  it('begins with anything but an ABORT when sloppy', () => {
    const b = new Bed({ sloppySctp: true }).service(key, ['10.2.0.1']);
    expect([chunks(b, 6), chunks(b, 0)]).toEqual(['pass', '10.2.0.1:80>80']);
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
