/** The frame that a packet of a flow would come in. */
import { IpAddress as Ip, type IpAddress } from '../../../base/index.ts';
import type { TraceFlag, TraceFlow } from '../../../ports/index.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  encodeEthernet,
  encodeIpv4,
  encodeIpv6,
  internetChecksum,
  ipv4PseudoHeader,
  ipv6PseudoHeader,
} from '../../../wire/index.ts';

export const IP_PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;
const FLAG_BITS: Readonly<Record<TraceFlag, number>> = { syn: 0x02, ack: 0x10, fin: 0x11, rst: 0x04 };
const ACK = 0x10;
const HEADERS = { tcp: 20, udp: 8, icmp: 8, sctp: 12 + 20 } as const;
const IP_HEADERS = { 4: 20, 6: 40 } as const;
const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
const SCTP_INIT = 1;
const SCTP_DATA = 0;
const DEFAULT_HOPS = 64;
/** Where the checksum lies in each header; SCTP's is a CRC that nobody here looks at. */
const CHECKSUM_AT = { tcp: 16, udp: 6, icmp: 2 } as const;

/** Of the packet with its headers alone. */
export function shortestPacket({ protocol, destination }: TraceFlow): number {
  return IP_HEADERS[destination.family] + HEADERS[protocol];
}

/** What a TCP segment says. */
export interface Segment {
  readonly flag: TraceFlag;
  /** A server's: its SYN acknowledges the client's. */
  readonly isReply: boolean;
  readonly sequence: number;
  readonly acknowledged: number;
}

/** Whole, with right checksums, so that what the packet path makes of it can be judged. */
export function frameOf(
  flow: TraceFlow,
  segment: Segment,
  macs: { readonly destination: Uint8Array; readonly source: Uint8Array },
): Uint8Array {
  const { source, destination, length = shortestPacket(flow), hops = DEFAULT_HOPS } = flow;
  const body = new Uint8Array(length - IP_HEADERS[destination.family]);
  writeTransport(flow, segment, body);
  const header = { ...macs, etherType: destination.family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6 };
  if (destination.family === 4) {
    // TCP finds the way's MTU by packets that nobody may cut; datagrams are cut where they have to be.
    const dontFragment = flow.protocol === 'tcp';
    const ip = { typeOfService: 0, identification: 0, dontFragment, moreFragments: false, fragmentOffset: 0, options: new Uint8Array() };
    return encodeEthernet(header, encodeIpv4({ ...ip, ttl: hops, protocol: IP_PROTOCOLS[flow.protocol], source, destination }, body));
  }
  const nextHeader = flow.protocol === 'icmp' ? IP_PROTOCOLS.icmp6 : IP_PROTOCOLS[flow.protocol];
  return encodeEthernet(header, encodeIpv6({ trafficClass: 0, flowLabel: 0, nextHeader, hopLimit: hops, source, destination }, body));
}

function writeTransport(flow: TraceFlow, segment: Segment, body: Uint8Array): void {
  const { protocol, source, destination, sourcePort, destinationPort } = flow;
  const view = new DataView(body.buffer);
  if (protocol === 'icmp') body[0] = ECHO_REQUEST[destination.family];
  else {
    view.setUint16(0, sourcePort);
    view.setUint16(2, destinationPort);
  }
  if (protocol === 'tcp') {
    const flags = FLAG_BITS[segment.flag] | (segment.isReply && segment.flag === 'syn' ? ACK : 0);
    view.setUint32(4, segment.sequence);
    view.setUint32(8, flags & ACK ? segment.acknowledged : 0);
    body[12] = 5 << 4;
    body[13] = flags;
    view.setUint16(14, 0xffff);
  }
  if (protocol === 'udp') view.setUint16(4, body.length);
  if (protocol === 'sctp') {
    body[12] = segment.flag === 'syn' ? SCTP_INIT : SCTP_DATA;
    view.setUint16(14, body.length - 12);
    return;
  }
  view.setUint16(CHECKSUM_AT[protocol], checksumOf(protocol, source, destination, body));
}

function checksumOf(protocol: 'tcp' | 'udp' | 'icmp', source: IpAddress, destination: IpAddress, body: Uint8Array): number {
  if (destination.family === 4 && protocol === 'icmp') return internetChecksum(body);
  const pseudo =
    destination.family === 4
      ? ipv4PseudoHeader(source, destination, IP_PROTOCOLS[protocol], body.length)
      : ipv6PseudoHeader(source, destination, protocol === 'icmp' ? IP_PROTOCOLS.icmp6 : IP_PROTOCOLS[protocol], body.length);
  return internetChecksum(Uint8Array.of(...pseudo, ...body)) || (protocol === 'udp' ? 0xffff : 0);
}

/** For source addresses of frames: nobody's. */
export const NOBODYS_MAC: Uint8Array = Uint8Array.of(0x02, 0, 0, 0, 0, 1);

/** The address in these bytes. */
export function addressFrom(bytes: Uint8Array): IpAddress {
  return Ip.fromBytes(bytes) as IpAddress;
}
