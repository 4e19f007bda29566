/** A frame in words: one line for each header, outermost first. */
import { ETHERNET_HEADER_LENGTH, ETHERTYPE_IPV4, ETHERTYPE_IPV6, formatMac, MAC_LENGTH } from '../../../wire/index.ts';
import { addressFrom } from './frame.ts';

const FLAGS = [
  [0x02, 'SYN'],
  [0x10, 'ACK'],
  [0x01, 'FIN'],
  [0x04, 'RST'],
] as const;
const GUE_HEADER = 4;
const GRE_HEADER = 4;
const UDP_HEADER = 8;
const TCP_HEADER = 20;
/** The option that names the client of a connection by full NAT: bpf/toa.h. */
const TOA_KIND = 254;
const TOA_LENGTHS = new Set([8, 20]);
const ICMP_HEADER = 8;
/** Addresses in brackets, as before a port. */
type Words = string[];

/** `tunnelPort`: what UDP to this port carries is GUE. */
export function describeFrame(frame: Uint8Array, tunnelPort = 0): string[] {
  const type = ((frame[12] as number) << 8) | (frame[13] as number);
  const words = [`Ethernet ${formatMac(frame.subarray(MAC_LENGTH, 2 * MAC_LENGTH))} > ${formatMac(frame.subarray(0, MAC_LENGTH))}`];
  describeNetwork(frame.subarray(ETHERNET_HEADER_LENGTH), type, tunnelPort, words);
  return words;
}

function describeNetwork(packet: Uint8Array, type: number, tunnelPort: number, words: Words): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (type === ETHERTYPE_IPV4 && packet.length >= 20) {
    const header = ((packet[0] as number) & 15) * 4;
    const ends = `${addressFrom(packet.subarray(12, 16))} > ${addressFrom(packet.subarray(16, 20))}`;
    words.push(`IPv4 ${ends}, TTL ${packet[8]}, ${view.getUint16(2)} bytes`);
    describeTransport(packet[9] as number, packet.subarray(header), tunnelPort, words);
  }
  if (type === ETHERTYPE_IPV6 && packet.length >= 40) {
    const ends = `${addressFrom(packet.subarray(8, 24))} > ${addressFrom(packet.subarray(24, 40))}`;
    words.push(`IPv6 ${ends}, hop limit ${packet[7]}, ${view.getUint16(4) + 40} bytes`);
    describeTransport(packet[6] as number, packet.subarray(40), tunnelPort, words);
  }
}

function describeTransport(protocol: number, body: Uint8Array, tunnelPort: number, words: Words): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const ports = (): string => `${view.getUint16(0)} > ${view.getUint16(2)}`;
  switch (protocol) {
    case 6: {
      const set = FLAGS.filter(([bit]) => ((body[13] ?? 0) & bit) !== 0).map(([, name]) => name);
      words.push(`TCP ${ports()}${set.length > 0 ? ` ${set.join(' ')}` : ''}${clientNamed(body)}`);
      return;
    }
    case 17:
      words.push(`UDP ${ports()}`);
      if (tunnelPort !== 0 && view.getUint16(2) === tunnelPort) describeGue(body.subarray(UDP_HEADER), words);
      return;
    case 132:
      words.push(`SCTP ${ports()}`);
      return;
    case 1:
    case 58:
      words.push(`${protocol === 1 ? 'ICMP' : 'ICMPv6'} type ${body[0]} code ${body[1]}`);
      // An error quotes the packet that it is about.
      if (protocol === 1 ? isError4(body[0] as number) : (body[0] as number) < 128) words.push(...quoted(body.subarray(ICMP_HEADER)));
      return;
    case 47:
      words.push('GRE');
      return describeNetwork(body.subarray(GRE_HEADER), view.getUint16(2), 0, words);
    case 4:
      return describeNetwork(body, ETHERTYPE_IPV4, 0, words);
    case 41:
      return describeNetwork(body, ETHERTYPE_IPV6, 0, words);
    default:
      words.push(`protocol ${protocol}`);
  }
}

/** By the option TOA, where it is the first. */
function clientNamed(segment: Uint8Array): string {
  const [kind, length = 0] = segment.subarray(TCP_HEADER);
  if (((segment[12] ?? 0) >> 4) * 4 < TCP_HEADER + length || kind !== TOA_KIND || !TOA_LENGTHS.has(length)) return '';
  const port = new DataView(segment.buffer, segment.byteOffset).getUint16(TCP_HEADER + 2);
  return `, client ${addressFrom(segment.subarray(TCP_HEADER + 4, TCP_HEADER + length))} ${port}`;
}

function describeGue(body: Uint8Array, words: Words): void {
  words.push('GUE');
  describeNetwork(body.subarray(GUE_HEADER), body[1] === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6, 0, words);
}

function isError4(type: number): boolean {
  return type === 3 || type === 11;
}

function quoted(packet: Uint8Array): string[] {
  const inner: Words = [];
  describeNetwork(packet, (packet[0] as number) >> 4 === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6, 0, inner);
  return inner.map((line) => `about ${line}`);
}
