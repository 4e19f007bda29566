/** Puts VIPs on interfaces and takes them off again, and knows which of them are ours. */
import type { Vip, VirtualRouter } from '../../model/index.ts';
import type { Rtnetlink } from '../../os/netlink/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { Link } from '../../wire/index.ts';
import { addressSpec, deviceOf, vipText } from './vip.ts';

interface HeldVip {
  readonly vip: Vip;
  readonly device: string;
}

export class AddressKeeper {
  private readonly rtnetlink: Rtnetlink;
  private readonly linkOf: (name: string) => Link | undefined;
  private readonly logger: Logger;
  /** Addresses that we put on interfaces. One that was there before is somebody else's (an owner's real address) and stays. */
  private readonly added = new Map<string, HeldVip>();
  /** While starting, VIPs are removed whoever put them there: a dead predecessor left them. */
  clearing = true;

  constructor(rtnetlink: Rtnetlink, linkOf: (name: string) => Link | undefined, logger: Logger) {
    this.rtnetlink = rtnetlink;
    this.linkOf = linkOf;
    this.logger = logger;
  }

  /** False when at least one is not there afterwards: its interface is missing, or the kernel refuses. */
  add(router: Pick<VirtualRouter, 'interface' | 'vmac'>, vips: readonly Vip[]): boolean {
    let whole = true;
    for (const vip of vips) {
      const device = deviceOf(router, vip);
      const there = this.change(vip, device, 'add', (index) => {
        if (this.rtnetlink.addAddress(addressSpec(vip, index)) === 'added') this.added.set(vipText(vip, device), { vip, device });
      });
      whole &&= there;
    }
    return whole;
  }

  remove(router: Pick<VirtualRouter, 'interface' | 'vmac'>, vips: readonly Vip[]): void {
    for (const vip of vips) {
      const device = deviceOf(router, vip);
      if (!this.added.delete(vipText(vip, device)) && !this.clearing) continue;
      this.change(vip, device, 'remove', (index) => this.rtnetlink.deleteAddress(addressSpec(vip, index)));
    }
  }

  /** Whether we put that address on an interface, and have not taken it off. */
  holds(address: string, interfaceIndex: number): boolean {
    for (const { vip, device } of this.added.values()) {
      if (String(vip.address) === address && this.linkOf(device)?.index === interfaceIndex) return true;
    }
    return false;
  }

  /** VIPs that we put on an interface and that somebody else took away. They are ours no longer. */
  takeLost(): Vip[] {
    const present = new Set(this.rtnetlink.addresses().map(({ interfaceIndex, prefix }) => `${interfaceIndex} ${prefix.address}`));
    const lost: Vip[] = [];
    for (const [text, { vip, device }] of this.added) {
      const link = this.linkOf(device);
      if (link && present.has(`${link.index} ${vip.address}`)) continue;
      this.added.delete(text);
      lost.push(vip);
    }
    return lost;
  }

  /** `192.168.18.200/32 on eth0` for each address that we hold. */
  held(): readonly string[] {
    return [...this.added.keys()];
  }

  private change(vip: Vip, device: string, verb: 'add' | 'remove', change: (interfaceIndex: number) => void): boolean {
    const link = this.linkOf(device);
    if (!link) return false;
    try {
      change(link.index);
      return true;
    } catch (error) {
      this.logger.log('error', `Cannot ${verb} ${vipText(vip, device)}: ${(error as Error).message}`);
      return false;
    }
  }
}
