/** IP addresses and prefixes as values: compared by content, printed in the one canonical form. */

export type IpFamily = 4 | 6;

/** An IPv4 or IPv6 address. Immutable; `toString()` is canonical (RFC 5952 for IPv6) and works as a map key. */
export class IpAddress {
  readonly family: IpFamily;
  /** The whole address; what a structured clone keeps of it. */
  private readonly text: string;
  /** Made from the text when they are asked for: of the thousands of addresses in a large file most are only written again. */
  #bytes: Uint8Array | undefined;

  /** `text` is the canonical one. */
  private constructor(family: IpFamily, text: string, bytes: Uint8Array | undefined) {
    this.family = family;
    this.text = text;
    this.#bytes = bytes;
  }

  /** 4 or 16 of them, in network order. */
  get bytes(): Uint8Array {
    this.#bytes ??= v4Bytes(readV4(this.text));
    return this.#bytes;
  }

  /** From 4 or 16 bytes in network order; the bytes are copied. Anything else gives undefined. */
  static fromBytes(bytes: Uint8Array): IpAddress | undefined {
    if (bytes.length === 4) return new IpAddress(4, bytes.join('.'), Uint8Array.from(bytes));
    return bytes.length === 16 ? new IpAddress(6, formatV6(bytes), Uint8Array.from(bytes)) : undefined;
  }

  /** From a host-order unsigned 32-bit number. */
  static fromV4Number(value: number): IpAddress {
    const bytes = v4Bytes(value);
    return new IpAddress(4, bytes.join('.'), bytes);
  }

  /** Reads dotted-quad or IPv6 text (no zone, no prefix, no port). Undefined when it is neither. */
  static parse(text: string): IpAddress | undefined {
    if (text.includes(':')) {
      const bytes = parseV6(text);
      return bytes && new IpAddress(6, formatV6(bytes), bytes);
    }
    // What is read without leading zeros is written as it was read.
    return readV4(text) < 0 ? undefined : new IpAddress(4, text, undefined);
  }

  /** The IPv4 address as a host-order unsigned number. Only for family 4. */
  toV4Number(): number {
    return readV4(this.text);
  }

  equals(other: IpAddress): boolean {
    return this.text === other.text;
  }

  /** Numeric order; IPv4 sorts before IPv6. */
  compare(other: IpAddress): number {
    if (this.family !== other.family) return this.family - other.family;
    for (let i = 0; i < this.bytes.length; i++) {
      const difference = (this.bytes[i] as number) - (other.bytes[i] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** 224.0.0.0/4 or ff00::/8. */
  isMulticast(): boolean {
    const first = this.bytes[0] as number;
    return this.family === 4 ? first >> 4 === 14 : first === 0xff;
  }

  isUnspecified(): boolean {
    return this.bytes.every((byte) => byte === 0);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** The longest prefix length of a family: 32 or 128. */
export function maxPrefixLength(family: IpFamily): number {
  return family === 4 ? 32 : 128;
}

/** An address with a prefix length, as `ip addr` writes it. */
export interface IpPrefix {
  readonly address: IpAddress;
  readonly length: number;
}

/** Reads `10.0.0.1/24` or `fd00::1/64`; without a slash the length is the whole address. */
export function parsePrefix(text: string): IpPrefix | undefined {
  const slash = text.indexOf('/');
  const address = IpAddress.parse(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const limit = maxPrefixLength(address.family);
  if (slash < 0) return { address, length: limit };
  const digits = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits) || Number(digits) > limit) return undefined;
  return { address, length: Number(digits) };
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${prefix.address}/${prefix.length}`;
}

const DOT = 0x2e;
const ZERO = 0x30;

/**
 * Four numbers from 0 to 255 as one in host order; -1 for anything else. A leading zero would be octal to inet_aton and decimal to
 * inet_pton: what two read differently is refused.
 */
function readV4(text: string): number {
  let dots = 0;
  let number = 0;
  let value = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (value < 0 || dots === 3) return -1;
      dots++;
      number = (number << 8) | value;
      value = -1;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || value === 0) return -1;
      value = value < 0 ? digit : value * 10 + digit;
      if (value > 255) return -1;
    }
  }
  return value < 0 || dots !== 3 ? -1 : ((number << 8) | value) >>> 0;
}

function v4Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] as string);
  const tail = halves.length === 2 ? parseGroups(halves[1] as string) : [];
  if (!head || !tail) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (group.includes('.') && index === groups.length - 1) {
      const v4 = readV4(group);
      if (v4 < 0) return undefined;
      bytes.push(...v4Bytes(v4));
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

function formatV6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = -1;
  for (const [i, group] of groups.entries()) {
    if (group !== 0) start = -1;
    else {
      if (start < 0) start = i;
      if (i - start + 1 > best.length) best = { start, length: i - start + 1 };
    }
  }
  return best;
}
