/** virtual_server_group: the addresses, ranges and firewall marks that share one set of real servers. */
import { IpAddress, type IpFamily, maxPrefixLength, parsePrefix } from '../../base/index.ts';
import { readAddress, readInteger } from './arguments.ts';
import { type BoundBlock, type BoundEntry, type BoundStatement, nameOf, placeOf, wordsOf } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import type { Place } from './report.ts';
import { tokenPlace } from './syntax.ts';

/** One virtual service to be, still without protocol. A range has become one member for each of its addresses. */
export type Member =
  | { readonly kind: 'address'; readonly address: IpAddress; readonly port: number; readonly place: Place }
  | { readonly kind: 'fwmark'; readonly mark: number; readonly family?: IpFamily; readonly place: Place };

export interface ServiceGroup {
  readonly name: string;
  readonly members: readonly Member[];
}

/** What a virtual_server is about: one address or mark, or all of a group. */
export interface Destination {
  readonly group?: string;
  readonly members: readonly Member[];
}

/** A virtual service for each address: more than this many is a slip of the pen, and would fill every table. */
const MAX_RANGE = 65_536;
const MAX_MARK = 0xffffffff;

/** `ADDRESS [PORT]`, `fwmark N` or `group NAME`; undefined after reporting what is wrong. */
export function readDestination(
  bound: BoundStatement,
  groups: ReadonlyMap<string, ServiceGroup>,
  { reporter }: Context,
): Destination | undefined {
  const [first, second] = wordsOf(bound);
  if (!first) return undefined;
  const place = placeOf(bound);
  const text = wordValue(first);
  if (text !== 'fwmark' && text !== 'group') {
    const address = readAddress(first, bound.source, reporter);
    const port = second ? readInteger(second, 0, 65_535, 'The port', bound.source, reporter) : 0;
    return address && port !== undefined
      ? { members: [{ kind: 'address', address, port, place: tokenPlace(bound.source, first) }] }
      : undefined;
  }
  if (!second) {
    reporter.report(
      'config/missing-value',
      place,
      `${text} needs ${text === 'group' ? 'the name of a virtual_server_group' : 'a number'}.`,
    );
    return undefined;
  }
  if (text === 'fwmark') {
    const mark = readInteger(second, 1, MAX_MARK, 'fwmark', bound.source, reporter);
    return mark === undefined ? undefined : { members: [{ kind: 'fwmark', mark, place }] };
  }
  const group = groups.get(wordValue(second));
  if (group) return { group: group.name, members: group.members };
  if (!reporter.lostNames.has(wordValue(second)))
    reporter.report(
      'config/unknown-reference',
      tokenPlace(bound.source, second),
      `There is no virtual_server_group ${wordValue(second)}.`,
      {
        help: 'Names are case-sensitive.',
      },
    );
  return undefined;
}

export function readServiceGroups(root: BoundBlock, context: Context): Map<string, ServiceGroup> {
  const groups = new Map<string, ServiceGroup>();
  for (const bound of root.all('virtual_server_group')) {
    const name = nameOf(bound);
    if (!bound.block || name === '') continue;
    if (groups.has(name)) {
      context.reporter.report('config/duplicate-name', placeOf(bound), `There is a virtual_server_group ${name} already.`, {
        help: 'Give one of them another name.',
      });
      continue;
    }
    const members = readEntries(bound.block.entries, context);
    if (bound.block.entries.length === 0) reportEmpty(bound, name, context);
    groups.set(name, { name, members });
  }
  return groups;
}

/** Up to the limit of services that one group may become. */
function readEntries(entries: readonly BoundEntry[], context: Context): Member[] {
  const members: Member[] = [];
  for (const entry of entries) {
    const found = readEntry(entry, context);
    if (members.length + found.length > MAX_RANGE) {
      const place = tokenPlace(entry.source, entry.words[0] as Token);
      outOfRange(place, `With this entry the group is more than ${MAX_RANGE} virtual services; it and what follows is left out.`, context);
      break;
    }
    for (const member of found) members.push(member);
  }
  return members;
}

function reportEmpty(bound: BoundStatement, name: string, { reporter }: Context): void {
  reporter.report(
    'config/missing-value',
    placeOf(bound),
    `virtual_server_group ${name} has no entries, so nothing can be reached through it.`,
    {
      help: 'Write an address and a port on a line of their own.',
    },
  );
}

function readEntry(entry: BoundEntry, context: Context): Member[] {
  const first = entry.words[0] as Token;
  const text = wordValue(first);
  if (text === 'fwmark') return readMark(entry, context);
  const place = tokenPlace(entry.source, first);
  const port = readPort(entry, context);
  reportRest(entry, 2, context);
  const addresses = readAddresses(text, place, context);
  return port === undefined ? [] : addresses.map((address) => ({ kind: 'address', address, port, place }));
}

/** Every address that an address, a range or a network means. */
export function readAddresses(text: string, place: Place, context: Context): IpAddress[] {
  const range = text.includes('/') ? readNetwork(text, place, context) : readRange(text, place, context);
  return range ? expand(range.first, range.count) : [];
}

function readPort({ words, source }: BoundEntry, { reporter }: Context): number | undefined {
  return words[1] ? readInteger(words[1], 0, 65_535, 'The port', source, reporter) : 0;
}

