/** The balancers that are compared, each with one service, or one of each address family, and four real servers unless more are asked for. */
import type { IpAddress, IpFamily } from '../../src/base/index.ts';
import { XdpDataPlane } from '../../src/dataplane/xdp/index.ts';
import type { ForwardingMethod, SchedulerName, ServiceKey } from '../../src/model/index.ts';
import { BpfObject, type BpfProgram, indexKey, perCpuStride, possibleCpus } from '../../src/os/bpf/index.ts';
import { address, compiledBpf, DIRECTOR_MAC, VIRTUAL_ADDRESS, VIRTUAL_ADDRESS6, VIRTUAL_PORT } from './driver.ts';

/** What a balancer counted since it was made. */
export interface Counts {
  readonly packets: number;
  readonly connections: number;
  /** Whatever else happened to packets, named; empty when every packet was sent to a server. */
  readonly trouble: string;
}

export interface Contender {
  readonly program: BpfProgram;
  /** Of the service over this family; default IPv4. */
  counts(family?: IpFamily): Counts;
  close(): void;
}

const SERVERS = [1, 2, 3, 4];
/** Test runs come in by the loopback interface; a server behind the same interface is reached by XDP_TX. */
const LOOPBACK = 1;
const MTU = 1500;
/** More than the longest of IPVS's default time-outs (15 minutes), and the second that the sweep waits for. */
const OUTLASTING_SECONDS = 1000;

function serverMac(server: number): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, server >> 8, server & 0xff);
}

function serverAddress(family: IpFamily, server: number): IpAddress {
  return address(family === 4 ? `10.2.${server >> 8}.${server & 0xff}` : `2001:db8:2::${server.toString(16)}`);
}

export interface Farm {
  /** What the table of IPv4 connections is made for. */
  readonly connections: number;
  /** The same of IPv6; without it there is no service over IPv6. */
  readonly connections6?: number;
  readonly scheduler?: SchedulerName;
  /** Real servers of each service; default 4, as the peer has them. */
  readonly servers?: number;
  readonly method?: ForwardingMethod;
}

/** The product: the packet path as the daemon loads it, statistics, states and time-outs included. */
export class Ours implements Contender {
  private readonly plane: XdpDataPlane;
  private readonly farm: Required<Omit<Farm, 'connections' | 'connections6'>>;

  constructor({ connections, connections6, scheduler = 'rr', servers = SERVERS.length, method = 'dr' }: Farm) {
    this.farm = { scheduler, servers, method };
    this.plane = new XdpDataPlane({
      objectPath: compiledBpf('director'),
      connections,
      connections6: connections6 ?? 1,
      nextHops: {
        resolve: (server) => ({
          interfaceIndex: LOOPBACK,
          sourceMac: DIRECTOR_MAC,
          destinationMac: serverMac(server.bytes.at(-1) as number),
          mtu: MTU,
          source: address('10.2.255.254'),
        }),
        close: () => undefined,
      },
      clock: { now: () => 0 },
      logger: { log: () => undefined },
    });
    this.addService(4);
    if (connections6 !== undefined) this.addService(6);
    // What attaching to an interface would write: its number, and the address that clients' frames are sent to.
    const { settings } = this.plane.path;
    settings.setBytes(0, 'port_macs', DIRECTOR_MAC);
    settings.setU32(0, 'port_indexes', LOOPBACK);
    settings.setU32(0, 'port_mtus', MTU);
    settings.setU32(0, 'port_count', 1);
  }

  private addService(family: IpFamily): void {
    const { scheduler, servers, method } = this.farm;
    const key: ServiceKey = {
      kind: 'address',
      protocol: 'tcp',
      address: family === 4 ? VIRTUAL_ADDRESS : VIRTUAL_ADDRESS6,
      port: VIRTUAL_PORT,
    };
    this.plane.addService({ key, scheduler, schedulerFlags: [], onePacket: false });
    for (let server = 1; server <= servers; server++) {
      const limits = { weight: 1, upperThreshold: 0, lowerThreshold: 0 };
      this.plane.addServer(key, { address: serverAddress(family, server), port: VIRTUAL_PORT, method, ...limits });
    }
  }

  get program(): BpfProgram {
    return this.plane.path.balance;
  }

  counts(family: IpFamily = 4): Counts {
    const { servers } = this.farm;
    const first = family === 4 ? 0 : servers;
    const totals = Array.from({ length: servers }, (_, index) => this.plane.path.totals(first + index));
    const reasons = Object.entries(this.plane.reasons()).filter(([, count]) => count > 0);
    const sum = (of: (total: (typeof totals)[number]) => number): number => totals.reduce((before, total) => before + of(total), 0);
    return {
      packets: sum(({ inPackets, outPackets }) => inPackets + outPackets),
      connections: sum(({ connections }) => connections),
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
  key.set(VIRTUAL_ADDRESS.bytes);
  new DataView(key.buffer).setUint16(4, VIRTUAL_PORT, false);
  new DataView(key.buffer).setUint16(6, 6, true);
  return key;
}
