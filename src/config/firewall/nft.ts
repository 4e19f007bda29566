/** Reads what `nft -j list ruleset` prints, for `meta mark set` in chains at the prerouting hook. */
import { type IpFamily, type IpPrefix, parsePrefix } from '../../base/index.ts';
import type { MarkRule, PortRange, Protocol } from '../../model/index.ts';
import { type FirewallProblem, type MarkChain, NotFollowed, WHOLE_MARK } from './chain.ts';

type Json = unknown;
type Fields = Readonly<Record<string, Json>>;

const FAMILIES: Readonly<Record<string, readonly IpFamily[]>> = { ip: [4], ip6: [6], inet: [4, 6] };
/** Statements that neither change the mark nor keep a packet from the next rule. */
const HARMLESS = new Set(['counter', 'log', 'comment', 'ct helper', 'notrack']);
const BALANCED: readonly string[] = ['tcp', 'udp', 'sctp'];
const MAX_RANGES = 15;
/** Of one rule, when its sets of addresses are spelt out. */
const MAX_SPELT_OUT = 64;

interface Draft {
  families: readonly IpFamily[];
  sources?: readonly IpPrefix[];
  destinations?: readonly IpPrefix[];
  protocols?: readonly string[];
  ports?: readonly PortRange[];
  interfaces?: readonly string[];
  mark?: number;
  ends: boolean;
}

/**
 * One chain for each at the hook. Tables that iptables manages may be left out: it lists them better itself. Throws SyntaxError for text that
 * is no JSON.
 */
export function readNft(text: string, isLeftOut: (family: string, table: string) => boolean): MarkChain[] {
  const items = listOf((JSON.parse(text) as { nftables?: Json }).nftables).map((item) => fieldsOf(item));
  return items.flatMap((item) => {
    const { family, table, name, hook, prio } = fieldsOf(item.chain);
    if (hook !== 'prerouting' || isLeftOut(String(family), String(table)) || !FAMILIES[String(family)]) return [];
    const rules = items
      .map((other) => fieldsOf(other.rule))
      .filter((rule) => rule.family === family && rule.table === table && rule.chain === name);
    // Most chains have nothing to do with marks, and need not be understood.
    if (!rules.some((rule) => listOf(rule.expr).some(concernsMarks))) return [];
    return [readChain(Number(prio ?? 0), rules, FAMILIES[String(family)] as readonly IpFamily[])];
  });
}

/** Another chain may do what this one does not. */
function concernsMarks(expression: Json): boolean {
  const { mangle, jump, goto } = fieldsOf(expression);
  return jump !== undefined || goto !== undefined || fieldsOf(fieldsOf(fieldsOf(mangle).key).meta).key === 'mark';
}

function readChain(priority: number, listed: readonly Fields[], families: readonly IpFamily[]): MarkChain {
  const rules: MarkRule[] = [];
  const problems: FirewallProblem[] = [];
  for (const rule of listed) {
    try {
      rules.push(...readRule(listOf(rule.expr), families));
    } catch (error) {
      if (!(error instanceof NotFollowed)) throw error;
      problems.push({ rule: `${rule.family} ${rule.table} ${rule.chain} handle ${rule.handle}`, reason: error.message });
    }
  }
  return { priority, rules, problems };
}

function readRule(expressions: readonly Json[], families: readonly IpFamily[]): MarkRule[] {
  const draft: Draft = { families, ends: false };
  for (const expression of expressions) {
    const [[word, value] = ['', undefined]] = Object.entries(fieldsOf(expression));
    if (word === 'match') readMatch(fieldsOf(value), draft);
    else if (word === 'mangle') readMangle(fieldsOf(value), draft);
    else if (word === 'accept' || word === 'return') draft.ends = true;
    else if (!HARMLESS.has(word)) throw new NotFollowed(`its statement ${word} is not known`);
  }
  const protocols = draft.protocols?.filter((name) => BALANCED.includes(name)) as Protocol[] | undefined;
  if ((draft.mark === undefined && !draft.ends) || protocols?.length === 0) return [];
  return spellOut(draft, protocols);
}

