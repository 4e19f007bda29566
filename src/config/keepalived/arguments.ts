/** Reads what stands after a keyword, as the table says. Everything unreadable is reported once and gives undefined. */
import { didYouMean, IpAddress, type Severity, seconds } from '../../base/index.ts';
import type { ArgumentForm, Keyword } from './keyword.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import type { Reporter } from './report.ts';
import type { SourceText } from './source.ts';
import { type Statement, statementPlace, tokenPlace } from './syntax.ts';

/** A command as written: its text before it is split into words, and the identity after it. */
export interface CommandText {
  readonly text: string;
  readonly token: Token;
  readonly user?: string;
  readonly group?: string;
}

/** A flag, an integer or a time in microseconds, a word, an address, a command, or words for the lowering to read. */
export type Value = boolean | number | string | IpAddress | CommandText | readonly Token[];

const TRUE_WORDS = ['on', 'true', 'yes'];
const FALSE_WORDS = ['off', 'false', 'no'];

/** How many words a form takes, the keyword not counted. */
function arity(form: ArgumentForm): { min: number; max: number } {
  switch (form.kind) {
    case 'none':
      return { min: 0, max: 0 };
    case 'flag':
      return { min: 0, max: 1 };
    case 'command':
      // Without an identity the words after the first are arguments that somebody forgot to quote.
      return { min: 1, max: form.identity ? 3 : Number.MAX_SAFE_INTEGER };
    case 'words':
      return form;
    default:
      return { min: 1, max: 1 };
  }
}

/** What a form takes, in words for a person. */
function expectation(form: ArgumentForm): string {
  switch (form.kind) {
    case 'integer':
      return `a whole number from ${form.min} to ${form.max}`;
    case 'seconds':
      return `a number of seconds from ${form.min} to ${form.max}`;
    case 'choice':
      return `one of ${form.words.join(', ')}`;
    case 'address':
      return 'an IP address';
    case 'word':
    case 'words':
      return form.what;
    case 'command':
      return 'a command';
    case 'flag':
      return 'on or off';
    case 'none':
      return 'nothing';
  }
}

/** The first word that a statement has too many. */
export function extraWord(keyword: Keyword, statement: Statement): Token | undefined {
  return statement.words[arity(keyword.form).max + 1];
}

/** `extraSeverity` is for words that are a statement of their own, and one that the block needs. */
export function readArguments(
  keyword: Keyword,
  statement: Statement,
  source: SourceText,
  reporter: Reporter,
  extraSeverity: Severity = 'warning',
): Value | undefined {
  const given = statement.words.slice(1);
  const { min, max } = arity(keyword.form);
  if (given.length < min) {
    reporter.report('config/missing-value', statementPlace(source, statement), `${keyword.name} needs ${expectation(keyword.form)}.`);
    return undefined;
  }
  const extra = extraWord(keyword, statement);
  if (extra) {
    const last = given.at(-1) as Token;
    const before = tokenEnd(given[max - 1] ?? (statement.words[0] as Token));
    reporter.report(
      'config/extra-words',
      { source, start: extra.start, end: tokenEnd(last) },
      `${keyword.name} takes ${max === 0 ? 'no value' : expectation(keyword.form)}; the rest of the line is ignored.`,
      {
        severity: extraSeverity,
        help: 'Keep one statement on a line.',
        fix: { description: 'Remove the extra words', start: before, end: tokenEnd(last), replacement: '' },
      },
    );
  }
  return new ArgumentReader(keyword, source, reporter).read(given.slice(0, max));
}

class ArgumentReader {
  private readonly keyword: Keyword;
  private readonly source: SourceText;
  private readonly reporter: Reporter;

  constructor(keyword: Keyword, source: SourceText, reporter: Reporter) {
    this.keyword = keyword;
    this.source = source;
    this.reporter = reporter;
  }

