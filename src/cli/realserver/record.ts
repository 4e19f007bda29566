/** What `start` writes down before it changes anything, so that `stop` can put back exactly that, also after a crash in between. */
import { IpAddress } from '../../base/index.ts';

export interface RecordedSysctl {
  /** Dotted, as sysctl(8) prints it. */
  readonly name: string;
  /** The value found by the first start. A later start never overwrites it. */
  readonly before: string;
  readonly set: string;
}

export interface RecordedVip {
  readonly address: IpAddress;
  /** False when the address was on lo before the first start: then stop leaves it there. */
  readonly added: boolean;
}

export interface RealServerRecord {
  /** A record of another boot describes a kernel state that is gone. */
  readonly bootId: string;
  /** The network namespace that was changed, as the kernel names it (`net:[4026531840]`). */
  readonly namespace: string;
  readonly sysctls: readonly RecordedSysctl[];
  /** Every VIP that needs the sysctls; they are put back when the last one stops. */
  readonly vips: readonly RecordedVip[];
}

const RECORD_VERSION = 1;

export function formatRecord(record: RealServerRecord): string {
  return `${JSON.stringify({ version: RECORD_VERSION, mode: 'dr', ...record }, undefined, 2)}\n`;
}

/** Undefined when the text is not a record of this version. */
export function parseRecord(text: string): RealServerRecord | undefined {
  const value = parseObject(text);
  if (value?.version !== RECORD_VERSION || value.mode !== 'dr') return undefined;
  const { bootId, namespace, sysctls, vips } = value;
  if (typeof bootId !== 'string' || typeof namespace !== 'string' || !Array.isArray(sysctls) || !Array.isArray(vips)) return undefined;
  const readSysctls = sysctls.map(parseSysctl);
  const readVips = vips.map(parseVip);
  if (!isComplete(readSysctls) || !isComplete(readVips)) return undefined;
  return { bootId, namespace, sysctls: readSysctls, vips: readVips };
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

function parseSysctl(value: unknown): RecordedSysctl | undefined {
  const { name, before, set } = asObject(value) ?? {};
  return typeof name === 'string' && typeof before === 'string' && typeof set === 'string' ? { name, before, set } : undefined;
}

function parseVip(value: unknown): RecordedVip | undefined {
  const { address, added } = asObject(value) ?? {};
  const parsed = typeof address === 'string' ? IpAddress.parse(address) : undefined;
  return parsed && typeof added === 'boolean' ? { address: parsed, added } : undefined;
}

function isComplete<T>(values: readonly (T | undefined)[]): values is readonly T[] {
  return values.every((value) => value !== undefined);
}
