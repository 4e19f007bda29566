/** Full NAT: what the packet path makes of both directions, the option that names the client, and how local ports are given out. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { IpAddress } from '../../src/base/index.ts';
import type { RealServer, ServiceKey } from '../../src/model/index.ts';
import { ensureBpfFileSystem } from '../../src/os/bpffs/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { ip, real, tcp, udp } from '../compliance/harness.ts';
import {
  buildFrame,
  buildPacket,
  DIRECTOR_MAC,
  type FrameFields,
  macText,
  PROTOCOL,
  pseudoChecksum,
  ROUTER_MAC,
  type SeenFrame,
  seeFrame,
} from './xdp-frames.ts';
import { CLIENT6, real6, tcp6, udp6, VIP6 } from './xdp-ipv6-fixtures.ts';
import { macOf, Rig, type RigOptions } from './xdp-support.ts';

const CLIENT_PORT = 40_000;
const SERVER_PORT = 8080;
const ETHERNET_HEADER = 14;
const PORTS = { first: 2000, last: 2099 };

/** The same cases for both families. */
interface Family {
  readonly name: string;
  readonly client: string;
  readonly virtual: string;
  readonly locals: readonly IpAddress[];
  readonly web: ServiceKey;
  readonly dns: ServiceKey;
  readonly server: (number: number, more: Partial<RealServer>) => RealServer;
  readonly header: number;
  /** Bytes of the option, and a router on the way to the server. */
  readonly toa: number;
  readonly router: string;
  readonly error: (type: 'unreachable' | 'too big' | 'expired', mtu?: number) => FrameFields;
}

const V4: Family = {
  name: 'IPv4',
  client: '10.0.0.1',
  virtual: '10.9.9.9',
  locals: [ip('10.2.0.201'), ip('10.2.0.202')],
  web: tcp(80),
  dns: udp(53),
  server: (number, more) => real(number, 1, more),
  header: 20,
  toa: 8,
  router: '10.2.0.250',
  error: (type) => ({ protocol: PROTOCOL.icmp, icmpType: type === 'expired' ? 11 : 3, icmpCode: type === 'too big' ? 4 : 3 }),
};
const V6: Family = {
  name: 'IPv6',
  client: CLIENT6,
  virtual: String(VIP6),
  locals: [ip('fd00:2::201'), ip('fd00:2::202')],
  web: tcp6(80),
  dns: udp6(53),
  server: (number, more) => real6(number, 1, more),
  header: 40,
  toa: 20,
  router: 'fd00:2::250',
  error: (type) => ({ protocol: PROTOCOL.icmp6, icmpType: { unreachable: 1, 'too big': 2, expired: 3 }[type], icmpCode: 0 }),
};

let shared: Rig | undefined;
let own: Rig[] = [];
afterEach(() => {
  for (const rig of own) rig.close();
  own = [];
  shared?.reset();
});
afterAll(() => shared?.close());

/** TCP port 80 to server 1's port 8080 and UDP port 53 to its port 5353, from one local address. */
function ready(family: Family, options?: RigOptions): Rig {
  const fresh = (): Rig => new Rig({ settings: { localPorts: PORTS }, ...options });
  if (options) own.push(fresh());
  else shared ??= fresh();
  const rig = own.at(-1) ?? shared;
  if (!rig) throw new Error('there is no rig');
  rig.port = 1;
  const plain = { scheduler: 'rr', schedulerFlags: [], onePacket: false, localAddresses: family.locals.slice(0, 1) } as const;
  rig.plane.addService({ key: family.web, ...plain });
  rig.plane.addServer(family.web, family.server(1, { port: SERVER_PORT, method: 'fullnat' }));
  rig.plane.addService({ key: family.dns, ...plain });
  rig.plane.addServer(family.dns, family.server(1, { port: 5353, method: 'fullnat' }));
  return rig;
}

