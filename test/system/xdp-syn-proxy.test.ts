/** The SYN proxy: handshakes that the director makes for its servers, and challenges where it cannot. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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

interface Ends {
  readonly client: string;
  readonly virtual: string;
  readonly server: string;
  readonly serverPort: number;
  /** What the director announces for its servers on an interface of 1500 bytes. */
  readonly size: number;
}

const ENDS: Readonly<Record<4 | 6, Ends>> = {
  4: { client: '10.0.0.1', virtual: '10.9.9.9', server: '10.2.0.1', serverPort: 8080, size: 1460 },
  6: { client: 'fd00::1', virtual: 'fd00:9::9', server: 'fd00:2::1', serverPort: 8080, size: 1440 },
};

function ready(family: 4 | 6 = 4, method: 'nat' | 'dr' = 'nat'): Rig {
  Object.assign(before, rig.plane.reasons());
  const [key, server] = family === 4 ? [tcp(80), real(1, 1, { port: 8080, method })] : [tcp6(80), real6(1, 1, { port: 8080, method })];
  rig.plane.addService({ key, ...DEFENDED });
  rig.plane.addServer(key, method === 'nat' ? server : { ...server, port: 80 });
  return rig;
}

function fromClient(family: 4 | 6, fields: FrameFields): Uint8Array {
  const { client, virtual } = ENDS[family];
  return buildFrame({ source: client, destination: virtual, sourcePort: CLIENT_PORT, ...fields });
}

function fromServer(family: 4 | 6, fields: FrameFields): Uint8Array {
  const { client, server, serverPort } = ENDS[family];
  return buildFrame({ source: server, destination: client, sourcePort: serverPort, destinationPort: CLIENT_PORT, ...fields });
}

function sent(frame: Uint8Array): SeenSegment {
  const { verdict, frame: left } = rig.run(frame);
  expect(verdict).toBe('TX');
  return seeSegment(left);
}

/** Client and director shake hands, and the director sends its SYN to the server. */
function shakeHands(family: 4 | 6, options: readonly number[] = LINUX, window = 502): { cookie: number; syn: SeenSegment } {
  const answer = sent(fromClient(family, { flags: 'S', sequence: FIRST, tcpOptions: options }));
  const cookie = answer.sequence;
  const syn = sent(fromClient(family, { flags: 'A', sequence: FIRST + 1, acknowledgement: (cookie + 1) >>> 0, window }));
  return { cookie, syn };
}

/** And the server answers it. */
function handOver(
  family: 4 | 6,
  options: readonly number[] = [...SIZE(1460), ...SACK_PERMITTED, ...SCALE(9)],
): { cookie: number; byte: SeenSegment } {
  const { cookie } = shakeHands(family);
  const byte = sent(
    fromServer(family, { flags: 'SA', sequence: SERVERS_FIRST, acknowledgement: FIRST + 1, window: 65_160, tcpOptions: options }),
  );
  return { cookie, byte };
}

