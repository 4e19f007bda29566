/** What is read of a firewall: the chains that packets come through on arrival, as far as they are about marks. */
import type { MarkRule } from '../../model/index.ts';

/** A rule that cannot be followed. */
export interface FirewallProblem {
  /** The rule as the firewall lists it. */
  readonly rule: string;
  readonly reason: string;
}

export interface MarkChain {
  /** Chains of lower priority come first. */
  readonly priority: number;
  readonly rules: readonly MarkRule[];
  readonly problems: readonly FirewallProblem[];
}

/** The whole 32-bit mark. */
export const WHOLE_MARK = 0xffff_ffff;

/** Thrown within the readers for a rule that cannot be followed. */
export class NotFollowed extends Error {
  override readonly name = 'NotFollowed';
}

/** All rules in the order in which packets come to them. What ends one chain does not keep packets from the next one. */
export function joinChains(chains: readonly MarkChain[]): Omit<MarkChain, 'priority'> {
  const sorted = chains.filter(({ rules, problems }) => rules.length + problems.length > 0).toSorted((a, b) => a.priority - b.priority);
  const problems = sorted.flatMap((chain) => chain.problems);
  const rules = sorted.flatMap((chain, at) => {
    const isLast = at === sorted.length - 1;
    if (isLast) return chain.rules;
    return chain.rules.map((rule) => {
      if (rule.ends) problems.push({ rule: describe(rule), reason: 'it ends a chain that another one with marks follows' });
      return { ...rule, ends: false };
    });
  });
  // Without a single mark the others have nothing to say.
  return { rules: rules.some(({ set }) => set) ? rules : [], problems };
}

function describe({ source, destination, ports }: MarkRule): string {
  const ends = [source && `from ${source.address}/${source.length}`, destination && `to ${destination.address}/${destination.length}`];
  const range = ports?.map(({ first, last }) => `${first}-${last}`).join(',');
  return [...ends.filter((word) => word !== undefined), ...(range === undefined ? [] : [`port ${range}`]), 'accept or return'].join(' ');
}
