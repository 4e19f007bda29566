/** The rules that give firewall marks, in the packet path's words. */
import { IpAddress as Ip, type IpAddress, type IpPrefix } from '../../base/index.ts';
import type { MarkRule } from '../../model/index.ts';
import { DataPlaneError } from '../../ports/index.ts';
import type { PacketPath } from './program.ts';
import type { Records } from './records.ts';

/** Destinations up to this many addresses are named to the packet path one by one; for larger ones it looks at every packet. */
const NAMED_BITS = 8;

/**
 * Lays the rules out beside those in use, then lets packets see them by one write. `indexOf` gives the number of an interface; a rule for one
 * that is not there matches nothing and is left out. Throws DataPlaneError `full` for more rules than there is room for.
 */
export function writeMarkRules(path: PacketPath, rules: readonly MarkRule[], indexOf: (name: string) => number | undefined): void {
  const { markRules, settings } = path;
  const room = Math.floor(markRules.bytes.length / markRules.layout.size / 2);
  const placed = rules.flatMap((rule) => {
    const index = rule.interface === undefined ? 0 : indexOf(rule.interface);
    return index === undefined ? [] : [{ rule, index }];
  });
  if (placed.length > room)
    throw new DataPlaneError('full', `the packet path has room for ${room} rules that give marks, not ${placed.length}`);
  const first = settings.u32(0, 'mark_rules') >>> 16 === 0 ? room : 0;
  for (const [at, { rule, index }] of placed.entries()) writeRule(path, markRules, first + at, rule, index);
  settings.setU32(0, 'mark_rules', ((first << 16) | placed.length) >>> 0);
}

function writeRule({ numbers }: PacketPath, records: Records, at: number, rule: MarkRule, interfaceIndex: number): void {
  records.clear(at);
  for (const [field, prefix] of [
    ['source', rule.source],
    ['destination', rule.destination],
  ] as const) {
    if (!prefix) continue;
    const mask = maskOf(prefix);
    records.setBytes(at, `${field}_mask`, mask);
    records.setBytes(
      at,
      field,
      prefix.address.bytes.map((byte, index) => byte & (mask[index] as number)),
    );
  }
  const bits = (rule.protocols ?? []).map((name) => 1 << (numbers.protocol[`CONN_${name.toUpperCase()}`] as number));
  records.setU32(at, 'mark', (rule.set?.value ?? 0) >>> 0);
  records.setU32(at, 'mask', (rule.set?.mask ?? 0) >>> 0);
  records.setU32(at, 'ifindex', interfaceIndex);
  records.setU8(at, 'family', rule.family);
  records.setU8(
    at,
    'protocols',
    bits.reduce((all, bit) => all | bit, 0),
  );
  records.setU8(at, 'range_count', rule.ports?.length ?? 0);
  records.setU8(at, 'ends', rule.ends ? 1 : 0);
  const ranges = (rule.ports ?? []).flatMap(({ first, last }) => [first, last]);
  records.setBytes(at, 'ports', new Uint8Array(Uint16Array.from(ranges).buffer));
}

function maskOf({ address, length }: IpPrefix): Uint8Array {
  return address.bytes.map((_, at) => 0xff00 >>> Math.min(8, Math.max(0, length - 8 * at)));
}

/** Where packets with marks go to: addresses, or `every` where they are too many to be named. */
export function markedDestinations(rules: readonly MarkRule[]): readonly IpAddress[] | 'every' {
  const found: IpAddress[] = [];
  for (const { destination, set } of rules) {
    if (!set) continue;
    const free = destination ? destination.address.bytes.length * 8 - destination.length : Number.POSITIVE_INFINITY;
    if (!destination || free > NAMED_BITS) return 'every';
    for (let host = 0; host < 2 ** free; host++) found.push(withHost(destination, host));
  }
  return found;
}

function withHost(prefix: IpPrefix, host: number): IpAddress {
  const mask = maskOf(prefix);
  const bytes = prefix.address.bytes.map((byte, at) => byte & (mask[at] as number));
  bytes[bytes.length - 1] = (bytes.at(-1) as number) | host;
  return Ip.fromBytes(bytes) as IpAddress;
}
