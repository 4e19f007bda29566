/** Frames, one of each kind that the packet path treats differently, and what becomes of them. See xdp-packets.test.ts. */
import { real, tcp, udp, VIP } from '../compliance/harness.ts';
import { buildFrame, buildPacket, type FrameFields, PROTOCOL, ROUTER_MAC } from './xdp-frames.ts';
import { HOP_MTU, hopTo, type Rig, type RigOptions } from './xdp-support.ts';

const ETHERNET_HEADER = 14;
export const UDP: FrameFields = { protocol: PROTOCOL.udp, destinationPort: 53 };
const OPTIONS = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 0);

/** What came out. An ICMP error is written as [type, code, second word of its header]. */
export type Output = 'forwarded' | 'passed unchanged' | 'dropped' | readonly [number, number, number];

export interface Fixture {
  readonly name: string;
  /** Frames that go before. */
  readonly after?: readonly FrameFields[];
  readonly given?: (rig: Rig) => void;
  readonly frame: FrameFields | Uint8Array;
  readonly output: Output;
  /** The numbered reasons that the frame moved. */
  readonly reasons?: readonly string[];
  readonly resolve?: RigOptions['resolve'];
}

/** A right frame with some bytes overwritten; positions count from the IP header. */
function spoilt(fields: FrameFields, at: number, ...bytes: number[]): Uint8Array {
  const frame = buildFrame(fields);
  frame.set(bytes, ETHERNET_HEADER + at);
  return frame;
}

/** An ICMP error from a router on the client's way, about a segment that the server sent to the client. */
export function icmpError(type: number, quoted: Uint8Array): FrameFields {
  return { source: '10.0.0.254', protocol: PROTOCOL.icmp, icmpType: type, icmpCode: 0, payload: quoted };
}

export const ANSWER = buildPacket({ source: String(VIP), sourcePort: 80, destination: '10.0.0.1', destinationPort: 40_000, flags: 'A' });
const UDP_ANSWER = buildPacket({ ...UDP, source: String(VIP), sourcePort: 53, destination: '10.0.0.1', destinationPort: 40_000 });
const LATER_ANSWER = buildPacket({ source: String(VIP), destination: '10.0.0.1', fragmentOffset: 2 });
export const OPEN: readonly FrameFields[] = [{}, { flags: 'A' }];
export const FIRST_FRAGMENT: FrameFields = { ...UDP, moreFragments: true, payload: new Uint8Array(16), identification: 77 };
export const LATER_FRAGMENT: FrameFields = { ...UDP, fragmentOffset: 3, payload: new Uint8Array(16), identification: 77 };

export const FORWARDED: readonly Fixture[] = [
  { name: 'a SYN opens a connection', frame: {}, output: 'forwarded' },
  { name: 'a SYN with ACK opens a connection too', frame: { flags: 'SA' }, output: 'forwarded' },
  { name: 'a segment of a connection', after: OPEN, frame: { flags: 'A' }, output: 'forwarded' },
  { name: 'a segment of a connection with data', after: OPEN, frame: { flags: 'PA', payload: new Uint8Array(99) }, output: 'forwarded' },
  { name: 'a FIN of a connection', after: OPEN, frame: { flags: 'FA' }, output: 'forwarded' },
  { name: 'an RST of a connection', after: OPEN, frame: { flags: 'R' }, output: 'forwarded' },
  { name: 'a segment without any flag of a connection', after: OPEN, frame: { flags: '' }, output: 'forwarded' },
  { name: 'a SYN on an established connection', after: OPEN, frame: {}, output: 'forwarded' },
  { name: 'a segment as long as the link takes', after: OPEN, frame: { flags: 'A', payload: new Uint8Array(1460) }, output: 'forwarded' },
  { name: 'a SYN behind IP options', frame: { options: OPTIONS }, output: 'forwarded' },
  { name: 'a segment behind IP options', after: OPEN, frame: { flags: 'A', options: OPTIONS }, output: 'forwarded' },
  { name: 'a segment with one hop left behind us', after: OPEN, frame: { flags: 'A', ttl: 2 }, output: 'forwarded' },
  { name: 'a segment with the largest TTL', after: OPEN, frame: { flags: 'A', ttl: 255 }, output: 'forwarded' },
  { name: 'a short frame with Ethernet padding', frame: new Uint8Array([...buildFrame(), 0, 0, 0, 0, 0, 0]), output: 'forwarded' },
  { name: 'a UDP datagram', frame: { ...UDP, payload: new Uint8Array(32) }, output: 'forwarded' },
  { name: 'a UDP datagram without contents', frame: UDP, output: 'forwarded' },
  { name: 'the first fragment of a datagram', frame: FIRST_FRAGMENT, output: 'forwarded' },
  { name: 'a later fragment after the first', after: [FIRST_FRAGMENT], frame: LATER_FRAGMENT, output: 'forwarded' },
  {
    name: 'the last fragment, with a few bytes',
    after: [FIRST_FRAGMENT],
    frame: { ...LATER_FRAGMENT, payload: new Uint8Array(3) },
    output: 'forwarded',
  },
  { name: 'an ICMP error about a TCP connection', after: OPEN, frame: icmpError(3, ANSWER), output: 'forwarded' },
  { name: 'an ICMP error that quotes eight bytes', after: OPEN, frame: icmpError(11, ANSWER.subarray(0, 28)), output: 'forwarded' },
  { name: 'an ICMP error about a UDP connection', after: [UDP], frame: icmpError(3, UDP_ANSWER), output: 'forwarded' },
];

