/** The SYN proxy: handshakes that the director makes for its servers, and challenges where it cannot. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceKey } from '../../src/model/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { ip, real, tcp } from '../compliance/harness.ts';
import { buildFrame, buildPacket, type FrameFields, PROTOCOL, pseudoChecksum, seeFrame } from './xdp-frames.ts';
import { real6, tcp6 } from './xdp-ipv6-fixtures.ts';
import { Rig } from './xdp-support.ts';
import { type SeenSegment, seeSegment } from './xdp-tcp.ts';

const DEFENDED = { scheduler: 'rr', schedulerFlags: [], onePacket: false, defence: { synProxy: true } } as const;
const FIRST = 0xffff_fff0;
const SERVERS_FIRST = 0x1234_5678;
const CLIENT_PORT = 40_000;
/** Linux's SYN: segment of 1460, selective acknowledgements, time stamps, scale 7. */
const LINUX = [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7];
const SIZE = (bytes: number): number[] => [2, 4, bytes >> 8, bytes & 255];
const SACK_PERMITTED = [1, 1, 4, 2];
const SCALE = (scale: number): number[] => [1, 3, 3, scale];

let rig: Rig;
beforeAll(() => {
  rig = new Rig({ connections: 1024 });
});
afterEach(() => rig.reset());
afterAll(() => rig.close());

/** How often the packet path gave a reason, less what it did before the test. */
const before: Record<string, number> = {};
function counted(...names: string[]): number[] {
  const now = rig.plane.reasons();
  return names.map((name) => (now[name] as number) - (before[name] as number));
}

type Method = 'nat' | 'fullnat';

/** How the service's packets reach its server. */
interface Way {
  readonly family: 4 | 6;
  readonly method: Method;
  readonly client: string;
  readonly virtual: string;
  readonly server: string;
  readonly serverPort: number;
  /** Where the server sees connections come from by full NAT. */
  readonly local: string;
  /** What the director announces for its servers on an interface of 1500 bytes. */
  readonly size: number;
  /** The option that names the client, while the server has not answered. */
  readonly toa: readonly number[];
}

const WAYS = (['nat', 'fullnat'] as const).flatMap((method): readonly Way[] => {
  const isFull = method === 'fullnat';
  const toa = (client: string): number[] => {
    const { bytes } = ip(client);
    return isFull ? [254, 4 + bytes.length, CLIENT_PORT >> 8, CLIENT_PORT & 255, ...bytes] : [];
  };
  const four = { client: '10.0.0.1', virtual: '10.9.9.9', server: '10.2.0.1', local: '10.2.0.201', size: isFull ? 1452 : 1460 };
  const six = { client: 'fd00::1', virtual: 'fd00:9::9', server: 'fd00:2::1', local: 'fd00:2::201', size: isFull ? 1420 : 1440 };
  return [
    { ...four, family: 4, method, serverPort: 8080, toa: toa(four.client) },
    { ...six, family: 6, method, serverPort: 8080, toa: toa(six.client) },
  ];
});
const PLAIN = WAYS[0] as Way;

const keyOf = ({ family }: Way): ServiceKey => (family === 4 ? tcp(80) : tcp6(80));

function ready(way: Way = PLAIN, method: Method | 'dr' = way.method): Rig {
  Object.assign(before, rig.plane.reasons());
  const key = keyOf(way);
  const server = (way.family === 4 ? real : real6)(1, 1, { port: method === 'dr' ? 80 : way.serverPort, method });
  rig.plane.addService({ key, ...DEFENDED, localAddresses: method === 'fullnat' ? [ip(way.local)] : [] });
  rig.plane.addServer(key, server);
  return rig;
}

function fromClient({ client, virtual }: Way, fields: FrameFields): Uint8Array {
  return buildFrame({ source: client, destination: virtual, sourcePort: CLIENT_PORT, ...fields });
}

/** To whom the server takes for its client: with full NAT a local endpoint. */
function fromServer({ client, server, serverPort }: Way, fields: FrameFields): Uint8Array {
  const [connection] = rig.plane.connections();
  const { address, port } = connection?.local ?? { address: client, port: CLIENT_PORT };
  return buildFrame({ source: server, destination: String(address), sourcePort: serverPort, destinationPort: port, ...fields });
}

function sent(frame: Uint8Array): SeenSegment {
  const { verdict, frame: left } = rig.run(frame);
  expect(verdict).toBe('TX');
  return seeSegment(left);
}