  read(given: readonly Token[]): Value | undefined {
    const { form } = this.keyword;
    const first = given[0];
    switch (form.kind) {
      case 'none':
        return true;
      case 'flag':
        return first === undefined || this.flag(first);
      case 'words':
        return given;
      case 'word':
        return first && wordValue(first);
      case 'integer':
        return first && readInteger(first, form.min, form.max, this.keyword.name, this.source, this.reporter);
      case 'seconds':
        return first && this.seconds(first, form.min, form.max);
      case 'choice':
        return first && this.choice(first, form.words);
      case 'address':
        return first && readAddress(first, this.source, this.reporter);
      case 'command':
        return first && this.command(first, given.slice(1), form.identity);
    }
  }

  private flag(token: Token): boolean | undefined {
    const text = wordValue(token).toLowerCase();
    if (TRUE_WORDS.includes(text)) return true;
    if (FALSE_WORDS.includes(text)) return false;
    this.reporter.report(
      'config/bad-value',
      tokenPlace(this.source, token),
      `${this.keyword.name} takes on or off (also true, false, yes, no), not ${token.text}.`,
    );
    return undefined;
  }

  private seconds(token: Token, min: number, max: number): number | undefined {
    const text = wordValue(token);
    if (!/^\d+(\.\d*)?$|^\.\d+$/.test(text)) {
      const numeric = text.startsWith('-') && !Number.isNaN(Number(text));
      this.reporter.report(
        numeric ? 'config/out-of-range' : 'config/bad-value',
        tokenPlace(this.source, token),
        `${this.keyword.name} takes a number of seconds from ${min} to ${max}, not ${token.text}.`,
      );
      return undefined;
    }
    const value = Number(text);
    if (value >= min && value <= max) return seconds(value);
    this.reporter.report(
      'config/out-of-range',
      tokenPlace(this.source, token),
      `${this.keyword.name} must be from ${min} to ${max} seconds, not ${text}.`,
    );
    return undefined;
  }

  private choice(token: Token, words: readonly string[]): string | undefined {
    const text = wordValue(token);
    const exact = words.find((candidate) => candidate === text);
    if (exact !== undefined) return exact;
    // keepalived compares the protocol without regard to case, and nothing else.
    const sameLetters = words.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
    if (sameLetters !== undefined && this.keyword.name === 'protocol') return sameLetters;
    const meant = sameLetters ?? didYouMean(text, words);
    this.reporter.report(
      'config/bad-value',
      tokenPlace(this.source, token),
      `${this.keyword.name} takes ${expectation(this.keyword.form)}, not ${token.text}.`,
      {
        ...(meant !== undefined && {
          help: `Did you mean ${meant}?`,
          fix: { description: `Write ${meant}`, start: token.start, end: tokenEnd(token), replacement: meant },
        }),
      },
    );
    return undefined;
  }

  private command(first: Token, rest: readonly Token[], identity: boolean): CommandText {
    if (!identity) return { text: [first, ...rest].map(wordValue).join(' '), token: first };
    const [user, group] = rest;
    return { text: wordValue(first), token: first, ...(user && { user: wordValue(user) }), ...(group && { group: wordValue(group) }) };
  }
}

export function readInteger(
  token: Token,
  min: number,
  max: number,
  what: string,
  source: SourceText,
  reporter: Reporter,
): number | undefined {
  const text = wordValue(token);
  if (!/^[+-]?\d+$/.test(text)) {
    reporter.report(
      'config/bad-value',
      tokenPlace(source, token),
      `${what} takes a whole number from ${min} to ${max}, not ${token.text}.`,
    );
    return undefined;
  }
  const value = Number(text);
  if (value >= min && value <= max) return value;
  reporter.report('config/out-of-range', tokenPlace(source, token), `${what} must be from ${min} to ${max}, not ${text}.`);
  return undefined;
}

export function readAddress(token: Token, source: SourceText, reporter: Reporter): IpAddress | undefined {
  const parsed = IpAddress.parse(wordValue(token));
  if (!parsed)
    reporter.report('config/bad-address', tokenPlace(source, token), `${token.text} is no IP address.`, {
      help: 'Write four numbers from 0 to 255 with dots between, or an IPv6 address.',
    });
  return parsed;
}
