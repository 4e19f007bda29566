/** The interfaces that virtual routers use, kept in step with the kernel. */
import type { IpAddress } from '../../base/index.ts';
import type { Rtnetlink } from '../../os/netlink/index.ts';
import type { VrrpEvent, VrrpSettings } from '../../vrrp/index.ts';
import type { Link } from '../../wire/index.ts';

/** Every interface that the settings name: of routers, of VIPs, and tracked ones. */
export function namedInterfaces(settings: VrrpSettings): Set<string> {
  const names = new Set<string>();
  for (const router of settings.routers) {
    names.add(router.interface);
    for (const vip of [...router.vips, ...router.excludedVips]) names.add(vip.interface);
    for (const tracked of router.trackInterfaces) names.add(tracked.interface);
  }
  for (const group of settings.groups) for (const tracked of group.trackInterfaces) names.add(tracked.interface);
  return names;
}

/** What is known of the named interfaces; turns what the kernel says into the engine's events, each only when something changed. */
export class InterfaceTable {
  private readonly rtnetlink: Rtnetlink;
  private readonly links = new Map<string, Link>();
  private readonly told = new Map<string, { up: boolean; address: string | undefined }>();
  private names = new Set<string>();
  private vips = new Set<string>();

  constructor(rtnetlink: Rtnetlink) {
    this.rtnetlink = rtnetlink;
  }

  configure(settings: VrrpSettings): void {
    this.names = namedInterfaces(settings);
    this.vips = new Set(settings.routers.flatMap((router) => [...router.vips, ...router.excludedVips].map((vip) => String(vip.address))));
  }

  /** The link as last read; undefined when there is none of that name. */
  link(name: string): Link | undefined {
    return this.links.get(name);
  }

  nameOf(index: number): string | undefined {
    for (const [name, link] of this.links) if (link.index === index) return name;
    return undefined;
  }

  /** Reads the kernel's tables and returns what the engine has not been told yet. Changes are rare, so reading whole tables is cheap enough. */
  refresh(): VrrpEvent[] {
    const present = new Map(this.rtnetlink.links().map((link) => [link.name, link]));
    const events: VrrpEvent[] = [];
    for (const name of this.names) {
      const link = present.get(name);
      if (link) this.links.set(name, link);
      else this.links.delete(name);
      const up = link?.up === true && link.running;
      const address = link && this.ownAddress(link);
      const before = this.told.get(name);
      const text = address && String(address);
      if (!before || before.address !== text) events.push({ kind: 'address', interface: name, address });
      if (!before || before.up !== up) events.push({ kind: 'link', interface: name, up });
      this.told.set(name, { up, address: text });
    }
    return events;
  }

  /** The interface's first IPv4 address that is not a VIP of ours. */
  private ownAddress(link: Link): IpAddress | undefined {
    const own = this.rtnetlink
      .addresses(link.index)
      .find(({ prefix }) => prefix.address.family === 4 && !this.vips.has(String(prefix.address)));
    return own?.prefix.address;
  }
}