/** A rule for every family, source, destination and interface that a set names. */
function spellOut(draft: Draft, protocols: readonly Protocol[] | undefined): MarkRule[] {
  const rules = draft.families.flatMap((family) =>
    (draft.sources ?? [undefined]).flatMap((source) =>
      (draft.destinations ?? [undefined]).flatMap((destination) =>
        (draft.interfaces ?? [undefined]).map((name) => ({
          family,
          ...(source && { source }),
          ...(destination && { destination }),
          ...(protocols && { protocols }),
          ...(draft.ports && { ports: draft.ports }),
          ...(name !== undefined && { interface: name }),
          ...(draft.mark !== undefined && { set: { value: draft.mark, mask: WHOLE_MARK } }),
          ends: draft.ends,
        })),
      ),
    ),
  );
  if (rules.length > MAX_SPELT_OUT) throw new NotFollowed('its sets have too many members');
  return rules;
}

function readMatch({ op, left, right }: Fields, draft: Draft): void {
  if (op !== '==' && op !== 'in') throw new NotFollowed(`its comparison ${String(op)} is not known`);
  const { meta, payload } = fieldsOf(left);
  const { key } = fieldsOf(meta);
  const { protocol, field } = fieldsOf(payload);
  const what = meta === undefined ? `${String(protocol)} ${String(field)}` : `meta ${String(key)}`;
  const values = membersOf(right);
  switch (what) {
    case 'meta iifname':
    case 'meta iif':
      draft.interfaces = values.map(readInterface);
      return;
    case 'meta nfproto':
      draft.families = values.map((value) => (value === 'ipv6' ? 6 : 4));
      return;
    case 'meta l4proto':
    case 'ip protocol':
    case 'ip6 nexthdr':
      draft.protocols = values.map(String);
      return;
    case 'ip saddr':
    case 'ip6 saddr':
      draft.sources = values.map(readPrefix);
      draft.families = [protocol === 'ip' ? 4 : 6];
      return;
    case 'ip daddr':
    case 'ip6 daddr':
      draft.destinations = values.map(readPrefix);
      draft.families = [protocol === 'ip' ? 4 : 6];
      return;
    case 'tcp dport':
    case 'udp dport':
    case 'sctp dport':
    case 'th dport':
      if (values.length > MAX_RANGES) throw new NotFollowed(`it has more than ${MAX_RANGES} ports`);
      draft.ports = values.map(readRange);
      if (protocol !== 'th') draft.protocols = [String(protocol)];
      return;
    default:
      throw new NotFollowed(`what it says about ${what} is not known`);
  }
}

function readMangle({ key, value }: Fields, draft: Draft): void {
  const { meta } = fieldsOf(key);
  if (fieldsOf(meta).key !== 'mark') return;
  if (typeof value !== 'number') throw new NotFollowed('the mark that it sets is computed');
  draft.mark = value;
}

function readInterface(value: Json): string {
  if (typeof value !== 'string' || value.endsWith('*')) throw new NotFollowed(`${String(value)} is not the name of one interface`);
  return value;
}

function readPrefix(value: Json): IpPrefix {
  const { prefix } = fieldsOf(value);
  const { addr, len } = fieldsOf(prefix);
  const found = parsePrefix(typeof value === 'string' ? value : `${String(addr)}/${String(len)}`);
  if (!found) throw new NotFollowed(`${JSON.stringify(value)} is not known as an address`);
  return found;
}

function readRange(value: Json): PortRange {
  const range = fieldsOf(value).range;
  const [low, high] = range === undefined ? [value, value] : listOf(range);
  if (typeof low !== 'number' || typeof high !== 'number') throw new NotFollowed(`${JSON.stringify(value)} is not known as a port`);
  return { first: low, last: high };
}

/** The members of a set, or the value itself. A named set is none that can be read here. */
function membersOf(value: Json): readonly Json[] {
  if (typeof value === 'string' && value.startsWith('@')) throw new NotFollowed(`the named set ${value} is not followed`);
  const { set } = fieldsOf(value);
  return set === undefined ? [value] : listOf(set);
}

function fieldsOf(value: Json): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
