/** Puts VIPs on interfaces and takes them off again, and knows which of them are ours. */
import type { Vip, VirtualRouter } from '../../model/index.ts';
import { encodeNewAddress, type Rtnetlink } from '../../os/netlink/index.ts';
import type { Logger } from '../../ports/index.ts';
import type { Link } from '../../wire/index.ts';
import { addressSpec, deviceOf, vipText } from './vip.ts';

interface HeldVip {
  readonly vip: Vip;
  readonly device: string;
}

/** What it takes to put a VIP on an interface. */
interface PlannedVip extends HeldVip {
  readonly text: string;
  readonly link: Link;
  readonly encoded: Uint8Array;
}

export class AddressKeeper {
  private readonly rtnetlink: Rtnetlink;
  private readonly linkOf: (name: string) => Link | undefined;
  private readonly logger: Logger;
  /** Addresses that we put on interfaces. One that was there before is somebody else's (an owner's real address) and stays. */
  private readonly added = new Map<string, HeldVip>();
  /** Made once for as long as the interface is the same. */
  private readonly plans = new WeakMap<Vip, PlannedVip>();
  /** While starting, VIPs are removed whoever put them there: a dead predecessor left them. */
  clearing = true;

  constructor(rtnetlink: Rtnetlink, linkOf: (name: string) => Link | undefined, logger: Logger) {
    this.rtnetlink = rtnetlink;
    this.linkOf = linkOf;
    this.logger = logger;
  }

  /** Has ready what a takeover will ask of the kernel. */
  prepare(router: Pick<VirtualRouter, 'interface' | 'vmac'>, vips: readonly Vip[]): void {
    for (const vip of vips) this.plan(router, vip);
  }

  /** False when at least one is not there afterwards: its interface is missing, or the kernel refuses. */
  add(router: Pick<VirtualRouter, 'interface' | 'vmac'>, vips: readonly Vip[]): boolean {
    let whole = true;
    for (const vip of vips) {
      const plan = this.plan(router, vip);
      const there = plan !== undefined && this.attempt('add', plan.text, () => this.put(plan));
      whole &&= there;
    }
    return whole;
  }

  remove(router: Pick<VirtualRouter, 'interface' | 'vmac'>, vips: readonly Vip[]): void {
    for (const vip of vips) {
      const device = deviceOf(router, vip);
      const text = vipText(vip, device);
      if (!this.added.delete(text) && !this.clearing) continue;
      const link = this.linkOf(device);
      if (link) this.attempt('remove', text, () => this.rtnetlink.deleteAddress(addressSpec(vip, link.index)));
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

  private plan(router: Pick<VirtualRouter, 'interface' | 'vmac'>, vip: Vip): PlannedVip | undefined {
    const device = deviceOf(router, vip);
    const link = this.linkOf(device);
    const known = this.plans.get(vip);
    if (!link || known?.link === link) return link && known;
    const plan = { vip, device, link, text: vipText(vip, device), encoded: encodeNewAddress(addressSpec(vip, link.index)) };
    this.plans.set(vip, plan);
    return plan;
  }

  private put(plan: PlannedVip): void {
    if (this.rtnetlink.addAddress(plan.encoded) === 'added') this.added.set(plan.text, plan);
  }

  private attempt(verb: 'add' | 'remove', text: string, change: () => void): boolean {
    try {
      change();
      return true;
    } catch (error) {
      this.logger.log('error', `Cannot ${verb} ${text}: ${(error as Error).message}`);
      return false;
    }
  }
}
