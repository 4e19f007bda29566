/** The program that makes the packets, and the floor: what it costs when nothing is balanced. */
import { fileURLToPath } from 'node:url';
import { BpfObject, type BpfProgram, indexKey } from '../../src/os/bpf/index.ts';

/** TCP flags as in the header's fourteenth byte. */
export const SYN = 0x02;
export const ACK = 0x10;

export const VIRTUAL_ADDRESS = '10.9.9.9';
export const VIRTUAL_PORT = 80;
export const DIRECTOR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const ROUTER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);

const XDP_TX = 3;
const FRAME_LENGTH = 60;
const IP_LENGTH = 40;
const TTL_OFFSET = 22;
const CONTROL_MAP = '.data.control';

export interface Traffic {
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
    this.object.map('target').update(indexKey(0), indexKey(target.fd));
    const frame = frameWith(traffic.tcpFlags);
    const at = (field: string): number => this.fields[field]?.offset as number;
    for (let i = 0; i < 12; i++) this.control.setUint8(at('macs') + i, frame[i] as number);
    for (let i = 0; i < 4; i++) this.control.setUint8(at('ttl_protocol_check') + i, frame[TTL_OFFSET + i] as number);
    this.control.setUint32(at('next'), 0, true);
    this.control.setUint32(at('flow_mask'), traffic.flows - 1, true);
    this.control.setUint32(at('first_flow'), traffic.firstFlow, true);
    this.control.setUint32(at('scattered'), traffic.order === 'scattered' ? 1 : 0, true);
    this.control.setUint32(at('shift'), Math.ceil(Math.log2(traffic.flows) / 2), true);
    const { verdict, durationNs } = this.program.testRun({ data: frame, repeat: traffic.packets });
    if (verdict !== XDP_TX) throw new Error(`${target.name} gave verdict ${verdict}, not XDP_TX`);
    return durationNs;
  }

  close(): void {
    this.unmap();
    this.object.close();
  }
}

/** Client address and port are the driver's to fill in. Nobody on the way looks at the checksums. */
function frameWith(tcpFlags: number): Uint8Array {
  const frame = new Uint8Array(FRAME_LENGTH);
  const view = new DataView(frame.buffer);
  frame.set(DIRECTOR_MAC, 0);
  frame.set(ROUTER_MAC, 6);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint16(16, IP_LENGTH);
  view.setUint8(TTL_OFFSET, 64);
  view.setUint8(23, 6);
  frame.set(VIRTUAL_ADDRESS.split('.').map(Number), 30);
  view.setUint16(36, VIRTUAL_PORT);
  view.setUint8(46, 0x50);
  view.setUint8(47, tcpFlags);
  return frame;
}

/** A compiled BPF object; they lie in dist/bpf, as this file's compiled form lies in dist/bench/packet-path. */
export function compiledBpf(name: string): string {
  return fileURLToPath(new URL(`../../bpf/${name}.bpf.o`, import.meta.url));
}
