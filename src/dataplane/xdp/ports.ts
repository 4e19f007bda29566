/** The interfaces that the packet path is on. */
import { join } from 'node:path';
import type { IpAddress } from '../../base/index.ts';
import { type BpfMap, type BpfProgram, indexKey, XdpLink, type XdpMode } from '../../os/bpf/index.ts';
import { keepTags } from '../../os/ffi/index.ts';
import { Rtnetlink } from '../../os/netlink/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { Link } from '../../wire/index.ts';
import { LINK_PIN } from './program.ts';
import type { Records } from './records.ts';
import type { TracePort } from './trace/index.ts';

/**
 * Native XDP on veth turns every packet of the local stack into a new frame without its offload state, and cannot send without a
 * program on the peer: generic mode keeps the packet as it is and needs nothing of the peer.
 */
const GENERIC_KINDS = new Set(['veth']);
/** Each MAC address fills a 64-bit word, as the first eight bytes of a frame with the last two cleared. */
const MAC_STRIDE = 8;

export interface Attachment {
  readonly name: string;
  readonly mode: XdpMode;
}

export interface PortsOptions {
  readonly program: BpfProgram;
  readonly settings: Records;
  readonly devices: BpfMap;
  readonly logger: Logger;
  readonly pinDirectory: string | undefined;
  /** The bit of the settings' flags that says that some port is a VLAN on another one. */
  readonly flag: number;
}

export class Ports {
  private readonly program: BpfProgram;
  private readonly settings: Records;
  private readonly devices: BpfMap;
  private readonly logger: Logger;
  private readonly pinDirectory: string | undefined;
  /** SETTING_TAGGED. */
  private readonly flag: number;
  private readonly rtnetlink = new Rtnetlink();
  private readonly links = new Map<string, XdpLink>();
  /** Which number each interface has in the packet path, by its index. Connections remember it, so it stays as long as the port does. */
  private readonly numbers = new Map<number, number>();
  private names: readonly string[] = [];
  /** VLANs whose frames the program on the port underneath sees, tags and all, by the index of the VLAN's interface. */
  private vlans: ReadonlyMap<number, Link> = new Map();
  /** Interfaces that were asked to leave the tags of VLANs in their frames, and whether they do. */
  private readonly tagged = new Map<number, boolean>();
  /** VLANs that are no ports, but lead to real servers. */
  private readonly ways = new Set<number>();

  constructor(options: PortsOptions) {
    this.program = options.program;
    this.settings = options.settings;
    this.devices = options.devices;
    this.logger = options.logger;
    this.pinDirectory = options.pinDirectory;
    this.flag = options.flag;
  }

  /** Attaches to these interfaces and to no others. Throws SystemError when an interface that exists takes no program in any mode. */
  configure(names: readonly string[]): void {
    this.names = names;
    for (const name of this.links.keys()) if (!names.includes(name)) this.detach(name);
    this.refresh();
  }

  /** Follows interfaces that come, go, or change their address. */
  refresh(): void {
    const present: Link[] = [];
    for (const name of this.names) {
      const link = this.rtnetlink.link(name);
      const attached = this.links.get(name);
      if (attached && attached.interfaceIndex !== link?.index) this.detach(name);
      if (link) present.push(link);
    }
    // A VLAN needs no program where the port underneath has one that sees its frames.
    for (const link of present) if (link.vlan === undefined) this.attachOnce(link);
    for (const link of present) {
      if (!this.isSeenBelow(link)) this.attachOnce(link);
      else if (this.links.has(link.name)) this.detach(link.name);
    }
    for (const index of this.ways) {
      const link = this.rtnetlink.link(index);
      if (link && this.isSeenBelow(link)) present.push(link);
      else this.ways.delete(index);
    }
    this.writePorts(present);
  }

  /** Lets frames leave by a port. False when there is no such port any more. */
  allow(interfaceIndex: number): boolean {
    if (this.vlans.has(interfaceIndex)) return true;
    const link = this.rtnetlink.link(interfaceIndex);
    if (link && this.isSeenBelow(link)) {
      this.ways.add(interfaceIndex);
      this.refresh();
      return this.vlans.has(interfaceIndex);
    }
    try {
      this.devices.update(indexKey(interfaceIndex), indexKey(interfaceIndex));
      return true;
    } catch (error) {
      this.logger.log('debug', `Interface ${interfaceIndex} takes no frames of the packet path: ${(error as Error).message}`);
      return false;
    }
  }

  /** The port of this name, else the one by which a source is reached, else the first; undefined where the packet path is on none such. */
  find(name: string | undefined, source: IpAddress): TracePort | undefined {
    const { settings } = this;
    const macs = settings.bytesOf(0, 'port_macs');
    const ports = Array.from({ length: settings.u32(0, 'port_count') }, (_, port) => ({
      index: settings.u32Of(0, 'port_indexes', port),
      mac: macs.slice(port * MAC_STRIDE, port * MAC_STRIDE + 6),
    })).filter(({ index }) => index !== 0);
    const wanted = name === undefined ? this.rtnetlink.routeTo(source)?.interfaceIndex : this.rtnetlink.link(name)?.index;
    const port = ports.find(({ index }) => index === wanted) ?? (name === undefined ? ports[0] : undefined);
    return port && { ...port, name: this.nameOf(port.index) };
  }

  indexOf(name: string): number | undefined {
    return this.rtnetlink.link(name)?.index;
  }

  nameOf(interfaceIndex: number): string {
    return this.rtnetlink.link(interfaceIndex)?.name ?? `interface ${interfaceIndex}`;
  }

  attachments(): Attachment[] {
    const vlans = this.names.filter((name) => [...this.vlans.values()].some((link) => link.name === name));
    return [
      ...[...this.links].map(([name, link]) => ({ name, mode: link.mode })),
      ...vlans.map((name) => ({ name, mode: 'native' as const })),
    ];
  }

