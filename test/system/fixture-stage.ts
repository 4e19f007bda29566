/** Where the stories of the packet fixtures are played: one packet path, set up by the words of the tables. */
import type { IpAddress } from '../../src/base/index.ts';
import {
  DEFAULT_FORWARDING_SETTINGS,
  type Protocol,
  type RealServer,
  type SchedulerName,
  type ServiceKey,
  serviceKeyText,
  type Tunnel,
} from '../../src/model/index.ts';
import { indexKey, perCpuStride, possibleCpus } from '../../src/os/bpf/index.ts';
import type { Row, SetUp, Story } from './fixture-table.ts';
import {
  addressOf,
  type FrameWords,
  frameOfWords,
  INCOMING,
  type Names,
  parseFrameWords,
  portOf,
  withIdentification,
} from './frame-words.ts';
import { wordsOfFrame } from './frame-words-read.ts';
import { DIRECTOR_MAC } from './xdp-frames.ts';
import { hopTo, INGRESS_INTERFACE, type Passage, Rig } from './xdp-support.ts';

/** Where a frame that goes out is from. */
const OUTGOING = { from: 'director', to: 'nobody' } as const;
const IDENTIFICATION = 18;
/** Metadata before the frame that leaves next to no room for headers. */
const CROWD = 216;
const CONTEXT_SIZE = 24;
/** Less than a second, and longer than it takes to show a frame. */
const JIFFIES_OF_A_TEST = 20;

/** What a row leads to, in the words of its cells. */
export interface Outcome {
  readonly verdict: string;
  readonly output: string;
  readonly counters: string;
}

export class Stage {
  readonly rig: Rig;
  private names: Names = new Map();
  private service: ServiceKey | undefined;
  /** What is special about the way to an address. */
  private readonly ways = new Map<string, 'local' | 'unknown' | 'nowhere' | number>();
  private readonly mtus = new Map<string, number>();
  private crowded = false;

  constructor() {
    this.rig = new Rig({ resolve: (address) => this.resolve(address) });
  }

  begin({ names }: Story): void {
    const { path } = this.rig.plane;
    this.names = names;
    this.ways.clear();
    this.mtus.clear();
    this.crowded = false;
    this.rig.port = INGRESS_INTERFACE;
    this.rig.plane.setSettings(DEFAULT_FORWARDING_SETTINGS);
    this.rig.reset();
    path.settings.setU32(0, 'drop_count', 0);
    path.settings.setBytes(0, 'port_mtus', new Uint8Array(path.settings.sizeOf('port_mtus')));
    this.setFlag('SETTING_TX_BY_REDIRECT', false);
    path.ports.update(indexKey(INGRESS_INTERFACE), indexKey(INGRESS_INTERFACE));
  }

  setUp({ place, words }: SetUp): void {
    const [verb = '', ...rest] = words;
    const move = this.moves[verb];
    if (!move) throw new Error(`${place}: ${verb} is no word of the set-up`);
    move(...rest);
  }

  /** Shows the row's frame to the packet path, and says in the row's words what happened; where all is as it says, those very words. */
  play(row: Row): Outcome {
    const came = parseFrameWords(row.input);
    const frame = frameOfWords(came, this.names, INCOMING);
    const before = this.counts();
    const { passage, verdict } = this.send(frame, row.verdict);
    const counters = textOfChange(before, this.counts());
    return { verdict, output: this.describe(row, came, passage), counters };
  }

  close(): void {
    this.rig.close();
  }

  private describe(row: Row, came: FrameWords, { verdict, frame }: Passage): string {
    if (verdict === 'DROP') return '-';
    const defaults = verdict === 'PASS' ? INCOMING : OUTGOING;
    const seen = wordsOfFrame(frame, this.names, defaults);
    if (row.output === '-') return seen;
    const said = parseFrameWords(row.output, came);
    const macs = verdict === 'PASS' ? { from: came.from ?? INCOMING.from, to: came.to ?? INCOMING.to } : OUTGOING;
    if (verdict !== 'PASS' && said.to === undefined) return seen;
    const at = IDENTIFICATION + 4 * said.tags.length;
    const identified = withIdentification(said, ((frame[at] as number) << 8) + (frame[at + 1] as number));
    const expected = frameOfWords(identified, this.names, macs);
    return Buffer.from(expected).equals(frame) ? row.output : seen;
  }