function reportRest({ words, source }: BoundEntry, taken: number, { reporter }: Context): void {
  const extra = words[taken];
  if (!extra) return;
  reporter.report(
    'config/extra-words',
    { source, start: extra.start, end: tokenEnd(words.at(-1) as Token) },
    `${extra.text} means nothing here; the rest of the line is ignored.`,
    { help: 'Write every entry on a line of its own.' },
  );
}

function readMark(entry: BoundEntry, context: Context): Member[] {
  const [first, number, family] = entry.words as [Token, Token | undefined, Token | undefined];
  const place = tokenPlace(entry.source, first);
  if (!number) {
    context.reporter.report('config/missing-value', place, `fwmark needs a number from 1 to ${MAX_MARK}.`);
    return [];
  }
  reportRest(entry, 3, context);
  const mark = readInteger(number, 1, MAX_MARK, 'fwmark', entry.source, context.reporter);
  const words = { inet: 4, inet6: 6 } as const;
  const text = family && wordValue(family);
  if (family && text !== 'inet' && text !== 'inet6') {
    context.reporter.report(
      'config/bad-value',
      tokenPlace(entry.source, family),
      `After the mark stands inet or inet6, not ${family.text}.`,
    );
    return [];
  }
  if (mark === undefined) return [];
  return [{ kind: 'fwmark', mark, ...(text !== undefined && { family: words[text as keyof typeof words] }), place }];
}

interface AddressRange {
  readonly first: IpAddress;
  readonly count: number;
}

/** `NETWORK/LENGTH`: every address of the network. */
function readNetwork(text: string, place: Place, context: Context): AddressRange | undefined {
  const prefix = parsePrefix(text);
  const address = IpAddress.parse(text.split('/')[0] as string);
  if (!prefix) {
    if (!address) return badAddress(text, place, context);
    return outOfRange(place, `The prefix length of ${text} must be from 0 to ${maxPrefixLength(address.family)}.`, context);
  }
  const hostBits = maxPrefixLength(prefix.address.family) - prefix.length;
  const value = numberOf(prefix.address);
  if (value % (1n << BigInt(hostBits)) !== 0n)
    return outOfRange(place, `${text} is no network: its last ${hostBits} bits are not 0. keepalived skips it.`, context);
  return limited(prefix.address, 1n << BigInt(hostBits), text, place, context);
}

/** `ADDRESS`, `FIRST-LAST`, or `FIRST-END` where the end is the last number of an address (hexadecimal in IPv6). */
function readRange(text: string, place: Place, context: Context): AddressRange | undefined {
  const [start, end, ...more] = text.split('-') as [string, string?, ...string[]];
  const first = IpAddress.parse(start);
  if (!first || more.length > 0) return badAddress(text, place, context);
  if (end === undefined) return { first, count: 1 };
  const last = readEnd(first, end);
  if (last === undefined) return badAddress(text, place, context);
  if (last === 'too-large') return outOfRange(place, `The end of ${text} must be at most ${first.family === 4 ? '255' : 'ffff'}.`, context);
  const count = numberOf(last) - numberOf(first) + 1n;
  if (count <= 1n) return outOfRange(place, `The end of the range ${text} must be greater than its start. keepalived skips it.`, context);
  return limited(first, count, text, place, context);
}

function readEnd(first: IpAddress, end: string): IpAddress | 'too-large' | undefined {
  const whole = IpAddress.parse(end);
  if (whole) return whole.family === first.family ? whole : undefined;
  const bytes = Uint8Array.from(first.bytes);
  if (first.family === 4) {
    if (!/^\d{1,9}$/.test(end)) return undefined;
    if (Number(end) > 255) return 'too-large';
    bytes[3] = Number(end);
  } else {
    if (!/^[0-9a-f]{1,8}$/i.test(end)) return undefined;
    const value = Number.parseInt(end, 16);
    if (value > 0xffff) return 'too-large';
    bytes[14] = value >> 8;
    bytes[15] = value & 255;
  }
  return IpAddress.fromBytes(bytes);
}

function limited(first: IpAddress, count: bigint, text: string, place: Place, context: Context): AddressRange | undefined {
  if (count <= MAX_RANGE) return { first, count: Number(count) };
  return outOfRange(place, `${text} is ${count} addresses, each a virtual service of its own; at most ${MAX_RANGE} are possible.`, context);
}

function badAddress(text: string, place: Place, { reporter }: Context): undefined {
  reporter.report('config/bad-address', place, `${text} is neither an address, nor a range, nor fwmark.`, {
    help: 'Write 192.0.2.1 80, 192.0.2.1-9 80, 192.0.2.0/28 80 or fwmark 5.',
  });
}

function outOfRange(place: Place, message: string, { reporter }: Context): undefined {
  reporter.report('config/out-of-range', place, message);
}

function numberOf(address: IpAddress): bigint {
  return address.bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

function expand(first: IpAddress, count: number): IpAddress[] {
  const addresses = [first];
  const bytes = Uint8Array.from(first.bytes);
  while (addresses.length < count) {
    for (let i = bytes.length - 1; i >= 0; i--) {
      bytes[i] = ((bytes[i] as number) + 1) & 255;
      if (bytes[i] !== 0) break;
    }
    addresses.push(IpAddress.fromBytes(bytes) as IpAddress);
  }
  return addresses;
}