export const PASSED: readonly Fixture[] = [
  {
    name: 'a first fragment of another protocol that looks like a UDP connection',
    after: [UDP],
    frame: { protocol: 47, moreFragments: true, payload: buildPacket(UDP).subarray(20) },
    output: 'passed unchanged',
    reasons: ['PASS_PROTOCOL'],
  },
  {
    name: 'a later fragment of another protocol',
    frame: { protocol: 47, fragmentOffset: 3 },
    output: 'passed unchanged',
    reasons: ['PASS_PROTOCOL'],
  },
  {
    name: 'a later fragment of an ICMP message',
    frame: { protocol: PROTOCOL.icmp, fragmentOffset: 3 },
    output: 'passed unchanged',
    reasons: ['PASS_ICMP'],
  },

  { name: 'an ACK without a connection', frame: { flags: 'A' }, output: 'passed unchanged', reasons: ['PASS_NO_CONNECTION'] },
  { name: 'an RST without a connection', frame: { flags: 'R' }, output: 'passed unchanged', reasons: ['PASS_NO_CONNECTION'] },
  { name: 'SYN and RST at once', frame: { flags: 'SR' }, output: 'passed unchanged', reasons: ['PASS_NO_CONNECTION'] },
  { name: 'a segment without any flag', frame: { flags: '' }, output: 'passed unchanged', reasons: ['PASS_NO_CONNECTION'] },
  { name: 'a port without a service', frame: { destinationPort: 81 }, output: 'passed unchanged', reasons: ['PASS_NO_SERVICE'] },
  {
    name: 'UDP to the port of a TCP service',
    frame: { ...UDP, destinationPort: 80 },
    output: 'passed unchanged',
    reasons: ['PASS_NO_SERVICE'],
  },
  { name: 'an address without a service', frame: { destination: '10.9.9.8' }, output: 'passed unchanged' },
  {
    name: "another machine's MAC address",
    frame: { destinationMac: ROUTER_MAC },
    output: 'passed unchanged',
    reasons: ['PASS_FOREIGN_MAC'],
  },
  {
    name: 'the broadcast MAC address',
    frame: { destinationMac: new Uint8Array(6).fill(255) },
    output: 'passed unchanged',
    reasons: ['PASS_FOREIGN_MAC'],
  },
  { name: "active FTP's data port", frame: { sourcePort: 20 }, output: 'passed unchanged', reasons: ['PASS_FTP_DATA'] },
  { name: 'an ICMP echo request', frame: { protocol: PROTOCOL.icmp }, output: 'passed unchanged', reasons: ['PASS_ICMP'] },
  { name: 'an ICMP error about no connection', frame: icmpError(3, ANSWER), output: 'passed unchanged', reasons: ['PASS_ICMP'] },
  {
    name: 'an ICMP error that quotes too little',
    after: OPEN,
    frame: icmpError(3, ANSWER.subarray(0, 22)),
    output: 'passed unchanged',
    reasons: ['PASS_ICMP'],
  },
  {
    name: 'an ICMP error about a later fragment',
    after: OPEN,
    frame: icmpError(3, LATER_ANSWER),
    output: 'passed unchanged',
    reasons: ['PASS_ICMP'],
  },
  { name: 'a redirect', after: OPEN, frame: icmpError(5, ANSWER), output: 'passed unchanged', reasons: ['PASS_ICMP'] },
  {
    name: 'another protocol',
    frame: { protocol: 47, payload: new Uint8Array(40) },
    output: 'passed unchanged',
    reasons: ['PASS_PROTOCOL'],
  },
  {
    name: 'a packet that says it is longer than its frame',
    frame: spoilt({}, 2, 2, 0),
    output: 'passed unchanged',
    reasons: ['PASS_MALFORMED'],
  },
  {
    name: 'a packet that says it is shorter than its header',
    frame: spoilt({}, 2, 0, 19),
    output: 'passed unchanged',
    reasons: ['PASS_MALFORMED'],
  },
  { name: 'an IP header of four words', frame: spoilt({}, 0, 0x44), output: 'passed unchanged', reasons: ['PASS_MALFORMED'] },
  { name: 'an IP header that goes beyond the frame', frame: spoilt({}, 0, 0x4f), output: 'passed unchanged', reasons: ['PASS_MALFORMED'] },
  { name: 'another IP version', frame: spoilt({}, 0, 0x65), output: 'passed unchanged', reasons: ['PASS_MALFORMED'] },
  {
    name: 'a TCP header that is cut off',
    frame: buildFrame({ protocol: 6 }).subarray(0, 50),
    output: 'passed unchanged',
    reasons: ['PASS_MALFORMED'],
  },
  { name: 'a frame that ends in the IP header', frame: buildFrame().subarray(0, 30), output: 'passed unchanged' },
  { name: 'ARP', frame: { etherType: 0x0806 }, output: 'passed unchanged' },
  { name: 'a VLAN tag', frame: { etherType: 0x8100 }, output: 'passed unchanged' },
  {
    name: 'a server that is the director itself',
    resolve: () => 'local',
    frame: {},
    output: 'passed unchanged',
    reasons: ['PASS_LOCAL_SERVER'],
  },
];

