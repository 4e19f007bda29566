/**
 * Packets to VIPs of routers that do not accept them (`no_accept`, strict mode; RFC 9568 §6.1 Accept_Mode) are dropped by a table
 * of our own. It holds all such VIPs at all times: packets for an address that is not on this host never come to its hooks.
 */
import type { IpAddress } from '../../base/index.ts';
import type { FirewallSettings, VirtualRouter } from '../../model/index.ts';
import { allVips } from './interfaces.ts';
import { deviceOf } from './vip.ts';

/** The address owner accepts, whatever the file says. */
const OWNER = 255;

interface BlockedVip {
  readonly address: IpAddress;
  readonly device: string;
}

export function blockedVips(routers: readonly VirtualRouter[]): BlockedVip[] {
  const blocking = routers.filter((router) => !router.accept && router.priority !== OWNER);
  return blocking.flatMap((router) => allVips(router).map((vip) => ({ address: vip.address, device: deviceOf(router, vip) })));
}

/** Makes the table anew, in one transaction; without anything to block it only goes. */
export function firewallScript(settings: FirewallSettings, routers: readonly VirtualRouter[]): string {
  const blocked = blockedVips(routers);
  const version4 = [...new Set(blocked.filter(({ address }) => address.family === 4).map(({ address }) => String(address)))];
  const version6 = blocked.filter(({ address }) => address.family === 6);
  return [
    removalScript(settings),
    ...(version4.length > 0 ? [version4Table(settings, version4)] : []),
    ...(version6.length > 0 ? [version6Table(settings, version6)] : []),
  ].join('');
}

/** Adding before deleting makes deleting work whether there is a table or not. */
export function removalScript({ table }: Pick<FirewallSettings, 'table'>): string {
  return `add table ip ${table}\ndelete table ip ${table}\nadd table ip6 ${table}\ndelete table ip6 ${table}\n`;
}

function version4Table({ table, chainPriority, counters }: FirewallSettings, vips: readonly string[]): string {
  const counter = counters ? 'counter ' : '';
  return `table ip ${table} {
  set vips { type ipv4_addr; elements = { ${vips.join(', ')} } }
  chain in { type filter hook input priority ${chainPriority}; policy accept; ip daddr @vips ${counter}drop; }
  chain out { type filter hook output priority ${chainPriority}; policy accept; ip saddr @vips ${counter}drop; }
}
`;
}

/** Neighbour discovery stays, or nobody would learn the VIP's MAC. A link-local address is blocked on its own link only. */
function version6Table({ table, chainPriority, counters }: FirewallSettings, vips: readonly BlockedVip[]): string {
  const counter = counters ? 'counter ' : '';
  const isLocal = ({ address }: BlockedVip): boolean => address.bytes[0] === 0xfe;
  const everywhere = [...new Set(vips.filter((vip) => !isLocal(vip)).map(({ address }) => String(address)))];
  const local = [...new Set(vips.filter(isLocal).map(({ address, device }) => `${address} . "${device}"`))];
  const elements = (list: readonly string[]): string => (list.length > 0 ? ` elements = { ${list.join(', ')} }` : '');
  const chain = (name: string, hook: string, side: string, link: string): string =>
    `  chain ${name} { type filter hook ${hook} priority ${chainPriority}; policy accept;
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    ip6 ${side} @vips ${counter}drop
    ip6 ${side} . ${link} @vips_link_local ${counter}drop
  }
`;
  return `table ip6 ${table} {
  set vips { type ipv6_addr;${elements(everywhere)} }
  set vips_link_local { type ipv6_addr . ifname;${elements(local)} }
${chain('in', 'input', 'daddr', 'iifname')}${chain('out', 'output', 'saddr', 'oifname')}}
`;
}
