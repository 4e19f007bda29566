/** Reads what stands after a keyword, as the table says. Everything unreadable is reported once and gives undefined. */
import type { Severity } from '../../base/index.ts';
import { expectation } from './argument-text.ts';
import type { ArgumentForm, Keyword } from './keyword.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import { readLine } from './lines.ts';
import type { Reporter } from './report.ts';
import { readScalar } from './scalars.ts';
import type { SourceText } from './source.ts';
import { type Statement, statementPlace } from './syntax.ts';
import type { CommandText, Value } from './value.ts';

export { readAddress, readInteger } from './scalars.ts';

interface Arity {
  readonly min: number;
  readonly max: number;
}

/** A file with thousands of servers asks for the same few forms over and over. */
const ARITIES = new Map<ArgumentForm, Arity>();

/** How many words a form takes, the keyword not counted. */
function arity(form: ArgumentForm): Arity {
  const known = ARITIES.get(form);
  if (known) return known;
  const counted = countWords(form);
  ARITIES.set(form, counted);
  return counted;
}

function countWords(form: ArgumentForm): Arity {
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
    case 'optional':
      return { min: 0, max: arity(form.form).max };
    case 'line': {
      // A line of nothing but words has at least one of them.
      const min = form.parts.length === 0 ? 1 : form.parts.filter((part) => !part.optional).length;
      return { min, max: form.words.length > 0 ? Number.MAX_SAFE_INTEGER : form.parts.length };
    }
    default:
      return { min: 1, max: 1 };
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
  const { form } = keyword;
  const { min, max } = arity(form);
  const count = statement.words.length - 1;
  if (count < min) {
    reporter.report(
      form.kind === 'line' && form.parts.length === 0 ? 'config/incomplete-line' : 'config/missing-value',
      statementPlace(source, statement),
      `${keyword.name} needs ${expectation(form)}.`,
    );
    return undefined;
  }
  if (count > max) {
    const extra = statement.words[max + 1] as Token;
    const last = statement.words.at(-1) as Token;
    const before = tokenEnd(statement.words[max] as Token);
    reporter.report(
      'config/extra-words',
      { source, start: extra.start, end: tokenEnd(last) },
      `${keyword.name} takes ${max === 0 ? 'no value' : expectation(form)}; the rest of the line is ignored.`,
      {
        severity: extraSeverity,
        help: 'Keep one statement on a line.',
        fix: { description: 'Remove the extra words', start: before, end: tokenEnd(last), replacement: '' },
      },
    );
  }
  return readForm(keyword, form, statement.words.slice(1, max + 1), source, reporter);
}

function readForm(
  keyword: Keyword,
  form: ArgumentForm,
  given: readonly Token[],
  source: SourceText,
  reporter: Reporter,
): Value | undefined {
  const first = given[0];
  switch (form.kind) {
    case 'none':
      return true;
    case 'optional':
      return first === undefined || readForm(keyword, form.form, given, source, reporter);
    case 'words':
      return given;
    case 'command':
      return first && readCommandText(first, given.slice(1), form.identity);
    case 'line':
      return readLine(keyword.name, form, { words: given, source }, reporter);
    case 'flag':
      return first === undefined || readScalar(form, first, keyword.name, source, reporter);
    default:
      return first && readScalar(form, first, keyword.name, source, reporter);
  }
}

function readCommandText(first: Token, rest: readonly Token[], identity: boolean): CommandText {
  if (!identity) return { text: commandText([first, ...rest]), token: first };
  const [user, group] = rest;
  return {
    text: commandText([first]),
    token: first,
    ...(user && { user: wordValue(user) }),
    ...(group && { group: groupName(wordValue(group)) }),
  };
}

/** `</path` tells keepalived not to look at the file before it runs it. */
function commandText(tokens: readonly Token[]): string {
  return tokens
    .map(wordValue)
    .join(' ')
    .replace(/^<(?=\/)/, '');
}

/** `:ops` asks for the supplementary groups of the user as well; the group itself is `ops`. */
export function groupName(text: string): string {
  return text.replace(/^:/, '');
}
