/** Which interfaces the packet path goes on: those on which clients reach the virtual services, and masqueraded servers answer. */
import type { IpAddress } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';

/** What the host knows about its addresses and routes. */
export interface HostAddresses {
  /** The interface that holds the address now, if any does. */
  interfaceOf(address: IpAddress): string | undefined;
  /** The interface through which the address is reached. */
  routeInterface(address: IpAddress): string | undefined;
}

/**
 * A VIP names its interface. A service whose address no virtual router owns is reached on the interface that holds the address,
 * else on the one that leads to its real servers (a one-armed director whose VIP is routed to it). The replies of masqueraded servers
 * come by the interface that leads to them.
 */
export function impliedInterfaces(configuration: Configuration, host: HostAddresses): string[] {
  const vipInterfaces = new Map<string, string>();
  for (const router of configuration.routers) {
    for (const vip of [...router.vips, ...router.excludedVips]) vipInterfaces.set(String(vip.address), vip.interface);
  }
  const names = new Set<string>();
  for (const service of configuration.services) {
    if (service.key.kind !== 'address') continue;
    const { address } = service.key;
    const first = service.servers[0];
    const name = vipInterfaces.get(String(address)) ?? host.interfaceOf(address) ?? (first && host.routeInterface(first.address));
    const servers = [...service.servers, ...(service.sorryServer ? [service.sorryServer] : [])];
    const masqueraded = servers.filter((server) => server.method === 'nat');
    for (const found of [name, ...masqueraded.map((server) => host.routeInterface(server.address))]) {
      if (found !== undefined && found !== 'lo') names.add(found);
    }
  }
  return [...names].sort();
}
