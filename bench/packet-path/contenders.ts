/** What is measured: our packet path, the textbook balancer, and nothing (the floor). */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IpAddress } from '../../src/base/index.ts';
import { type NextHops, XdpDataPlane } from '../../src/dataplane/index.ts';
import { BpfObject, type BpfProgram, indexKey } from '../../src/os/bpf/index.ts';
import { monotonicNow } from '../../src/os/ffi/index.ts';
import { DIRECTOR_MAC, SERVICE, VIP } from './frame.ts';

/** The compiled benchmark lies in dist/bench, the compiled BPF programs in dist/bpf. */
const OBJECTS = fileURLToPath(new URL('../../bpf', import.meta.url));
const SERVERS = 4;
/** Slots of both connection tables: a million connections fill half of them. */
export const TABLE_SLOTS = 2 ** 21;
/** BPF_PROG_TEST_RUN receives on the loopback interface; servers "behind" it are answered by XDP_TX. */
const LOOPBACK = 1;

export interface Contender {
  readonly name: string;
  readonly program: BpfProgram;
  /** New connections counted so far, or undefined where nobody counts. */
  connections(): number | undefined;
  /** Packets counted so far, or undefined where nobody counts. */
  packets(): number | undefined;
  /** Untimed: a minute passes, in which half-open connections time out and the director releases them. */
  minutePasses(): void;
  close(): void;
}

export class Driver {
  private readonly object = BpfObject.load(join(OBJECTS, 'driver.bpf.o'), new Set());
  private readonly plan = this.object.map('.data.plan').mapped();
  private readonly layout = this.object.btf.struct('plan');
  private readonly program = this.object.program('driver');

  /** A contender that does nothing but answer XDP_TX. */
  floor(): Contender {
    const program = this.object.program('empty');
    return { name: 'floor', program, connections: () => undefined, packets: () => undefined, minutePasses: () => {}, close: () => {} };
  }

  /** Lets the packets be of these flows from now on. `flows` is a power of two. */
  aim(packet: Uint8Array, flows: number, firstFlow = 0): void {
    const view = new DataView(this.plan.bytes.buffer, this.plan.bytes.byteOffset, this.layout.size);
    view.setBigUint64(this.offset('next'), 0n, true);
    view.setUint32(this.offset('flow_mask'), flows - 1, true);
    view.setUint32(this.offset('first_flow'), firstFlow, true);
    this.plan.bytes.set(packet, this.offset('packet'));
  }

  /** Nanoseconds per packet. Throws when the contender did not forward. */
  run(contender: Contender, packet: Uint8Array, packets: number): number {
    const XDP_TX = 3;
    this.object.map('target').update(indexKey(0), indexKey(contender.program.fd));
    const { verdict, durationNs } = this.program.testRun({ data: packet, repeat: packets });
    if (verdict !== XDP_TX) throw new Error(`${contender.name} did not forward: verdict ${verdict}`);
    return durationNs;
  }

  close(): void {
    this.plan.unmap();
    this.object.close();
  }

  private offset(field: string): number {
    const found = this.layout.fields[field];
    if (!found) throw new Error(`struct plan has no ${field}`);
    return found.offset;
  }
}

export function openOurs(): Contender {
  const sourceMac = DIRECTOR_MAC;
  const nextHops: NextHops = {
    resolve: (address) => ({ interfaceIndex: LOOPBACK, sourceMac, destinationMac: macOf(address.bytes[3] as number), mtu: 1500 }),
    close: () => {},
  };
  const plane = new XdpDataPlane({
    objectPath: join(OBJECTS, 'director.bpf.o'),
    connections: TABLE_SLOTS,
    nextHops,
    clock: { now: monotonicNow },
    logger: { log: () => {} },
  });
  const { settings, hz, lines } = plane.path;
  settings.setBytes(0, 'local_macs', DIRECTOR_MAC);
  settings.setU32(0, 'local_mac_count', 1);
  plane.addService({ key: SERVICE, scheduler: 'rr', schedulerFlags: [], onePacket: false });
  for (let server = 1; server <= SERVERS; server++) {
    const address = IpAddress.fromV4Number(0x0a_fe_00_00 + server);
    plane.addServer(SERVICE, { address, port: 80, method: 'dr', weight: 1, upperThreshold: 0, lowerThreshold: 0 });
  }
  const counters = () => plane.services()[0]?.counters;
  return {
    name: 'ours',
    program: plane.path.balance,
    connections: () => Number(counters()?.connections),
    packets: () => Number(counters()?.inPackets),
    minutePasses: () => {
      settings.setU32(0, 'jiffies_offset', (settings.u32(0, 'jiffies_offset') + 62 * hz) >>> 0);
      plane.path.sweep(0, lines, true);
    },
    close: () => plane.close(),
  };
}

export function openTextbook(): Contender {
  const object = BpfObject.load(join(OBJECTS, 'textbook.bpf.o'), new Set(['backend_counters']), { maxEntries: { flows: TABLE_SLOTS } });
  const service = new Uint8Array(8);
  service.set(VIP.bytes);
  new DataView(service.buffer).setUint16(4, SERVICE.kind === 'address' ? SERVICE.port : 0);
  service[6] = 6;
  object.map('virtual_services').update(service, new Uint8Array(8));
  for (let server = 0; server < SERVERS; server++) {
    const backend = new Uint8Array(12);
    backend.set(macOf(server + 1), 0);
    backend.set(DIRECTOR_MAC, 6);
    object.map('backends').update(indexKey(server), backend);
  }
  return {
    name: 'textbook',
    program: object.program('textbook'),
    connections: () => Number(new DataView((object.map('virtual_services').lookup(service) as Uint8Array).buffer).getBigUint64(0, true)),
    packets: () => undefined,
    minutePasses: () => {},
    close: () => object.close(),
  };
}

function macOf(server: number): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, 1, server);
}