  /** `expected` says which port a redirected frame should leave by: no other is there while it passes. */
  private send(frame: Uint8Array, expected: string): { passage: Passage; verdict: string } {
    const { path } = this.rig.plane;
    this.moveServers();
    const port = /^redirect (\d+)$/.exec(expected)?.[1];
    const others = port === undefined ? [] : [...path.ports.keys()].filter((key) => Buffer.from(key).readUInt32LE() !== Number(port));
    for (const key of others) path.ports.delete(key);
    if (port !== undefined) path.ports.update(indexKey(Number(port)), indexKey(INGRESS_INTERFACE));
    const passage = this.crowded ? this.runCrowded(frame) : this.rig.run(frame);
    for (const key of others) path.ports.update(key, indexKey(INGRESS_INTERFACE));
    const verdict = passage.verdict.toLowerCase();
    return { passage, verdict: verdict === 'redirect' && port !== undefined ? expected : verdict };
  }

  private runCrowded(frame: Uint8Array): Passage {
    const context = new Uint8Array(CONTEXT_SIZE);
    const data = Uint8Array.of(...new Uint8Array(CROWD), ...frame);
    new DataView(context.buffer).setUint32(0, CROWD, true);
    new DataView(context.buffer).setUint32(4, data.length, true);
    return this.rig.run(data, context);
  }

  private readonly moves: Readonly<Record<string, (...words: string[]) => void>> = {
    service: (protocol = '', endpoint = '', ...words) => {
      const onePacket = words[0] === 'ops';
      const rest = onePacket ? words.slice(1) : words;
      this.service = this.keyOf(protocol, endpoint);
      const persistent = rest.indexOf('persistent');
      const [timeoutSeconds, prefixLength] = (rest[persistent + 1] ?? '').split('/').map(Number) as [number, number];
      const scheduler = (persistent === 0 ? 'rr' : (rest[0] ?? 'rr')) as SchedulerName;
      const plain = { key: this.service, scheduler, schedulerFlags: [], onePacket };
      this.rig.plane.addService({ ...plain, ...(persistent >= 0 && { persistence: { timeoutSeconds, prefixLength } }) });
    },
    /** Where full NAT sends the service's connections from. */
    locals: (...names) => {
      const localAddresses = names.map((name) => addressOf(name, this.names));
      const service = this.rig.plane.services().find(({ key }) => serviceKeyText(key) === serviceKeyText(this.current()));
      if (!service) throw new Error('locals: no service was named');
      this.rig.plane.editService({ ...service, localAddresses });
    },
    server: (...words) => this.rig.plane.addServer(this.current(), this.serverOf(words)),
    edit: (...words) => this.rig.plane.editServer(this.current(), this.serverOf(words)),
    delete: (...words) => this.rig.plane.deleteServer(this.current(), this.serverOf([...words, 'dr'])),
    /** Which of the services the next words are about. */
    of: (protocol = '', endpoint = '') => {
      this.service = this.keyOf(protocol, endpoint);
    },
    given: (...words) => void this.send(frameOfWords(parseFrameWords(words.join(' ')), this.names, INCOMING), ''),
    wait: (count = '') => this.rig.advance(Number(count)),
    local: (name = '') => void this.ways.set(this.addressText(name), 'local'),
    unknown: (name = '') => void this.ways.set(this.addressText(name), 'unknown'),
    nowhere: (name = '') => void this.ways.set(this.addressText(name), 'nowhere'),
    behind: (name = '', port = '') => {
      this.ways.set(this.addressText(name), Number(port));
      this.rig.plane.path.ports.update(indexKey(Number(port)), indexKey(INGRESS_INTERFACE));
    },
    mtu: (name = '', mtu = '') => {
      this.mtus.set(this.addressText(name), Number(mtu));
      this.rig.plane.resolveAll();
    },
    /** The interface that frames come in by is not the packet path's port, which has this number. */
    port: (number = '') => {
      this.rig.port = Number(number);
    },
    'port-mtu': (mtu = '') => this.rig.plane.path.settings.setBytes(0, 'port_mtus', new Uint8Array(Uint32Array.of(Number(mtu)).buffer)),
    /** The interface of a VLAN on the port, or on the one of another index; a port of its own. */
    tagged: (index = '', id = '', lower = String(INGRESS_INTERFACE)) => this.addVlan(Number(index), Number(id), Number(lower)),
    /** The way to a server leads by that interface. */
    by: (name = '', port = '') => void this.ways.set(this.addressText(name), Number(port)),
    'tx-by-redirect': () => this.setFlag('SETTING_TX_BY_REDIRECT', true),
    'no-ports': () => {
      for (const key of Array.from(this.rig.plane.path.ports.keys())) this.rig.plane.path.ports.delete(key);
    },
    crowded: () => {
      this.crowded = true;
    },
    /** A defence, in the mode of that number; with a rate that of drop_packet. */
    defend: (name = '', mode = '', rate = '10') => {
      const modes = { drop_entry: 'dropEntry', drop_packet: 'dropPacket', secure_tcp: 'secureTcp' } as const;
      const setting = modes[name as keyof typeof modes];
      if (!setting) throw new Error(`${name} is no defence`);
      this.rig.plane.setSettings({ [setting]: Number(mode), dropRate: Number(rate) });
    },
    locked: () => this.lockLines(true),
    unlocked: () => this.lockLines(false),
    /** As if every CPU had sent all the ICMP errors that it may send in this second. */
    'no-errors-left': () => this.spendErrors(),
    /** The same frame so many times, from one client port after another. */
    times: (count = '', ...words) => {
      for (let port = 1; port <= Number(count); port++) {
        const text = words.join(' ').replaceAll('*', String(port));
        this.rig.run(frameOfWords(parseFrameWords(text), this.names, INCOMING));
      }
    },
  };

