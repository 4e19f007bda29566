/** The interfaces that virtual routers use, kept in step with the kernel. */
import type { IpAddress, IpFamily } from '../../base/index.ts';
import type { VirtualRouter } from '../../model/index.ts';
import type { Rtnetlink, RtnetlinkEvent } from '../../os/netlink/index.ts';
import type { VrrpEvent, VrrpSettings } from '../../vrrp/index.ts';
import type { InterfaceAddress, Link } from '../../wire/index.ts';
import { wantedVmacs } from './vmacs.ts';

/** Every interface that the settings name: of routers, their macvlans, of VIPs, and tracked ones. */
export function namedInterfaces(settings: Pick<VrrpSettings, 'routers' | 'groups'>): Set<string> {
  const names = new Set<string>();
  for (const router of settings.routers) {
    if (router.interface !== '') names.add(router.interface);
    if (router.vmac) names.add(router.vmac.name);
    for (const vip of allVips(router)) names.add(vip.interface);
    for (const tracked of router.trackInterfaces) names.add(tracked.interface);
  }
  for (const group of settings.groups) for (const tracked of group.trackInterfaces) names.add(tracked.interface);
  return names;
}

/** The addresses that move with a router: those in the advertisement, then the excluded ones. */
export function allVips(router: VirtualRouter): VirtualRouter['vips'] {
  return router.excludedVips.length === 0 ? router.vips : [...router.vips, ...router.excludedVips];
}

const OWNER = 255;

interface Told {
  readonly present: boolean;
  readonly up: boolean;
  readonly version4: string;
  readonly version6: string;
}

/** What is known of the named interfaces; turns what the kernel says into the engine's events, each only when something changed. */
export class InterfaceTable {
  private readonly rtnetlink: Rtnetlink;
  private links: ReadonlyMap<string, Link> = new Map();
  private readonly told = new Map<string, Told>();
  private readonly sourcesTold = new Map<string, boolean>();
  private names = new Set<string>();
  private macvlans = new Set<string>();
  /** Addresses that move: wherever one is, it is not the interface's own. */
  private vips = new Set<string>();
  private sources = new Map<string, IpAddress>();

  constructor(rtnetlink: Rtnetlink) {
    this.rtnetlink = rtnetlink;
  }

  configure(settings: VrrpSettings): void {
    this.names = namedInterfaces(settings);
    this.macvlans = new Set(wantedVmacs(settings.routers).map(({ name }) => name));
    this.vips = new Set();
    this.sources = new Map();
    for (const router of settings.routers) {
      // The owner's VIPs are the interface's own addresses.
      if (router.priority !== OWNER) for (const vip of allVips(router)) this.vips.add(String(vip.address));
      if (router.trackSourceAddress && router.sourceAddress) this.sources.set(String(router.sourceAddress), router.sourceAddress);
    }
  }

  /** The link as last read; undefined when there is none of that name. */
  link(name: string): Link | undefined {
    return this.links.get(name);
  }

  /** All interfaces of the host, by name. */
  all(): ReadonlyMap<string, Link> {
    return this.links;
  }

  /** Reads the interfaces again. What has the name of a macvlan of ours and is none is not there for us. */
  readLinks(): ReadonlyMap<string, Link> {
    const isOurs = ({ name, kind }: Link): boolean => kind === 'macvlan' || !this.macvlans.has(name);
    this.links = new Map(this.rtnetlink.links().flatMap((link) => (isOurs(link) ? [[link.name, link]] : [])));
    return this.links;
  }

  /**
   * Whether what the kernel said can change what the engine knows. Our own VIPs coming and going cannot, and they come in
   * thousands when a busy director takes over.
   */
  concerns(event: RtnetlinkEvent): boolean {
    if (event.kind !== 'address' && event.kind !== 'address-removed') return true;
    return !this.vips.has(String(event.address.prefix.address));
  }

  /** Reads the kernel's addresses and returns what the engine has not been told yet. Changes are rare, so reading whole tables is cheap enough. */
  refresh(): VrrpEvent[] {
    const addresses = this.rtnetlink.addresses();
    const byIndex = new Map<number, InterfaceAddress[]>();
    for (const entry of addresses) {
      const list = byIndex.get(entry.interfaceIndex);
      if (list) list.push(entry);
      else byIndex.set(entry.interfaceIndex, [entry]);
    }
    const events: VrrpEvent[] = [];
    for (const name of this.names) this.refreshOne(name, byIndex, events);
    this.refreshSources(addresses, events);
    return events;
  }

  /** The interface's own first addresses as last told to the engine. */
  addressesOf(name: string): { readonly version4: string; readonly version6: string } {
    return this.told.get(name) ?? { version4: '', version6: '' };
  }

  private refreshOne(name: string, byIndex: ReadonlyMap<number, readonly InterfaceAddress[]>, events: VrrpEvent[]): void {
    const link = this.links.get(name);
    const own = (link && byIndex.get(link.index)) ?? [];
    const version4 = this.first(own, 4);
    const version6 = this.first(own, 6);
    const now: Told = {
      present: link !== undefined,
      up: link?.up === true && link.running,
      version4: version4 ? String(version4) : '',
      version6: version6 ? String(version6) : '',
    };
    const before = this.told.get(name);
    if (before?.version4 !== now.version4) events.push({ kind: 'address', interface: name, family: 4, address: version4 });
    if (before?.version6 !== now.version6) events.push({ kind: 'address', interface: name, family: 6, address: version6 });
    if (before?.up !== now.up || before.present !== now.present) {
      events.push({ kind: 'link', interface: name, up: now.up, present: now.present });
    }
    this.told.set(name, now);
  }

  /** The first IPv4 address, or IPv6 link-local one, that is not a VIP of ours. */
  private first(addresses: readonly InterfaceAddress[], family: IpFamily): IpAddress | undefined {
    const usable = ({ prefix: { address } }: InterfaceAddress): boolean =>
      address.family === family && !this.vips.has(String(address)) && (family === 4 || isLinkLocal(address));
    return addresses.find(usable)?.prefix.address;
  }

  private refreshSources(addresses: readonly InterfaceAddress[], events: VrrpEvent[]): void {
    if (this.sources.size === 0) return;
    const present = new Set(addresses.map(({ prefix }) => String(prefix.address)));
    for (const [text, address] of this.sources) {
      const here = present.has(text);
      if (this.sourcesTold.get(text) !== here) events.push({ kind: 'source-address', address, present: here });
      this.sourcesTold.set(text, here);
    }
  }
}

/** fe80::/10. */
function isLinkLocal(address: IpAddress): boolean {
  return address.bytes[0] === 0xfe && ((address.bytes[1] as number) & 0xc0) === 0x80;
}
