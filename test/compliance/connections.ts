/** Connections: what opens one, its states, time-outs and counts, and what becomes of it when its server goes. */
import { describe, expect, it } from 'vitest';
import { type Bed, type Context, expectAbout, ip, real, tcp, udp, VIP } from './harness.ts';

export function describeConnections(context: Context): void {
  describe('connections', () => {
    describeOpening(context);
    describeStates(context);
    describeEnding(context);
    describeUdp(context);
    describeRemoval(context);
  });
}

function describeOpening({ bed }: Context): void {
  it('passes what is for nobody', () => {
    const b = bed().web(1);
    expect(b.segment('S', 1, 40_000, 81)).toBe('pass');
    expect(b.datagram(1, 40_000, 80)).toBe('pass');
    const elsewhere = { protocol: 'tcp', client: ip('10.0.0.1'), clientPort: 1, virtual: ip('10.9.9.8'), virtualPort: 80 } as const;
    expect(b.harness.send({ ...elsewhere, flags: 'S', length: 40 })).toBe('pass');
  });

  it('opens a TCP connection with a SYN only', () => {
    const b = bed().web(1);
    for (const flags of ['A', 'FA', 'R', 'SR', '']) expect(b.segment(flags, 1)).toBe('pass');
    expect([...b.plane.connections()]).toEqual([]);
    expect(b.segment('S', 1)).toBe('1');
    expect(b.segment('SA', 2)).toBe('1');
  });

  it('keeps a connection with its server, whatever is added meanwhile', () => {
    const b = bed().web(2);
    const first = b.segment('S', 1);
    b.plane.addServer(tcp(80), real(3));
    for (let i = 0; i < 5; i++) expect(b.segment('A', 1)).toBe(first);
    expect(b.segment('S', 1)).toBe(first);
  });

  it('tells connections apart by client address and port', () => {
    const b = bed().web(2);
    expect([b.segment('S', 1, 1000), b.segment('S', 1, 1001), b.segment('S', 2, 1000)].join(' ')).toBe('2 1 2');
    expect([b.segment('A', 1, 1000), b.segment('A', 1, 1001), b.segment('A', 2, 1000)].join(' ')).toBe('2 1 2');
    expect([...b.plane.connections()]).toHaveLength(3);
  });

  it('lists a connection with its addresses, state and remaining time', () => {
    const b = bed().web(1);
    b.segment('S', 7, 1234);
    const [connection] = [...b.plane.connections()];
    expect(connection).toMatchObject({ protocol: 'tcp', state: 'SYN_RECV', clientPort: 1234, virtualPort: 80, serverPort: 80 });
    expect(`${connection?.client} ${connection?.virtual} ${connection?.server}`).toBe(`10.0.0.7 ${VIP} 10.2.0.1`);
  });
}

/** Each line: the segments that the client sends, the state they lead to, its time-out, and [active, inactive]. */
const STATES: readonly (readonly [string, string, number, number, number])[] = [
  ['S', 'SYN_RECV', 60, 1, 0],
  ['SA', 'SYN_RECV', 60, 1, 0],
  ['S S', 'SYN_RECV', 60, 1, 0],
  ['S A', 'ESTABLISHED', 900, 1, 0],
  ['S A A A', 'ESTABLISHED', 900, 1, 0],
  ['S A S', 'ESTABLISHED', 900, 1, 0],
  ['S FA', 'TIME_WAIT', 120, 0, 1],
  ['S A FA', 'FIN_WAIT', 120, 0, 1],
  ['S A FA A', 'FIN_WAIT', 120, 0, 1],
  ['S A FA FA', 'FIN_WAIT', 120, 0, 1],
  ['S A FA S', 'SYN_RECV', 60, 1, 0],
  ['S A R', 'CLOSE', 10, 0, 1],
  ['S R', 'SYN_RECV', 60, 1, 0],
  ['S A RA', 'CLOSE', 10, 0, 1],
  ['S A FA R', 'CLOSE', 10, 0, 1],
  ['S A R A', 'CLOSE', 10, 0, 1],
  ['S A R FA', 'CLOSE', 10, 0, 1],
  ['S FA A', 'TIME_WAIT', 120, 0, 1],
  ['S FA R', 'CLOSE', 10, 0, 1],
];