export const REFUSED: readonly Fixture[] = [
  {
    name: 'an ICMP error with TTL 1, which no ICMP error may be about',
    after: OPEN,
    frame: { ...icmpError(3, ANSWER), ttl: 1 },
    output: 'dropped',
    reasons: ['REJECT_TTL_EXCEEDED'],
  },
  {
    name: 'a later fragment with TTL 1, which no ICMP error may be about',
    after: [FIRST_FRAGMENT],
    frame: { ...LATER_FRAGMENT, ttl: 1 },
    output: 'dropped',
    reasons: ['REJECT_TTL_EXCEEDED'],
  },
  {
    name: 'a port that does not exist',
    resolve: (address) => ({ ...hopTo(address), interfaceIndex: 0x7fff_ffff }),
    frame: {},
    output: 'dropped',
    reasons: ['DROP_NO_NEXT_HOP'],
  },

  { name: 'TTL 1 of a connection', after: OPEN, frame: { flags: 'A', ttl: 1 }, output: [11, 0, 0], reasons: ['REJECT_TTL_EXCEEDED'] },
  { name: 'TTL 1 behind IP options', frame: { ttl: 1, options: OPTIONS }, output: [11, 0, 0], reasons: ['REJECT_TTL_EXCEEDED'] },
  {
    name: 'a segment too long that may not be cut',
    after: OPEN,
    frame: { flags: 'A', dontFragment: true, payload: new Uint8Array(1461) },
    output: [3, 4, HOP_MTU],
    reasons: ['REJECT_TOO_BIG'],
  },
  {
    name: 'a segment too long that might be cut',
    after: OPEN,
    frame: { flags: 'A', payload: new Uint8Array(1461) },
    output: 'dropped',
    reasons: ['DROP_TOO_BIG'],
  },
  {
    name: 'a SYN when no server has a weight',
    given: ({ plane }) => plane.editServer(tcp(80), real(1, 0)),
    frame: {},
    output: [3, 3, 0],
    reasons: ['REJECT_NO_SERVER'],
  },
  {
    name: 'a datagram when there is no server',
    given: ({ plane }) => plane.deleteServer(udp(53), real(1, 1, { port: 53 })),
    frame: UDP,
    output: [3, 3, 0],
    reasons: ['REJECT_NO_SERVER'],
  },
  { name: 'a later fragment of an unknown datagram', frame: LATER_FRAGMENT, output: 'dropped', reasons: ['DROP_FRAGMENT_UNKNOWN'] },
  {
    name: 'a later fragment of another datagram',
    after: [FIRST_FRAGMENT],
    frame: { ...LATER_FRAGMENT, identification: 78 },
    output: 'dropped',
    reasons: ['DROP_FRAGMENT_UNKNOWN'],
  },
  {
    name: 'a server whose MAC address is not known',
    resolve: () => undefined,
    frame: {},
    output: 'dropped',
    reasons: ['DROP_NO_NEXT_HOP'],
  },
  {
    name: 'a connection whose server was deleted',
    after: OPEN,
    given: ({ plane }) => plane.deleteServer(tcp(80), real(1)),
    frame: { flags: 'A' },
    output: 'dropped',
    reasons: ['DROP_SERVER_DELETED'],
  },
  {
    name: 'an ICMP error about a connection whose server was deleted',
    after: OPEN,
    given: ({ plane }) => plane.deleteServer(tcp(80), real(1)),
    frame: icmpError(3, ANSWER),
    output: 'dropped',
    reasons: ['DROP_SERVER_DELETED'],
  },
];

/** A copy: the packet path may write into it. */
export function frameOf(what: FrameFields | Uint8Array): Uint8Array {
  return what instanceof Uint8Array ? what.slice() : buildFrame(what);
}
