/** IPVS's switches (net.ipv4.vs.*) in the real packet path. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/index.ts';
import { DEFAULT_FORWARDING_SETTINGS, type RealServer, type VirtualService } from '../../src/model/index.ts';
import { real, tcp } from '../compliance/harness.ts';
import { buildFrame, type FrameFields, PROTOCOL, seeFrame } from './xdp-frames.ts';
import { Rig } from './xdp-support.ts';

const V6 = IpAddress.parse('fd00:9::9') as IpAddress;

function serverOf(octet: number, weight = 1, method: 'dr' | 'nat' = 'dr', family: 4 | 6 = 4): RealServer {
  return real(octet, weight, { method, ...(family === 6 && { address: IpAddress.parse(`fd00:2::${octet}`) as IpAddress }) });
}

const PERSISTENT = { persistence: { timeoutSeconds: 300, prefixLength: 32 } };

describe('the switches of the packet path', () => {
  let rig: Rig;
  beforeAll(() => {
    rig = new Rig();
  });
  afterEach(() => {
    rig.plane.setSettings(DEFAULT_FORWARDING_SETTINGS);
    rig.reset();
  });
  afterAll(() => rig.close());

  /** Port 80 by rr, which begins with the newest: the second server takes the first connection. */
  function web(more: Partial<VirtualService> = {}, method: 'dr' | 'nat' = 'dr', family: 4 | 6 = 4): void {
    const key = family === 4 ? tcp(80) : tcp(80, V6);
    rig.plane.addService({ key, scheduler: 'rr', schedulerFlags: [], onePacket: false, ...more });
    for (const octet of [1, 2]) rig.plane.addServer(key, serverOf(octet, 1, method, family));
  }

  /** The server that the packet went to by the end of its address, `pass`, or `drop`. */
  function send(fields: FrameFields = {}): string {
    const { verdict, frame } = rig.run(buildFrame(fields));
    const seen = verdict === 'TX' ? seeFrame(frame) : undefined;
    if (!seen || seen.protocol === PROTOCOL.icmp) return seen ? 'unreachable' : verdict.toLowerCase();
    return String(frame[5]);
  }

  const states = (): string => [...rig.plane.connections()].map(({ clientPort, state }) => (clientPort === 0 ? '' : state)).join('');
  const from6 = (fields: FrameFields = {}): FrameFields => ({ source: 'fd00::1', destination: String(V6), ...fields });

  it.each([4, 6] as const)('over IPv%i: sloppy_tcp begins connections in their middle, but not with a reset', (family) => {
    web({}, 'dr', family);
    const packet = (flags: string): FrameFields => (family === 4 ? { flags } : from6({ flags }));
    expect(send(packet('A'))).toBe('pass');
    rig.plane.setSettings({ sloppyTcp: true });
    expect([send(packet('R')), send(packet('A')), states()]).toEqual(['pass', '2', 'ESTABLISHED']);
  });

  it('secure_tcp lets the client alone establish nothing with NAT, until it is switched off', () => {
    rig.plane.setSettings({ secureTcp: 3 });
    web({}, 'nat');
    send();
    send({ flags: 'A' });
    expect(states()).toBe('SYN_RECV');
    rig.plane.setSettings({ secureTcp: 0 });
    send({ flags: 'A' });
    expect(states()).toBe('ESTABLISHED');
  });

  it.each(['dr', 'nat'] as const)('expire_nodest_conn ends the connections and templates of a deleted server at once (%s)', (method) => {
    rig.plane.setSettings({ expireConnectionsOfDeleted: true });
    web(PERSISTENT, method);
    expect([send(), send({ source: '10.0.0.2' })]).toEqual(['2', '1']);
    rig.plane.deleteServer(tcp(80), serverOf(2, 1, method));
    const left = [...rig.plane.connections()].map(({ client, server }) => `${client} ${server}`);
    expect(left).toEqual(['10.0.0.2 10.2.0.1', '10.0.0.2 10.2.0.1']);
    expect([send({ flags: 'A' }), send(), send({ source: '10.0.0.2', flags: 'A' })]).toEqual(['pass', '1', '1']);
    rig.plane.deleteService(tcp(80));
    expect([...rig.plane.connections()]).toEqual([]);
  });

  it.each([4, 6] as const)('over IPv%i: expire_nodest_conn, switched on later, ends the connection with its next packet', (family) => {
    web({}, 'dr', family);
    const packet = (flags: string): FrameFields => (family === 4 ? { flags } : from6({ flags }));
    expect(send(packet('S'))).toBe('2');
    rig.plane.deleteServer(family === 4 ? tcp(80) : tcp(80, V6), serverOf(2, 1, 'dr', family));
    expect([send(packet('A')), states()]).toEqual(['drop', 'SYN_RECV']);
    rig.plane.setSettings({ expireConnectionsOfDeleted: true });
    expect([send(packet('A')), states()]).toEqual(['pass', '']);
    expect(send(packet('S'))).toBe('1');
  });

  it('expire_nodest_conn takes a SYN to a drained server elsewhere', () => {
    web();
    expect(send()).toBe('2');
    rig.plane.editServer(tcp(80), serverOf(2, 0));
    expect(send()).toBe('2');
    rig.plane.setSettings({ expireConnectionsOfDeleted: true });
    expect([send({ flags: 'A' }), send(), states()]).toEqual(['2', '1', 'SYN_RECV']);
  });

  it('expire_quiescent_template lets persistent clients leave a drained server', () => {
    web(PERSISTENT);
    send();
    rig.plane.editServer(tcp(80), serverOf(2, 0));
    expect(send({ sourcePort: 1 })).toBe('2');
    rig.plane.setSettings({ expireTemplatesOfQuiescent: true });
    expect(send({ sourcePort: 2 })).toBe('1');
    expect([...rig.plane.connections()].some(({ virtualPort, server }) => virtualPort === 65_535 && String(server) === '10.2.0.2')).toBe(
      true,
    );
  });

  it.each([
    [0, 'TIME_WAIT', 'dr', false],
    [1, 'TIME_WAIT', 'dr', true],
    [1, 'FIN_WAIT', 'dr', false],
    [2, 'FIN_WAIT', 'dr', true],
    [2, 'FIN_WAIT', 'nat', false],
    [2, 'TIME_WAIT', 'dr', true],
    [3, 'CLOSE', 'dr', true],
    [3, 'ESTABLISHED', 'dr', false],
  ] as const)('conn_reuse_mode %i: a SYN in %s (%s) begins anew: %s', (connectionReuse, state, method, anew) => {
    rig.plane.setSettings({ connectionReuse });
    web({}, method);
    send();
    if (state !== 'TIME_WAIT') send({ flags: 'A' });
    // With NAT the server's FIN leads there, with direct routing the client's.
    if (method === 'nat') send({ source: '10.2.0.2', sourcePort: 80, destination: '10.0.0.1', destinationPort: 40_000, flags: 'FA' });
    else if (state !== 'ESTABLISHED') send({ flags: state === 'CLOSE' ? 'R' : 'FA' });
    expect(states()).toBe(state);
    expect(send()).toBe(anew ? '1' : '2');
  });

  it('lets a client take his port again while the server that he had is drained, unless told otherwise', () => {
    web();
    expect(send()).toBe('2');
    for (const flags of ['A', 'FA', 'A']) send({ flags });
    rig.plane.editServer(tcp(80), serverOf(2, 0));
    expect([states(), send(), states()]).toEqual(['FIN_WAIT', '1', 'SYN_RECV']);
  });

  it('conn_reuse_mode leaves connections of a persistent client alone', () => {
    web(PERSISTENT);
    send();
    send({ flags: 'R' });
    expect([send(), states()]).toEqual(['2', 'SYN_RECV']);
    expect([...rig.plane.services()][0]?.counters.connections).toBe(1n);
  });

  it('lblc_expiration counts for what the memory of a scheduler holds already', () => {
    web({ scheduler: 'lblc' });
    expect(send()).toBe('2');
    const jiffies = (): number => {
      const { services } = rig.plane.path;
      const layout = rig.plane.path.struct('schedule');
      const at = services.at(0, 'schedules') + services.u32(0, 'current') * layout.size + (layout.fields.keep?.offset ?? 0);
      return new DataView(services.bytes.buffer, services.bytes.byteOffset).getUint32(at, true);
    };
    const { hz } = rig.plane.path;
    rig.plane.setSettings({ lblcExpiration: 60_000_000, lblcrExpiration: 1_000_000 });
    expect([jiffies(), rig.plane.settings().lblcExpiration]).toEqual([60 * hz, 60_000_000]);
  });
});

