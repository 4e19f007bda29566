/** The program that makes the packets, and the floor: what it costs when nothing is balanced. */
import { fileURLToPath } from 'node:url';
import { IpAddress } from '../../src/base/index.ts';
import { BpfObject, type BpfProgram, indexKey } from '../../src/os/bpf/index.ts';

/** TCP flags as in the header's fourteenth byte. */
export const SYN = 0x02;
export const ACK = 0x10;

export const VIRTUAL_ADDRESS = address('10.9.9.9');
export const VIRTUAL_ADDRESS6 = address('2001:db8:9::9');
export const VIRTUAL_PORT = 80;
export const DIRECTOR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const ROUTER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
/** All clients of IPv6 have this upper half. */
const CLIENTS6 = address('2001:db8:1:2::');

const XDP_TX = 3;
const ETHERNET_LENGTH = 14;
const TCP_LENGTH = 20;
/** Where TTL, protocol and checksum of IPv4 begin in a frame, and length, next header and hop limit of IPv6. */
const LIFETIME_OFFSET = { 4: 22, 6: 18 } as const;
const CONTROL_MAP = '.data.control';

export interface Traffic {
  /** Packets of clients, over either family, or replies of servers over IPv4; default REQUESTS. */
  readonly kind?: 'REQUESTS' | 'REQUESTS6' | 'REPLIES';
  /** The program may put headers before a packet: take them off again. */
  readonly unwrap?: boolean;
  /** A power of two. */
  readonly flows: number;
  /** The number of the first flow. */
  readonly firstFlow: number;
  readonly packets: number;
  readonly tcpFlags: number;
  readonly order: Order;
}

/**
 * Connections are opened in the order of their numbers and then asked for in another. Memory that a table hands out one piece after the
 * other would otherwise be walked from one end to the other, which the processor foresees: nobody's clients come in that order.
 */
export type Order = 'rising' | 'scattered';

export class Driver {
  readonly floor: BpfProgram;
  private readonly object: BpfObject;
  private readonly program: BpfProgram;
  private readonly control: DataView;
  private readonly fields: Readonly<Record<string, { readonly offset: number }>>;
  private readonly unmap: () => void;

  constructor() {
    this.object = BpfObject.load(compiledBpf('driver'), new Set());
    this.program = this.object.program('drive');
    this.floor = this.object.program('answer');
    const memory = this.object.map(CONTROL_MAP).mapped();
    const { bytes } = memory;
    this.unmap = () => memory.unmap();
    this.fields = this.object.btf.struct('control').fields;
    this.control = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Sends packets of these flows to a program; ns per packet. Throws unless it sends them on. */
  run(target: BpfProgram, traffic: Traffic): number {
    const { kind = 'REQUESTS', unwrap = false, flows, firstFlow, packets, tcpFlags, order } = traffic;
    this.object.map('target').update(indexKey(0), indexKey(target.fd));
    const family = kind === 'REQUESTS6' ? 6 : 4;
    const frame = frameWith(family, tcpFlags);
    this.setBytes('macs', frame.subarray(0, 12));
    this.setBytes('ttl_protocol_check', frame.subarray(LIFETIME_OFFSET[family], LIFETIME_OFFSET[family] + 4));
    this.setBytes('virtual_address', VIRTUAL_ADDRESS.bytes);
    this.setBytes('client6', CLIENTS6.bytes.subarray(0, 8));
    const ports = frame.length - TCP_LENGTH;
    this.setBytes('ports', frame.subarray(ports, ports + 4));
    this.setNumbers({
      next: 0,
      flow_mask: flows - 1,
      first_flow: firstFlow,
      scattered: order === 'scattered' ? 1 : 0,
      shift: Math.ceil(Math.log2(flows) / 2),
      traffic: this.object.btf.enumeration('traffic')[kind] as number,
      unwrap: unwrap ? 1 : 0,
      length: frame.length,
    });
    const { verdict, durationNs } = this.program.testRun({ data: frame, repeat: packets });
    if (verdict !== XDP_TX) throw new Error(`${target.name} gave verdict ${verdict}, not XDP_TX`);
    return durationNs;
  }

  close(): void {
    this.unmap();
    this.object.close();
  }

  private setBytes(field: string, bytes: Uint8Array): void {
    const offset = this.fields[field]?.offset as number;
    for (const [at, byte] of bytes.entries()) this.control.setUint8(offset + at, byte);
  }

  private setNumbers(values: Readonly<Record<string, number>>): void {
    for (const [field, value] of Object.entries(values)) this.control.setUint32(this.fields[field]?.offset as number, value, true);
  }
}

/** What differs between flows is the driver's to fill in. Nobody on the way looks at the checksums. Senders of TCP forbid fragments. */
function frameWith(family: 4 | 6, tcpFlags: number): Uint8Array {
  const header = family === 4 ? ipv4Header() : ipv6Header();
  const frame = new Uint8Array(ETHERNET_LENGTH + header.length + TCP_LENGTH);
  const view = new DataView(frame.buffer);
  frame.set(DIRECTOR_MAC, 0);
  frame.set(ROUTER_MAC, 6);
  view.setUint16(12, family === 4 ? 0x0800 : 0x86dd);
  frame.set(header, ETHERNET_LENGTH);
  const tcp = ETHERNET_LENGTH + header.length;
  view.setUint16(tcp + 2, VIRTUAL_PORT);
  view.setUint8(tcp + 12, 0x50);
  view.setUint8(tcp + 13, tcpFlags);
  return frame;
}

function ipv4Header(): Uint8Array {
  const header = new Uint8Array(20);
  header.set([0x45, 0, 0, header.length + TCP_LENGTH, 0, 0, 0x40, 0, 64, 6]);
  header.set(VIRTUAL_ADDRESS.bytes, 16);
  return header;
}

function ipv6Header(): Uint8Array {
  const header = new Uint8Array(40);
  header.set([0x60, 0, 0, 0, 0, TCP_LENGTH, 6, 64]);
  header.set(VIRTUAL_ADDRESS6.bytes, 24);
  return header;
}

export function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

/** A compiled BPF object; they lie in dist/bpf, as this file's compiled form lies in dist/bench/packet-path. */
export function compiledBpf(name: string): string {
  return fileURLToPath(new URL(`../../bpf/${name}.bpf.o`, import.meta.url));
}