describe.each([4, 6] as const)('the SYN proxy with cookies, IPv%i', (family) => {
  const ends = ENDS[family];
  const [client, virtual] = [`${ends.client} ${CLIENT_PORT}`, `${ends.virtual} 80`];
  const server = `${ends.server} ${ends.serverPort}`;

  it('answers a SYN for the server and remembers nothing of it', () => {
    const { plane } = ready(family);
    const answer = sent(fromClient(family, { flags: 'S', sequence: FIRST, tcpOptions: LINUX }));
    expect(answer).toMatchObject({ from: virtual, to: client, flags: 'SA', acknowledged: FIRST + 1, window: 0, right: true, payload: [] });
    expect(answer.options).toEqual([...SIZE(ends.size), ...SACK_PERMITTED, ...SCALE(7)]);
    expect([...plane.connections()]).toEqual([]);
    expect(counted('ANSWER_COOKIE')).toEqual([1]);
  });

  it('answers in kind: what the client did not offer it is not offered', () => {
    ready(family);
    for (const [options, expected] of [
      [[], SIZE(ends.size)],
      [SIZE(1400), SIZE(ends.size)],
      [SACK_PERMITTED, [...SIZE(ends.size), ...SACK_PERMITTED]],
      [
        [...SCALE(3), ...SIZE(9000)],
        [...SIZE(ends.size), ...SCALE(7)],
      ],
    ] as const) {
      const answer = sent(fromClient(family, { flags: 'S', sequence: 1, tcpOptions: options }));
      expect([answer.options, answer.right]).toEqual([[...expected], true]);
    }
  });

  it('sends the client’s SYN to the server once the client has shown that it is there', () => {
    const { plane } = ready(family);
    const { syn } = shakeHands(family);
    expect(syn).toMatchObject({ from: client, to: server, flags: 'S', sequence: FIRST, acknowledged: 0, window: 64_256, right: true });
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
    ready(family);
    const { syn } = shakeHands(family, options);
    expect([syn.options, syn.window, syn.right]).toEqual([[...expected], window, true]);
  });

  it('lets the client on when the server answers, with one byte that it has had', () => {
    ready(family);
    const { cookie, byte } = handOver(family);
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
    const { plane } = ready(family);
    const { cookie } = handOver(family);
    const request = sent(
      fromClient(family, { flags: 'PA', sequence: FIRST + 1, acknowledgement: cookie + 1, window: 501, payload: Uint8Array.of(1, 2, 3) }),
    );
    expect(request).toMatchObject({
      from: client,
      to: server,
      sequence: FIRST + 1,
      acknowledged: SERVERS_FIRST + 1,
      window: 501,
      right: true,
    });
    expect(request.payload).toEqual([1, 2, 3]);
    expect([...plane.connections()]).toMatchObject([{ state: 'ESTABLISHED' }]);
    const answer = sent(
      fromServer(family, { flags: 'PA', sequence: SERVERS_FIRST + 1, acknowledgement: FIRST + 4, window: 100, payload: Uint8Array.of(9) }),
    );
    expect(answer).toMatchObject({ from: virtual, to: client, sequence: (cookie + 1) >>> 0, acknowledged: (FIRST + 4) >>> 0, right: true });
    // The server scales by 9, the client was told 7.
    expect(answer.window).toBe(400);
    const huge = sent(fromServer(family, { flags: 'A', sequence: SERVERS_FIRST + 2, acknowledgement: FIRST + 4, window: 0xffff }));
    expect([huge.window, huge.right]).toEqual([0xffff, true]);
  });

  it.each([
    ['where Linux puts them', [1, 1]],
    ['at an odd place', [1]],
  ])('changes selective acknowledgements %s', (_where, before) => {
    ready(family);
    const { cookie } = handOver(family);
    const numbers = [cookie + 1001, cookie + 2001, cookie + 3001, cookie + 4001];
    const bytes = (values: readonly number[]): number[] =>
      values.flatMap((value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
    const options = [...before, 5, 18, ...bytes(numbers), ...(before.length === 1 ? [1] : [])];
    const {
      acknowledged,
      options: after,
      right,
    } = sent(fromClient(family, { flags: 'A', sequence: FIRST + 1, acknowledgement: cookie + 1, tcpOptions: options }));
    const shifted = bytes(numbers.map((number) => number - cookie + SERVERS_FIRST));
    expect([acknowledged, after, right]).toEqual([
      SERVERS_FIRST + 1,
      [...before, 5, 18, ...shifted, ...(before.length === 1 ? [1] : [])],
      true,
    ]);
  });

  it('asks the server again when the client asks for a window, and holds back everything else', () => {
    ready(family);
    const { cookie, syn } = shakeHands(family);
    const probe = sent(fromClient(family, { flags: 'A', sequence: FIRST, acknowledgement: cookie + 1, window: 502 }));
    expect(probe).toEqual(syn);
    for (const fields of [{ flags: 'R' }, { flags: 'S' }]) expect(rig.run(fromClient(family, fields)).verdict).toBe('DROP');
    expect(rig.run(fromServer(family, { flags: 'A', sequence: 5 })).verdict).toBe('DROP');
    expect(counted('DROP_AWAITING_SERVER', 'ANSWER_HANDSHAKE')).toEqual([3, 2]);
  });

  it('gives the server an ICMP error with its own numbers', () => {
    ready(family);
    const { cookie } = handOver(family);
    const quoted = buildPacket({
      source: ends.virtual,
      destination: ends.client,
      sourcePort: 80,
      destinationPort: CLIENT_PORT,
      flags: 'A',
      sequence: cookie + 7,
    });
    const kind = family === 4 ? { protocol: PROTOCOL.icmp, icmpType: 3, icmpCode: 4 } : { protocol: PROTOCOL.icmp6, icmpType: 2 };
    const { verdict, frame } = rig.run(fromClient(family, { ...kind, payload: quoted }));
    const { body, destination } = seeFrame(frame);
    const [view, headers] = [new DataView(body.buffer, body.byteOffset), 8 + (family === 4 ? 20 : 40)];
    expect([verdict, destination]).toEqual(['TX', ends.server]);
    expect([view.getUint16(headers), view.getUint32(headers + 4)]).toEqual([ends.serverPort, SERVERS_FIRST + 7]);
    const addresses = frame.subarray(family === 4 ? 26 : 22, family === 4 ? 34 : 54);
    expect(family === 4 ? internetChecksum(body) : pseudoChecksum(addresses, PROTOCOL.icmp6, body)).toBe(0);
  });

  it('tells the client when the server refuses', () => {
    ready(family);
    const { cookie } = shakeHands(family);
    const refusal = sent(fromServer(family, { flags: 'RA', sequence: 0, acknowledgement: FIRST + 1 }));
    expect(refusal).toMatchObject({ from: virtual, to: client, flags: 'RA', sequence: (cookie + 1) >>> 0, right: true });
  });

  it('believes a cookie of this minute and of the last, of this client, and no other', () => {
    const { plane } = ready(family);
    const { sequence } = sent(fromClient(family, { flags: 'S', sequence: FIRST, tcpOptions: LINUX }));
    const verdictOf = (change: FrameFields): string =>
      rig.run(fromClient(family, { flags: 'A', sequence: FIRST + 1, acknowledgement: sequence + 1, ...change })).verdict;
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
    const { plane } = ready(family);
    const { cookie } = handOver(family);
    const key = family === 4 ? tcp(80) : tcp6(80);
    plane.editService({ key, scheduler: 'rr', schedulerFlags: [], onePacket: false });
    sent(fromClient(family, { flags: 'A', sequence: FIRST + 1, acknowledgement: cookie + 1 }));
    expect([...plane.path.proxied.keys()]).toHaveLength(1);
    const direct = sent(fromClient(family, { flags: 'S', sourcePort: 50_000 }));
    expect(direct.to).toBe(server);
    rig.advance(1000);
    expect([...plane.path.proxied.keys()]).toEqual([]);
    expect([...plane.connections()]).toEqual([]);
  });
});

describe('the SYN proxy by challenge, where answers do not come back', () => {
  it('lets a client in once its stack has answered nonsense with a reset', () => {
    const { plane } = ready(4, 'dr');
    const challenge = sent(fromClient(4, { flags: 'S', sequence: FIRST, tcpOptions: LINUX }));
    expect(challenge).toMatchObject({ from: '10.9.9.9 80', to: `10.0.0.1 ${CLIENT_PORT}`, flags: 'SA', window: 0, right: true });
    expect(challenge.acknowledged).not.toBe((FIRST + 1) >>> 0);
    expect(rig.run(fromClient(4, { flags: 'R', sequence: challenge.acknowledged })).verdict).toBe('DROP');
    expect([...plane.connections()]).toEqual([]);
    expect(sent(fromClient(4, { flags: 'S', sequence: FIRST })).to).toBe('10.9.9.9 80');
    expect([...plane.connections()]).toMatchObject([{ state: 'SYN_RECV', server: ip('10.2.0.1') }]);
    // Known for all its connections, for a time.
    expect(sent(fromClient(4, { flags: 'S', sourcePort: 4 })).flags).toBe('S');
    rig.advance(301);
    expect(sent(fromClient(4, { flags: 'S', sourcePort: 5 })).flags).toBe('SA');
    expect(counted('ANSWER_CHALLENGE', 'DROP_CLIENT_PROVEN')).toEqual([2, 1]);
  });

  it('believes no other reset, and gives the stack what is no answer', () => {
    ready(4, 'dr');
    const { acknowledged } = sent(fromClient(4, { flags: 'S', sequence: FIRST }));
    const resets: FrameFields[] = [{ sequence: acknowledged + 1 }, { sequence: acknowledged, source: '10.0.0.2' }, { sequence: 0 }];
    for (const fields of resets) expect(rig.run(fromClient(4, { flags: 'R', ...fields })).verdict).toBe('PASS');
    expect(counted('DROP_CLIENT_PROVEN', 'PASS_NO_CONNECTION')).toEqual([0, 3]);
  });

  it('is what a service does that has any server of which answers do not come back', () => {
    const { plane } = ready();
    expect(sent(fromClient(4, { flags: 'S', sequence: FIRST })).acknowledged).toBe((FIRST + 1) >>> 0);
    plane.addServer(tcp(80), real(2));
    expect(sent(fromClient(4, { flags: 'S', sequence: FIRST })).acknowledged).not.toBe((FIRST + 1) >>> 0);
    plane.deleteServer(tcp(80), real(2));
    expect(sent(fromClient(4, { flags: 'S', sequence: FIRST })).acknowledged).toBe((FIRST + 1) >>> 0);
  });
});
