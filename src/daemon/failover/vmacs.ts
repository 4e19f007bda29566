/** The macvlans of virtual routers (`use_vmac`; RFC 9568 §7.3) and the kernel settings that make them work. */
import type { VirtualRouter } from '../../model/index.ts';
import type { Rtnetlink } from '../../os/netlink/index.ts';
import type { SysctlKeeper, SysctlName } from '../../os/sysctl/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { Link } from '../../wire/index.ts';
import { addressVmacName } from './vip.ts';

/** A macvlan that a router needs. */
export interface WantedVmac {
  readonly router: string;
  readonly name: string;
  /** The interface that it lies on. */
  readonly base: string;
  readonly mac: Uint8Array;
  readonly family: 4 | 6;
}

interface Setting {
  readonly name: SysctlName;
  readonly value: string | number;
}

/** The macvlans of the routers: one on each router's own interface, and one on every other interface with VIPs of `use_vmac_addr`. */
export function wantedVmacs(routers: readonly VirtualRouter[]): WantedVmac[] {
  return routers.flatMap(({ name: router, vmac, interface: base, family, vips, excludedVips }) => {
    if (!vmac) return [];
    const others = new Set([...vips, ...excludedVips].filter((vip) => vip.onVmac && vip.interface !== base).map((vip) => vip.interface));
    const common = { router, mac: vmac.address, family };
    return [
      { ...common, name: vmac.name, base },
      ...Array.from(others, (other) => ({ ...common, name: addressVmacName(vmac.name, other), base: other })),
    ];
  });
}

export class VmacKeeper {
  private readonly rtnetlink: Rtnetlink;
  private readonly sysctls: SysctlKeeper;
  private readonly logger: Logger;
  private wanted: readonly WantedVmac[] = [];
  private promoting: readonly string[] = [];

  constructor(rtnetlink: Rtnetlink, sysctls: SysctlKeeper, logger: Logger) {
    this.rtnetlink = rtnetlink;
    this.sysctls = sysctls;
    this.logger = logger;
  }

  /** Takes new settings: macvlans that are wanted no longer go, `ensure` makes the others. */
  configure(routers: readonly VirtualRouter[]): void {
    const wanted = wantedVmacs(routers);
    const names = new Set(wanted.map((vmac) => vmac.name));
    for (const vmac of this.wanted) if (!names.has(vmac.name)) this.remove(vmac);
    this.wanted = wanted;
    const promoting = routers.filter((router) => router.promoteSecondaries);
    this.promoting = [
      ...new Set(promoting.flatMap((router) => [router, ...router.vips, ...router.excludedVips].map((item) => item.interface))),
    ];
  }

  private get names(): readonly string[] {
    return this.wanted.map((vmac) => vmac.name);
  }

  /** Makes what is missing and can be made, and sets the kernel's switches. `links` are all interfaces of the host; true when one was made. */
  ensure(links: ReadonlyMap<string, Link>): boolean {
    let made = false;
    for (const vmac of this.wanted) {
      const base = links.get(vmac.base);
      if (!base || this.isRight(links.get(vmac.name), vmac, base)) continue;
      made = this.make(vmac, base.index, links.get(vmac.name)) || made;
    }
    this.sysctls.want([...this.promotions(), ...this.switches(links)]);
    return made;
  }

  /** Orderly end: nothing of us stays. */
  close(): void {
    for (const vmac of this.wanted) this.remove(vmac);
    this.sysctls.restore();
  }

  private isRight(link: Link | undefined, vmac: WantedVmac, base: Link): boolean {
    if (link?.kind !== 'macvlan' || link.lowerIndex !== base.index || !link.up) return false;
    return link.mac?.every((byte, i) => byte === vmac.mac[i]) ?? false;
  }