interface Seen extends SeenFrame {
  readonly from: string;
  readonly to: string;
  /** TCP's options and what follows them. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

/** A frame that was sent on, after a look at its lengths and checksums. */
function sent(on: Rig, frame: Uint8Array): Seen {
  const passage = on.run(frame);
  expect(passage.verdict).toBe('TX');
  const seen = seeFrame(passage.frame);
  const { body, source, destination, protocol } = seen;
  expect([seen.checksumRight, seen.totalLength]).toEqual([true, passage.frame.length - ETHERNET_HEADER]);
  if (protocol === PROTOCOL.icmp) expect(internetChecksum(body)).toBe(0);
  else expect(pseudoChecksum(Uint8Array.of(...ip(source).bytes, ...ip(destination).bytes), protocol, body)).toBe(0);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const end = protocol === PROTOCOL.tcp ? ((body[12] as number) >> 4) * 4 : 8;
  return {
    ...seen,
    from: `${source} ${view.getUint16(0)}`,
    to: `${destination} ${view.getUint16(2)}`,
    options: body.slice(20, end),
    payload: body.slice(end),
  };
}

function request(family: Family, fields: FrameFields = {}): FrameFields {
  return { source: family.client, destination: family.virtual, ...fields };
}

/** What the server sends to the local endpoint. */
function reply(family: Family, fields: FrameFields = {}): FrameFields {
  const [local] = family.locals;
  const source = String(family.server(1, {}).address);
  return { source, sourcePort: SERVER_PORT, destination: String(local), destinationPort: PORTS.first, flags: 'A', ...fields };
}

/** A TCP segment with options, a multiple of four bytes. */
function withOptions(family: Family, fields: FrameFields, options: readonly number[]): Uint8Array {
  const frame = buildFrame({ ...fields, payload: Uint8Array.of(...options, ...(fields.payload ?? [])) });
  const segment = frame.subarray(ETHERNET_HEADER + family.header);
  segment[12] = (5 + options.length / 4) << 4;
  segment.set([0, 0], 16);
  const seen = seeFrame(frame);
  const addresses = Uint8Array.of(...ip(seen.source).bytes, ...ip(seen.destination).bytes);
  new DataView(frame.buffer, ETHERNET_HEADER + family.header).setUint16(16, pseudoChecksum(addresses, PROTOCOL.tcp, segment));
  return frame;
}

/** The option as it should be. */
function toa(family: Family, port = CLIENT_PORT): number[] {
  return [254, family.toa, port >> 8, port & 255, ...ip(family.client).bytes];
}

const localText = (family: Family, which = 0): string => String(family.locals[which]);

describe.each([V4, V6])('$name', (family) => {
  const SYN = buildFrame(request(family));
  const ACK = request(family, { flags: 'A' });
  const opened = (options?: RigOptions): Rig => {
    const on = ready(family, options);
    sent(on, SYN.slice());
    return on;
  };

  it('sends a request from a local endpoint to the server, and the reply back', () => {
    const on = ready(family);
    const server = family.server(1, {}).address;
    expect(sent(on, SYN.slice())).toMatchObject({
      from: `${localText(family)} ${PORTS.first}`,
      to: `${server} ${SERVER_PORT}`,
      destinationMac: macOf(server),
      sourceMac: macText(DIRECTOR_MAC),
      ttl: 63,
      options: new Uint8Array(),
    });
    expect(sent(on, buildFrame(reply(family, { flags: 'SA' })))).toMatchObject({
      from: `${family.virtual} 80`,
      to: `${family.client} ${CLIENT_PORT}`,
      destinationMac: macText(ROUTER_MAC),
      ttl: 63,
    });
    expect([...on.plane.connections()]).toMatchObject([{ state: 'SYN_RECV', serverPort: SERVER_PORT, local: { port: PORTS.first } }]);
    expect(String([...on.plane.connections()][0]?.local?.address)).toBe(localText(family));
  });

  it('does so with UDP, without any option', () => {
    const on = ready(family);
    const payload = Uint8Array.from({ length: 33 }, (_, at) => at);
    const datagram = request(family, { protocol: PROTOCOL.udp, destinationPort: 53, payload });
    expect(sent(on, buildFrame(datagram))).toMatchObject({ from: `${localText(family)} ${PORTS.first}`, payload });
    const answer = reply(family, { protocol: PROTOCOL.udp, sourcePort: 5353, payload });
    expect(sent(on, buildFrame(answer))).toMatchObject({ from: `${family.virtual} 53`, to: `${family.client} ${CLIENT_PORT}`, payload });
  });

  it('names the client in every segment behind the SYN until the server answered one', () => {
    const on = opened();
    sent(on, buildFrame(reply(family, { flags: 'SA' })));
    expect(sent(on, buildFrame(ACK))).toMatchObject({ options: Uint8Array.from(toa(family)), payload: new Uint8Array() });
    const payload = Uint8Array.from({ length: 999 }, (_, at) => at);
    const old = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    const data = sent(on, withOptions(family, { ...ACK, flags: 'PA', payload }, old));
    expect([[...data.options], data.payload]).toEqual([[...toa(family), ...old], payload]);
    sent(on, buildFrame(reply(family)));
    expect(sent(on, buildFrame({ ...ACK, flags: 'PA', payload })).options).toEqual(new Uint8Array());
  });

  it.each([
    ['the TCP header is full', (on: Rig) => sent(on, withOptions(family, ACK, Array(family.toa === 8 ? 36 : 24).fill(1)))],
    [
      'the packet would be too long',
      (on: Rig) => sent(on, buildFrame({ ...ACK, payload: new Uint8Array(1500 - family.header - 20 - family.toa + 1) })),
    ],
    ['it is a reset', (on: Rig) => sent(on, buildFrame({ ...ACK, flags: 'RA' }))],
  ])('leaves the option out where %s', (_, send) => {
    const seen = send(opened());
    expect([...seen.options].includes(254)).toBe(false);
    expect(seen.from).toBe(`${localText(family)} ${PORTS.first}`);
  });

  it('names the client again to a server that begins anew with him', () => {
    const on = opened();
    for (const fields of [reply(family, { flags: 'SA' }), ACK, reply(family), request(family), reply(family, { flags: 'SA' })])
      sent(on, buildFrame(fields));
    expect([...sent(on, buildFrame(ACK)).options]).toEqual(toa(family));
  });

  it('lets no client say who he is, whether there is room for who he is or not', () => {
    const forged = [254, 8, 1, 2, 203, 0, 113, 7];
    const disowned = [253, ...forged.slice(1)];
    const full = Array(32).fill(1);
    const on = opened();
    sent(on, buildFrame(reply(family, { flags: 'SA' })));
    expect([...sent(on, withOptions(family, ACK, forged)).options]).toEqual([...toa(family), ...disowned]);
    expect([...sent(on, withOptions(family, ACK, [...forged, ...full])).options]).toEqual([...disowned, ...full]);
    sent(on, buildFrame(reply(family)));
    expect([...sent(on, withOptions(family, { ...ACK, payload: new Uint8Array(99) }, forged)).options]).toEqual(disowned);
  });

  it('puts the option in where there is just room', () => {
    const room = 40 - family.toa;
    const on = opened();
    expect([...sent(on, withOptions(family, ACK, Array(room).fill(1))).options]).toEqual([...toa(family), ...Array(room).fill(1)]);
    const longest = { ...ACK, payload: new Uint8Array(1500 - family.header - 20 - family.toa) };
    expect(sent(on, buildFrame(longest)).totalLength).toBe(1500);
  });

  it.each([
    ['first', [2, 4, 5, 0xb4, 1, 1, 4, 2], 2],
    ['behind others', [4, 2, 1, 1, 3, 3, 7, 1, 2, 4, 5, 0xb4], 10],
  ])('lowers the MSS of the server’s SYN by the option’s length (%s)', (_, options, at) => {
    const seen = sent(opened(), withOptions(family, reply(family, { flags: 'SA' }), options));
    expect(new DataView(seen.options.buffer).getUint16(at)).toBe(1460 - family.toa);
  });

  it.each([
    ['of a server', () => reply(family, { flags: 'SA' }), [2, 4, 5, 0xb4]],
    ['of a client', () => ACK, [254, 8, 1, 2]],
  ])('changes nothing behind the end of a packet %s whose header should be longer', (_, fields, behind) => {
    const on = opened();
    const packet = buildFrame(fields());
    const segment = packet.subarray(ETHERNET_HEADER + family.header);
    segment[12] = 6 << 4;
    const field = new DataView(segment.buffer, segment.byteOffset);
    field.setUint16(16, field.getUint16(16) - 0x1000);
    const { verdict, frame } = on.run(Uint8Array.of(...packet, ...behind));
    const { source, destination, body } = seeFrame(frame.slice(0, -behind.length));
    expect([verdict, pseudoChecksum(Uint8Array.of(...ip(source).bytes, ...ip(destination).bytes), PROTOCOL.tcp, body)]).toEqual(['TX', 0]);
    expect(frame.slice(-behind.length)).toEqual(Uint8Array.from(behind));
  });

  it('keeps the states of NAT', () => {
    const on = ready(family);
    const steps: readonly (readonly [FrameFields, string])[] = [
      [request(family), 'SYN_RECV'],
      [reply(family, { flags: 'SA' }), 'SYN_RECV'],
      [ACK, 'ESTABLISHED'],
      [reply(family, { flags: 'FA' }), 'FIN_WAIT'],
      [request(family, { flags: 'FA' }), 'TIME_WAIT'],
      [reply(family), 'TIME_WAIT'],
    ];
    for (const [fields, state] of steps) {
      sent(on, buildFrame(fields));
      expect([...on.plane.connections()][0]?.state).toBe(state);
    }
    expect(on.plane.services()[0]?.counters).toMatchObject({ connections: 1n, inPackets: 3n, outPackets: 3n });
  });

  it.each([
    ['another server', { source: String(family.server(2, {}).address) }],
    ['another port of the server', { sourcePort: 8081 }],
    ['another local port', { destinationPort: PORTS.first + 1 }],
    ['the client itself', { destination: family.client }],
  ])('leaves replies to the stack that belong to nothing: %s', (_, fields) => {
    const on = opened();
    const frame = buildFrame(reply(family, fields));
    expect(on.run(frame.slice())).toEqual({ verdict: 'PASS', frame });
  });

  it('uses a port for several servers at once, but not twice for one', () => {
    const on = ready(family, { connections: 1024, settings: { localPorts: { first: 2000, last: 2003 } } });
    on.plane.addServer(family.web, family.server(2, { port: SERVER_PORT, method: 'fullnat' }));
    const seen = Array.from({ length: 8 }, (_, at) => sent(on, buildFrame(request(family, { sourcePort: 1000 + at }))));
    expect(new Set(seen.map(({ from, to }) => `${from} ${to}`)).size).toBe(8);
    expect(new Set(seen.map(({ from }) => from)).size).toBe(4);
    expect(on.run(buildFrame(request(family, { sourcePort: 2000 }))).verdict).toBe('DROP');
    expect(on.plane.reasons().DROP_NO_LOCAL_PORT).toBe(1);
    expect([...on.plane.connections()]).toHaveLength(8);
    // A SYN lives for a minute; then its port is free again.
    on.advance(63);
    expect(sent(on, buildFrame(request(family, { sourcePort: 2000 }))).to).toContain(String(SERVER_PORT));
  });

  it('takes turns with several local addresses, and keeps a removed one for its connections', () => {
    const on = ready(family);
    const service = on.plane.services()[0];
    if (!service) throw new Error('no service');
    on.plane.editService({ ...service, localAddresses: family.locals });
    const first = [1, 2, 3, 4].map((at) => sent(on, buildFrame(request(family, { sourcePort: 1000 + at }))).from.split(' ')[0]);
    expect([first[0] === first[2], first[1] === first[3], new Set(first)]).toEqual([true, true, new Set(family.locals.map(String))]);
    on.plane.editService({ ...service, localAddresses: family.locals.slice(1) });
    on.advance(2);
    const later = [5, 6].map((at) => sent(on, buildFrame(request(family, { sourcePort: 1000 + at }))).from.split(' ')[0]);
    expect(later).toEqual([localText(family, 1), localText(family, 1)]);
    const old = [...on.plane.connections()].find(({ local }) => String(local?.address) === localText(family));
    expect(sent(on, buildFrame(reply(family, { flags: 'SA', destinationPort: old?.local?.port ?? 0 }))).to).toBe(
      `${family.client} ${old?.clientPort}`,
    );
  });

  it('refuses connections of a service without local addresses', () => {
    const on = ready(family);
    const { localAddresses: _, ...bare } = on.plane.services()[0] ?? {};
    on.plane.editService(bare as Parameters<typeof on.plane.editService>[0]);
    const before = on.plane.reasons().DROP_NO_LOCAL_PORT as number;
    expect(on.run(SYN.slice()).verdict).toBe('DROP');
    expect(on.plane.reasons().DROP_NO_LOCAL_PORT).toBe(before + 1);
  });

  it('answers and keeps count where a small table overflows, and forgets everything in time', () => {
    const on = ready(family, { connections: 16, settings: { localPorts: { first: 2000, last: 2999 } } });
    const froms = new Map<number, string>();
    for (let at = 0; at < 200; at++) {
      const { verdict, frame } = on.run(buildFrame(request(family, { sourcePort: 1000 + at })));
      if (verdict === 'TX')
        froms.set(1000 + at, String(new DataView(seeFrame(frame).body.buffer, seeFrame(frame).body.byteOffset).getUint16(0)));
    }
    expect(froms.size).toBeGreaterThan(100);
    for (const [port, local] of froms) {
      expect(sent(on, buildFrame(reply(family, { flags: 'SA', destinationPort: Number(local) }))).to).toBe(`${family.client} ${port}`);
    }
    on.advance(66);
    expect([...on.plane.connections()]).toEqual([]);
    const { localAddresses, settings } = on.plane.path;
    expect(localAddresses.u32(0, 'connections')).toBe(0);
    expect(settings.u32(0, family === V4 ? 'overflow_count' : 'overflow6_count')).toBe(0);
  });

  it('sends all fragments of a datagram from the local address, and those of the reply to the client', () => {
    const on = ready(family);
    const begin: FrameFields = { protocol: PROTOCOL.udp, moreFragments: true, payload: new Uint8Array(16), identification: 9 };
    const rest: FrameFields = { protocol: PROTOCOL.udp, fragmentOffset: 3, payload: new Uint8Array(8).fill(7), identification: 9 };
    const ends = (fields: FrameFields): string => {
      const { verdict, frame } = on.run(buildFrame(fields));
      const seen = seeFrame(frame);
      return `${verdict} ${seen.source} ${seen.destination}`;
    };
    const server = String(family.server(1, {}).address);
    for (const fields of [begin, rest])
      expect(ends(request(family, { ...fields, destinationPort: 53 }))).toBe(`TX ${localText(family)} ${server}`);
    for (const fields of [begin, rest])
      expect(ends(reply(family, { ...fields, sourcePort: 5353 }))).toBe(`TX ${family.virtual} ${family.client}`);
  });

  it('shows the server ICMP errors about its replies as if the local endpoint had caused them', () => {
    const on = opened();
    const quoted = buildPacket({
      source: family.virtual,
      sourcePort: 80,
      destination: family.client,
      destinationPort: CLIENT_PORT,
      flags: 'A',
    });
    const seen = sent(
      on,
      buildFrame({ source: family.client, destination: family.virtual, ...family.error('unreachable'), payload: quoted }),
    );
    const server = String(family.server(1, {}).address);
    expect([seen.source, seen.destination]).toEqual([localText(family), server]);
    expect(quotedEnds(family, seen)).toEqual([`${server} ${SERVER_PORT}`, `${localText(family)} ${PORTS.first}`]);
  });

  it.each(['unreachable', 'too big', 'expired'] as const)('shows the client ICMP errors about its packets: %s', (type) => {
    const on = opened();
    const server = String(family.server(1, {}).address);
    const quoted = buildPacket({
      source: localText(family),
      sourcePort: PORTS.first,
      destination: server,
      destinationPort: SERVER_PORT,
      flags: 'A',
    });
    for (const source of [server, family.router]) {
      const seen = sent(on, buildFrame({ source, destination: localText(family), ...family.error(type), payload: quoted }));
      expect([seen.source, seen.destination]).toEqual([family.virtual, family.client]);
      expect(quotedEnds(family, seen)).toEqual([`${family.client} ${CLIENT_PORT}`, `${family.virtual} 80`]);
      expect(seen.body.subarray(0, 2)).toEqual(Uint8Array.of(family.error(type).icmpType ?? 0, family.error(type).icmpCode ?? 0));
    }
  });

  it('tells the client that a packet is too old or too long before it changes it', () => {
    const on = opened();
    const old = seeFrame(on.run(buildFrame({ ...ACK, ttl: 1 })).frame);
    expect([old.source, old.destination, old.body[0]]).toEqual([family.virtual, family.client, family.error('expired').icmpType]);
    const long = { ...ACK, dontFragment: true, payload: new Uint8Array(1500) };
    const large = seeFrame(on.run(buildFrame(long)).frame);
    expect([large.source, large.body[0]]).toEqual([family.virtual, family.error('too big').icmpType]);
    expect(quotedEnds(family, large)).toEqual([`${family.client} ${CLIENT_PORT}`, `${family.virtual} 80`]);
  });

  it('goes on with its connections and local ports after a restart', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'vipwright-pins-'));
    const mounted = ensureBpfFileSystem(join(directory, 'bpf'));
    const pins = { directory: join(mounted.path, 'maps'), tablesFile: join(directory, 'tables.json') };
    mkdirSync(pins.directory);
    try {
      const before = opened({ pins });
      await new Promise((resolve) => setImmediate(resolve));
      before.plane.path.close();
      own.pop();
      const after = new Rig({ pins, settings: { localPorts: PORTS } });
      own.push(after);
      expect(sent(after, buildFrame(reply(family, { flags: 'SA' }))).to).toBe(`${family.client} ${CLIENT_PORT}`);
      expect(sent(after, buildFrame(ACK)).from).toBe(`${localText(family)} ${PORTS.first}`);
      expect(sent(after, buildFrame(request(family, { sourcePort: 1234 }))).from).toBe(`${localText(family)} ${PORTS.first + 1}`);
      expect(after.plane.services()[0]?.localAddresses?.map(String)).toEqual([localText(family)]);
    } finally {
      own.pop()?.close();
      mounted.unmount();
      rmSync(directory, { recursive: true });
    }
  });
});

