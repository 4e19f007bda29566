/** What the forwarding methods may change in a packet: the hop, the addresses and ports, TOA, the SYN proxy's numbers; and nothing else. */

import { bodyError, headerError, isAssociationRight, long, sameBytes, sum, type View, viewOf, word } from './random-view.ts';
import type { Behind } from './random-world.ts';
import { PROTOCOL } from './xdp-frames.ts';

const GRE = 47;
const IPIP = 4;
const IP6_IN_IP = 41;
const ACK = 0x10;
const TOA_KIND = 254;
const UNKNOWN_KIND = 253;
const NOP_KIND = 1;
const SACK_KIND = 5;
export const TOA_LENGTH = { 4: 8, 6: 20 } as const;

/** A rule that was broken. */
export function hold(rule: boolean, what: string): asserts rule {
  if (!rule) throw new Error(what);
}

export function checkHop(before: View, after: View): void {
  hold(before.ttl > 1 && after.ttl === before.ttl - 1, 'the TTL is not one less');
  hold(before.family === after.family && before.protocol === after.protocol, 'it is of another family or protocol');
}

/** Everything in the IP header that no method changes. */
export function checkHeaderKept(before: View, after: View, grown: number): void {
  const [first, second] = [before.bytes, after.bytes];
  hold(before.body - before.at === after.body - after.at, 'the header’s length changed');
  hold(sameBytes(first, before.at, second, after.at, before.family === 4 ? 2 : 4), 'the traffic class changed');
  const length = before.at + (before.family === 4 ? 2 : 4);
  hold(word(second, length) === word(first, length) + grown, 'the length in the header is not right');
  if (before.family === 4) hold(sameBytes(first, before.at + 4, second, after.at + 4, 4), 'number or fragment changed');
  const behind = before.addresses + 2 * before.size;
  hold(sameBytes(first, behind, second, behind, before.body - behind), 'options or extension headers changed');
  if (before.family === 4) hold(headerError(before) === headerError(after), 'the header’s checksum is not as right as it was');
}

export const isBodyKept = (before: View, after: View, from: number, grown: number): boolean =>
  before.end - from === after.end - from - grown && sameBytes(before.bytes, from, after.bytes, from + grown, before.end - from);

/** Nothing but the hop, whose header may be anywhere in the frame. */
export function checkUntouched(before: View, after: View): void {
  checkHop(before, after);
  const [first, second] = [before.bytes, after.bytes];
  const ttl = before.family === 4 ? 8 : 7;
  const length = first.length - before.at;
  hold(length === second.length - after.at, 'the length changed');
  hold(sameBytes(first, before.at, second, after.at, ttl), 'the packet changed');
  const rest = before.family === 4 ? 12 : 8;
  hold(sameBytes(first, before.at + rest, second, after.at + rest, length - rest), 'the packet changed');
  if (before.family === 6) return;
  hold(first[before.at + 9] === second[after.at + 9], 'the protocol changed');
  hold(headerError(before) === headerError(after), 'the header’s checksum is not as right as it was');
}

export function checkTunnel(before: View, after: View, { server, address, tunnelSource }: Behind): void {
  const { bytes, family, size } = after;
  const tunnel = server.tunnel;
  hold(tunnel !== undefined && address.length === size, 'the tunnel is of another family');
  hold(sameBytes(bytes, after.addresses, tunnelSource, 0, size), 'the tunnel starts elsewhere');
  hold(sameBytes(bytes, after.addresses + size, address, 0, size), 'the tunnel ends elsewhere');
  hold(after.ttl === before.ttl - 1, 'the tunnel has another TTL');
  if (family === 4) hold(headerError(after) === 0, 'the tunnel’s header has a wrong checksum');
  const inside = before.family === 4 ? IPIP : IP6_IN_IP;
  const hasSum = tunnel.checksum === 'csum';
  const between = tunnel.type === 'ipip' ? 0 : tunnel.type === 'gre' ? (hasSum ? 8 : 4) : 12;
  const wanted = { ipip: inside, gre: GRE, gue: PROTOCOL.udp }[tunnel.type];
  const header = family === 4 ? 20 : 40;
  const outerProtocol = bytes[after.at + (family === 4 ? 9 : 6)];
  hold(outerProtocol === wanted, 'the tunnel is of another kind');
  const start = after.at + header;
  const said = word(before.bytes, before.at + (before.family === 4 ? 2 : 4)) + (before.family === 4 ? 0 : 40);
  hold(word(bytes, after.at + (family === 4 ? 2 : 4)) === said + between + (family === 4 ? header : 0), 'the tunnel’s length is wrong');
  if (tunnel.type === 'gre') {
    hold(
      word(bytes, start) === (hasSum ? 0x8000 : 0) && word(bytes, start + 2) === (before.family === 4 ? 0x0800 : 0x86dd),
      'no GRE header',
    );
    if (hasSum) hold(sum(bytes, start, start + between + said) % 0xffff === 0, 'GRE’s checksum is wrong');
  }
  if (tunnel.type === 'gue') {
    hold(
      word(bytes, start + 2) === tunnel.port && word(bytes, start + 4) === said + between && bytes[start + 9] === inside,
      'no GUE header',
    );
    const check = word(bytes, start + 6);
    hold(hasSum ? check !== 0 : check === 0, 'GUE’s checksum is there or not, unasked');
    if (hasSum) hold(bodyError({ ...after, body: start, end: start + between + said }, true) === 0, 'GUE’s checksum is wrong');
  }
  const inner = viewOf(bytes, start + between);
  hold(inner !== undefined, 'nothing is in the tunnel');
  checkUntouched(before, inner);
}

