/** IPv6 frames, one of each kind that the packet path treats differently, and what becomes of them. See xdp-ipv6.test.ts. */
import type { RealServer, ServiceKey } from '../../src/model/index.ts';
import { ip, real, tcp } from '../compliance/harness.ts';
import type { Fixture } from './xdp-fixtures.ts';
import { buildFrame, buildPacket, EXTENSION, type FrameFields, PROTOCOL, ROUTER_MAC } from './xdp-frames.ts';
import { HOP_MTU, hopTo } from './xdp-support.ts';

const ETHERNET_HEADER = 14;
const NEXT_HEADER = 6;
const NOTHING = 59;
const ESP = 50;
const NEIGHBOUR_SOLICITATION = 135;
export const VIP6 = ip('fd00:9::9');
export const CLIENT6 = 'fd00::1';
/** What makes a frame of the usual client one to the virtual address. */
export const TO: FrameFields = { source: CLIENT6, destination: String(VIP6) };
export const UDP6: FrameFields = { ...TO, protocol: PROTOCOL.udp, destinationPort: 53 };
const { hopByHop, routing, destination, fragment } = EXTENSION;

/** Real server N over IPv6 is fd00:2::N. */
export function real6(number: number, weight = 1, more: Partial<RealServer> = {}): RealServer {
  return real(1, weight, { address: ip(`fd00:2::${number.toString(16)}`), ...more });
}

export function tcp6(port: number, address = VIP6): ServiceKey {
  return tcp(port, address);
}

export function udp6(port: number): ServiceKey {
  return { kind: 'address', protocol: 'udp', address: VIP6, port };
}

/** A right frame with some bytes overwritten; positions count from the IP header. */
function spoilt(fields: FrameFields, at: number, ...bytes: number[]): Uint8Array {
  const frame = buildFrame({ ...TO, ...fields });
  frame.set(bytes, ETHERNET_HEADER + at);
  return frame;
}

/** An ICMPv6 error from a router on the client's way, about a segment that the server sent to the client. */
export function icmp6Error(type: number, quoted: Uint8Array): FrameFields {
  return { ...TO, source: 'fd00::fe', protocol: PROTOCOL.icmp6, icmpType: type, icmpCode: 0, payload: quoted };
}

const FROM: FrameFields = { source: String(VIP6), destination: CLIENT6 };
export const ANSWER6 = buildPacket({ ...FROM, sourcePort: 80, destinationPort: 40_000, flags: 'A' });
const UDP_ANSWER = buildPacket({ ...FROM, protocol: PROTOCOL.udp, sourcePort: 53, destinationPort: 40_000 });
const EXTENDED_ANSWER = buildPacket({ ...FROM, extensions: [destination], sourcePort: 80, destinationPort: 40_000, flags: 'A' });
const LATER_ANSWER = buildPacket({ ...FROM, fragmentOffset: 2 });
export const OPEN6: readonly FrameFields[] = [TO, { ...TO, flags: 'A' }];
export const FIRST_FRAGMENT6: FrameFields = { ...UDP6, moreFragments: true, payload: new Uint8Array(16), identification: 0x1_2345 };
export const LATER_FRAGMENT6: FrameFields = { ...UDP6, fragmentOffset: 3, payload: new Uint8Array(16), identification: 0x1_2345 };

