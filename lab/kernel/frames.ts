/** Ethernet frames for the virtual machine: as little of each protocol as IPVS reads. */
import type { IpAddress } from '../../src/base/index.ts';
import type { Protocol } from '../../src/model/index.ts';
import { encodeIpv4 } from '../../src/wire/index.ts';
import { INGRESS_MAC } from './plan.ts';

const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
const FLAG_BITS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, A: 16 };
const SOURCE_MAC = '020000000002';

export interface FrameOptions {
  readonly protocol: Protocol;
  readonly source: IpAddress;
  readonly sourcePort: number;
  readonly target: IpAddress;
  readonly targetPort: number;
  /** TCP flags as letters of S, A, F, R. */
  readonly flags?: string;
  /** SCTP: the types of the chunks. */
  readonly chunks?: readonly number[];
  /** UDP: what it carries. */
  readonly payload?: Uint8Array;
}

/** The frame as hexadecimal digits. */
export function frameOf(options: FrameOptions): string {
  const { source, target, protocol } = options;
  const transport = { tcp, udp, sctp }[protocol](options);
  const v4 = source.family === 4;
  const packet = v4
    ? ipv4(source, target, PROTOCOL_NUMBERS[protocol], transport)
    : ipv6(source, target, PROTOCOL_NUMBERS[protocol], transport);
  // A multicast group has a hardware address of its own.
  const to = target.isMulticast() ? `01005e${hex(target.bytes).slice(2)}` : INGRESS_MAC;
  return `${to}${SOURCE_MAC}${v4 ? '0800' : '86dd'}${hex(packet)}`;
}

function ipv4(source: IpAddress, destination: IpAddress, protocol: number, payload: Uint8Array): Uint8Array {
  const fixed = { typeOfService: 0, identification: 0, dontFragment: true, moreFragments: false, fragmentOffset: 0, ttl: 64 };
  return encodeIpv4({ ...fixed, protocol, source, destination, options: new Uint8Array() }, payload);
}

function ipv6(source: IpAddress, target: IpAddress, protocol: number, payload: Uint8Array): Uint8Array {
  const packet = Buffer.alloc(40 + payload.length);
  packet[0] = 0x60;
  packet.writeUInt16BE(payload.length, 4);
  packet[6] = protocol;
  packet[7] = 64;
  packet.set(source.bytes, 8);
  packet.set(target.bytes, 24);
  packet.set(payload, 40);
  return packet;
}

function tcp({ sourcePort, targetPort, flags = '' }: FrameOptions): Uint8Array {
  const segment = Buffer.alloc(20);
  segment.writeUInt16BE(sourcePort, 0);
  segment.writeUInt16BE(targetPort, 2);
  segment[12] = 0x50;
  segment[13] = [...flags].reduce((bits, letter) => bits | (FLAG_BITS[letter] ?? 0), 0);
  return segment;
}

function udp({ sourcePort, targetPort, payload = new Uint8Array(4) }: FrameOptions): Uint8Array {
  const datagram = Buffer.alloc(8 + payload.length);
  datagram.writeUInt16BE(sourcePort, 0);
  datagram.writeUInt16BE(targetPort, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.set(payload, 8);
  return datagram;
}

function sctp({ sourcePort, targetPort, chunks = [] }: FrameOptions): Uint8Array {
  const packet = Buffer.alloc(12 + chunks.length * 4);
  packet.writeUInt16BE(sourcePort, 0);
  packet.writeUInt16BE(targetPort, 2);
  for (const [index, type] of chunks.entries()) packet.set([type, 0, 0, 4], 12 + index * 4);
  return packet;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
