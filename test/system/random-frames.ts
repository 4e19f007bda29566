/**
 * Frames as they come from everywhere: of clients that speak properly, answers to what the director has sent (so that conversations go on,
 * both ways), errors about it, the frames of the fixture tables, and all of them with bytes changed, cut off and put behind.
 */
import type { Random } from '../../src/base/index.ts';
import { IpAddress } from '../../src/base/index.ts';
import { fixtureFrames } from './fixture-table.ts';
import { sameBytes, sum, type View, viewOf, word } from './random-view.ts';
import { buildFrame, DIRECTOR_MAC, EXTENSION, type FrameFields, PROTOCOL, ROUTER_MAC } from './xdp-frames.ts';
import { serverMac } from './xdp-support.ts';

/** Where clients' packets come from: the usual router, and another one. */
export const ROUTERS = [ROUTER_MAC, Uint8Array.of(0x02, 0xaa, 0x5e, 0x11, 0xc3, 0x02)] as const;

const ETHERNET = 14;
const SERVERS = { 4: Uint8Array.of(10, 2), 6: Uint8Array.of(0xfd, 0, 0, 2) } as const;
const VIRTUAL_NETWORKS = { 4: Uint8Array.of(10, 9), 6: Uint8Array.of(0xfd, 0, 0, 9) } as const;
/** The first byte of an address of none of these. */
const ELSEWHERE = { 4: 11, 6: 0xfc } as const;
const VIRTUALS = { 4: ['10.9.9.9', '10.9.9.200', '10.9.8.1', '10.9.8.77'], 6: ['fd00:9::9', 'fd00:9::200', 'fd00:9:8::1', 'fd00:9:8::77'] };
const PORTS = {
  [PROTOCOL.tcp]: [80, 80, 443, 443, 444, 8080, 81, 22],
  [PROTOCOL.udp]: [53, 53, 54, 5000],
  [PROTOCOL.sctp]: [9, 10, 11],
};
const PROTOCOLS = [PROTOCOL.tcp, PROTOCOL.tcp, PROTOCOL.tcp, PROTOCOL.udp, PROTOCOL.udp, PROTOCOL.sctp] as const;
const FLAGS = ['S', 'S', 'A', 'FA', 'R', 'SA', 'PA', ''];
const CHUNKS = [0, 1, 3, 6, 7, 8, 10, 11, 14];
const EXTENSIONS = [EXTENSION.hopByHop, EXTENSION.routing, EXTENSION.destination];
const SEGMENT_OPTIONS = [
  [],
  [],
  [2, 4, 5, 180],
  [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7],
  [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9],
];
/** Types and codes: no port, too big, no hop left. */
const ERRORS: Readonly<Record<4 | 6, readonly (readonly [number, number])[]>> = {
  4: [
    [3, 3],
    [3, 4],
    [11, 0],
  ],
  6: [
    [1, 4],
    [2, 0],
    [3, 0],
  ],
};
const ROUTER_ON_THE_WAY = { 4: '11.0.0.1', 6: 'fc00::1' } as const;
/** Proper frames at hand at once, and how many follow from others at most. */
const POOL = 4096;
const WAITING = 64;
const HEADERS = 70;

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

/** IP numbers of IPv4 and IPv6 in IP, and of GRE. */
const TUNNELS: readonly number[] = [4, 41, 47];