export const FORWARDED6: readonly Fixture[] = [
  { name: 'a SYN opens a connection', frame: TO, output: 'forwarded' },
  { name: 'a segment of a connection', after: OPEN6, frame: { ...TO, flags: 'A' }, output: 'forwarded' },
  { name: 'a segment with data', after: OPEN6, frame: { ...TO, flags: 'PA', payload: new Uint8Array(99) }, output: 'forwarded' },
  { name: 'a FIN of a connection', after: OPEN6, frame: { ...TO, flags: 'FA' }, output: 'forwarded' },
  { name: 'an RST of a connection', after: OPEN6, frame: { ...TO, flags: 'R' }, output: 'forwarded' },
  { name: 'a SYN on an established connection', after: OPEN6, frame: TO, output: 'forwarded' },
  { name: 'a segment as long as the link takes', after: OPEN6, frame: { ...TO, payload: new Uint8Array(1440) }, output: 'forwarded' },
  { name: 'a segment with one hop left behind us', after: OPEN6, frame: { ...TO, flags: 'A', ttl: 2 }, output: 'forwarded' },
  { name: 'a short frame with Ethernet padding', frame: new Uint8Array([...buildFrame(TO), 0, 0, 0, 0]), output: 'forwarded' },
  { name: 'a UDP datagram', frame: { ...UDP6, payload: new Uint8Array(32) }, output: 'forwarded' },
  { name: 'a UDP datagram without contents', frame: UDP6, output: 'forwarded' },
  ...[
    [hopByHop],
    [routing],
    [destination],
    [hopByHop, destination, routing],
    [hopByHop, destination, routing, destination, destination],
  ].map((extensions): Fixture => ({ name: `a SYN behind the headers ${extensions}`, frame: { ...TO, extensions }, output: 'forwarded' })),
  {
    name: 'a segment behind a header',
    after: OPEN6,
    frame: { ...TO, flags: 'A', extensions: [destination] },
    output: 'forwarded',
  },
  { name: 'an atomic fragment', frame: { ...TO, fragmentOffset: 0 }, output: 'forwarded' },
  { name: 'the first fragment of a datagram', frame: FIRST_FRAGMENT6, output: 'forwarded' },
  { name: 'a later fragment after the first', after: [FIRST_FRAGMENT6], frame: LATER_FRAGMENT6, output: 'forwarded' },
  {
    name: 'a later fragment after a first of an old connection',
    after: [UDP6, FIRST_FRAGMENT6],
    frame: LATER_FRAGMENT6,
    output: 'forwarded',
  },
  {
    name: 'the last fragment, with a few bytes',
    after: [FIRST_FRAGMENT6],
    frame: { ...LATER_FRAGMENT6, payload: new Uint8Array(3) },
    output: 'forwarded',
  },
  {
    name: 'a later fragment that names another header than the first',
    after: [FIRST_FRAGMENT6],
    frame: { ...LATER_FRAGMENT6, protocol: destination },
    output: 'forwarded',
  },
  {
    name: 'a later fragment behind a header',
    after: [{ ...FIRST_FRAGMENT6, extensions: [hopByHop] }],
    frame: { ...LATER_FRAGMENT6, extensions: [hopByHop] },
    output: 'forwarded',
  },
  ...[1, 2, 3, 4].map(
    (type): Fixture => ({
      name: `an ICMPv6 error of type ${type} about a TCP connection`,
      after: OPEN6,
      frame: icmp6Error(type, ANSWER6),
      output: 'forwarded',
    }),
  ),
  { name: 'an ICMPv6 error that quotes four bytes', after: OPEN6, frame: icmp6Error(3, ANSWER6.subarray(0, 44)), output: 'forwarded' },
  { name: 'an ICMPv6 error about a UDP connection', after: [UDP6], frame: icmp6Error(1, UDP_ANSWER), output: 'forwarded' },
  { name: 'an ICMPv6 error that quotes a header', after: OPEN6, frame: icmp6Error(1, EXTENDED_ANSWER), output: 'forwarded' },
  {
    name: 'an ICMPv6 error behind a header',
    after: OPEN6,
    frame: { ...icmp6Error(1, ANSWER6), extensions: [destination] },
    output: 'forwarded',
  },
];

const PASS = 'passed unchanged';