  private resolve(address: IpAddress) {
    const way = this.ways.get(String(address));
    if (way === 'local') return way;
    if (way === 'unknown') return undefined;
    const hop = hopTo(address);
    return {
      ...hop,
      mtu: this.mtus.get(String(address)) ?? hop.mtu,
      ...(way === 'nowhere' && { interfaceIndex: 0x7fff_ffff }),
    };
  }

  /** The kernel here has no second interface to name: servers are put behind another port in the packet path's own record of them. */
  private moveServers(): void {
    const { servers } = this.rig.plane.path;
    const limit = servers.bytes.length / servers.layout.size;
    for (const [text, port] of this.ways) {
      if (typeof port !== 'number') continue;
      const wanted = Buffer.from(addressOf(text, this.names).bytes);
      for (let number = 0; number < limit; number++) {
        if (wanted.equals(servers.bytesOf(number, 'address').subarray(0, wanted.length))) servers.setU32(number, 'ifindex', port);
      }
    }
  }

  private serverOf([endpoint = '', method = '', ...rest]: readonly string[]): RealServer {
    const weight = rest.indexOf('weight');
    const upper = rest.indexOf('upper');
    return {
      address: addressOf(endpoint, this.names),
      port: portOf(endpoint),
      method: method as RealServer['method'],
      weight: weight < 0 ? 1 : Number(rest[weight + 1]),
      upperThreshold: upper < 0 ? 0 : Number(rest[upper + 1]),
      lowerThreshold: 0,
      ...(method === 'tun' && { tunnel: tunnelOf(rest) }),
    };
  }

  private keyOf(protocol: string, endpoint: string): ServiceKey {
    return { kind: 'address', protocol: protocol as Protocol, address: addressOf(endpoint, this.names), port: portOf(endpoint) };
  }

  private current(): ServiceKey {
    if (!this.service) throw new Error('no service yet');
    return this.service;
  }

  private addressText(name: string): string {
    return String(addressOf(name, this.names));
  }

  private addVlan(index: number, id: number, lower: number): void {
    const { settings } = this.rig.plane.path;
    const ports = new Uint32Array(settings.bytesOf(0, 'port_indexes').slice().buffer);
    const number = ports.indexOf(0, 1);
    const put = (field: string, value: Uint8Array): void => settings.bytesOf(0, field).set(value, number * value.length);
    put('port_indexes', new Uint8Array(Uint32Array.of(index).buffer));
    put('port_lowers', new Uint8Array(Uint32Array.of(lower).buffer));
    put('port_tags', new Uint8Array(Uint16Array.of(id).buffer));
    put('port_macs', Uint8Array.of(...DIRECTOR_MAC, 0, 0));
    this.setFlag('SETTING_TAGGED', true);
  }