export class FrameSource {
  private readonly random: Random;
  private readonly pool: Uint8Array[] = [];
  private readonly seeds = fixtureFrames();
  private readonly following: Uint8Array[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  next(): Uint8Array {
    const { random } = this;
    const kind = random.below(16);
    const following = kind < 7 ? this.following.pop() : undefined;
    if (following && random.below(16)) return stamped(following, random);
    const frame = following ?? (kind < 12 ? this.proper() : random.pick(this.seeds)).slice();
    if (kind < 10 && !following) return stamped(frame, random);
    for (let change = random.below(5); change > 0; change--) frame[random.below(Math.min(frame.length, HEADERS))] = random.below(256);
    return this.cut(stamped(frame, random));
  }

  /** What the director sent leads to an answer, and sometimes to an error. */
  follow(left: Uint8Array): void {
    const { random, following } = this;
    if (following.length >= WAITING) following[random.below(WAITING)] = following.pop() as Uint8Array;
    const view = viewOf(left);
    if (!view || view.isLater) return;
    // Nobody answers to the director's own address; routers report errors there.
    const isTunnel = TUNNELS.includes(view.protocol);
    const answer = !isTunnel && random.below(8) ? answerTo(view, random) : errorAbout(view, random, isTunnel && random.below(2) === 1);
    if (answer) following.push(answer);
  }

  push(frame: Uint8Array): void {
    this.following.push(frame);
  }

  private cut(frame: Uint8Array): Uint8Array {
    const { random } = this;
    const kind = random.below(10);
    if (kind === 0 && frame.length > ETHERNET) return frame.slice(0, ETHERNET + random.below(frame.length - ETHERNET));
    if (kind > 1) return frame;
    const padded = new Uint8Array(frame.length + random.below(40));
    padded.set(frame);
    return padded;
  }

  /** One of the pool, which changes little by little: to build a frame takes longer than to send it. */
  private proper(): Uint8Array {
    const { random, pool } = this;
    if (pool.length < POOL || random.below(64) === 0) {
      const at = pool.length < POOL ? pool.length : random.below(POOL);
      pool[at] = buildFrame(properFields(random));
      return pool[at];
    }
    return random.pick(pool);
  }
}

function properFields(random: Random): FrameFields {
  const family = random.below(2) ? 4 : 6;
  const [network, host] = [random.below(4), random.below(20)];
  const protocol = random.pick(PROTOCOLS);
  const hasExtensions = family === 6 && random.below(8) === 0;
  const fragment = random.below(12);
  const length = random.below(4) ? random.below(64) : random.below(1490);
  return {
    source: family === 4 ? `10.0.${network}.${host}` : `fd00:0:0:${network}::${host}`,
    destination: random.pick(VIRTUALS[family]),
    ...(hasExtensions && { extensions: Array.from({ length: random.below(8) }, () => random.pick(EXTENSIONS)) }),
    sourcePort: 1024 + random.below(20),
    protocol,
    destinationPort: random.pick(PORTS[protocol]),
    flags: random.pick(FLAGS),
    tcpOptions: random.pick(SEGMENT_OPTIONS),
    chunks: [random.pick(CHUNKS)],
    sequence: random.uint32(),
    acknowledgement: random.uint32(),
    ttl: random.below(8) ? 64 : random.below(256),
    // Few, so that later fragments find their first one.
    identification: fragment < 2 ? random.below(8) : random.below(0x10000),
    moreFragments: fragment === 0,
    ...(fragment === 1 && { fragmentOffset: 1 + random.below(100) }),
    noChecksum: random.below(16) === 0,
    payload: new Uint8Array(length).fill(random.below(256)),
  };
}

const isIn = (network: Uint8Array, bytes: Uint8Array, at: number): boolean => sameBytes(network, 0, bytes, at, network.length);

/**
 * A frame comes from where its sender is: a server has a MAC address of its own, everybody else is behind a router. Nobody is a client who has
 * a server's or a virtual address: where such a frame should go, the director cannot be asked.
 */
function stamped(frame: Uint8Array, random: Random): Uint8Array {
  const view = viewOf(frame);
  if (view) {
    const { family, addresses, size } = view;
    const [servers, virtuals] = [SERVERS[family], VIRTUAL_NETWORKS[family]];
    const isRequest = isIn(virtuals, frame, addresses + size);
    if (isRequest && (isIn(servers, frame, addresses) || isIn(virtuals, frame, addresses))) frame[addresses] = ELSEWHERE[family];
    if (isIn(servers, frame, addresses)) {
      frame.set(serverMac(IpAddress.fromBytes(frame.subarray(addresses, addresses + size)) as IpAddress), 6);
      return frame;
    }
  }
  frame.set(ROUTERS[random.below(16) ? 0 : 1], 6);
  return frame;
}

function swap(bytes: Uint8Array, first: number, second: number, length: number): void {
  const kept = bytes.slice(first, first + length);
  bytes.copyWithin(first, second, second + length);
  bytes.set(kept, second);
}

function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}

/** The other end's answer, with right checksums; undefined where there is none. */
function answerTo({ bytes, addresses, size, body, protocol, end, at, family }: View, random: Random): Uint8Array | undefined {
  if (end < body + 8) return undefined;
  const answer = bytes.slice();
  answer.set(DIRECTOR_MAC, 0);
  answer[at + (family === 4 ? 8 : 7)] = 64;
  swap(answer, addresses, addresses + size, size);
  swap(answer, body, body + 2, 2);
  if (family === 4) {
    writeWord(answer, at + 10, 0);
    writeWord(answer, at + 10, fold(sum(answer, at, body)));
  }
  if (protocol !== PROTOCOL.tcp || end < body + 20) return answer;
  const flags = answer[body + 13] as number;
  answer[body + 13] = (flags & (SYN | ACK)) === SYN ? SYN | ACK : random.below(12) ? ACK : random.pick([FIN | ACK, RST, RST | ACK]);
  // What was acknowledged comes next; what came is acknowledged.
  swap(answer, body + 4, body + 8, 4);
  const view = new DataView(answer.buffer);
  if (flags & (SYN | FIN)) view.setUint32(body + 8, view.getUint32(body + 8) + 1);
  if ((flags & (SYN | ACK)) === SYN) view.setUint32(body + 4, random.uint32());
  writeWord(answer, body + 16, 0);
  writeWord(answer, body + 16, fold(sum(answer, body, end) + sum(answer, addresses, addresses + 2 * size) + protocol + end - body));
  return answer;
}

/** An error from whoever got the packet, or from a router on the way there, to whom it came from. */
function errorAbout(view: View, random: Random, isByRouter = false): Uint8Array | undefined {
  const { bytes, at, addresses, size, family } = view;
  if (bytes.length < at + size + 40) return undefined;
  const address = (from: number): string => String(IpAddress.fromBytes(bytes.subarray(from, from + size)));
  const [source, destination] = [address(addresses), address(addresses + size)];
  const quoted = bytes.slice(at, Math.min(bytes.length, view.end, at + (random.below(2) ? view.body - at + 8 : 500)));
  const [icmpType, icmpCode] = random.pick(ERRORS[family]);
  const protocol = family === 4 ? PROTOCOL.icmp : PROTOCOL.icmp6;
  const reporter = isByRouter ? ROUTER_ON_THE_WAY[family] : destination;
  return buildFrame({ source: reporter, destination: source, protocol, icmpType, icmpCode, icmpInfo: 1300, payload: quoted });
}

/** Of an answer that the servers of direct routing and tunnels send past the director: an error about it comes to the director. */
export function errorAboutAnswer(came: Uint8Array, random: Random): Uint8Array | undefined {
  const view = viewOf(came);
  if (!view || view.isLater || word(came, view.at) === 0) return undefined;
  const answer = answerTo(view, random);
  const answered = answer && viewOf(answer);
  return answered && errorAbout(answered, random);
}