/** TCP's and UDP's checksums stay as wrong as they were; SCTP's counts no address and cannot: right stays right. */
export function checkSums(before: View, after: View): void {
  if (before.protocol === PROTOCOL.sctp) {
    hold(before.isFragment || !isAssociationRight(before) || isAssociationRight(after), 'SCTP’s checksum is wrong');
    return;
  }
  if (before.protocol === PROTOCOL.udp) {
    const [was, is] = [word(before.bytes, before.body + 6), word(after.bytes, after.body + 6)];
    hold((was === 0) === (is === 0), 'a UDP checksum came or went');
    if (was === 0) return;
  }
  hold(bodyError(before, true) === bodyError(after, true), 'the checksum is not as right as it was');
}

/** Behind ports, checksums, and TCP's numbers and options, which the SYN proxy and full NAT may change. */
export function isPayloadKept(before: View, after: View): boolean {
  const header = (view: View): number =>
    view.protocol === PROTOCOL.tcp
      ? Math.max(20, 4 * ((view.bytes[view.body + 12] as number) >> 4))
      : view.protocol === PROTOCOL.sctp
        ? 12
        : 8;
  const [from, to] = [before.body + header(before), after.body + header(after)];
  const length = before.end - from;
  return length === after.end - to && (length <= 0 || sameBytes(before.bytes, from, after.bytes, to, length));
}

/** TOA, behind TCP's fixed header: the client's port and address. */
export function checkOption(before: View, after: View): void {
  const at = after.body + 20;
  hold(after.bytes[at] === TOA_KIND && after.bytes[at + 1] === TOA_LENGTH[after.family], 'what was put in is not TOA');
  hold(word(after.bytes, at + 2) === word(before.bytes, before.body), 'TOA says another port');
  hold(sameBytes(after.bytes, at + 4, before.bytes, before.addresses, before.size), 'TOA says another client');
}

/**
 * A client's segment, behind its ports and beside its checksum, is as it came. But full NAT renames what the client gave out as TOA; and the SYN
 * proxy moves everything that is acknowledged by one number, the difference between the server's numbers and those that it told the client.
 */
export function checkSegment(before: View, after: View, { virtual, server }: Behind, grown: number): void {
  const wanted = before.bytes.slice(before.body, before.end);
  const header = ((wanted[12] as number) >> 4) * 4;
  if (server.method === 'fullnat' && header > 20 && wanted[20] === TOA_KIND) wanted[20] = UNKNOWN_KIND;
  if (virtual.service.defence?.synProxy && (wanted[13] as number) & ACK) {
    const [was, is] = [long(before.bytes, before.body + 8), long(after.bytes, after.body + 8)];
    for (const at of [8, ...selectiveNumbers(wanted, header)]) new DataView(wanted.buffer).setUint32(at, long(wanted, at) + is - was);
  }
  wanted[12] = (wanted[12] as number) + grown * 4;
  hold(sameBytes(wanted, 4, after.bytes, after.body + 4, 12), 'the TCP header changed');
  hold(sameBytes(wanted, 18, after.bytes, after.body + 18, 2), 'the urgent pointer changed');
  hold(sameBytes(wanted, 20, after.bytes, after.body + 20 + grown, wanted.length - 20), 'options or payload changed');
}

/** Where the numbers of a segment's selective acknowledgements are; of more than one such option those of the last. */
function selectiveNumbers(segment: Uint8Array, header: number): number[] {
  let numbers: number[] = [];
  for (let at = 20; at < header && segment[at]; ) {
    const length = segment[at] === NOP_KIND ? 1 : (segment[at + 1] as number);
    if (segment[at] !== NOP_KIND && (!(length >= 2) || at + length > header)) break;
    const blocks = segment[at] === SACK_KIND ? Math.floor((length - 2) / 8) : 0;
    const first = at + 2;
    if (segment[at] === SACK_KIND) numbers = Array.from({ length: 2 * blocks }, (_, number) => first + 4 * number);
    at += length;
  }
  return numbers.filter((at) => at + 4 <= segment.length);
}
