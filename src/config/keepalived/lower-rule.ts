/** Lines of virtual_rules and static_rules to the model: the language of `ip rule add`. */
import type { IpPrefix } from '../../base/index.ts';
import type { PolicyRule, RuleAction } from '../../model/index.ts';
import type { BoundEntry } from './bind.ts';
import type { Context } from './context.ts';
import { type Token, wordValue } from './lexer.ts';
import { ipProtocolNumber, parseNumber } from './route-names.ts';
import { RULE_WORDS } from './table-lines.ts';
import { Words } from './words.ts';

const PROTOCOL_KEEPALIVED = 18;
const UINT = 0xffffffff;
const PORT = 65_535;
/** What the numbers of rules without one are counted down from, as keepalived does. */
const FIRST_PRIORITY = 16_384;
const BARE_ACTIONS = ['nop', 'blackhole', 'unreachable', 'prohibit'] as const;

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

export interface ReadRule {
  readonly rule: PolicyRule;
  readonly trackGroup?: Token;
}

export function readRule(entry: BoundEntry, context: Context): ReadRule | undefined {
  return new RuleReader(new Words(entry, context), context).read();
}

class RuleReader {
  private readonly words: Words;
  private readonly context: Context;
  private readonly draft: Mutable<PolicyRule> = { inverted: false, l3mdev: false };
  private readonly actions: RuleAction[] = [];
  private trackGroup: Token | undefined;

  constructor(words: Words, context: Context) {
    this.words = words;
    this.context = context;
  }

  read(): ReadRule | undefined {
    while (!this.words.done) {
      const found = this.words.keyword(RULE_WORDS);
      if (found) this.keyword(found.keyword.aliasOf ?? found.keyword.name, found.token);
      else this.words.unknown('a rule', RULE_WORDS);
    }
    return this.words.failed ? undefined : this.finish();
  }

  private keyword(name: string, token: Token): void {
    const { words, draft } = this;
    const bare = BARE_ACTIONS.find((action) => action === name);
    if (bare !== undefined) this.actions.push({ kind: bare });
    else if (name === 'not') draft.inverted = true;
    else if (name === 'l3mdev') draft.l3mdev = true;
    else if (name === 'from' || name === 'to') this.selector(name);
    else if (name === 'table') this.actions.push({ kind: 'table', table: words.number('table', name) as number });
    else if (name === 'goto') this.actions.push({ kind: 'goto', priority: this.integer(name, UINT) });
    else if (name === 'type') this.type();
    else if (name === 'priority') draft.priority = this.integer(name, UINT);
    else if (name === 'iif') draft.inputInterface = words.device(name) as string;
    else if (name === 'oif') draft.outputInterface = words.device(name) as string;
    else if (name === 'tos') draft.tos = words.number('tos', name) as number;
    else if (name === 'protocol') draft.protocol = words.number('protocol', name) as number;
    else if (name === 'inet' || name === 'inet6') words.takeFamily(name === 'inet' ? 4 : 6, token);
    else if (name === 'no_track') draft.tracked = false;
    else if (name === 'track_group') this.trackGroup = words.next() ?? words.missing(name, 'the name of a track_group');
    else this.rareKeyword(name);
  }

  private rareKeyword(name: string): void {
    const { words, draft } = this;
    if (name === 'suppress_prefixlength') draft.suppressPrefixLength = this.integer(name, 128);
    else if (name === 'suppress_ifgroup') draft.suppressInterfaceGroup = words.number('group', name) as number;
    else if (name === 'tunnel-id') draft.tunnelId = BigInt(this.integer(name, Number.MAX_SAFE_INTEGER));
    else if (name === 'sport') draft.sourcePorts = this.range(name, PORT) as { from: number; to: number };
    else if (name === 'dport') draft.destinationPorts = this.range(name, PORT) as { from: number; to: number };
    else if (name === 'uidrange') draft.uids = this.range(name, UINT) as { from: number; to: number };
    else {
      const token = words.next();
      if (!token) return words.missing(name, 'a value');
      if (name === 'fwmark') this.mark(token);
      else if (name === 'ipproto') this.ipProtocol(token);
      else if (name === 'realms') this.realm(token);
    }
  }

  private integer(name: string, max: number): number {
    return (this.words.scalar({ kind: 'integer', min: 0, max }, name) as number | undefined) ?? 0;
  }

  private selector(name: 'from' | 'to'): void {
    const selected: IpPrefix | 'any' | undefined = this.words.prefix(name, ['default', 'any', 'all']);
    if (selected !== undefined && selected !== 'any') this.draft[name] = selected;
  }

