/** Reads lines of values and words: the lines of virtual_ipaddress, unicast_peer, track_script … and keywords such as lvs_timeouts. */
import { didYouMean, IpAddress } from '../../base/index.ts';
import { expectation } from './argument-text.ts';
import type { Keyword, LineForm, Part } from './keyword.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import { reportStanding } from './not-acted.ts';
import type { Reporter } from './report.ts';
import { looksLike, readScalar } from './scalars.ts';
import type { SourceText } from './source.ts';
import { tokenPlace } from './syntax.ts';
import type { LinePart, LineValue, LineWord, Scalar } from './value.ts';

interface Line {
  readonly words: readonly Token[];
  readonly source: SourceText;
}

const NO_WORDS: LineValue['words'] = new Map();

/** `name` is the keyword, or whatever a message should call the line. Undefined when a value that it needs is wrong. */
export function readLine(name: string, form: LineForm, line: Line, reporter: Reporter): LineValue | undefined {
  const parts: (LinePart | undefined)[] = [];
  let at = 0;
  let usable = true;
  for (let index = 0; index < form.parts.length; index++) {
    const part = form.parts[index] as Part;
    const token = line.words[at];
    let read: LinePart | undefined;
    const couldBeLater = form.words.length > 0 || form.parts.length > index + 1;
    if (token && (!part.optional || !couldBeLater || looksLike(part.form, token)) && !isWord(form, token, part.optional)) {
      const value = readScalar(part.form, token, name, line.source, reporter);
      if (value !== undefined) read = { token, value };
      usable &&= value !== undefined;
      at++;
    } else if (!part.optional) {
      const place = token ?? line.words.at(-1);
      if (place) reporter.report('config/incomplete-line', tokenPlace(line.source, place), `${name} needs ${expectation(part.form)} here.`);
      usable = false;
    }
    parts.push(read);
  }
  const words = at < line.words.length ? readWords(name, form, { ...line, words: line.words.slice(at) }, reporter) : NO_WORDS;
  return usable ? { parts, words } : undefined;
}

/** A word of the line where a value that may be absent could stand is the word. */
function isWord(form: LineForm, token: Token, isOptional: boolean): boolean {
  if (!isOptional || form.words.length === 0) return false;
  const text = wordValue(token);
  return form.words.some((keyword) => keyword.name === text);
}

function readWords(name: string, form: LineForm, line: Line, reporter: Reporter): Map<string, LineWord> {
  const found = new Map<string, LineWord>();
  for (let i = 0; i < line.words.length; i++) {
    const token = line.words[i] as Token;
    const keyword = form.words.find((candidate) => candidate.name === wordValue(token));
    if (!keyword) {
      reportUnknownWord(name, form, line, i, reporter);
      break;
    }
    reportStanding(keyword, token, line.source, reporter);
    const valueToken = takesValue(keyword, line.words[i + 1]) ? line.words[++i] : undefined;
    found.set(keyword.aliasOf ?? keyword.name, readWord(keyword, token, valueToken, line, reporter));
  }
  return found;
}

function takesValue(keyword: Keyword, next: Token | undefined): boolean {
  if (keyword.form.kind === 'none' || next === undefined) return false;
  return keyword.form.kind !== 'optional' || looksLike(keyword.form.form, next);
}

function readWord(keyword: Keyword, token: Token, valueToken: Token | undefined, line: Line, reporter: Reporter): LineWord {
  const form = keyword.form.kind === 'optional' ? keyword.form.form : keyword.form;
  let value: Scalar | undefined = true;
  if (valueToken) value = readScalar(form, valueToken, keyword.name, line.source, reporter);
  else if (keyword.form.kind !== 'none' && keyword.form.kind !== 'optional') {
    reporter.report('config/incomplete-line', tokenPlace(line.source, token), `${keyword.name} needs ${expectation(form)}.`);
    value = undefined;
  }
  return { keyword, token, value, ...(valueToken && { valueToken }) };
}

function reportUnknownWord(name: string, form: LineForm, line: Line, index: number, reporter: Reporter): void {
  const token = line.words[index] as Token;
  const text = wordValue(token);
  const meant =
    IpAddress.parse(text) || form.words.length === 0
      ? undefined
      : didYouMean(
          text,
          form.words.map((keyword) => keyword.name),
        );
  reporter.report(
    form.words.length > 0 ? 'config/unknown-word' : 'config/extra-words',
    { source: line.source, start: token.start, end: tokenEnd(line.words.at(-1) as Token) },
    `${token.text} means nothing in ${name}; the rest of the line is ignored.`,
    { help: meant === undefined ? 'Keep one entry on a line.' : `Did you mean ${meant}?` },
  );
}
