/** What `start` writes down before it changes anything, so that `stop` can put back exactly that, also after a crash in between. */
import { formatPrefix, IpAddress, parsePrefix } from '../../base/index.ts';
import { TUNNEL_TYPES, type TunnelType } from './tunnel.ts';

/** How a director's packets come: as they are (direct routing), in a tunnel, or to this host's own address (full NAT). */
export const MODES = ['dr', 'tun', 'fullnat'] as const;
export type RealServerMode = (typeof MODES)[number];

export interface RecordedSysctl {
  /** As sysctl(8) prints it: dotted, with a slash for a dot within an interface's name. */
  readonly name: string;
  /** The value found by the first start. A later start never overwrites it. */
  readonly before: string;
  readonly set: string;
}

export interface RecordedVip {
  readonly address: IpAddress;
  readonly mode: RealServerMode;
  /** False when the address was on lo before the first start: then stop leaves it there. */
  readonly added: boolean;
}

export interface RecordedInterface {
  readonly name: string;
  /** True when the interface had no `clsact` discipline before: then stop takes it off again, unless others have put filters there. */
  readonly madeDiscipline: boolean;
}

export interface RecordedTunnel {
  readonly type: TunnelType;
  readonly port: number;
  readonly directors: readonly IpAddress[] | 'any';
  readonly interfaces: readonly RecordedInterface[];
}

export interface RealServerRecord {
  /** A record of another boot describes a kernel state that is gone. */
  readonly bootId: string;
  /** The network namespace that was changed, as the kernel names it (`net:[4026531840]`). */
  readonly namespace: string;
  readonly sysctls: readonly RecordedSysctl[];
  /** Every VIP that needs the sysctls; they are put back when the last one stops. */
  readonly vips: readonly RecordedVip[];
  /** There as long as a VIP of the mode `tun` is. */
  readonly tunnel?: RecordedTunnel;
  /** Prefixes; there as long as a VIP of the mode `fullnat` is. */
  readonly localAddresses?: readonly string[];
}

const RECORD_VERSION = 2;

export function formatRecord(record: RealServerRecord): string {
  return `${JSON.stringify({ version: RECORD_VERSION, ...record }, undefined, 2)}\n`;
}

/** Undefined when the text is not a record of this version. */
export function parseRecord(text: string): RealServerRecord | undefined {
  const value = parseObject(text);
  if (value?.version !== RECORD_VERSION) return undefined;
  const { bootId, namespace } = value;
  const sysctls = parseList(value.sysctls, parseSysctl);
  const vips = parseList(value.vips, parseVip);
  const tunnel = value.tunnel === undefined ? undefined : parseTunnel(value.tunnel);
  const localAddresses = value.localAddresses === undefined ? undefined : parseList(value.localAddresses, parseLocal);
  if (typeof bootId !== 'string' || typeof namespace !== 'string' || !sysctls || !vips) return undefined;
  if ((value.tunnel !== undefined && !tunnel) || (value.localAddresses !== undefined && !localAddresses)) return undefined;
  return { bootId, namespace, sysctls, vips, ...(tunnel && { tunnel }), ...(localAddresses && { localAddresses }) };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}

/** Undefined when it is no list or one of its items cannot be read. */
function parseList<T>(value: unknown, parse: (item: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(parse);
  return isComplete(items) ? items : undefined;
}

function parseSysctl(value: unknown): RecordedSysctl | undefined {
  const { name, before, set } = asObject(value) ?? {};
  return typeof name === 'string' && typeof before === 'string' && typeof set === 'string' ? { name, before, set } : undefined;
}

function parseVip(value: unknown): RecordedVip | undefined {
  const { address, mode, added } = asObject(value) ?? {};
  const parsed = parseAddress(address);
  const known = MODES.find((candidate) => candidate === mode);
  if (!parsed || typeof added !== 'boolean' || !known) return undefined;
  return { address: parsed, mode: known, added };
}

function parseTunnel(value: unknown): RecordedTunnel | undefined {
  const { type, port, directors, interfaces } = asObject(value) ?? {};
  const known = TUNNEL_TYPES.find((candidate) => candidate === type);
  const readDirectors = directors === 'any' ? directors : parseList(directors, parseAddress);
  const readInterfaces = parseList(interfaces, parseInterface);
  if (!known || typeof port !== 'number' || !readDirectors || !readInterfaces) return undefined;
  return { type: known, port, directors: readDirectors, interfaces: readInterfaces };
}

function parseInterface(value: unknown): RecordedInterface | undefined {
  const { name, madeDiscipline } = asObject(value) ?? {};
  return typeof name === 'string' && typeof madeDiscipline === 'boolean' ? { name, madeDiscipline } : undefined;
}

function parseLocal(value: unknown): string | undefined {
  const prefix = typeof value === 'string' ? parsePrefix(value) : undefined;
  return prefix && formatPrefix(prefix);
}

function parseAddress(value: unknown): IpAddress | undefined {
  return typeof value === 'string' ? IpAddress.parse(value) : undefined;
}

function isComplete<T>(values: readonly (T | undefined)[]): values is readonly T[] {
  return values.every((value) => value !== undefined);
}
