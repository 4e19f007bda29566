/** Lines of virtual_ipaddress, virtual_ipaddress_excluded and static_ipaddress to the model. */
import { IpAddress, type IpPrefix } from '../../base/index.ts';
import type { Vip } from '../../model/index.ts';
import { type BoundEntry, isText } from './bind.ts';
import type { Context } from './context.ts';
import { wordValue } from './lexer.ts';
import { readLine } from './lines.ts';
import { tokenPlace } from './syntax.ts';
import { STATIC_ADDRESS_LINE, VIRTUAL_ADDRESS_LINE } from './table-lines.ts';
import type { LineValue, LineWord } from './value.ts';

/** Scopes by the numbers of rtnetlink. */
const SCOPES = { '0': 'global', '200': 'site', '253': 'link', '254': 'host' } as const;

export interface AddressDefaults {
  readonly interface: string;
  /** The virtual router has a macvlan: addresses that name no interface go there. */
  readonly onVmac: boolean;
  /** Addresses on other interfaces get a macvlan as well (`use_vmac_addr`). */
  readonly othersOnVmac: boolean;
}

/** One line of an address of a virtual router; undefined after reporting what is wrong. */
export function readVip(entry: BoundEntry, defaults: AddressDefaults, context: Context): Vip | undefined {
  const line = readLine('an address line', VIRTUAL_ADDRESS_LINE, entry, context.reporter);
  return line && toVip(line, entry, defaults, context);
}

export function readStaticAddress(
  entry: BoundEntry,
  defaultInterface: string,
  context: Context,
): { vip: Vip; trackGroup?: LineWord } | undefined {
  const line = readLine('an address line', STATIC_ADDRESS_LINE, entry, context.reporter);
  const vip = line && toVip(line, entry, { interface: defaultInterface, onVmac: false, othersOnVmac: false }, context);
  const trackGroup = line?.words.get('track_group');
  return vip && { vip, ...(trackGroup && { trackGroup }) };
}

function toVip(line: LineValue, entry: BoundEntry, defaults: AddressDefaults, context: Context): Vip | undefined {
  const prefix = line.parts[0]?.value as IpPrefix | undefined;
  if (!prefix) return undefined;
  const has = (name: string): boolean => line.words.has(name);
  const dev = textOf(line, 'dev');
  const device = line.words.get('dev')?.valueToken;
  if (dev !== undefined && device) context.interfaces.push({ interface: dev, place: tokenPlace(entry.source, device) });
  const label = readLabel(line, prefix, entry, context);
  const scope = readScope(line, entry, context);
  const broadcast = readBroadcast(line, prefix, entry, context);
  const peer = readPeer(line, prefix, entry, context);
  const elsewhere = dev !== undefined && dev !== defaults.interface;
  return {
    ...prefix,
    ...(peer && { peer: peer.address, length: peer.length }),
    interface: dev ?? defaults.interface,
    ...(label !== undefined && { label }),
    ...(scope !== undefined && { scope }),
    ...(broadcast && { broadcast }),
    home: has('home'),
    deprecated: isDeprecated(line, prefix, entry, context),
    tracked: !has('no_track'),
    onVmac: has('use_vmac') || (elsewhere ? defaults.othersOnVmac : defaults.onVmac),
  };
}

function textOf(line: LineValue, name: string): string | undefined {
  const value = line.words.get(name)?.value;
  return value !== undefined && isText(value) ? value : undefined;
}

function readLabel(line: LineValue, { address }: IpPrefix, entry: BoundEntry, { reporter }: Context): string | undefined {
  const word = line.words.get('label');
  if (!word || address.family === 4) return textOf(line, 'label');
  reporter.report('config/no-effect', tokenPlace(entry.source, word.token), 'IPv6 addresses have no labels, so this one is ignored.');
  return undefined;
}

function readScope(line: LineValue, entry: BoundEntry, { reporter }: Context): Vip['scope'] {
  const word = line.words.get('scope');
  const text = textOf(line, 'scope');
  if (!word || text === undefined) return undefined;
  if (text !== 'nowhere') return SCOPES[text as keyof typeof SCOPES] ?? (text as Vip['scope']);
  reporter.report(
    'config/unsupported',
    tokenPlace(entry.source, word.valueToken ?? word.token),
    'scope nowhere is understood but not acted on: the kernel takes no such address.',
    { help: 'Write scope host for an address that is not to be used from outside.' },
  );
  return undefined;
}

/** `+` sets all host bits, `-` clears them. */
function readBroadcast(line: LineValue, { address, length }: IpPrefix, entry: BoundEntry, { reporter }: Context): IpAddress | undefined {
  const word = line.words.get('brd');
  const text = textOf(line, 'brd');
  if (!word?.valueToken || text === undefined) return undefined;
  const place = tokenPlace(entry.source, word.valueToken);
  if (address.family === 6) {
    reporter.report('config/bad-value', place, 'IPv6 has no broadcast addresses.', { help: 'Remove brd and its value.' });
    return undefined;
  }
  if (text !== '+' && text !== '-') {
    const broadcast = IpAddress.parse(text);
    if (broadcast?.family === 4) return broadcast;
    reporter.report('config/bad-address', place, `${word.keyword.name} takes an address, + or -, not ${text}.`);
    return undefined;
  }
  if (length > 30) {
    reporter.report(
      'config/no-broadcast',
      place,
      `A network of prefix length ${length} has no broadcast address, so the address gets none.`,
      {
        help: `Write the prefix length of the network after the address, for example ${address}/24.`,
      },
    );
    return undefined;
  }
  const hostBits = 2 ** (32 - length) - 1;
  const network = address.toV4Number() - (address.toV4Number() % (hostBits + 1));
  return IpAddress.fromV4Number(text === '+' ? network + hostBits : network);
}

function readPeer(line: LineValue, prefix: IpPrefix, entry: BoundEntry, { reporter }: Context): IpPrefix | undefined {
  const word = line.words.get('peer');
  const peer = word?.value as IpPrefix | undefined;
  if (!word?.valueToken || !peer) return undefined;
  const own = entry.words[0];
  if (own?.text.includes('/'))
    reporter.report(
      'config/no-effect',
      tokenPlace(entry.source, own),
      'With peer the prefix length is that of the peer, so the one here has no effect.',
      {
        help: 'Write it after the address of the peer.',
      },
    );
  if (peer.address.family === prefix.address.family) return peer;
  reporter.report(
    'config/bad-address',
    tokenPlace(entry.source, word.valueToken),
    `The peer ${peer.address} is not of the same family as ${prefix.address}.`,
  );
  return undefined;
}

/** Without preferred_lft an IPv6 /128 is deprecated, so that the host does not choose it for its own connections. */
function isDeprecated(line: LineValue, prefix: IpPrefix, entry: BoundEntry, { reporter }: Context): boolean {
  const word = line.words.get('preferred_lft');
  const token = word?.valueToken;
  if (!word || !token) return prefix.address.family === 6 && prefix.length === 128;
  const text = wordValue(token);
  if (text === '0') return true;
  if (text === 'forever') return false;
  const place = tokenPlace(entry.source, token);
  if (/^\d+$/.test(text))
    reporter.report(
      'config/not-acted-on',
      place,
      'A preferred lifetime that ends is understood but not acted on: a virtual address stays as long as its virtual router is MASTER.',
      { help: 'Write preferred_lft 0 or preferred_lft forever.' },
    );
  else reporter.report('config/bad-value', place, `preferred_lft takes 0, forever or a number of seconds, not ${token.text}.`);
  return false;
}