  private type(): void {
    const form = { kind: 'choice', words: ['unicast', 'blackhole', 'unreachable', 'prohibit'] } as const;
    const type = this.words.scalar(form, 'type');
    const action = BARE_ACTIONS.find((candidate) => candidate === type);
    if (action !== undefined) this.actions.push({ kind: action });
  }

  /** `N` or `N-M`. */
  private range(name: string, max: number): { from: number; to: number } | undefined {
    const token = this.words.next();
    if (!token) return this.words.missing(name, 'a number, or two with - between');
    const [first, second, more] = wordValue(token).split('-') as [string, string | undefined, string | undefined];
    const from = parseNumber(first, max);
    const to = second === undefined ? from : parseNumber(second, max);
    if (more === undefined && from !== undefined && to !== undefined && from <= to) return { from, to };
    return this.words.wrong(
      'config/bad-value',
      token,
      `${name} takes a number from 0 to ${max}, or two with - between, the lower one first; ${token.text} is neither.`,
    );
  }

  /** `N[/MASK]`. */
  private mark(token: Token): void {
    const [first, second, more] = wordValue(token).split('/') as [string, string | undefined, string | undefined];
    const value = parseNumber(first, UINT);
    const mask = second === undefined ? UINT : parseNumber(second, UINT);
    if (more === undefined && value !== undefined && mask !== undefined) this.draft.mark = { value, mask };
    else this.words.wrong('config/bad-value', token, `fwmark takes a number, perhaps with / and a mask, not ${token.text}.`);
  }

  private ipProtocol(token: Token): void {
    const number = ipProtocolNumber(wordValue(token));
    if (number !== undefined) this.draft.ipProtocol = number;
    else this.words.wrong('config/bad-value', token, `ipproto takes a number from 0 to 255 or a name such as tcp, not ${token.text}.`);
  }

  /** `[SOURCE/]DESTINATION`, in one number as the kernel has it. */
  private realm(token: Token): void {
    const parts = wordValue(token)
      .split('/')
      .map((text) => this.context.names.number('realm', text));
    const [first, second] = parts;
    if (parts.length > 2 || parts.includes(undefined))
      this.words.wrong('config/bad-value', token, `realms takes a realm, perhaps with another before it and /, not ${token.text}.`);
    else this.draft.realm = second === undefined ? (first as number) : (first as number) * 65_536 + second;
  }

  private finish(): ReadRule | undefined {
    const { draft, words } = this;
    const [action, another] = this.actions;
    if (another || (action && draft.l3mdev)) {
      words.about('config/bad-value', 'A rule has one action only: a table, goto, nop, blackhole, unreachable, prohibit or l3mdev.');
      return undefined;
    }
    if (!action && !draft.l3mdev) {
      words.about('config/missing-keyword', 'A rule needs an action.', 'Write table and a number or a name.');
      return undefined;
    }
    const priority = draft.priority ?? this.nextPriority();
    if (action?.kind === 'goto' && action.priority <= priority) {
      words.about('config/bad-value', `goto leads forward only: ${action.priority} is not above the priority ${priority} of the rule.`);
      return undefined;
    }
    const tracked = draft.tracked !== false;
    if (tracked && draft.protocol !== undefined && draft.protocol !== PROTOCOL_KEEPALIVED)
      words.about(
        'config/protocol-reset',
        'A rule that is watched has the protocol keepalived (18), not the one given.',
        'Remove protocol, or write no_track.',
      );
    return {
      rule: {
        ...draft,
        family: words.family ?? 4,
        inverted: draft.inverted ?? false,
        l3mdev: draft.l3mdev ?? false,
        // With l3mdev the kernel finds the table itself.
        action: action ?? { kind: 'table', table: 0 },
        priority,
        protocol: tracked ? PROTOCOL_KEEPALIVED : (draft.protocol ?? PROTOCOL_KEEPALIVED),
        tracked,
        ...(this.trackGroup && { trackGroup: wordValue(this.trackGroup) }),
      },
      ...(this.trackGroup && { trackGroup: this.trackGroup }),
    };
  }

  private nextPriority(): number {
    const priority = FIRST_PRIORITY - this.context.unnumberedRules.count++;
    this.words.about(
      'config/rule-without-priority',
      `The rule has no priority and gets ${priority}, as in keepalived.`,
      'Write priority and a number.',
    );
    return priority;
  }
}
