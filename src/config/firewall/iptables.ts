/** Reads what `iptables-save -t mangle` and `ip6tables-save -t mangle` print, for the MARK rules of PREROUTING. */
import { type IpFamily, type IpPrefix, parsePrefix } from '../../base/index.ts';
import type { MarkRule, PortRange, Protocol } from '../../model/index.ts';
import { type FirewallProblem, type MarkChain, NotFollowed, WHOLE_MARK } from './chain.ts';

/** NF_IP_PRI_MANGLE. */
const PRIORITY = -150;
const BALANCED: readonly string[] = ['tcp', 'udp', 'sctp'];
/** Matches that only say which options follow, or nothing. */
const PLAIN_MATCHES = new Set(['tcp', 'udp', 'sctp', 'multiport', 'comment']);
/** Targets that neither change the mark nor keep a packet from the next rule. */
const HARMLESS = new Set(['TCPMSS', 'LOG', 'NFLOG', 'DSCP', 'TOS', 'TTL', 'HL', 'CT', 'TRACE', 'CLASSIFY', 'ECN', 'CHECKSUM']);
const ENDS = new Set(['ACCEPT', 'RETURN']);
const MAX_RANGES = 15;

interface Draft {
  source?: IpPrefix;
  destination?: IpPrefix;
  protocol?: string;
  ports?: readonly PortRange[];
  interface?: string;
  target?: string;
  set?: { readonly value: number; readonly mask: number };
}

export function readIptables(text: string, family: IpFamily): MarkChain {
  const rules: MarkRule[] = [];
  const problems: FirewallProblem[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith('-A PREROUTING ')) continue;
    try {
      const rule = readRule(splitWords(line).slice(2), family);
      if (rule) rules.push(rule);
    } catch (error) {
      if (!(error instanceof NotFollowed)) throw error;
      problems.push({ rule: line, reason: error.message });
    }
  }
  return { priority: PRIORITY, rules, problems };
}

/** Words in double quotes are one; a backslash in them takes the next letter as it is. */
function splitWords(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll(/\\(.)/g, '$1') ?? (plain as string),
  );
}

/** Undefined for a rule that has no say in the marks of packets that a director balances. */
function readRule(words: readonly string[], family: IpFamily): MarkRule | undefined {
  const draft: Draft = {};
  for (let at = 0; at < words.length; at += 2) readOption(words[at] as string, words[at + 1] ?? '', draft);
  const { target, protocol, set } = draft;
  const isMark = target === 'MARK';
  if (target === undefined || HARMLESS.has(target)) return undefined;
  if (!isMark && !ENDS.has(target)) throw new NotFollowed(`what its target ${target} does is not known`);
  if (isMark && !set) throw new NotFollowed('its MARK target has no value that is known');
  if (protocol !== undefined && !BALANCED.includes(protocol)) return undefined;
  return {
    family,
    ...(draft.source && { source: draft.source }),
    ...(draft.destination && { destination: draft.destination }),
    ...(protocol !== undefined && { protocols: [protocol as Protocol] }),
    ...(draft.ports && { ports: draft.ports }),
    ...(draft.interface !== undefined && { interface: draft.interface }),
    ...(set && { set }),
    ends: !isMark,
  };
}

function readOption(option: string, value: string, draft: Draft): void {
  switch (option) {
    case '-s':
      draft.source = readPrefix(value);
      return;
    case '-d':
      draft.destination = readPrefix(value);
      return;
    case '-p':
      if (value !== 'all') draft.protocol = value;
      return;
    case '-i':
      if (value.endsWith('+')) throw new NotFollowed(`${value} names many interfaces`);
      draft.interface = value;
      return;
    case '-m':
      if (!PLAIN_MATCHES.has(value)) throw new NotFollowed(`its match ${value} is not known`);
      return;
    case '--comment':
      return;
    case '--dport':
    case '--dports':
      draft.ports = readPorts(value);
      return;
    case '-j':
      draft.target = value;
      return;
    case '--set-xmark':
      draft.set = readMark(value);
      return;
    case '--set-mark': {
      const { value: mark, mask } = readMark(value);
      draft.set = { value: mark, mask: (mask | mark) >>> 0 };
      return;
    }
    default:
      // The options of a target that does nothing to marks.
      if (draft.target === undefined || !HARMLESS.has(draft.target)) {
        throw new NotFollowed(option === '!' ? 'it has a negation' : `its option ${option} is not known`);
      }
  }
}

function readPrefix(text: string): IpPrefix {
  const prefix = parsePrefix(text);
  if (!prefix) throw new NotFollowed(`${text} is no prefix`);
  return prefix;
}

function readPorts(text: string): PortRange[] {
  const ranges = text.split(',').map((word) => {
    const [, low, high] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(word) ?? [];
    if (low === undefined) throw new NotFollowed(`${word} is no port`);
    return { first: Number(low), last: Number(high ?? low) };
  });
  if (ranges.length > MAX_RANGES) throw new NotFollowed(`it has more than ${MAX_RANGES} ports`);
  return ranges;
}

function readMark(text: string): { readonly value: number; readonly mask: number } {
  const [, value, mask] = /^(0x[0-9a-f]{1,8}|\d+)(?:\/(0x[0-9a-f]{1,8}|\d+))?$/i.exec(text) ?? [];
  if (value === undefined) throw new NotFollowed(`${text} is no mark`);
  return { value: Number(value), mask: mask === undefined ? WHOLE_MARK : Number(mask) };
}