export const PASSED6: readonly Fixture[] = [
  { name: 'an ACK without a connection', frame: { ...TO, flags: 'A' }, output: PASS, reasons: ['PASS_NO_CONNECTION'] },
  { name: 'an RST without a connection', frame: { ...TO, flags: 'R' }, output: PASS, reasons: ['PASS_NO_CONNECTION'] },
  { name: 'SYN and RST at once', frame: { ...TO, flags: 'SR' }, output: PASS, reasons: ['PASS_NO_CONNECTION'] },
  { name: 'a port without a service', frame: { ...TO, destinationPort: 81 }, output: PASS, reasons: ['PASS_NO_SERVICE'] },
  { name: 'UDP to the port of a TCP service', frame: { ...UDP6, destinationPort: 80 }, output: PASS, reasons: ['PASS_NO_SERVICE'] },
  { name: 'an address without a service', frame: { ...TO, destination: 'fd00:9::8' }, output: PASS },
  // The fold is that of the virtual address, and so the filter lets it through.
  {
    name: 'another address with the same words in another order',
    frame: { ...TO, destination: '::9:fd00:9' },
    output: PASS,
    reasons: ['PASS_NO_SERVICE'],
  },
  { name: "another machine's MAC address", frame: { ...TO, destinationMac: ROUTER_MAC }, output: PASS, reasons: ['PASS_FOREIGN_MAC'] },
  { name: "active FTP's data port", frame: { ...TO, sourcePort: 20 }, output: PASS, reasons: ['PASS_FTP_DATA'] },
  { name: 'an echo request', frame: { ...TO, protocol: 58, icmpType: 128 }, output: PASS, reasons: ['PASS_ICMP'] },
  {
    name: 'a neighbour solicitation for the virtual address',
    frame: { ...TO, protocol: 58, icmpType: NEIGHBOUR_SOLICITATION, ttl: 255, payload: VIP6.bytes },
    output: PASS,
    reasons: ['PASS_ICMP'],
  },
  {
    name: 'a neighbour solicitation to the many whose address ends alike',
    frame: {
      source: 'fe80::1',
      destination: 'ff02::1:ff00:9',
      destinationMac: Uint8Array.of(0x33, 0x33, 0xff, 0, 0, 9),
      protocol: 58,
      icmpType: NEIGHBOUR_SOLICITATION,
      payload: VIP6.bytes,
    },
    output: PASS,
  },
  { name: 'TCP to a link-local address', frame: { source: 'fe80::1', destination: 'fe80::2' }, output: PASS },
  { name: 'an ICMPv6 error about no connection', frame: icmp6Error(1, ANSWER6), output: PASS, reasons: ['PASS_ICMP'] },
  ...[40, 43, 20, 0].map(
    (length): Fixture => ({
      name: `an ICMPv6 error that quotes ${length} bytes`,
      after: OPEN6,
      frame: icmp6Error(1, ANSWER6.subarray(0, length)),
      output: PASS,
      reasons: ['PASS_ICMP'],
    }),
  ),
  {
    name: 'an ICMPv6 error to another address than the quoted packet came from',
    after: OPEN6,
    frame: { ...icmp6Error(1, ANSWER6), destination: '::9:fd00:9' },
    output: PASS,
    reasons: ['PASS_ICMP'],
  },
  {
    name: 'an ICMPv6 error about a later fragment',
    after: OPEN6,
    frame: icmp6Error(1, LATER_ANSWER),
    output: PASS,
    reasons: ['PASS_ICMP'],
  },
  { name: 'a redirect', after: OPEN6, frame: icmp6Error(137, ANSWER6), output: PASS, reasons: ['PASS_ICMP'] },
  { name: 'a later fragment of ICMPv6', frame: { ...TO, protocol: 58, fragmentOffset: 3 }, output: PASS, reasons: ['PASS_ICMP'] },
  { name: 'no next header', frame: { ...TO, protocol: NOTHING, payload: new Uint8Array(8) }, output: PASS, reasons: ['PASS_PROTOCOL'] },
  { name: 'another protocol', frame: { ...TO, protocol: ESP, payload: new Uint8Array(40) }, output: PASS, reasons: ['PASS_PROTOCOL'] },
  {
    name: 'a later fragment of another protocol',
    frame: { ...TO, protocol: ESP, fragmentOffset: 3 },
    output: PASS,
    reasons: ['PASS_PROTOCOL'],
  },
  {
    name: 'a routing header with a segment left',
    frame: spoilt({ extensions: [routing] }, 43, 1),
    output: PASS,
    reasons: ['PASS_PROTOCOL'],
  },
  {
    name: 'more headers than anybody sends',
    frame: { ...TO, extensions: Array<number>(7).fill(destination) },
    output: PASS,
    reasons: ['PASS_PROTOCOL'],
  },
  { name: 'two fragment headers', frame: spoilt({ moreFragments: true }, 40, fragment), output: PASS, reasons: ['PASS_PROTOCOL'] },
  {
    name: 'a header that goes beyond the frame',
    frame: spoilt({ extensions: [destination] }, 41, 200),
    output: PASS,
    reasons: ['PASS_MALFORMED'],
  },
  { name: 'a header longer than any', frame: spoilt({ extensions: [destination] }, 41, 255), output: PASS, reasons: ['PASS_MALFORMED'] },
  { name: 'a packet that says it is longer than its frame', frame: spoilt({}, 4, 2, 0), output: PASS, reasons: ['PASS_MALFORMED'] },
  { name: 'a packet without a length', frame: spoilt({}, 4, 0, 0), output: PASS, reasons: ['PASS_MALFORMED'] },
  { name: 'a packet too short for ports', frame: spoilt({}, 4, 0, 7), output: PASS, reasons: ['PASS_MALFORMED'] },
  { name: 'another IP version', frame: spoilt({}, 0, 0x45), output: PASS, reasons: ['PASS_MALFORMED'] },
  { name: 'a frame that ends in the IP header', frame: buildFrame(TO).subarray(0, 50), output: PASS },
  { name: 'a first header that is none', frame: spoilt({}, NEXT_HEADER, 99), output: PASS, reasons: ['PASS_PROTOCOL'] },
  { name: 'a TCP header that is cut off', frame: cutTcp(), output: PASS, reasons: ['PASS_MALFORMED'] },
  { name: 'a server that is the director itself', resolve: () => 'local', frame: TO, output: PASS, reasons: ['PASS_LOCAL_SERVER'] },
];

