/** The addresses that this host holds, told anew whenever the kernel adds or removes one (`ha_suspend`). */
import { Rtnetlink, RtnetlinkMonitor } from '../../os/netlink/index.ts';
import type { AsyncPoller } from '../../os/reactor/index.ts';

export class LocalAddresses {
  private readonly poller: AsyncPoller;
  private readonly report: (addresses: ReadonlySet<string>) => void;
  private readonly rtnetlink = new Rtnetlink();
  /** Made before the first look, so that no change falls between. */
  private readonly monitor = new RtnetlinkMonitor(['address']);

  /** Reports at once. Throws SystemError when the kernel gives no socket. */
  constructor(poller: AsyncPoller, report: (addresses: ReadonlySet<string>) => void) {
    this.poller = poller;
    this.report = report;
    poller.add(this.monitor.fd, () => this.changed());
    this.look();
  }

  close(): void {
    this.poller.remove(this.monitor.fd);
    this.monitor.close();
    this.rtnetlink.close();
  }

  private changed(): void {
    if (this.monitor.read().length > 0) this.look();
  }

  private look(): void {
    this.report(new Set(this.rtnetlink.addresses().map(({ prefix }) => `${prefix.address}`)));
  }
}
