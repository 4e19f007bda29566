/** Policy rules: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (ip-rule(8), linux/fib_rules.h). */
import type { IpAddress, IpFamily, IpPrefix } from '../../base/index.ts';
import { accepted, type Decoded, refused } from '../decoded.ts';
import {
  type AttributeMap,
  concat,
  decodeAttributes,
  encodeAttributes,
  HOST_IS_LITTLE_ENDIAN,
  type NetlinkAttribute,
  readText,
  readU32,
  text,
  u8,
  u16,
  u32,
  viewOf,
} from '../netlink.ts';
import { readAddress } from './address.ts';
import { AF_INET, AF_INET6, ipFamily } from './family.ts';

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

const HEADER_LENGTH = 12;
const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_GOTO = 4;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_FLOW = 11;
const FRA_TUN_ID = 12;
const FRA_SUPPRESS_IFGROUP = 13;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_L3MDEV = 19;
const FRA_UID_RANGE = 20;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;
const FIB_RULE_INVERT = 2;
/** In the header's table byte: the number is too large for it and stands in FRA_TABLE. */
const RT_TABLE_COMPAT = 252;

/** FR_ACT_*. */
const ACTIONS = { table: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
const ACTION_NAMES: ReadonlyMap<number, keyof typeof ACTIONS> = new Map(
  Object.entries(ACTIONS).map(([name, number]) => [number, name as keyof typeof ACTIONS]),
);

export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** A rule as it is written and as the kernel reports it. */
export interface RuleSpec {
  readonly family: IpFamily;
  readonly action: keyof typeof ACTIONS;
  /** Of action `table`; 0 for the others. */
  readonly table: number;
  /** Of action `goto`: the priority of the rule to go on with. */
  readonly target?: number;
  readonly inverted: boolean;
  readonly from?: IpPrefix;
  readonly to?: IpPrefix;
  readonly inputInterface?: string;
  readonly outputInterface?: string;
  readonly mark?: { readonly value: number; readonly mask: number };
  readonly typeOfService?: number;
  /** The kernel chooses one unless it is given. */
  readonly priority?: number;
  readonly ipProtocol?: number;
  readonly sourcePorts?: NumberRange;
  readonly destinationPorts?: NumberRange;
  readonly uids?: NumberRange;
  readonly tunnelId?: bigint;
  readonly realm?: number;
  readonly suppressPrefixLength?: number;
  readonly suppressInterfaceGroup?: number;
  readonly l3mdev: boolean;
  /** RTPROT_*: who put it there. */
  readonly protocol: number;
}

/** For RTM_NEWRULE and RTM_DELRULE. */
export function encodeRule(spec: RuleSpec): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  header[0] = spec.family === 4 ? AF_INET : AF_INET6;
  header[1] = spec.to?.length ?? 0;
  header[2] = spec.from?.length ?? 0;
  header[3] = spec.typeOfService ?? 0;
  header[4] = spec.table < 256 ? spec.table : RT_TABLE_COMPAT;
  header[7] = ACTIONS[spec.action];
  viewOf(header).setUint32(8, spec.inverted ? FIB_RULE_INVERT : 0, HOST_IS_LITTLE_ENDIAN);
  return concat([header, encodeAttributes([...selectors(spec), ...consequences(spec)])]);
}

/** Which packets. */
function selectors(spec: RuleSpec): NetlinkAttribute[] {
  return [
    ...attribute(FRA_DST, spec.to, prefixBytes),
    ...attribute(FRA_SRC, spec.from, prefixBytes),
    ...attribute(FRA_IIFNAME, spec.inputInterface, text),
    ...attribute(FRA_OIFNAME, spec.outputInterface, text),
    ...attribute(FRA_FWMARK, spec.mark?.value, u32),
    ...attribute(FRA_FWMASK, spec.mark?.mask, u32),
    ...attribute(FRA_IP_PROTO, spec.ipProtocol, u8),
    ...attribute(FRA_SPORT_RANGE, spec.sourcePorts, (range) => concat([u16(range.from), u16(range.to)])),
    ...attribute(FRA_DPORT_RANGE, spec.destinationPorts, (range) => concat([u16(range.from), u16(range.to)])),
    ...attribute(FRA_UID_RANGE, spec.uids, (range) => concat([u32(range.from), u32(range.to)])),
    ...attribute(FRA_TUN_ID, spec.tunnelId, bigEndian64),
  ];
}