/** A frame that ends in the TCP header, and says so. */
function cutTcp(): Uint8Array {
  const frame = buildFrame(TO).subarray(0, ETHERNET_HEADER + 40 + 12);
  frame.set([0, 12], ETHERNET_HEADER + 4);
  return frame;
}

export const REFUSED6: readonly Fixture[] = [
  {
    name: 'a hop limit of 1 of a connection',
    after: OPEN6,
    frame: { ...TO, flags: 'A', ttl: 1 },
    output: [3, 0, 0],
    reasons: ['REJECT_TTL_EXCEEDED'],
  },
  {
    name: 'a hop limit of 0 behind a header',
    frame: { ...TO, ttl: 0, extensions: [hopByHop] },
    output: [3, 0, 0],
    reasons: ['REJECT_TTL_EXCEEDED'],
  },
  {
    name: 'an ICMPv6 error with hop limit 1, which no ICMPv6 error may be about',
    after: OPEN6,
    frame: { ...icmp6Error(1, ANSWER6), ttl: 1 },
    output: 'dropped',
    reasons: ['REJECT_TTL_EXCEEDED'],
  },
  {
    name: 'a later fragment with hop limit 1',
    after: [FIRST_FRAGMENT6],
    frame: { ...LATER_FRAGMENT6, ttl: 1 },
    output: 'dropped',
    reasons: ['REJECT_TTL_EXCEEDED'],
  },
  ...[1441, 1442, 1443, 1444].map(
    (length): Fixture => ({
      name: `a segment of ${length} bytes, which is too long`,
      after: OPEN6,
      frame: { ...TO, flags: 'A', payload: Uint8Array.from({ length }, (_, at) => at * 7) },
      output: [2, 0, HOP_MTU],
      reasons: ['REJECT_TOO_BIG'],
    }),
  ),
  ...[0, 1, 2, 3, 1170, 1171, 1172, 1173].map(
    (length): Fixture => ({
      name: `a SYN with ${length} bytes when no server has a weight`,
      given: ({ plane }) => plane.editServer(tcp6(80), real6(1, 0)),
      frame: { ...TO, payload: Uint8Array.from({ length }, (_, at) => 255 - at) },
      output: [1, 4, 0],
      reasons: ['REJECT_NO_SERVER'],
    }),
  ),
  {
    name: 'a datagram when there is no server',
    given: ({ plane }) => plane.deleteServer(udp6(53), real6(1, 1, { port: 53 })),
    frame: UDP6,
    output: [1, 4, 0],
    reasons: ['REJECT_NO_SERVER'],
  },
  {
    name: 'a later fragment of an unknown datagram',
    frame: { ...LATER_FRAGMENT6, identification: 0x9_9999 },
    output: 'dropped',
    reasons: ['DROP_FRAGMENT_UNKNOWN'],
  },
  {
    name: 'a later fragment of another datagram',
    after: [FIRST_FRAGMENT6],
    frame: { ...LATER_FRAGMENT6, identification: 0x2_2345 },
    output: 'dropped',
    reasons: ['DROP_FRAGMENT_UNKNOWN'],
  },
  {
    name: 'a server whose MAC address is not known',
    resolve: () => undefined,
    frame: TO,
    output: 'dropped',
    reasons: ['DROP_NO_NEXT_HOP'],
  },
  {
    name: 'a port that does not exist',
    resolve: (address) => ({ ...hopTo(address), interfaceIndex: 0x7fff_ffff }),
    frame: TO,
    output: 'dropped',
    reasons: ['DROP_NO_NEXT_HOP'],
  },
  {
    name: 'a connection whose server was deleted',
    after: OPEN6,
    given: ({ plane }) => plane.deleteServer(tcp6(80), real6(1)),
    frame: { ...TO, flags: 'A' },
    output: 'dropped',
    reasons: ['DROP_SERVER_DELETED'],
  },
  {
    name: 'an ICMPv6 error about a connection whose server was deleted',
    after: OPEN6,
    given: ({ plane }) => plane.deleteServer(tcp6(80), real6(1)),
    frame: icmp6Error(1, ANSWER6),
    output: 'dropped',
    reasons: ['DROP_SERVER_DELETED'],
  },
];