  close(): void {
    for (const name of this.links.keys()) this.detach(name);
    this.rtnetlink.close();
  }

  private attachOnce(link: Link): void {
    if (!this.links.has(link.name)) this.attach(link);
  }

  /** Of a VLAN: whether the packet path is on the port underneath, in the driver, and sees its frames there with their tags. */
  private isSeenBelow({ vlan, lowerIndex }: Link): boolean {
    if (vlan === undefined || lowerIndex === undefined) return false;
    const isNative = [...this.links.values()].some((link) => link.interfaceIndex === lowerIndex && link.mode === 'native');
    return isNative && this.hasTags(lowerIndex);
  }

  /** A card that takes the tags off its frames would hide whose they are. It is asked once. */
  private hasTags(interfaceIndex: number): boolean {
    const known = this.tagged.get(interfaceIndex);
    if (known !== undefined) return known;
    const name = this.nameOf(interfaceIndex);
    let kept = false;
    try {
      kept = keepTags(name);
    } catch (error) {
      this.logger.log('debug', `${name}: ${(error as Error).message}`);
    }
    if (!kept) this.logger.log('notice', `${name} takes the tags of VLANs off its frames: using generic mode for them, which is slower`);
    this.tagged.set(interfaceIndex, kept);
    return kept;
  }

  private attach(link: Link): void {
    const pinPath = this.pinDirectory === undefined ? undefined : join(this.pinDirectory, `${LINK_PIN}${link.index}`);
    const preferred: XdpMode = GENERIC_KINDS.has(link.kind ?? '') ? 'generic' : 'native';
    const inherited = pinPath === undefined ? undefined : XdpLink.takeOver(this.program, link.index, preferred, pinPath);
    this.links.set(link.name, inherited ?? this.attachNew(link, preferred, pinPath));
    this.allow(link.index);
    this.logger.log('info', `Packet path on ${link.name} (${this.links.get(link.name)?.mode} XDP)`);
  }

  private attachNew(link: Link, preferred: XdpMode, pinPath: string | undefined): XdpLink {
    if (preferred === 'generic') return XdpLink.attach(this.program, link.index, 'generic', pinPath);
    try {
      return XdpLink.attach(this.program, link.index, 'native', pinPath);
    } catch (error) {
      this.logger.log(
        'notice',
        `${link.name} takes no native XDP program (${(error as Error).message}); using generic mode, which is slower`,
      );
      return XdpLink.attach(this.program, link.index, 'generic', pinPath);
    }
  }

  private detach(name: string): void {
    this.links.get(name)?.detach();
    this.links.delete(name);
  }

  private writePorts(links: readonly Link[]): void {
    const { settings } = this;
    const macs = new Uint8Array(settings.sizeOf('port_macs'));
    const limit = macs.length / MAC_STRIDE;
    const indexes = new Uint32Array(limit);
    const mtus = new Uint32Array(limit);
    const lowers = new Uint32Array(limit);
    const tags = new Uint16Array(limit);
    const vlans = links.filter((link) => this.isSeenBelow(link));
    this.admitVlans(vlans);
    for (const link of links) {
      const number = this.numberOf(link.index, limit);
      if (number === undefined) continue;
      macs.set(link.mac ?? [], number * MAC_STRIDE);
      indexes[number] = link.index;
      mtus[number] = link.mtu;
      if (!this.vlans.has(link.index)) continue;
      lowers[number] = link.lowerIndex as number;
      tags[number] = link.vlan as number;
    }
    for (const index of this.numbers.keys()) if (!indexes.includes(index)) this.numbers.delete(index);
    settings.setBytes(0, 'port_indexes', new Uint8Array(indexes.buffer));
    settings.setBytes(0, 'port_mtus', new Uint8Array(mtus.buffer));
    settings.setBytes(0, 'port_tags', new Uint8Array(tags.buffer));
    settings.setBytes(0, 'port_lowers', new Uint8Array(lowers.buffer));
    settings.setBytes(0, 'port_macs', macs);
    settings.setU32(0, 'port_count', Math.max(0, ...[...this.numbers.values()].map((number) => number + 1)));
  }

  private admitVlans(vlans: readonly Link[]): void {
    const before = this.vlans;
    this.vlans = new Map(vlans.map((link) => [link.index, link]));
    for (const { index, name, lowerIndex, vlan } of vlans) {
      if (before.has(index)) continue;
      this.logger.log('info', `Packet path on ${name} (VLAN ${vlan} of ${this.nameOf(lowerIndex as number)})`);
      const key = indexKey(index);
      if (this.devices.lookup(key)) this.devices.delete(key);
    }
    const { settings, flag } = this;
    const flags = settings.u32(0, 'flags');
    settings.setU32(0, 'flags', (vlans.length > 0 ? flags | flag : flags & ~flag) >>> 0);
  }

  /** The number that the interface has, be it from an earlier process, or a free one. */
  private numberOf(interfaceIndex: number, limit: number): number | undefined {
    const known = this.numbers.get(interfaceIndex);
    if (known !== undefined) return known;
    const used = new Set(this.numbers.values());
    const free = Array.from({ length: limit }, (_, number) => number).filter((number) => !used.has(number));
    const inherited = free.find((number) => this.settings.u32Of(0, 'port_indexes', number) === interfaceIndex);
    const number = inherited ?? free.find((candidate) => this.settings.u32Of(0, 'port_indexes', candidate) === 0) ?? free[0];
    if (number === undefined) this.logger.log('warning', `The packet path has no number for interface ${interfaceIndex}: ${limit} are all`);
    else this.numbers.set(interfaceIndex, number);
    return number;
  }
}