/** What becomes of them. */
function consequences(spec: RuleSpec): NetlinkAttribute[] {
  return [
    ...attribute(FRA_PRIORITY, spec.priority, u32),
    ...attribute(FRA_TABLE, spec.table || undefined, u32),
    ...attribute(FRA_GOTO, spec.target, u32),
    ...attribute(FRA_FLOW, spec.realm, u32),
    ...attribute(FRA_SUPPRESS_PREFIXLEN, spec.suppressPrefixLength, u32),
    ...attribute(FRA_SUPPRESS_IFGROUP, spec.suppressInterfaceGroup, u32),
    ...attribute(FRA_L3MDEV, spec.l3mdev ? 1 : undefined, u8),
    { type: FRA_PROTOCOL, value: u8(spec.protocol) },
  ];
}

function attribute<T>(type: number, value: T | undefined, encode: (value: T) => Uint8Array): NetlinkAttribute[] {
  return value === undefined ? [] : [{ type, value: encode(value) }];
}

function prefixBytes(prefix: IpPrefix): Uint8Array {
  return prefix.address.bytes;
}

function bigEndian64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, value);
  return bytes;
}

/** Asks for the rules of both families, as a dump. */
export function encodeRuleDump(): Uint8Array {
  return new Uint8Array(HEADER_LENGTH);
}

export function decodeRule(payload: Uint8Array): Decoded<RuleSpec> {
  if (payload.length < HEADER_LENGTH) return refused('truncated');
  const view = viewOf(payload);
  const family = ipFamily(view.getUint8(0));
  const action = ACTION_NAMES.get(view.getUint8(7));
  if (family === undefined) return refused('bad-address-family');
  const attributes = decodeAttributes(payload, HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  if (action === undefined) return refused('bad-operation');
  const values = attributes.value;
  return accepted({
    family,
    action,
    table: readU32(values.get(FRA_TABLE)) ?? view.getUint8(4),
    inverted: (view.getUint32(8, HOST_IS_LITTLE_ENDIAN) & FIB_RULE_INVERT) !== 0,
    ...some('to', readPrefix(values.get(FRA_DST), view.getUint8(1))),
    ...some('from', readPrefix(values.get(FRA_SRC), view.getUint8(2))),
    ...some('typeOfService', view.getUint8(3) || undefined),
    ...decodeSelectors(values),
    ...some('priority', readU32(values.get(FRA_PRIORITY))),
    ...some('target', readU32(values.get(FRA_GOTO))),
    ...some('realm', readU32(values.get(FRA_FLOW))),
    ...some('suppressPrefixLength', unlessNone(readU32(values.get(FRA_SUPPRESS_PREFIXLEN)))),
    ...some('suppressInterfaceGroup', unlessNone(readU32(values.get(FRA_SUPPRESS_IFGROUP)))),
    l3mdev: values.get(FRA_L3MDEV)?.[0] === 1,
    protocol: values.get(FRA_PROTOCOL)?.[0] ?? 0,
  });
}

function decodeSelectors(values: AttributeMap) {
  const mark = readU32(values.get(FRA_FWMARK));
  const mask = readU32(values.get(FRA_FWMASK));
  const input = values.get(FRA_IIFNAME);
  const output = values.get(FRA_OIFNAME);
  const tunnel = values.get(FRA_TUN_ID);
  return {
    ...some('inputInterface', input && readText(input)),
    ...some('outputInterface', output && readText(output)),
    ...some('mark', mark === undefined ? undefined : { value: mark, mask: mask ?? 0xffffffff }),
    ...some('ipProtocol', values.get(FRA_IP_PROTO)?.[0]),
    ...some('sourcePorts', readRange(values.get(FRA_SPORT_RANGE), 2)),
    ...some('destinationPorts', readRange(values.get(FRA_DPORT_RANGE), 2)),
    ...some('uids', readRange(values.get(FRA_UID_RANGE), 4)),
    ...some('tunnelId', tunnel && tunnel.length >= 8 ? viewOf(tunnel).getBigUint64(0) : undefined),
  };
}

/** A property that is left out when it has no value. */
function some<K extends string, T>(name: K, value: T | undefined): { [key in K]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [key in K]?: T };
}

/** The kernel reports "nothing suppressed" as -1. */
function unlessNone(value: number | undefined): number | undefined {
  return value === 0xffffffff ? undefined : value;
}

function readPrefix(value: Uint8Array | undefined, length: number): IpPrefix | undefined {
  const address: IpAddress | undefined = readAddress(value);
  return address && { address, length };
}

/** Two numbers of two or four bytes, first and last. */
function readRange(value: Uint8Array | undefined, size: 2 | 4): NumberRange | undefined {
  if (!value || value.length < 2 * size) return undefined;
  const view = viewOf(value);
  const read = (offset: number) =>
    size === 2 ? view.getUint16(offset, HOST_IS_LITTLE_ENDIAN) : view.getUint32(offset, HOST_IS_LITTLE_ENDIAN);
  return { from: read(0), to: read(size) };
}
