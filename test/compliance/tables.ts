/** Adding, changing and deleting services and servers, and what is refused. */
import { describe, expect, it } from 'vitest';
import { type SchedulerName, serverKeyText, serviceKeyText } from '../../src/model/index.ts';
import { type Context, ip, real, tcp, udp } from './harness.ts';

const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
/** What a caller that does not check the name may hand over. */
const UNKNOWN = 'slowest' as SchedulerName;

export function describeTables(context: Context): void {
  describe('tables', () => {
    describeListing(context);
    describeChanges(context);
    describeRefusals(context);
  });
}

function describeListing({ bed }: Context): void {
  it('starts empty, with the default time-outs and a table of some size', () => {
    const { plane } = bed();
    expect(plane.services()).toEqual([]);
    expect([...plane.connections()]).toEqual([]);
    expect(plane.timeouts()).toEqual({ tcp: 900_000_000, tcpFin: 120_000_000, udp: 300_000_000 });
    expect(plane.tableSize).toBeGreaterThan(0);
  });

  it('lists what was added, servers newest first', () => {
    const { plane } = bed()
      .web(3, { scheduler: 'wrr', persistence: { timeoutSeconds: 300, prefixLength: 24 } })
      .service(udp(53));
    const services = plane.services();
    const texts = services.map((service) => [serviceKeyText(service.key), service.scheduler, service.servers.map(serverKeyText)]);
    expect(texts).toContainEqual(['[10.9.9.9]:tcp:80', 'wrr', ['10.2.0.3:80', '10.2.0.2:80', '10.2.0.1:80']]);
    expect(texts).toContainEqual(['[10.9.9.9]:udp:53', 'rr', []]);
    expect(services.find((service) => service.scheduler === 'wrr')?.persistence).toEqual({ timeoutSeconds: 300, prefixLength: 24 });
  });

  it('keeps what a server was given', () => {
    const b = bed().service(tcp(80));
    b.plane.addServer(tcp(80), real(1, 7, { upperThreshold: 100, lowerThreshold: 50 }));
    expect(b.server(1)).toMatchObject({ method: 'dr', weight: 7, upperThreshold: 100, lowerThreshold: 50 });
  });
}

function describeChanges({ bed }: Context): void {
  it('keeps the services of one address apart by protocol and port', () => {
    const { plane } = bed()
      .service(tcp(80))
      .service(tcp(443))
      .service(udp(80))
      .service(tcp(80, ip('10.9.9.8')));
    expect(plane.services()).toHaveLength(4);
    plane.deleteService(tcp(80));
    expect(plane.services().map((service) => serviceKeyText(service.key))).not.toContain('[10.9.9.9]:tcp:80');
    expect(plane.services()).toHaveLength(3);
  });

  it('changes scheduler and persistence of a service and keeps its servers', () => {
    const { plane } = bed().web(2);
    plane.editService({ key: tcp(80), ...PLAIN, scheduler: 'wrr', persistence: { timeoutSeconds: 50, prefixLength: 32 } });
    expect(plane.services()[0]).toMatchObject({ scheduler: 'wrr', persistence: { timeoutSeconds: 50, prefixLength: 32 } });
    plane.editService({ key: tcp(80), ...PLAIN });
    expect(plane.services()[0]?.persistence).toBeUndefined();
    expect(plane.services()[0]?.servers).toHaveLength(2);
  });

  it('changes weight and thresholds of a server in its place', () => {
    const b = bed().web(3);
    b.plane.editServer(tcp(80), real(2, 5, { upperThreshold: 9, lowerThreshold: 3 }));
    expect(b.server(2)).toMatchObject({ weight: 5, upperThreshold: 9, lowerThreshold: 3 });
    expect(b.plane.services()[0]?.servers.map(serverKeyText)).toEqual(['10.2.0.3:80', '10.2.0.2:80', '10.2.0.1:80']);
  });

  it('deletes a server, and puts it first when it is added again', () => {
    const b = bed().web(3);
    b.plane.deleteServer(tcp(80), real(2));
    expect(b.plane.services()[0]?.servers.map(serverKeyText)).toEqual(['10.2.0.3:80', '10.2.0.1:80']);
    b.plane.addServer(tcp(80), real(2));
    expect(b.plane.services()[0]?.servers.map(serverKeyText)).toEqual(['10.2.0.2:80', '10.2.0.3:80', '10.2.0.1:80']);
  });

  it('flushes everything', () => {
    const b = bed().web(2).service(udp(53));
    b.plane.flush();
    expect(b.plane.services()).toEqual([]);
    expect(b.segment('S', 1)).toBe('pass');
  });

  it('has many services and servers at once', () => {
    const { plane } = bed();
    for (let port = 1; port <= 40; port++) {
      plane.addService({ key: tcp(port), ...PLAIN });
      for (let octet = 1; octet <= 5; octet++) plane.addServer(tcp(port), real(octet, octet, { port }));
    }
    for (let port = 1; port <= 40; port += 2) plane.deleteService(tcp(port));
    const services = plane.services();
    expect(services).toHaveLength(20);
    expect(services.every((service) => service.servers.map((server) => server.weight).join() === '5,4,3,2,1')).toBe(true);
  });

  it('takes new time-outs and keeps those given as 0', () => {
    const { plane } = bed();
    plane.setTimeouts({ tcp: 0, tcpFin: 60_000_000 });
    expect(plane.timeouts()).toEqual({ tcp: 900_000_000, tcpFin: 60_000_000, udp: 300_000_000 });
    plane.setTimeouts({ tcp: 30_000_000, tcpFin: 5_000_000, udp: 10_000_000 });
    expect(plane.timeouts()).toEqual({ tcp: 30_000_000, tcpFin: 5_000_000, udp: 10_000_000 });
  });
}

