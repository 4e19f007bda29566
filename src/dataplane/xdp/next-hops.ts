/** Where a frame for a real server goes: the port, and the addresses on it. */
import type { IpAddress } from '../../base/index.ts';
import { Rtnetlink, RtnetlinkMonitor } from '../../os/netlink/index.ts';
import { AsyncPoller } from '../../os/reactor/index.ts';
import { isUsable } from '../../wire/index.ts';

export interface NextHop {
  readonly interfaceIndex: number;
  readonly sourceMac: Uint8Array;
  readonly destinationMac: Uint8Array;
  readonly mtu: number;
  /** Our own address on the way there, which tunnels start from. */
  readonly source: IpAddress;
}

export interface NextHops {
  /** `local` when the address is the director's own; undefined while it is not known, in which case it is being asked for. */
  resolve(address: IpAddress): NextHop | 'local' | undefined;
  close(): void;
}

/** From the kernel's routes and neighbours. `onChange` is called when some of them changed. */
export class RtnetlinkNextHops implements NextHops {
  private readonly rtnetlink = new Rtnetlink();
  private readonly monitor = new RtnetlinkMonitor(['link', 'neighbour', 'route']);
  private readonly poller = new AsyncPoller();

  constructor(onChange: () => void) {
    this.poller.add(this.monitor.fd, () => {
      if (this.monitor.read().length > 0) onChange();
    });
  }

  resolve(address: IpAddress): NextHop | 'local' | undefined {
    const route = this.rtnetlink.routeTo(address);
    if (route?.type === 'local') return 'local';
    if (!route?.source) return undefined;
    const link = route.interfaceIndex === undefined ? undefined : this.rtnetlink.link(route.interfaceIndex);
    if (!link?.mac) return undefined;
    const hop = route.gateway ?? address;
    const neighbour = this.rtnetlink.neighbour(link.index, hop);
    if (!neighbour?.mac || !isUsable(neighbour.state)) {
      this.rtnetlink.probeNeighbour(link.index, hop);
      return undefined;
    }
    const mtu = Math.min(link.mtu, route.mtu ?? link.mtu);
    return { interfaceIndex: link.index, sourceMac: link.mac, destinationMac: neighbour.mac, mtu, source: route.source };
  }

  close(): void {
    this.poller.close();
    this.monitor.close();
    this.rtnetlink.close();
  }
}
