/** Which local address and port a connection by full NAT gets. */
import type { IpAddress } from '../../base/index.ts';
import type { PortRange } from '../../model/index.ts';
import type { LocalEndpoint } from '../../ports/index.ts';

export class LocalPorts {
  /** The port of each address that is tried next. */
  private readonly next = new Map<string, number>();
  private turn = 0;

  /** Addresses take turns, and so do the ports of each. Undefined where `isFree` refuses all of them. */
  choose(addresses: readonly IpAddress[], range: PortRange, isFree: (local: LocalEndpoint) => boolean): LocalEndpoint | undefined {
    const turn = this.turn++;
    for (let step = 0; step < addresses.length; step++) {
      const address = addresses[(turn + step) % addresses.length] as IpAddress;
      const port = this.portOf(address, range, isFree);
      if (port !== undefined) return { address, port };
    }
    return undefined;
  }

  private portOf(address: IpAddress, { first, last }: PortRange, isFree: (local: LocalEndpoint) => boolean): number | undefined {
    const start = this.next.get(String(address)) ?? first;
    for (let step = 0; step <= last - first; step++) {
      const port = first + ((start - first + step) % (last - first + 1));
      if (!isFree({ address, port })) continue;
      this.next.set(String(address), port === last ? first : port + 1);
      return port;
    }
    return undefined;
  }
}
