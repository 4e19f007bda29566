/** A cursor over the words of a line, for grammars whose words depend on each other: routes and rules. */
import { didYouMean, type IpAddress, type IpFamily, type IpPrefix, parsePrefix } from '../../base/index.ts';
import type { DiagnosticCode } from '../codes.ts';
import { expectation } from './argument-text.ts';
import type { BoundEntry } from './bind.ts';
import type { Context } from './context.ts';
import type { ArgumentForm, Keyword } from './keyword.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import { reportStanding } from './not-acted.ts';
import type { NameKind } from './route-names.ts';
import { readScalar } from './scalars.ts';
import { tokenPlace } from './syntax.ts';
import type { Scalar } from './value.ts';

export class Words {
  /** Something was wrong, and has been reported; the line cannot be used. */
  failed = false;
  family: IpFamily | undefined;
  private readonly entry: BoundEntry;
  private readonly context: Context;
  private at = 0;

  constructor(entry: BoundEntry, context: Context) {
    this.entry = entry;
    this.context = context;
  }

  next(): Token | undefined {
    return this.entry.words[this.at++];
  }

  peek(): string | undefined {
    const token = this.entry.words[this.at];
    return token && wordValue(token);
  }

  /** The keyword that the next word is, which is then consumed. What is not acted on is reported. */
  keyword(keywords: readonly Keyword[]): { keyword: Keyword; token: Token } | undefined {
    const token = this.entry.words[this.at];
    const text = token && wordValue(token);
    const keyword = keywords.find((candidate) => candidate.name === text);
    if (!token || !keyword) return undefined;
    this.at++;
    reportStanding(keyword, token, this.entry.source, this.context.reporter);
    if (keyword.support === 'refused') this.failed = true;
    return { keyword, token };
  }

  /** The next word as the form says; undefined after reporting. */
  scalar(form: ArgumentForm, name: string): Scalar | undefined {
    const token = this.next();
    if (!token) return this.missing(name, expectation(form));
    const value = readScalar(form, token, name, this.entry.source, this.context.reporter);
    if (value === undefined) this.failed = true;
    return value;
  }

  /** The next word as a number of a kind, or a name that stands for one. */
  number(kind: NameKind, name: string): number | undefined {
    const token = this.next();
    if (!token) return this.missing(name, 'a number or a name');
    const text = wordValue(token);
    const value = this.context.names.number(kind, text);
    if (value !== undefined) return value;
    const meant = didYouMean(text, this.context.names.candidates(kind));
    return this.wrong('config/bad-value', token, `${name} takes a number or a name that this host knows, and ${text} is neither.`, meant);
  }

  /** A network, `default`, `any` or `all`; `default6` for IPv6. An empty prefix has the family of the line. */
  prefix(name: string, any: readonly string[]): IpPrefix | 'any' | undefined {
    const token = this.next();
    if (!token) return this.missing(name, 'a network or default');
    const text = wordValue(token);
    if (any.includes(text)) {
      if (text === 'default6') this.takeFamily(6, token);
      return 'any';
    }
    const parsed = parsePrefix(text);
    if (!parsed) return this.wrong('config/bad-address', token, `${token.text} is no network.`);
    return this.takeFamily(parsed.address.family, token) ? parsed : undefined;
  }

  /** Says what the family is; false after reporting that the line has both. */
  takeFamily(family: IpFamily, token: Token): boolean {
    if (this.family === undefined || this.family === family) {
      this.family = family;
      return true;
    }
    this.wrong('config/mixed-families', token, `${token.text} is IPv${family}, and the line is about IPv${this.family}.`);
    return false;
  }

  address(name: string): IpAddress | undefined {
    const token = this.entry.words[this.at];
    const value = this.scalar({ kind: 'address' }, name) as IpAddress | undefined;
    return value && token && this.takeFamily(value.family, token) ? value : undefined;
  }

  /** The name of an interface, remembered for the comparison with the host. */
  device(name: string): string | undefined {
    const token = this.entry.words[this.at];
    const value = this.scalar({ kind: 'word', what: 'an interface' }, name) as string | undefined;
    if (value !== undefined && token) this.context.interfaces.push({ interface: value, place: tokenPlace(this.entry.source, token) });
    return value;
  }

  missing(name: string, what: string): undefined {
    const last = this.entry.words.at(-1) as Token;
    this.failed = true;
    this.context.reporter.report('config/missing-value', tokenPlace(this.entry.source, last), `${name} needs ${what}.`);
    return undefined;
  }

  wrong(code: DiagnosticCode, token: Token, message: string, meant?: string): undefined {
    this.failed = true;
    this.context.reporter.report(
      code,
      tokenPlace(this.entry.source, token),
      message,
      meant === undefined ? {} : { help: `Did you mean ${meant}?` },
    );
    return undefined;
  }

  /** Reports the next word, and leaves out the rest of the line. */
  unknown(what: string, keywords: readonly Keyword[]): void {
    const token = this.next() as Token;
    const end = tokenEnd(this.entry.words.at(-1) as Token);
    const meant = didYouMean(
      wordValue(token),
      keywords.map((keyword) => keyword.name),
    );
    this.failed = true;
    this.at = this.entry.words.length;
    this.context.reporter.report(
      'config/bad-value',
      { source: this.entry.source, start: token.start, end },
      `${token.text} means nothing in ${what}.`,
      {
        ...(meant !== undefined && { help: `Did you mean ${meant}?` }),
      },
    );
  }

  /** A report about the line as a whole. */
  about(code: DiagnosticCode, message: string, help?: string): void {
    const first = this.entry.words[0] as Token;
    const end = tokenEnd(this.entry.words.at(-1) as Token);
    this.context.reporter.report(code, { source: this.entry.source, start: first.start, end }, message, help === undefined ? {} : { help });
  }

  get done(): boolean {
    return this.at >= this.entry.words.length;
  }
}