  /** A macvlan of that name that a dead predecessor left is made anew: its address, mode and VIPs are not ours to trust. */
  private make(vmac: WantedVmac, lowerIndex: number, existing: Link | undefined): boolean {
    try {
      if (existing?.kind === 'macvlan') this.rtnetlink.deleteLink(existing.index);
      if (this.rtnetlink.createMacvlan({ name: vmac.name, lowerIndex, mac: vmac.mac }) === 'exists') {
        throw new Error(`an interface of that name is there already, and is no macvlan`);
      }
      const link = this.rtnetlink.link(vmac.name);
      if (link) this.rtnetlink.setLinkUp(link.index, true);
      this.logger.log('info', `(${vmac.router}) Success creating VMAC interface ${vmac.name}`);
      return true;
    } catch (error) {
      this.logger.log('error', `(${vmac.router}) Cannot create VMAC interface ${vmac.name}: ${(error as Error).message}`);
      return false;
    }
  }

  private remove(vmac: WantedVmac): void {
    try {
      const link = this.rtnetlink.link(vmac.name);
      if (link?.kind !== 'macvlan') return;
      if (this.rtnetlink.deleteLink(link.index) === 'deleted') {
        this.logger.log('info', `(${vmac.router}) Success removing VMAC interface ${vmac.name}`);
      }
    } catch (error) {
      this.logger.log('error', `(${vmac.router}) Cannot remove VMAC interface ${vmac.name}: ${(error as Error).message}`);
    }
  }

  private promotions(): Setting[] {
    return this.promoting.map((name) => ({ name: conf4(name, 'promote_secondaries'), value: 1 }));
  }

  /**
   * Each interface answers ARP for its own addresses only, or the base interface would answer for the VIPs with its own MAC; a
   * macvlan takes in packets that seem to come from this very host and from networks that are routed elsewhere.
   */
  private switches(links: ReadonlyMap<string, Link>): Setting[] {
    if (this.wanted.length === 0) return [];
    const macvlans = this.wanted.filter((vmac) => links.has(vmac.name));
    const bases = [...new Set(this.wanted.filter((vmac) => vmac.family === 4).map((vmac) => vmac.base))];
    return [
      ...this.reversePathFilters(links),
      ...bases.flatMap((base) => [
        { name: conf4(base, 'arp_ignore'), value: 1 },
        { name: conf4(base, 'arp_filter'), value: 1 },
      ]),
      ...macvlans.flatMap(({ name, family }) => (family === 4 ? version4Switches(name) : version6Switches(name))),
    ];
  }

  /** `all.rp_filter` holds for every interface: it moves down to each of the others, so that the macvlans can be without. */
  private reversePathFilters(links: ReadonlyMap<string, Link>): Setting[] {
    const all = Number(this.sysctls.original(conf4('all', 'rp_filter')) ?? 0);
    if (all === 0) return [];
    const macvlans = new Set(this.names);
    const others = [...links.keys(), 'default'].filter((name) => !macvlans.has(name));
    const stricter = (name: string): number => Math.max(all, Number(this.sysctls.original(conf4(name, 'rp_filter')) ?? 0));
    return [
      ...others.map((name) => ({ name: conf4(name, 'rp_filter'), value: stricter(name) })),
      { name: conf4('all', 'rp_filter'), value: 0 },
    ];
  }
}

function version4Switches(name: string): Setting[] {
  return [
    { name: conf4(name, 'arp_ignore'), value: 1 },
    { name: conf4(name, 'accept_local'), value: 1 },
    { name: conf4(name, 'rp_filter'), value: 0 },
    { name: conf4(name, 'promote_secondaries'), value: 1 },
    { name: ['net', 'ipv6', 'conf', name, 'disable_ipv6'], value: 1 },
  ];
}

/** The shared MAC must not ask for routers: the link would learn it on every director's port. */
function version6Switches(name: string): Setting[] {
  return [
    { name: conf4(name, 'rp_filter'), value: 0 },
    { name: ['net', 'ipv6', 'conf', name, 'router_solicitations'], value: 0 },
    { name: ['net', 'ipv6', 'conf', name, 'accept_ra'], value: 0 },
  ];
}

function conf4(link: string, setting: string): SysctlName {
  return ['net', 'ipv4', 'conf', link, setting];
}
