/** What the operator's firewall says about marks, as far as a data plane can follow it before the firewall sees the packet. */
import type { IpFamily, IpPrefix } from '../base/index.ts';
import type { PortRange } from './forwarding.ts';
import type { Protocol } from './service.ts';

/** One rule of a chain that packets come through on arrival. What is absent is not asked about. */
export interface MarkRule {
  readonly family: IpFamily;
  readonly source?: IpPrefix;
  readonly destination?: IpPrefix;
  readonly protocols?: readonly Protocol[];
  /** Of the destination; at most 15. */
  readonly ports?: readonly PortRange[];
  /** The interface by which packets come in. */
  readonly interface?: string;
  /** The packet's mark becomes (mark & ~mask) ^ value. Absent where the rule leaves it alone. */
  readonly set?: { readonly value: number; readonly mask: number };
  /** No later rule is asked. */
  readonly ends: boolean;
}
