/** Persistence: clients of one network stay with one server. */
import { describe, expect, it } from 'vitest';
import { type Bed, type Context, expectAbout, real, tcp, VIP } from './harness.ts';

function persistent(b: Bed, prefixLength = 32, timeoutSeconds = 100): Bed {
  return b.web(3, { persistence: { timeoutSeconds, prefixLength } });
}

function templates(b: Bed): string[] {
  return [...b.plane.connections()]
    .filter((connection) => connection.clientPort === 0)
    .map(
      ({ client, virtual, virtualPort, server, serverPort, state }) =>
        `${client} ${virtual}:${virtualPort} ${server}:${serverPort} ${state}`,
    )
    .sort();
}

export function describePersistence(context: Context): void {
  describe('persistence', () => {
    describeTemplates(context);
    describeEnds(context);
  });
}

function describeTemplates({ bed }: Context): void {
  it('sends all connections of one client to one server', () => {
    const b = persistent(bed());
    expect([b.segment('S', 1, 1000), b.segment('S', 1, 1001), b.segment('S', 2, 1000), b.segment('S', 1, 1002)].join(' ')).toBe('3 3 2 3');
    expect(b.counts(3)).toEqual([3, 0, 1]);
    expect(templates(b)).toEqual([`10.0.0.1 ${VIP}:80 10.2.0.3:80 NONE`, `10.0.0.2 ${VIP}:80 10.2.0.2:80 NONE`]);
  });

  it('takes a whole network for one client', () => {
    const b = persistent(bed(), 28);
    expect([b.segment('S', 1), b.segment('S', 15), b.segment('S', 16), b.segment('S', 2)].join(' ')).toBe('3 3 2 3');
    expect(templates(b)).toEqual([`10.0.0.0 ${VIP}:80 10.2.0.3:80 NONE`, `10.0.0.16 ${VIP}:80 10.2.0.2:80 NONE`]);
  });

  it('assures the template when a connection is established', () => {
    const b = persistent(bed());
    b.segment('S', 1);
    b.segment('A', 1);
    expect(templates(b)).toEqual([`10.0.0.1 ${VIP}:80 10.2.0.3:80 ASSURED`]);
    const template = [...b.plane.connections()].find((connection) => connection.clientPort === 0);
    expectAbout(template?.expiresSeconds ?? 0, 100);
  });

  it('keeps clients with a server of weight 0', () => {
    const b = persistent(bed());
    expect(b.segment('S', 1)).toBe('3');
    b.plane.editServer(tcp(80), real(3, 0));
    expect([b.segment('S', 1, 1001), b.segment('S', 2), b.segment('S', 3), b.segment('S', 4)].join(' ')).toBe('3 2 1 2');
  });

  it('a service of every port keeps a client with one server on all of them', () => {
    const b = bed().service(tcp(0), { persistence: { timeoutSeconds: 100, prefixLength: 32 } });
    for (const octet of [1, 2]) b.plane.addServer(tcp(0), real(octet, 1, { port: 0 }));
    expect([b.segment('S', 1, 1000, 80), b.segment('S', 1, 1001, 443), b.segment('S', 2, 1000, 22)].join(' ')).toBe('2 2 1');
    expect(templates(b)).toEqual([`10.0.0.1 ${VIP}:0 10.2.0.2:0 NONE`, `10.0.0.2 ${VIP}:0 10.2.0.1:0 NONE`]);
    const ports = [...b.plane.connections()].filter((c) => c.clientPort !== 0).map((c) => `${c.virtualPort} ${c.serverPort}`);
    expect(ports.sort()).toEqual(['22 22', '443 443', '80 80']);
  });

  it('a service of its own comes before the service of every port', () => {
    const b = bed()
      .web(1)
      .service(tcp(0), { persistence: { timeoutSeconds: 100, prefixLength: 32 } });
    b.plane.addServer(tcp(0), real(9, 1, { port: 0 }));
    expect([b.segment('S', 1, 1000, 80), b.segment('S', 1, 1000, 81)].join(' ')).toBe('1 9');
  });
}

function describeEnds({ bed, canAdvance }: Context): void {
  it('moves a client when its server was deleted, and shows the old template beside the new one', () => {
    const b = persistent(bed());
    expect(b.segment('S', 1, 1000)).toBe('3');
    b.plane.deleteServer(tcp(80), real(3));
    expect(b.segment('S', 1, 1001)).toBe('2');
    expect(templates(b)).toEqual([`10.0.0.1 ${VIP}:65535 10.2.0.3:65535 NONE`, `10.0.0.1 ${VIP}:80 10.2.0.2:80 NONE`]);
    b.plane.addServer(tcp(80), real(3));
    expect(b.segment('S', 1, 1002)).toBe('2');
  });

  it.runIf(canAdvance)('forgets a client who stayed away, not one who came back', () => {
    const b = persistent(bed(), 32, 100);
    expect(b.segment('S', 1, 1000)).toBe('3');
    b.harness.advance(90);
    expect(b.segment('S', 1, 1001)).toBe('3');
    b.harness.advance(99);
    expect(b.segment('S', 1, 1002)).toBe('3');
    b.harness.advance(101);
    expect(templates(b)).toEqual([]);
    expect(b.segment('S', 1, 1003)).toBe('2');
  });

  it.runIf(canAdvance)('keeps a template while it has connections, a minute at a time', () => {
    const b = persistent(bed(), 32, 10);
    b.segment('S', 1, 1000);
    b.segment('A', 1, 1000);
    b.harness.advance(500);
    expect(templates(b)).toHaveLength(1);
    expect(b.segment('S', 1, 1001)).toBe('3');
    b.harness.advance(1000);
    expect(templates(b)).toEqual([]);
    expect(b.counts(3)).toEqual([0, 0, 0]);
  });
}
