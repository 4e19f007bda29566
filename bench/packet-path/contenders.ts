/** The two balancers that are compared, each with one service and the same four real servers. */
import { IpAddress } from '../../src/base/index.ts';
import { XdpDataPlane } from '../../src/dataplane/xdp/index.ts';
import type { ServiceKey } from '../../src/model/index.ts';
import { BpfObject, type BpfProgram, indexKey, perCpuStride, possibleCpus } from '../../src/os/bpf/index.ts';
import { compiledBpf, DIRECTOR_MAC, VIRTUAL_ADDRESS, VIRTUAL_PORT } from './driver.ts';

/** What a balancer counted since it was made. */
export interface Counts {
  readonly packets: number;
  readonly connections: number;
  /** Whatever else happened to packets, named; empty when every packet was sent to a server. */
  readonly trouble: string;
}

export interface Contender {
  readonly program: BpfProgram;
  counts(): Counts;
  close(): void;
}

const SERVERS = [1, 2, 3, 4];
/** Test runs come in by the loopback interface; a server behind the same interface is reached by XDP_TX. */
const LOOPBACK = 1;
/** More than the longest of IPVS's default time-outs (15 minutes), and the second that the sweep waits for. */
const OUTLASTING_SECONDS = 1000;

function serverMac(server: number): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, 1, server);
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

/** The product: the packet path as the daemon loads it, statistics, states and time-outs included. */
export class Ours implements Contender {
  private readonly plane: XdpDataPlane;

  constructor(connections: number) {
    this.plane = new XdpDataPlane({
      objectPath: compiledBpf('director'),
      connections,
      nextHops: {
        resolve: (server) => ({
          interfaceIndex: LOOPBACK,
          sourceMac: DIRECTOR_MAC,
          destinationMac: serverMac(server.bytes[3] as number),
          mtu: 1500,
          source: address('10.2.0.254'),
        }),
        close: () => undefined,
      },
      clock: { now: () => 0 },
      logger: { log: () => undefined },
    });
    const key: ServiceKey = { kind: 'address', protocol: 'tcp', address: address(VIRTUAL_ADDRESS), port: VIRTUAL_PORT };
    this.plane.addService({ key, scheduler: 'rr', schedulerFlags: [], onePacket: false });
    for (const server of SERVERS) {
      const limits = { weight: 1, upperThreshold: 0, lowerThreshold: 0 };
      this.plane.addServer(key, { address: address(`10.2.0.${server}`), port: VIRTUAL_PORT, method: 'dr', ...limits });
    }
    // What attaching to an interface would write: the address that clients' frames are sent to.
    this.plane.path.settings.setBytes(0, 'port_macs', DIRECTOR_MAC);
    this.plane.path.settings.setU32(0, 'port_count', 1);
  }

  get program(): BpfProgram {
    return this.plane.path.balance;
  }

  counts(): Counts {
    const totals = SERVERS.map((_, number) => this.plane.path.totals(number));
    const reasons = Object.entries(this.plane.reasons()).filter(([, count]) => count > 0);
    return {
      packets: totals.reduce((sum, { inPackets }) => sum + inPackets, 0),
      connections: totals.reduce((sum, { connections }) => sum + connections, 0),
      trouble: reasons.map(([reason, count]) => `${reason} ${count}`).join(', '),
    };
  }

  /** As the table of real servers shows them. */
  activeConnections(): number {
    const servers = this.plane.services().flatMap((service) => service.servers);
    return servers.reduce((sum, server) => sum + server.activeConnections, 0);
  }

  /** Lets so much time pass, by the packet path's clock, that every connection is over, and releases them as the director does. */
  outlast(): void {
    const { path } = this.plane;
    const later = path.settings.u32(0, 'jiffies_offset') + OUTLASTING_SECONDS * path.hz;
    path.settings.setU32(0, 'jiffies_offset', later >>> 0);
    for (const { family, lines } of path.tables) path.sweep(family, 0, lines, true);
    const left = this.activeConnections();
    if (left > 0) throw new Error(`${left} connections outlasted their time-outs`);
  }

  close(): void {
    this.plane.close();
  }
}

export class Textbook implements Contender {
  readonly program: BpfProgram;
  private readonly object: BpfObject;

  constructor(connections: number) {
    this.object = BpfObject.load(compiledBpf('textbook'), new Set(['server_counters', 'service_counters']), {
      maxEntries: { flows: connections },
    });
    this.program = this.object.program('textbook');
    const service = new Uint8Array(this.object.map('services').shape.valueSize);
    const { fields } = this.object.btf.struct('service');
    new DataView(service.buffer).setUint32(fields.server_count?.offset as number, SERVERS.length, true);
    for (const index of SERVERS.keys()) {
      new DataView(service.buffer).setUint32((fields.servers?.offset as number) + 4 * index, index, true);
    }
    this.object.map('services').update(serviceKey(), service);
    for (const [index, server] of SERVERS.entries()) {
      this.object.map('servers').update(indexKey(index), Uint8Array.of(...serverMac(server), ...DIRECTOR_MAC));
    }
  }

  counts(): Counts {
    const { size, fields } = this.object.btf.struct('counters');
    const sum = { packets: 0, connections: 0 };
    for (const server of SERVERS.keys()) {
      const value = this.object.map('server_counters').lookup(indexKey(server)) as Uint8Array;
      const view = new DataView(value.buffer);
      for (let cpu = 0; cpu < possibleCpus(); cpu++) {
        for (const name of ['packets', 'connections'] as const) {
          sum[name] += Number(view.getBigUint64(cpu * perCpuStride(size) + (fields[name]?.offset as number), true));
        }
      }
    }
    return { ...sum, trouble: '' };
  }

  close(): void {
    this.object.close();
  }
}

/** struct service_key of textbook.bpf.c. */
function serviceKey(): Uint8Array {
  const key = new Uint8Array(8);
  key.set(address(VIRTUAL_ADDRESS).bytes);
  new DataView(key.buffer).setUint16(4, VIRTUAL_PORT, false);
  new DataView(key.buffer).setUint16(6, 6, true);
  return key;
}