  private setFlag(name: string, on: boolean): void {
    const { settings, numbers } = this.rig.plane.path;
    const [flags, bit] = [settings.u32(0, 'flags'), numbers.settingsFlag[name] as number];
    settings.setU32(0, 'flags', on ? flags | bit : flags & ~bit);
  }

  /** As if another CPU were at work in every line of both tables. */
  private lockLines(on: boolean): void {
    const { tables, numbers } = this.rig.plane.path;
    const bit = numbers.meta.META_LOCK as number;
    for (const { entries, lines } of tables) {
      for (let line = 0; line < lines; line++) {
        const meta = entries.u32(2 * line, 'meta');
        entries.setU32(2 * line, 'meta', (on ? meta | bit : meta & ~bit) >>> 0);
      }
    }
  }

  private spendErrors(): void {
    const { path } = this.rig.plane;
    const layout = path.struct('scratch');
    const now = path.clock().jiffies - JIFFIES_OF_A_TEST;
    const value = path.scratches.lookup(indexKey(0)) as Uint8Array;
    const view = new DataView(value.buffer, value.byteOffset);
    for (let cpu = 0; cpu < possibleCpus(); cpu++) {
      const at = cpu * perCpuStride(layout.size);
      view.setUint32(at + (layout.fields.icmp_budget?.offset as number), 0, true);
      view.setUint32(at + (layout.fields.icmp_refilled?.offset as number), now >>> 0, true);
    }
    path.scratches.update(indexKey(0), value);
  }

  private counts(): ReadonlyMap<string, number> {
    const { plane } = this.rig;
    const sums = new Map<string, number>(Object.entries(plane.reasons()));
    const add = (name: string, value: number | bigint): void => void sums.set(name, (sums.get(name) ?? 0) + Number(value));
    for (const { counters, servers } of plane.services()) {
      add('new', counters.connections);
      add('inPackets', counters.inPackets);
      add('inBytes', counters.inBytes);
      add('outPackets', counters.outPackets);
      add('outBytes', counters.outBytes);
      for (const { activeConnections, inactiveConnections } of servers) {
        add('active', activeConnections);
        add('inactive', inactiveConnections);
      }
    }
    return sums;
  }
}

function tunnelOf(words: readonly string[]): Tunnel {
  const checksum = words.includes('remcsum') ? 'remcsum' : words.includes('csum') ? 'csum' : 'none';
  const gue = words.indexOf('gue');
  if (gue >= 0) return { type: 'gue', port: Number(words[gue + 1]), checksum };
  return { type: words.includes('gre') ? 'gre' : 'ipip', port: 0, checksum };
}

const OWN_WORDS = new Set(['new', 'inPackets', 'inBytes', 'outPackets', 'outBytes', 'active', 'inactive']);

/** `new, in 40, +active, PASS_ICMP`: a connection, one packet of 40 bytes in, one more active connection, and the reasons that moved. */
function textOfChange(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  const by = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  const packets = (word: string, count: number, bytes: number): string[] =>
    count === 0 && bytes === 0 ? [] : [count === 1 ? `${word} ${bytes}` : `${word} ${count}x ${bytes}`];
  const words = [
    ...(by('new') === 0 ? [] : [by('new') === 1 ? 'new' : `new ${by('new')}`]),
    ...packets('in', by('inPackets'), by('inBytes')),
    ...packets('out', by('outPackets'), by('outBytes')),
    ...['active', 'inactive'].filter((name) => by(name) !== 0).map((name) => `${by(name) > 0 ? '+' : '-'}${name}`),
    ...[...after.keys()]
      .filter((name) => !OWN_WORDS.has(name) && by(name) !== 0)
      .map((name) => (by(name) === 1 ? name : `${name} ${by(name)}`)),
  ];
  return words.length === 0 ? '-' : words.join(', ');
}