describe('time-outs of services in the packet path', () => {
  let rig: Rig;
  beforeAll(() => {
    rig = new Rig();
  });
  afterEach(() => rig.reset());
  afterAll(() => rig.close());

  const plain = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
  const remaining = (): number[] => [...rig.plane.connections()].map(({ expiresSeconds }) => expiresSeconds);

  it.each([4, 6] as const)('over IPv%i: the answers of masqueraded servers start them as well', (family) => {
    const key = family === 4 ? tcp(80) : tcp(80, V6);
    const [client, server] = family === 4 ? ['10.0.0.1', '10.2.0.1'] : ['fd00::1', 'fd00:2::1'];
    const there = { source: client, destination: String(family === 4 ? '10.9.9.9' : V6) };
    const back = { source: server, sourcePort: 80, destination: client, destinationPort: 40_000 };
    rig.plane.addService({ key, ...plain, timeouts: { tcp: 5000_000_000 } });
    rig.plane.addServer(key, serverOf(1, 1, 'nat', family));
    rig.run(buildFrame(there));
    rig.run(buildFrame({ ...back, flags: 'SA' }));
    rig.run(buildFrame({ ...there, flags: 'A' }));
    rig.advance(100);
    expect(rig.run(buildFrame({ ...back, flags: 'A' })).verdict).toBe('TX');
    expect(remaining()[0]).toBeGreaterThan(4990);
  });

  it('are 63 different ones at most, and services with the same ones share', () => {
    const add = (port: number, seconds: number): void =>
      rig.plane.addService({ key: tcp(port), ...plain, timeouts: { tcp: seconds * 1_000_000 } });
    for (let number = 1; number <= 63; number++) add(number, number);
    add(1001, 63);
    expect(() => add(1002, 64)).toThrow('room for 63');
    expect(() => rig.plane.editService({ key: tcp(1001), ...plain, timeouts: { tcp: 64_000_000 } })).toThrow('room for 63');
    expect(rig.plane.services()).toHaveLength(64);
    rig.plane.deleteService(tcp(5));
    add(1002, 64);
    for (const port of [63, 1001, 1002]) rig.plane.addServer(tcp(port), real(1, 1, { port }));
    for (const destinationPort of [63, 1001, 1002])
      for (const flags of ['S', 'A']) rig.run(buildFrame({ destinationPort, sourcePort: destinationPort, flags }));
    const [first, second, third] = remaining().sort((a, b) => a - b) as [number, number, number];
    expect([63 - first, 63 - second, 64 - third].every((passed) => passed === 0 || passed === 1)).toBe(true);
  });
});
