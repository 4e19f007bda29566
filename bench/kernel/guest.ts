/**
 * Runs inside the virtual machine, which is the director; its client and its real server are network namespaces beside it. Measures the
 * kernel's IPVS and the packet path over the same two veth pairs, in turn.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SHARED_FOLDER } from '../../lab/kernel/index.ts';
import { IpAddress } from '../../src/base/index.ts';
import { RtnetlinkNextHops, XdpDataPlane } from '../../src/dataplane/xdp/index.ts';
import type { ServiceKey } from '../../src/model/index.ts';
import { BpfObject, type BpfProgram, indexKey, XdpLink, type XdpMode } from '../../src/os/bpf/index.ts';
import { inNetworkNamespace } from '../../src/os/ffi/index.ts';
import { ANSWER_FILE, type Answer, CASES, type Case, CONTENDERS, type ContenderName, PLAN_FILE, type Plan } from './plan.ts';

const CLIENT = '/run/netns/client';
const SERVER = '/run/netns/server';
const VIRTUAL = '10.9.0.100';
const PORT = 80;
const REAL_SERVERS = ['10.9.0.11', '10.9.0.12'];
const CLIENT_MAC = '02:00:00:00:00:01';
const FROM_CLIENT_MAC = '02:00:00:00:00:02';
const TO_SERVER_MAC = '02:00:00:00:00:03';
const SERVER_MAC = '02:00:00:00:00:04';
/** The shortest on a wire; a segment without data does not fill it. */
const FRAME_LENGTH = 60;
const IP = { at: 14, length: 20 };
const TCP = { at: IP.at + IP.length, length: 20, protocol: 6 };
const SYN = 0x02;
const ACK = 0x10;
/** Ours and the kernel's table both; its default of 4096 rows would make long chains of so many connections. */
const TABLE_BITS = 20;
/** A packet more or less is on its way still when they are counted. */
const LEAST_ARRIVING = 0.999;
/** Where the flows begin that new connections are opened with. */
const NEW_FLOWS = 1 << 20;