function describeStates({ bed, canAdvance }: Context): void {
  it.each(STATES)('%s leads to %s (%i s), %i active, %i inactive', (segments, state, timeout, active, inactive) => {
    const b = bed().web(1);
    for (const flags of segments.split(' ')) expect(b.segment(flags, 1)).toBe('1');
    expect(b.state()).toBe(state);
    expectAbout(b.remaining(), timeout);
    expect(b.counts(1)).toEqual([active, inactive, 0]);
  });

  it('begins afresh with a SYN on a connection that is closed or waits out its time', () => {
    const b = bed().web(2);
    expect([b.segment('S', 1), b.segment('A', 1), b.segment('R', 1), b.segment('S', 1)].join(' ')).toBe('2 2 2 1');
    expect([b.segment('FA', 1), b.segment('S', 1)].join(' ')).toBe('1 2');
    expect([...b.plane.connections()]).toHaveLength(1);
    expect([b.counts(1), b.counts(2)]).toEqual([
      [0, 0, 0],
      [1, 0, 0],
    ]);
  });

  it('uses changed time-outs from the next packet on', () => {
    const b = bed().web(1);
    b.segment('S', 1);
    b.segment('A', 1);
    b.plane.setTimeouts({ tcp: 30_000_000, tcpFin: 20_000_000 });
    expectAbout(b.remaining(), 900);
    b.segment('A', 1);
    expectAbout(b.remaining(), 30);
    b.segment('FA', 1);
    expectAbout(b.remaining(), 20);
  });

  it('uses the time-outs of a service where it has its own, and those of all for the rest', () => {
    const own = { tcp: 3600_000_000, udp: 7_000_000 };
    const b = bed().web(1, { timeouts: own });
    b.plane.setTimeouts({ tcp: 30_000_000, tcpFin: 20_000_000 });
    b.segment('S', 1);
    expectAbout(b.remaining(), 60);
    b.segment('A', 1);
    expectAbout(b.remaining(), 3600);
    b.segment('FA', 1);
    expectAbout(b.remaining(), 20);
    b.plane.setTimeouts({ tcpFin: 25_000_000 });
    b.segment('FA', 1);
    expectAbout(b.remaining(), 25);
    expect(b.plane.services()[0]?.timeouts).toEqual(own);
  });

  it('uses those of the service that a connection is of, and of UDP too', () => {
    const b = bed().service(udp(53), { timeouts: { udp: 7_000_000 } });
    b.plane.addServer(udp(53), real(1, 1, { port: 53 }));
    b.datagram(1);
    expectAbout(b.remaining(), 7);
    b.plane.editService({ key: udp(53), scheduler: 'rr', schedulerFlags: [], onePacket: false });
    b.datagram(1);
    expectAbout(b.remaining(), 300);
    b.plane.editService({ key: udp(53), scheduler: 'rr', schedulerFlags: [], onePacket: false, timeouts: { udp: 800_000_000 } });
    b.datagram(1);
    expectAbout(b.remaining(), 800);
  });

  it('refuses a time-out of a service that is none', () => {
    const b = bed();
    const service = { key: tcp(80), scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
    for (const tcp of [0, -1, 1.5, 2_147_484_000_000])
      b.refused('out-of-range', () => b.plane.addService({ ...service, timeouts: { tcp } }));
    expect(b.plane.services()).toEqual([]);
  });

  it.runIf(canAdvance)('keeps a connection for its own long time-out with packets far apart', () => {
    const b = bed().web(1, { timeouts: { tcp: 8100_000_000 } });
    b.segment('S', 1);
    b.segment('A', 1);
    b.harness.advance(7200);
    expect(b.segment('A', 1)).toBe('1');
    expectAbout(b.remaining(), 8100);
  });

  it.runIf(canAdvance)('forgets a connection when its time is up, and not before', () => {
    const b = bed().web(2);
    expect(b.segment('S', 1)).toBe('2');
    b.harness.advance(59);
    expectAbout(b.remaining(), 1);
    expect(b.segment('A', 1)).toBe('2');
    b.harness.advance(899);
    expect(b.segment('A', 1)).toBe('2');
    b.harness.advance(901);
    expect([...b.plane.connections()]).toEqual([]);
    expect(b.counts(2)).toEqual([0, 0, 0]);
    expect(b.segment('A', 1)).toBe('pass');
    expect(b.segment('S', 1)).toBe('1');
  });

  it.runIf(canAdvance)('takes an overloaded server back below the lower threshold, or three quarters of the upper', () => {
    const b = bed().service(tcp(80));
    b.plane.addServer(tcp(80), real(1, 1, { upperThreshold: 4 }));
    expect(b.newConnections(5)).toBe('1 1 1 1 drop');
    b.segment('R', 100);
    for (const client of [100, 101]) b.segment('A', client);
    b.segment('R', 100);
    b.harness.advance(11);
    // Three of four connections are left: three quarters is not below three quarters.
    expect(b.newConnections(1, 200)).toBe('drop');
    b.segment('R', 101);
    b.harness.advance(11);
    expect(b.newConnections(3, 210)).toBe('1 1 drop');
  });
}

function describeEnding({ bed }: Context): void {
  it('ends the connections of one server before their time, and the templates that lead to it', () => {
    const b = bed().web(2, { persistence: { timeoutSeconds: 300, prefixLength: 32 } });
    expect([b.segment('S', 1), b.segment('S', 2), b.segment('S', 1, 41_000)]).toEqual(['2', '1', '2']);
    b.plane.editServer(tcp(80), real(2, 0));
    b.plane.endConnections(tcp(80), real(2));
    expect([b.counts(2), b.counts(1)]).toEqual([
      [0, 0, 0],
      [1, 0, 1],
    ]);
    expect([b.segment('A', 1), b.segment('A', 2), b.segment('S', 1)]).toEqual(['pass', '1', '1']);
    b.refused('no-such-server', () => b.plane.endConnections(tcp(80), real(9)));
  });
}

function describeUdp({ bed, canAdvance }: Context): void {
  function dns(b: Bed, anew = false): Bed {
    b.service(udp(53), { onePacket: anew });
    for (const octet of [1, 2]) b.plane.addServer(udp(53), real(octet, 1, { port: 53 }));
    return b;
  }

  it('keeps the datagrams of one client port together; they count as inactive', () => {
    const b = dns(bed());
    expect([b.datagram(1), b.datagram(1), b.datagram(2), b.datagram(1)].join(' ')).toBe('2 2 1 2');
    expect(b.counts(2, udp(53))).toEqual([0, 1, 0]);
    expect(b.state()).toBe('UDP UDP');
    const [connection] = [...b.plane.connections()];
    expect(connection?.protocol).toBe('udp');
    expectAbout(connection?.expiresSeconds ?? 0, 300);
  });

  it('schedules every datagram anew with one-packet scheduling', () => {
    const b = dns(bed(), true);
    expect([b.datagram(1), b.datagram(1), b.datagram(1)].join(' ')).toBe('2 1 2');
    expect([...b.plane.connections()]).toEqual([]);
    expect(b.counts(2, udp(53))).toEqual([0, 0, 0]);
    expect(b.server(2, udp(53)).counters).toMatchObject({ connections: 2n, inPackets: 2n });
  });

  it.runIf(canAdvance)('forgets a silent client', () => {
    const b = dns(bed());
    b.datagram(1);
    b.harness.advance(299);
    expect(b.datagram(1)).toBe('2');
    b.harness.advance(301);
    expect(b.datagram(1)).toBe('1');
  });
}

function describeRemoval({ bed, canAdvance }: Context): void {
  it('drops the packets of a deleted server, and forwards them again when it is back', () => {
    const b = bed().web(2);
    expect(b.newConnections(2, 1)).toBe('2 1');
    b.plane.deleteServer(tcp(80), real(2));
    expect([b.segment('A', 1), b.segment('A', 2)].join(' ')).toBe('drop 1');
    expect([...b.plane.connections()]).toHaveLength(2);
    b.plane.addServer(tcp(80), real(2));
    expect(b.segment('A', 1)).toBe('2');
    expect(b.counts(2)).toEqual([1, 0, 0]);
    expect(b.server(2).counters).toMatchObject({ connections: 1n, inPackets: 2n });
  });

  it('drops the packets of a deleted service, and forwards them again when it is back with its server', () => {
    const b = bed().web(1);
    b.segment('S', 1);
    b.plane.deleteService(tcp(80));
    expect([b.segment('A', 1), b.segment('S', 2)].join(' ')).toBe('drop pass');
    b.web(1);
    expect([b.segment('A', 1), b.segment('S', 2)].join(' ')).toBe('1 1');
    expect(b.counts(1)).toEqual([2, 0, 0]);
    expect(b.server(1).counters).toMatchObject({ connections: 1n, inPackets: 2n });
  });

  it.runIf(canAdvance)('lets the time-out of a deleted server run on', () => {
    const b = bed().web(1);
    b.segment('S', 1);
    b.plane.deleteServer(tcp(80), real(1));
    b.harness.advance(40);
    expect(b.segment('A', 1)).toBe('drop');
    b.harness.advance(21);
    expect([...b.plane.connections()]).toEqual([]);
    expect(b.segment('A', 1)).toBe('pass');
  });

  it('balances nothing any more after close', () => {
    const b = bed().web(1);
    b.segment('S', 1);
    b.plane.close();
    expect(b.segment('S', 2)).toBe('pass');
    expect(b.segment('A', 1)).toBe('pass');
  });
}