function describeRefusals({ bed }: Context): void {
  it('refuses what exists already', () => {
    const b = bed().web(1);
    b.refused('service-exists', () => b.plane.addService({ key: tcp(80), ...PLAIN }));
    b.refused('server-exists', () => b.plane.addServer(tcp(80), real(1, 3)));
  });

  it('refuses what does not exist', () => {
    const b = bed().web(1);
    b.refused('no-such-service', () => b.plane.editService({ key: tcp(81), ...PLAIN }));
    b.refused('no-such-service', () => b.plane.deleteService(tcp(81)));
    b.refused('no-such-service', () => b.plane.addServer(tcp(81), real(1)));
    b.refused('no-such-service', () => b.plane.editServer(tcp(81), real(1)));
    b.refused('no-such-service', () => b.plane.deleteServer(tcp(81), real(1)));
    b.refused('no-such-service', () => b.plane.zero(tcp(81)));
    b.refused('no-such-server', () => b.plane.editServer(tcp(80), real(2)));
    b.refused('no-such-server', () => b.plane.deleteServer(tcp(80), real(2)));
    b.refused('no-such-server', () => b.plane.deleteServer(tcp(80), real(1, 1, { port: 81 })));
  });

  it('refuses a scheduler that nobody knows, on adding and on editing', () => {
    const b = bed().web(1);
    b.refused('unknown-scheduler', () => b.plane.addService({ key: tcp(81), ...PLAIN, scheduler: UNKNOWN }));
    b.refused('unknown-scheduler', () => b.plane.editService({ key: tcp(80), ...PLAIN, scheduler: UNKNOWN }));
  });

  it('refuses numbers out of range', () => {
    const b = bed().web(1);
    b.refused('out-of-range', () => b.plane.addServer(tcp(80), real(2, -1)));
    b.refused('out-of-range', () => b.plane.addServer(tcp(80), real(2, 1, { upperThreshold: 5, lowerThreshold: 9 })));
    b.refused('out-of-range', () => b.plane.editServer(tcp(80), real(1, 1, { upperThreshold: 0, lowerThreshold: 1 })));
    b.refused('out-of-range', () => b.plane.addService({ key: tcp(81), ...PLAIN, persistence: { timeoutSeconds: 0, prefixLength: 32 } }));
    b.refused('invalid', () => b.plane.addService({ key: tcp(81), ...PLAIN, persistence: { timeoutSeconds: 9, prefixLength: 33 } }));
    b.refused('invalid', () => b.plane.setTimeouts({ tcp: -1 }));
  });

  it('refuses server addresses that are not unicast', () => {
    const b = bed().web(1);
    for (const address of ['224.0.0.1', '0.0.0.0', '255.255.255.255']) {
      b.refused('invalid', () => b.plane.addServer(tcp(80), real(2, 1, { address: ip(address) })));
    }
    b.refused('invalid', () => b.plane.addServer(tcp(80), real(2, 1, { address: ip('fd00::1') })));
  });

  it('refuses one-packet scheduling of TCP', () => {
    const b = bed();
    b.refused('invalid', () => b.plane.addService({ key: tcp(81), ...PLAIN, onePacket: true }));
  });
}