function run(line: string): void {
  const [command = '', ...words] = line.split(' ');
  const { status, stderr, error } = spawnSync(command, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${line} ended with ${status}: ${error?.message ?? stderr}`);
}

function prepareNetwork(): void {
  const neighbours = REAL_SERVERS.map((server) => `ip neigh replace ${server} lladdr ${SERVER_MAC} dev toserver nud permanent`);
  const lines = [
    `modprobe ip_vs conn_tab_bits=${TABLE_BITS}`,
    'ip netns add client',
    'ip netns add server',
    `ip link add fromclient address ${FROM_CLIENT_MAC} type veth peer name client address ${CLIENT_MAC} netns client`,
    `ip link add toserver address ${TO_SERVER_MAC} type veth peer name server address ${SERVER_MAC} netns server`,
    'ip -n client link set client up',
    'ip -n server link set server up',
    'ip link set fromclient up',
    'ip link set toserver up',
    // A veth takes frames from XDP where it has a program, or else where it puts segments together.
    'ethtool -K fromclient gro on',
    'ip address add 10.8.0.1/16 dev fromclient',
    'ip address add 10.9.0.1/24 dev toserver',
    `ip address add ${VIRTUAL}/32 dev lo`,
    ...neighbours,
    'sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.fromclient.rp_filter=0',
    `ipvsadm -A -t ${VIRTUAL}:${PORT} -s rr`,
    ...REAL_SERVERS.map((server) => `ipvsadm -a -t ${VIRTUAL}:${PORT} -r ${server} -g`),
  ];
  for (const line of lines) run(line);
}

function interfaceIndex(name: string): number {
  return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
}

function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

function address(text: string): IpAddress {
  return IpAddress.parse(text) as IpAddress;
}

/** A frame to the virtual address; source and checksums are the generator's to write. */
function frameOf(flags: number): Uint8Array {
  const frame = new Uint8Array(FRAME_LENGTH);
  const view = new DataView(frame.buffer);
  frame.set(macBytes(FROM_CLIENT_MAC), 0);
  frame.set(macBytes(CLIENT_MAC), 6);
  view.setUint16(12, 0x0800);
  frame.set([0x45, 0, 0, IP.length + TCP.length, 0, 0, 0x40, 0, 64, TCP.protocol], IP.at);
  frame.set(address(VIRTUAL).bytes, IP.at + 16);
  view.setUint16(TCP.at + 2, PORT);
  frame.set([TCP.length << 2, flags], TCP.at + 12);
  return frame;
}

/** The 16-bit words as they lie in memory, added up. */
function sumOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += view.getUint16(i, true);
  return sum;
}

/** The two ends. What a program of theirs sends or attaches to is looked for in its own namespace. */
class Ends {
  private readonly object = BpfObject.load(compiledBpf('generator'), new Set());
  private readonly control: DataView;
  private readonly fields: Readonly<Record<string, { readonly offset: number }>>;

  constructor() {
    const { bytes } = this.object.map('.data.control').mapped();
    this.control = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.fields = this.object.btf.struct('control').fields;
    inNetworkNamespace(SERVER, () => XdpLink.attach(this.object.program('receive'), indexIn(SERVER, 'server'), 'native'));
  }

  /** The program that drops what it gets, for the floor; what it counts is no matter. */
  get drop(): BpfProgram {
    return this.object.program('receive');
  }

  /** Sends frames of these flows; ns for each of them. */
  send(flags: number, firstFlow: number, flows: number, packets: number): number {
    const frame = frameOf(flags);
    const at = (field: string): number => this.fields[field]?.offset as number;
    for (let i = 0; i < 12; i++) this.control.setUint8(at('macs') + i, frame[i] as number);
    const pseudoHeader = [...frame.subarray(IP.at + 16, TCP.at), 0, TCP.protocol, 0, TCP.length];
    const numbers = {
      interface: indexIn(CLIENT, 'client'),
      next: 0,
      flow_mask: flows - 1,
      first_flow: firstFlow,
      header_sum: sumOf(frame.subarray(IP.at, TCP.at)),
      segment_sum: sumOf(Uint8Array.from([...frame.subarray(TCP.at, TCP.at + TCP.length), ...pseudoHeader])),
    };
    for (const [field, value] of Object.entries(numbers)) this.control.setUint32(at(field), value, true);
    this.control.setBigUint64(at('received'), 0n, true);
    const generate = this.object.program('generate');
    return inNetworkNamespace(CLIENT, () => {
      const begin = process.hrtime.bigint();
      generate.testRun({ data: frame, repeat: packets, liveFrames: true });
      return Number(process.hrtime.bigint() - begin) / packets;
    });
  }

  get received(): number {
    return Number(this.control.getBigUint64(this.fields.received?.offset as number, true));
  }
}

const indexes = new Map<string, number>();
/** /sys shows the namespace that it was mounted in, so ip is asked. */
function indexIn(namespace: string, name: string): number {
  const known = indexes.get(name);
  if (known !== undefined) return known;
  const { stdout } = spawnSync('ip', ['-n', namespace.replace(/.*\//, ''), '-o', 'link', 'show', name], { encoding: 'utf8' });
  const index = Number.parseInt(stdout, 10);
  indexes.set(name, index);
  return index;
}

function compiledBpf(name: string): string {
  return fileURLToPath(new URL(`../../bpf/${name}.bpf.o`, import.meta.url));
}

/** The product, with the kernel's own routes and neighbours; attached here, for it would itself choose generic mode on veth. */
function makePlane(): XdpDataPlane {
  const plane = new XdpDataPlane({
    objectPath: compiledBpf('director'),
    connections: 2 ** TABLE_BITS,
    nextHops: new RtnetlinkNextHops(() => undefined),
    clock: { now: () => 0 },
    logger: { log: () => undefined },
  });
  const key: ServiceKey = { kind: 'address', protocol: 'tcp', address: address(VIRTUAL), port: PORT };
  plane.addService({ key, scheduler: 'rr', schedulerFlags: [], onePacket: false });
  for (const server of REAL_SERVERS) {
    plane.addServer(key, { address: address(server), port: PORT, method: 'dr', weight: 1, upperThreshold: 0, lowerThreshold: 0 });
  }
  const { settings, ports } = plane.path;
  settings.setBytes(0, 'port_macs', macBytes(FROM_CLIENT_MAC));
  settings.setU32(0, 'port_indexes', interfaceIndex('fromclient'));
  settings.setU32(0, 'port_count', 1);
  const out = interfaceIndex('toserver');
  ports.update(indexKey(out), indexKey(out));
  return plane;
}

/** Connections that were ever made by a contender, as it counts them itself. The kernel's sums are old; the counts of a processor, the only one, are not. */
function connectionsOf(plane: XdpDataPlane, name: ContenderName): number {
  if (name === 'ipvs') {
    const [, connections = ''] = readFileSync('/proc/net/ip_vs_stats_percpu', 'utf8').split('\n')[2]?.trim().split(/ +/) ?? [];
    return Number.parseInt(connections, 16);
  }
  return plane.services().reduce((sum, { counters }) => sum + Number(counters.connections), 0);
}

function measure(plan: Plan): Answer {
  prepareNetwork();
  const ends = new Ends();
  const plane = makePlane();
  const port = interfaceIndex('fromclient');
  const programs: Readonly<Record<ContenderName, readonly [BpfProgram, XdpMode] | undefined>> = {
    floor: [ends.drop, 'native'],
    native: [plane.path.balance, 'native'],
    generic: [plane.path.balance, 'generic'],
    ipvs: undefined,
  };
  const empty = (): Record<ContenderName, number[]> => ({ floor: [], native: [], generic: [], ipvs: [] });
  const figures: Record<Case, Record<ContenderName, number[]>> = { established: empty(), opening: empty() };
  let firstNew = NEW_FLOWS;
  for (let round = 0; round <= plan.rounds; round++) {
    for (const name of CONTENDERS) {
      const program = programs[name];
      const link = program && XdpLink.attach(program[0], port, program[1]);
      // The connections stand before they are measured.
      for (const flags of [SYN, ACK]) ends.send(flags, 0, plan.flows, plan.flows);
      for (const what of CASES) {
        const packets = plan.packets[what];
        const before = connectionsOf(plane, name);
        const cost = what === 'established' ? ends.send(ACK, 0, plan.flows, packets) : ends.send(SYN, firstNew, packets, packets);
        const opened = connectionsOf(plane, name) - before;
        const wanted = what === 'opening' && name !== 'floor' ? packets : 0;
        // The floor's packets are counted where they are dropped.
        if (ends.received < packets * LEAST_ARRIVING || !(opened <= wanted && opened >= wanted * LEAST_ARRIVING))
          throw new Error(`${name}, ${what}: ${ends.received} of ${packets} packets arrived, ${opened} connections were opened`);
        // The first round warms everything up.
        if (round > 0) figures[what][name].push(cost);
      }
      // Nobody gets what somebody else, in whose table it may lie, has had.
      firstNew += plan.packets.opening;
      link?.detach();
    }
  }
  return { release: release(), figures };
}

const plan = JSON.parse(readFileSync(join(SHARED_FOLDER, PLAN_FILE), 'utf8')) as Plan;
writeFileSync(join(SHARED_FOLDER, ANSWER_FILE), JSON.stringify(measure(plan)));
// Whatever is attached still would keep the process.
process.exit(0);
