/** Which interfaces the packet path goes on: those on which clients reach the virtual services, and masqueraded servers answer. */
import type { IpAddress } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';
import type { Link } from '../../wire/index.ts';

/** What the host knows about its addresses and routes. */
export interface HostAddresses {
  /** The interface that holds the address now, if any does. */
  interfaceOf(address: IpAddress): string | undefined;
  /** The interface through which the address is reached. */
  routeInterface(address: IpAddress): string | undefined;
  /** Every interface by which packets for the host may come. */
  interfaces(): readonly string[];
}

/** XDP on the interface below sees their packets first. */
const ABOVE_OTHERS = new Set(['macvlan', 'ipvlan', 'macvtap', 'vlan']);
const ARPHRD_ETHER = 1;

/** Those that carry Ethernet, are up, and have an address. */
export function usableInterfaces(links: readonly Link[], addresses: readonly { readonly interfaceIndex: number }[]): string[] {
  const held = new Set(addresses.map(({ interfaceIndex }) => interfaceIndex));
  const usable = links.filter(
    ({ index, up, loopback, hardwareType, kind }) =>
      up && !loopback && hardwareType === ARPHRD_ETHER && held.has(index) && !ABOVE_OTHERS.has(kind ?? ''),
  );
  return usable.map(({ name }) => name);
}

/**
 * A VIP names its interface. A service whose address no virtual router owns is reached on the interface that holds the address,
 * else on the one that leads to its real servers (a one-armed director whose VIP is routed to it). The replies of masqueraded servers
 * come by the interface that leads to them. Packets with a firewall mark, and those for services that somebody adds by hand where the
 * configuration has none, may come by any interface.
 */
export function impliedInterfaces(configuration: Configuration, host: HostAddresses): string[] {
  const vipInterfaces = new Map<string, string>();
  for (const router of configuration.routers) {
    for (const vip of [...router.vips, ...router.excludedVips]) vipInterfaces.set(String(vip.address), vip.interface);
  }
  const isAnywhere = configuration.services.length === 0 || configuration.services.some(({ key }) => key.kind === 'fwmark');
  const names = new Set<string>(isAnywhere ? host.interfaces() : []);
  for (const service of configuration.services) {
    if (service.key.kind !== 'address') continue;
    const { address } = service.key;
    const first = service.servers[0];
    const name = vipInterfaces.get(String(address)) ?? host.interfaceOf(address) ?? (first && host.routeInterface(first.address));
    const servers = [...service.servers, ...(service.sorryServer ? [service.sorryServer] : [])];
    const masqueraded = servers.filter(({ method }) => method === 'nat' || method === 'fullnat');
    for (const found of [name, ...masqueraded.map((server) => host.routeInterface(server.address))]) {
      if (found !== undefined && found !== 'lo') names.add(found);
    }
  }
  return [...names].sort();
}
