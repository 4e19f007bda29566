/** What tells this host's servers who their clients behind full NAT are. */
import { IpAddress, type IpPrefix } from '../../base/index.ts';

/** What the programs go by, as the kernel holds it. Text, sorted, so that two of these compare as JSON. */
export interface ToaReader {
  /** Prefixes of the addresses that directors send from: nobody else's word is believed. None where a part of the programs is missing. */
  readonly localAddresses: readonly string[];
}

/** What became of connections, by the names in bpf/toa_reader.bpf.c in small letters: `taken`, `absent` … */
export type ToaCounts = Readonly<Record<string, number>>;

export function sameToaReader(a: ToaReader | undefined, b: ToaReader | undefined): boolean {
  return JSON.stringify(a?.localAddresses) === JSON.stringify(b?.localAddresses);
}

/** The prefix's first address in place of any other of it. */
export function networkOf({ address, length }: IpPrefix): IpPrefix {
  const bytes = address.bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * index))));
  return { address: IpAddress.fromBytes(bytes) as IpAddress, length };
}
