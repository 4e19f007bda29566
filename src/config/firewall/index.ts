/** The operator's firewall, read for the marks that it gives to packets on arrival. */
import { type FirewallProblem, joinChains, type MarkChain } from './chain.ts';
import { readIptables } from './iptables.ts';
import { readNft } from './nft.ts';

export type { FirewallProblem } from './chain.ts';

/** What the programs print; absent where a program is not there. */
export interface FirewallListing {
  readonly iptables?: string;
  readonly ip6tables?: string;
  readonly nft?: string;
}

/** The rules in the order in which packets come to them, and those that cannot be followed. */
export function readFirewall({ iptables, ip6tables, nft }: FirewallListing): Omit<MarkChain, 'priority'> {
  const chains: MarkChain[] = [];
  const unreadable: FirewallProblem[] = [];
  if (iptables !== undefined) chains.push(readIptables(iptables, 4));
  if (ip6tables !== undefined) chains.push(readIptables(ip6tables, 6));
  if (nft !== undefined) {
    const isLeftOut = (family: string, table: string): boolean =>
      table === 'mangle' && ((family === 'ip' && iptables !== undefined) || (family === 'ip6' && ip6tables !== undefined));
    try {
      chains.push(...readNft(nft, isLeftOut));
    } catch (error) {
      unreadable.push({ rule: 'nft -j list ruleset', reason: (error as Error).message });
    }
  }
  const { rules, problems } = joinChains(chains);
  return { rules, problems: [...problems, ...unreadable] };
}