/** Client and director shake hands, and the director sends its SYN to the server. */
function shakeHands(way: Way, options: readonly number[] = LINUX, window = 502): { cookie: number; syn: SeenSegment } {
  const answer = sent(fromClient(way, { flags: 'S', sequence: FIRST, tcpOptions: options }));
  const cookie = answer.sequence;
  const syn = sent(fromClient(way, { flags: 'A', sequence: FIRST + 1, acknowledgement: (cookie + 1) >>> 0, window }));
  return { cookie, syn };
}

/** And the server answers it. */
function handOver(
  way: Way,
  options: readonly number[] = [...SIZE(1460), ...SACK_PERMITTED, ...SCALE(9)],
): { cookie: number; byte: SeenSegment } {
  const { cookie } = shakeHands(way);
  const byte = sent(
    fromServer(way, { flags: 'SA', sequence: SERVERS_FIRST, acknowledgement: FIRST + 1, window: 65_160, tcpOptions: options }),
  );
  return { cookie, byte };
}

describe.each(WAYS)('the SYN proxy with cookies, $method, IPv$family', (way) => {
  const { family, toa } = way;
  const [client, virtual] = [`${way.client} ${CLIENT_PORT}`, `${way.virtual} 80`];
  const server = `${way.server} ${way.serverPort}`;
  /** Whom the server takes for the client. */
  const from = way.method === 'nat' ? client : expect.stringMatching(new RegExp(`^${way.local.replaceAll('.', '\\.')} \\d+$`));

  it('answers a SYN for the server and remembers nothing of it', () => {
    const { plane } = ready(way);
    const answer = sent(fromClient(way, { flags: 'S', sequence: FIRST, tcpOptions: LINUX }));
    expect(answer).toMatchObject({ from: virtual, to: client, flags: 'SA', acknowledged: FIRST + 1, window: 0, right: true, payload: [] });
    expect(answer.options).toEqual([...SIZE(way.size), ...SACK_PERMITTED, ...SCALE(7)]);
    expect([...plane.connections()]).toEqual([]);
    expect(counted('ANSWER_COOKIE')).toEqual([1]);
  });

  it('answers in kind: what the client did not offer it is not offered', () => {
    ready(way);
    for (const [options, expected] of [
      [[], SIZE(way.size)],
      [SIZE(1400), SIZE(way.size)],
      [SACK_PERMITTED, [...SIZE(way.size), ...SACK_PERMITTED]],
      [
        [...SCALE(3), ...SIZE(9000)],
        [...SIZE(way.size), ...SCALE(7)],
      ],
    ] as const) {
      const answer = sent(fromClient(way, { flags: 'S', sequence: 1, tcpOptions: options }));
      expect([answer.options, answer.right]).toEqual([[...expected], true]);
    }
  });

  it('sends the client’s SYN to the server once the client has shown that it is there', () => {
    const { plane } = ready(way);
    const { syn } = shakeHands(way);
    expect(syn).toMatchObject({ from, to: server, flags: 'S', sequence: FIRST, acknowledged: 0, window: 64_256, right: true });
    expect(syn.options).toEqual([...SIZE(1460), ...SACK_PERMITTED, ...SCALE(7)]);
    expect([...plane.connections()]).toMatchObject([{ state: 'SYN_RECV' }]);
    expect(plane.services()[0]?.servers[0]).toMatchObject({ activeConnections: 1, counters: { connections: 1n } });
  });

  it.each([
    ['no option', [], [...SIZE(536)], 502],
    ['a small segment', SIZE(1300), SIZE(1220), 502],
    ['1452 bytes and a scale of 0', [...SIZE(1452), ...SCALE(0)], [...SIZE(1420), ...SCALE(0)], 502],
    ['a scale beyond what there is', [...SIZE(1460), ...SCALE(15)], [...SIZE(1460), ...SCALE(14)], 0xffff],
  ] as const)('tells the server what the client’s SYN said: %s', (_what, options, expected, window) => {
    ready(way);
    const { syn } = shakeHands(way, options);
    expect([syn.options, syn.window, syn.right]).toEqual([[...expected], window, true]);
  });

  it('lets the client on when the server answers, with one byte that it has had', () => {
    ready(way);
    const { cookie, byte } = handOver(way);
    expect(byte).toMatchObject({
      from: virtual,
      to: client,
      flags: 'A',
      sequence: cookie,
      acknowledged: FIRST + 1,
      payload: [0],
      right: true,
    });
    expect(byte.window).toBe(65_160 >> 7);
  });

  it('changes the numbers of everything that follows, both ways', () => {
    const { plane } = ready(way);
    const { cookie } = handOver(way);
    const request = sent(
      fromClient(way, { flags: 'PA', sequence: FIRST + 1, acknowledgement: cookie + 1, window: 501, payload: Uint8Array.of(1, 2, 3) }),
    );
    expect(request).toMatchObject({
      from,
      to: server,
      sequence: FIRST + 1,
      acknowledged: SERVERS_FIRST + 1,
      window: 501,
      options: toa,
      right: true,
    });
    expect(request.payload).toEqual([1, 2, 3]);
    expect([...plane.connections()]).toMatchObject([{ state: 'ESTABLISHED' }]);
    const answer = sent(
      fromServer(way, { flags: 'PA', sequence: SERVERS_FIRST + 1, acknowledgement: FIRST + 4, window: 100, payload: Uint8Array.of(9) }),
    );
    expect(answer).toMatchObject({ from: virtual, to: client, sequence: (cookie + 1) >>> 0, acknowledged: (FIRST + 4) >>> 0, right: true });
    // The server scales by 9, the client was told 7.
    expect(answer.window).toBe(400);
    const huge = sent(fromServer(way, { flags: 'A', sequence: SERVERS_FIRST + 2, acknowledgement: FIRST + 4, window: 0xffff }));
    expect([huge.window, huge.right]).toEqual([0xffff, true]);
  });

  it.each([
    ['where Linux puts them', [1, 1]],
    ['at an odd place', [1]],
  ])('changes selective acknowledgements %s', (_where, before) => {
    ready(way);
    const { cookie } = handOver(way);
    const numbers = [cookie + 1001, cookie + 2001, cookie + 3001, cookie + 4001];
    const bytes = (values: readonly number[]): number[] =>
      values.flatMap((value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
    const options = [...before, 5, 18, ...bytes(numbers), ...(before.length === 1 ? [1] : [])];
    const {
      acknowledged,
      options: after,
      right,
    } = sent(fromClient(way, { flags: 'A', sequence: FIRST + 1, acknowledgement: cookie + 1, tcpOptions: options }));
    const shifted = bytes(numbers.map((number) => number - cookie + SERVERS_FIRST));
    expect([acknowledged, after, right]).toEqual([
      SERVERS_FIRST + 1,
      [...toa, ...before, 5, 18, ...shifted, ...(before.length === 1 ? [1] : [])],
      true,
    ]);
  });

  it('leaves what a segment says that acknowledges nothing', () => {
    ready(way);
    const { cookie } = handOver(way);
    const options = [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9];
    const said = { sequence: FIRST + 1, tcpOptions: options };
    const left = sent(fromClient(way, { ...said, flags: 'F', acknowledgement: cookie + 1 }));
    expect([left.acknowledged, left.options, left.right]).toEqual([(cookie + 1) >>> 0, [...toa, ...options], true]);
  });

  it('hands over no segment that ends before its header does', () => {
    ready(way);
    const { cookie } = handOver(way);
    const frame = fromClient(way, { flags: 'A', sequence: FIRST + 1, acknowledgement: cookie + 1 });
    frame[14 + (family === 4 ? 20 : 40) + 12] = 8 << 4;
    const padded = Uint8Array.of(...frame, 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9);
    expect(rig.run(padded)).toEqual({ verdict: 'PASS', frame: padded });
  });

  it('gives nobody a reply of a connection whose time is up', () => {
    ready(way);
    handOver(way);
    const late = fromServer(way, { flags: 'A', sequence: SERVERS_FIRST + 1, acknowledgement: FIRST + 1 });
    rig.advance(60);
    expect(rig.run(late).verdict).toBe('DROP');
    expect(counted('DROP_TABLE_BUSY')).toEqual([1]);
  });

  it('asks the server again when the client asks for a window, and holds back everything else', () => {
    ready(way);
    const { cookie, syn } = shakeHands(way);
    const probe = sent(fromClient(way, { flags: 'A', sequence: FIRST, acknowledgement: cookie + 1, window: 502 }));
    expect(probe).toEqual(syn);
    for (const fields of [{ flags: 'R' }, { flags: 'S' }]) expect(rig.run(fromClient(way, fields)).verdict).toBe('DROP');
    expect(rig.run(fromServer(way, { flags: 'A', sequence: 5 })).verdict).toBe('DROP');
    expect(counted('DROP_AWAITING_SERVER', 'ANSWER_HANDSHAKE')).toEqual([3, 2]);
  });

  it('asks no server again that was deleted', () => {
    const { plane } = ready(way);
    const { cookie } = shakeHands(way);
    plane.deleteServer(keyOf(way), { address: ip(way.server), port: way.serverPort });
    const probe = fromClient(way, { flags: 'A', sequence: FIRST, acknowledgement: cookie + 1 });
    expect(rig.run(probe).verdict).toBe('DROP');
    expect(counted('DROP_SERVER_DELETED')).toEqual([1]);
  });

  it('gives the server an ICMP error with its own numbers', () => {
    ready(way);
    const { cookie } = handOver(way);
    const quoted = buildPacket({
      source: way.virtual,
      destination: way.client,
      sourcePort: 80,
      destinationPort: CLIENT_PORT,
      flags: 'A',
      sequence: cookie + 7,
    });
    const kind = family === 4 ? { protocol: PROTOCOL.icmp, icmpType: 3, icmpCode: 4 } : { protocol: PROTOCOL.icmp6, icmpType: 2 };
    const { verdict, frame } = rig.run(fromClient(way, { ...kind, payload: quoted }));
    const { body, destination } = seeFrame(frame);
    const [view, headers] = [new DataView(body.buffer, body.byteOffset), 8 + (family === 4 ? 20 : 40)];
    expect([verdict, destination]).toEqual(['TX', way.server]);
    expect([view.getUint16(headers), view.getUint32(headers + 4)]).toEqual([way.serverPort, SERVERS_FIRST + 7]);
    const addresses = frame.subarray(family === 4 ? 26 : 22, family === 4 ? 34 : 54);
    expect(family === 4 ? internetChecksum(body) : pseudoChecksum(addresses, PROTOCOL.icmp6, body)).toBe(0);
  });

  it('tells the client when the server refuses', () => {
    ready(way);
    const { cookie } = shakeHands(way);
    const refusal = sent(fromServer(way, { flags: 'RA', sequence: 0, acknowledgement: FIRST + 1 }));
    expect(refusal).toMatchObject({ from: virtual, to: client, flags: 'RA', sequence: (cookie + 1) >>> 0, right: true });
  });

  it('believes a cookie of this minute and of the last, of this client, and no other', () => {
    const { plane } = ready(way);
    const { sequence } = sent(fromClient(way, { flags: 'S', sequence: FIRST, tcpOptions: LINUX }));
    const verdictOf = (change: FrameFields): string =>
      rig.run(fromClient(way, { flags: 'A', sequence: FIRST + 1, acknowledgement: sequence + 1, ...change })).verdict;
    expect(verdictOf({ sourcePort: CLIENT_PORT + 1 })).toBe('PASS');
    expect(verdictOf({ source: family === 4 ? '10.0.0.2' : 'fd00::2' })).toBe('PASS');
    expect(verdictOf({ sequence: FIRST + 2 })).toBe('PASS');
    for (const bit of [0, 8, 22, 23, 25, 29, 30, 31])
      expect(verdictOf({ acknowledgement: ((sequence ^ (1 << bit)) + 1) >>> 0 })).toBe('PASS');
    expect([...plane.connections()]).toEqual([]);
    rig.advance(59);
    expect(verdictOf({})).toBe('TX');
    rig.advance(120);
    expect(verdictOf({ sequence: FIRST + 1 })).toBe('PASS');
  });

  it('leaves nothing behind when connections end, and none is lost when it is switched off', () => {
    const { plane } = ready(way);
    const { cookie } = handOver(way);
    const { defence: _, ...undefended } = { ...DEFENDED, key: keyOf(way), localAddresses: [ip(way.local)] };
    plane.editService(undefended);
    sent(fromClient(way, { flags: 'A', sequence: FIRST + 1, acknowledgement: cookie + 1 }));
    expect([...plane.path.proxied.keys()]).toHaveLength(1);
    const direct = sent(fromClient(way, { flags: 'S', sourcePort: 50_000 }));
    expect(direct.to).toBe(server);
    rig.advance(1000);
    expect([...plane.path.proxied.keys()]).toEqual([]);
    expect([...plane.connections()]).toEqual([]);
  });
});

describe.each(WAYS.filter(({ method }) => method === 'fullnat'))('the SYN proxy and full NAT, IPv$family', (way) => {
  it('name the client until the server has answered more than the SYN', () => {
    ready(way);
    const { cookie } = handOver(way);
    const segment = { flags: 'A', sequence: FIRST + 1, acknowledgement: cookie + 1 };
    expect(sent(fromClient(way, segment)).options).toEqual(way.toa);
    sent(fromServer(way, { flags: 'A', sequence: SERVERS_FIRST + 1, acknowledgement: FIRST + 1 }));
    expect(sent(fromClient(way, segment)).options).toEqual([]);
  });

  it('give no local port twice, whether the SYN proxy made the connection or not', () => {
    const { plane } = rig;
    const { localPorts } = plane.settings();
    plane.setSettings({ localPorts: { first: 2000, last: 2000 } });
    ready(way);
    plane.setSettings({ localPorts });
    expect(shakeHands(way).syn.from).toBe(`${way.local} 2000`);
    const { defence: _, ...undefended } = { ...DEFENDED, key: keyOf(way), localAddresses: [ip(way.local)] };
    plane.editService(undefended);
    expect(rig.run(fromClient(way, { flags: 'S', sourcePort: 50_000 })).verdict).toBe('DROP');
    expect(counted('DROP_NO_LOCAL_PORT')).toEqual([1]);
  });

  it('show the client ICMP errors about what the server was sent', () => {
    ready(way);
    shakeHands(way);
    const [local] = [...rig.plane.connections()].map((connection) => connection.local);
    const quoted = buildPacket({
      source: String(local?.address),
      sourcePort: local?.port ?? 0,
      destination: way.server,
      destinationPort: way.serverPort,
    });
    const kind = way.family === 4 ? { protocol: PROTOCOL.icmp, icmpType: 3, icmpCode: 1 } : { protocol: PROTOCOL.icmp6, icmpType: 1 };
    const { verdict, frame } = rig.run(buildFrame({ source: way.server, destination: String(local?.address), ...kind, payload: quoted }));
    const { source, destination } = seeFrame(frame);
    expect([verdict, source, destination]).toEqual(['TX', way.virtual, way.client]);
  });
});

describe('the SYN proxy by challenge, where answers do not come back', () => {
  it('lets a client in once its stack has answered nonsense with a reset', () => {
    const { plane } = ready(PLAIN, 'dr');
    const challenge = sent(fromClient(PLAIN, { flags: 'S', sequence: FIRST, tcpOptions: LINUX }));
    expect(challenge).toMatchObject({ from: '10.9.9.9 80', to: `10.0.0.1 ${CLIENT_PORT}`, flags: 'SA', window: 0, right: true });
    expect(challenge.acknowledged).not.toBe((FIRST + 1) >>> 0);
    expect(rig.run(fromClient(PLAIN, { flags: 'R', sequence: challenge.acknowledged })).verdict).toBe('DROP');
    expect([...plane.connections()]).toEqual([]);
    expect(sent(fromClient(PLAIN, { flags: 'S', sequence: FIRST })).to).toBe('10.9.9.9 80');
    expect([...plane.connections()]).toMatchObject([{ state: 'SYN_RECV', server: ip('10.2.0.1') }]);
    // Known for all its connections, for a time.
    expect(sent(fromClient(PLAIN, { flags: 'S', sourcePort: 4 })).flags).toBe('S');
    rig.advance(301);
    expect(sent(fromClient(PLAIN, { flags: 'S', sourcePort: 5 })).flags).toBe('SA');
    expect(counted('ANSWER_CHALLENGE', 'DROP_CLIENT_PROVEN')).toEqual([2, 1]);
  });

  it('believes no other reset, and gives the stack what is no answer', () => {
    ready(PLAIN, 'dr');
    const { acknowledged } = sent(fromClient(PLAIN, { flags: 'S', sequence: FIRST }));
    const resets: FrameFields[] = [{ sequence: acknowledged + 1 }, { sequence: acknowledged, source: '10.0.0.2' }, { sequence: 0 }];
    for (const fields of resets) expect(rig.run(fromClient(PLAIN, { flags: 'R', ...fields })).verdict).toBe('PASS');
    expect(counted('DROP_CLIENT_PROVEN', 'PASS_NO_CONNECTION')).toEqual([0, 3]);
  });

  it('is what a service does that has any server of which answers do not come back', () => {
    const { plane } = ready();
    expect(sent(fromClient(PLAIN, { flags: 'S', sequence: FIRST })).acknowledged).toBe((FIRST + 1) >>> 0);
    plane.addServer(tcp(80), real(2));
    expect(sent(fromClient(PLAIN, { flags: 'S', sequence: FIRST })).acknowledged).not.toBe((FIRST + 1) >>> 0);
    plane.deleteServer(tcp(80), real(2));
    expect(sent(fromClient(PLAIN, { flags: 'S', sequence: FIRST })).acknowledged).toBe((FIRST + 1) >>> 0);
  });
});