/** Both endpoints of the packet that an ICMP error quotes. */
function quotedEnds(family: Family, seen: SeenFrame): [string, string] {
  const quoted = seen.body.subarray(8);
  const frame = Uint8Array.of(...new Array(12).fill(0), ...(family === V4 ? [8, 0] : [0x86, 0xdd]), ...quoted);
  const inner = seeFrame(frame);
  const view = new DataView(inner.body.buffer, inner.body.byteOffset);
  expect(inner.checksumRight).toBe(true);
  return [`${inner.source} ${view.getUint16(0)}`, `${inner.destination} ${view.getUint16(2)}`];
}

describe('ICMP errors of masqueraded servers', () => {
  it.each([V4, V6])('come from the virtual address and quote what the client sent ($name)', (family) => {
    const on = ready(family);
    on.plane.editServer(family.web, family.server(1, { port: SERVER_PORT, method: 'nat' }));
    on.run(buildFrame(request(family)));
    const server = String(family.server(1, {}).address);
    const quoted = buildPacket({ source: family.client, destination: server, destinationPort: SERVER_PORT });
    const seen = sent(on, buildFrame({ source: server, destination: family.client, ...family.error('unreachable'), payload: quoted }));
    expect([seen.source, seen.destination]).toEqual([family.virtual, family.client]);
    expect(quotedEnds(family, seen)).toEqual([`${family.client} ${CLIENT_PORT}`, `${family.virtual} 80`]);
  });
});
