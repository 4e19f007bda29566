/** Reads entries of the form `WORD [keyword value] …`: the lines of virtual_ipaddress, track_interface and track_script. */
import { didYouMean, IpAddress, type IpPrefix, maxPrefixLength, parsePrefix } from '../../base/index.ts';
import type { TrackerWeight, Vip } from '../../model/index.ts';
import { readInteger } from './arguments.ts';
import type { BoundEntry } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import { tokenPlace } from './syntax.ts';

const MAX_LABEL = 15;
const SCOPES = ['global', 'site', 'link', 'host'] as const;
const VIP_WORDS = [
  'dev',
  'label',
  'brd',
  'broadcast',
  'scope',
  'no_track',
  'peer',
  'use_vmac',
  'home',
  '-nodad',
  'mngtmpaddr',
  'noprefixroute',
  'autojoin',
  'preferred_lft',
];
/** Words without which the address would be another one than asked for. */
const REFUSED_WORDS = new Set(['peer', 'use_vmac']);
/** Words that need no value; this version acts on none of them. */
const BARE_WORDS = new Set(['no_track', 'use_vmac', 'home', '-nodad', 'mngtmpaddr', 'noprefixroute', 'autojoin']);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `ADDRESS[/LENGTH] [dev IF] [label TEXT] [brd ADDRESS|+|-] [scope S]`; undefined after reporting what is wrong. */
export function readVip(entry: BoundEntry, defaultInterface: string, context: Context): Vip | undefined {
  const first = entry.words[0] as Token;
  const prefix = readVipPrefix(first, entry, context);
  if (!prefix) return undefined;
  const vip: Mutable<Vip> = { ...prefix, interface: defaultInterface };
  for (let i = 1; i < entry.words.length; i++) {
    const token = entry.words[i] as Token;
    const name = wordValue(token);
    if (BARE_WORDS.has(name)) {
      reportNotActedOn(name, token, entry, context);
      continue;
    }
    const value = entry.words[++i];
    if (!VIP_WORDS.includes(name)) {
      const meant = IpAddress.parse(name) ? undefined : didYouMean(name, VIP_WORDS);
      const end = tokenEnd(entry.words.at(-1) as Token);
      context.reporter.report(
        'config/extra-words',
        { source: entry.source, start: token.start, end },
        `${token.text} means nothing in an address line; the rest of the line is ignored.`,
        {
          help: meant === undefined ? 'Write every address on a line of its own.' : `Did you mean ${meant}?`,
        },
      );
      break;
    }
    if (value) applyVipWord(vip, name, token, value, entry, context);
    else context.reporter.report('config/missing-value', tokenPlace(entry.source, token), `${name} needs a value.`);
  }
  return vip;
}

function readVipPrefix(token: Token, entry: BoundEntry, { reporter }: Context): IpPrefix | undefined {
  const prefix = parsePrefix(wordValue(token));
  const place = tokenPlace(entry.source, token);
  if (!prefix) {
    const address = IpAddress.parse(wordValue(token).split('/')[0] as string);
    if (address)
      reporter.report(
        'config/out-of-range',
        place,
        `The prefix length of ${token.text} must be from 0 to ${maxPrefixLength(address.family)}.`,
      );
    else
      reporter.report('config/bad-address', place, `${token.text} is no IP address.`, {
        help: 'Write four numbers from 0 to 255 with dots between, and perhaps / and a prefix length.',
      });
    return undefined;
  }
  if (prefix.address.family === 4) return prefix;
  reporter.report('config/unsupported', place, 'IPv6 virtual addresses are understood but not acted on in this version.');
  return undefined;
}

function applyVipWord(vip: Mutable<Vip>, name: string, token: Token, value: Token, entry: BoundEntry, context: Context): void {
  const text = wordValue(value);
  const place = tokenPlace(entry.source, value);
  if (name === 'dev') {
    vip.interface = text;
    context.interfaces.push({ interface: text, place });
  } else if (name === 'label') {
    if (text.length <= MAX_LABEL) vip.label = text;
    else
      context.reporter.report(
        'config/bad-value',
        place,
        `The label ${text} is longer than the ${MAX_LABEL} characters that the kernel allows.`,
      );
  } else if (name === 'brd' || name === 'broadcast') {
    const broadcast = readBroadcast(text, vip);
    if (broadcast) vip.broadcast = broadcast;
    else if (text !== '-' && text !== '+')
      context.reporter.report('config/bad-address', place, `${name} takes an address, + or -, not ${text}.`);
  } else if (name === 'scope') {
    const scope = SCOPES.find((known) => known === text);
    if (scope) vip.scope = scope;
    else context.reporter.report('config/bad-value', place, `scope takes ${SCOPES.join(', ')}, not ${text}.`);
  } else reportNotActedOn(name, token, entry, context);
}

function reportNotActedOn(name: string, token: Token, { source }: BoundEntry, { reporter }: Context): void {
  const code = REFUSED_WORDS.has(name) ? 'config/unsupported' : 'config/not-acted-on';
  reporter.report(code, tokenPlace(source, token), `${name} is understood but not acted on in this version.`);
}

/** `+` sets all host bits, `-` clears them; with /31 and /32 there is no broadcast address. */
function readBroadcast(text: string, { address, length }: IpPrefix): IpAddress | undefined {
  if (text !== '+' && text !== '-') {
    const broadcast = IpAddress.parse(text);
    return broadcast?.family === 4 ? broadcast : undefined;
  }
  if (length > 30) return undefined;
  const hostBits = 2 ** (32 - length) - 1;
  const network = address.toV4Number() - (address.toV4Number() % (hostBits + 1));
  return IpAddress.fromV4Number(text === '+' ? network + hostBits : network);
}

/** `NAME [weight N [reverse|noreverse]]`. */
export function readTracker(entry: BoundEntry, fallback: TrackerWeight, { reporter }: Context): TrackerWeight {
  let { weight, reverse } = fallback;
  for (let i = 1; i < entry.words.length; i++) {
    const token = entry.words[i] as Token;
    const name = wordValue(token);
    if (name === 'reverse' || name === 'noreverse') reverse = name === 'reverse';
    else if (name === 'weight') {
      const value = entry.words[++i];
      if (value) weight = readInteger(value, -253, 253, 'weight', entry.source, reporter) ?? weight;
      else reporter.report('config/missing-value', tokenPlace(entry.source, token), 'weight needs a number from -253 to 253.');
    } else {
      const end = tokenEnd(entry.words.at(-1) as Token);
      reporter.report(
        'config/extra-words',
        { source: entry.source, start: token.start, end },
        `${token.text} means nothing here; the rest of the line is ignored.`,
        { help: 'Write one name on a line, then perhaps weight and a number.' },
      );
      break;
    }
  }
  return { weight, reverse };
}
