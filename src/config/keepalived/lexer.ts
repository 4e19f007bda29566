/**
 * Cuts a keepalived.conf into tokens. Nothing is lost: whatever is no blank is in exactly one token, and a token's text is that of
 * the input.
 *
 * The rules are keepalived's (keepalived.conf(5), and observed with 2.2.7): words are separated by blanks, `!` and `#` start
 * a comment anywhere outside quotes, a quote may open in the middle of a word and adjacent parts join. A brace is a token of
 * its own wherever it stands, except after `$`, and on the lines where braces are patterns (`include`).
 *
 * What the language itself puts at the start of a line is one token each: `@id`, `~SEQ(…)`, and a whole `$NAME=` definition
 * with all its continued lines.
 */

import { Repeats } from './repeats.ts';

/** `repeat` is a whole block in braces that says the same as an earlier one; only `tokenizeSharing` gives it. */
export type TokenKind = 'word' | 'open' | 'close' | 'comment' | 'condition' | 'generator' | 'definition' | 'repeat';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset of the first UTF-16 unit. */
  readonly start: number;
  /** Nothing but blanks stands before it on its line. */
  readonly first?: boolean;
  /** A word whose text is its value: it has neither quotes nor backslashes. */
  readonly plain?: boolean;
  /** A word whose quote is not closed on its line. */
  readonly unterminated?: boolean;
  /** The opening brace of the block that is repeated. */
  readonly original?: Token | undefined;
}

export function tokenEnd(token: Token): number {
  return token.start + token.text.length;
}

/** Blanks that only look like spaces: no-break, the typographic ones, zero-width, ideographic, byte order mark. */
export const ODD_SPACE = /[\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]/;
/** Everything but blanks and line breaks. */
const NO_BLANK = /[^ \t\r\n\v\f\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]/g;
const SPACES = /[ \t\r\v\f\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]+/y;
/** Blanks, not line breaks, as most files have them. */
const BLANKS = /[ \t]+/y;
/** Characters that mean nothing in a word. */
const PLAIN = /[^\s"'\\$!#{}\u0085\u200b]+/y;
const INCLUDE = /include[rmwba]?[ \t]/y;
const CONDITION = /@[^\s{}"']*/y;
const DEFINITION = /\$[A-Za-z_]\w*=/y;
const GENERATOR = /~(?:SEQx?|LST)[ \t]*\([^)\n]*\)/y;

const SPACE = 0x20;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BACKSLASH = 0x5c;
const AT = 0x40;
const TILDE = 0x7e;
const DOLLAR = 0x24;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const LOWER_I = 0x69;
const BANG = 0x21;
const HASH = 0x23;
const ASCII = 0x80;
/** Different words that are kept to be shared. */
const SHARED_WORDS = 4096;

function isBlank(code: number): boolean {
  if (code < ASCII) return code === 0x20 || (code >= 0x09 && code <= 0x0d && code !== LINE_FEED);
  return ODD_SPACE.test(String.fromCharCode(code));
}

/** Certainly no blank. */
function isSolid(code: number): boolean {
  return code > SPACE && code < ASCII;
}

function isLetter(code: number): boolean {
  return (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
}

/** Matches a sticky pattern at an offset: the length of the match, or 0. */
function lengthAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex - at : 0;
}

class Lexer {
  private readonly text: string;
  private readonly tokens: Token[] = [];
  private readonly words = new Map<string, string>();
  private at = 0;
  private balance = 0;
  private firstOnLine = true;
  /** Still in what the language has at the start of a line. */
  private leading = true;
  private bracesAreText = false;
  /** The next word is the first of a statement. */
  private statementStarts = true;
  private statementWord = '';
  private readonly repeats: Repeats<Token> | undefined;
  private readonly offset: number;

  /** `offset`: where the text begins in the one that tokens count from. */
  constructor(text: string, repeats: Repeats<Token> | undefined, offset: number) {
    this.text = text;
    this.repeats = repeats;
    this.offset = offset;
  }

  run(): Tokens {
    const { text } = this;
    while (this.at < text.length) {
      const code = text.charCodeAt(this.at);
      if (code === LINE_FEED) {
        this.firstOnLine = true;
        this.leading = true;
        this.bracesAreText = false;
        this.statementStarts = true;
        this.at++;
      } else if (code === SPACE && isSolid(text.charCodeAt(this.at + 1))) this.at++;
      else if (code === SPACE || code === TAB) this.at += lengthAt(BLANKS, text, this.at);
      else if (isBlank(code)) this.at++;
      else this.solid(code);
    }
    return { tokens: this.tokens, balance: this.balance };
  }

  private solid(code: number): void {
    if (code === BANG || code === HASH) this.push('comment', endOfLine(this.text, this.at));
    else if ((code === OPEN || code === CLOSE) && !this.bracesAreText) {
      this.brace(code);
      this.leading = false;
      this.statementStarts = true;
    } else if (!this.leading || !this.startOfLine(code)) this.word();
  }

  private brace(code: number): void {
    const repeated = code === OPEN ? this.repeats?.find(this.statementWord, this.at) : undefined;
    if (repeated) this.add('repeat', repeated.text, false, false, repeated.open);
    else if (code === OPEN) {
      this.push('open', this.at + 1);
      this.balance++;
      this.repeats?.enter(this.statementWord, this.tokens.at(-1) as Token);
    } else {
      this.push('close', this.at + 1);
      this.balance--;
      this.repeats?.leave(this.at);
    }
  }

  /** What the language has at the start of a line only; more of it may follow on the same line. */
  private startOfLine(code: number): boolean {
    if (code !== AT && code !== TILDE && code !== DOLLAR) return false;
    const { text, at } = this;
    this.repeats?.bindToPlace();
    if (code === AT) this.push('condition', at + lengthAt(CONDITION, text, at));
    else if (code === TILDE) {
      const length = lengthAt(GENERATOR, text, at);
      if (length === 0) return false;
      this.push('generator', at + length);
    } else if (lengthAt(DEFINITION, text, at) > 0) this.push('definition', definitionEnd(text, at));
    else return false;
    return true;
  }

  private word(): void {
    const { text, at } = this;
    const code = text.charCodeAt(at);
    if (this.leading && code === LOWER_I && lengthAt(INCLUDE, text, at) > 0) {
      this.bracesAreText = true;
      this.repeats?.bindToPlace();
    }
    this.leading = false;
    const end = at + lengthAt(PLAIN, text, at);
    if (end === text.length || isBlankOrBreak(text.charCodeAt(end))) {
      const word = text.slice(at, end);
      this.add('word', isLetter(code) ? this.shared(word) : word, true, false, undefined);
    } else this.quotedWord(end);
    if (!this.statementStarts) return;
    this.statementStarts = false;
    this.statementWord = (this.tokens.at(-1) as Token).text;
  }

  /** A file says the same names over and over; one string for all of them is quicker to look up, and less to keep. */
  private shared(word: string): string {
    const known = this.words.get(word);
    if (known !== undefined) return known;
    if (this.words.size < SHARED_WORDS) this.words.set(word, word);
    return word;
  }

  /** The rest of a word from the first character on that means something. */
  private quotedWord(from: number): void {
    const { text } = this;
    let quote = 0;
    let at = from;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === LINE_FEED || (code === CARRIAGE_RETURN && this.isLineEnd(at))) break;
      if (code === BACKSLASH && this.isEscape(at + 1, quote !== 0)) at++;
      else if (quote !== 0) quote = code === quote ? 0 : quote;
      else if (code === 0x22 || code === 0x27) quote = code;
      else if (code === DOLLAR && text.charCodeAt(at + 1) === OPEN) at = this.parameterEnd(at);
      else if (code === BANG || code === HASH || isBlank(code)) break;
      else if ((code === OPEN || code === CLOSE) && !this.bracesAreText) break;
    }
    if (quote === 0) this.push('word', at);
    else this.push('word', this.guessedEnd(from, at), true);
  }

  /**
   * Where a word with an open quote probably ends. The first word of a line is a keyword or an entry, of which neither has blanks;
   * any other goes on to the end of its line, except for a brace or a comment there.
   */
  private guessedEnd(from: number, lineEnd: number): number {
    const rest = this.text.slice(from, lineEnd);
    const end = this.firstOnLine ? rest.search(/[\s{}#!]/) : rest.search(/\s*[{}]*\s*(?:\s[#!].*)?$/s);
    return end < 0 ? lineEnd : Math.max(from + end, this.at + 1);
  }

  /** In quotes a backslash takes the meaning from whatever follows; outside, as keepalived has it, not from blanks and braces. */
  private isEscape(at: number, quoted: boolean): boolean {
    return !this.isLineEnd(at) && (quoted || /[#!"'\\]/.test(this.text[at] as string));
  }

  private isLineEnd(at: number): boolean {
    const code = this.text.charCodeAt(at);
    return at >= this.text.length || code === LINE_FEED || (code === CARRIAGE_RETURN && this.text.charCodeAt(at + 1) === LINE_FEED);
  }

  /** From the `$` of `${NAME}` to its closing brace, or only to its opening one when the line ends before. */
  private parameterEnd(dollar: number): number {
    for (let at = dollar + 2; !this.isLineEnd(at); at++) if (this.text.charCodeAt(at) === CLOSE) return at;
    return dollar + 1;
  }

  private push(kind: TokenKind, end: number, unterminated = false): void {
    this.add(kind, this.text.slice(this.at, end), false, unterminated, undefined);
  }

  /** Tokens are made here only, so that all have one shape: what is read of them is read much faster. */
  private add(kind: TokenKind, text: string, plain: boolean, unterminated: boolean, original: Token | undefined): void {
    this.tokens.push({ kind, text, start: this.offset + this.at, first: this.firstOnLine, plain, unterminated, original });
    this.firstOnLine = false;
    this.at += text.length;
  }
}

function isBlankOrBreak(code: number): boolean {
  return code === LINE_FEED || isBlank(code);
}

/** The blanks and line breaks of a text. */
export function blanksOf(text: string): string {
  return text === '' ? '' : text.replace(NO_BLANK, '');
}

/**
 * Where the line at `at` ends as the language counts lines: a definition, also one after a condition or a sequence, has its
 * continued lines with it.
 */
export function endOfLogicalLine(text: string, at: number): number {
  for (let from = at; ; ) {
    from += lengthAt(SPACES, text, from);
    if (lengthAt(DEFINITION, text, from) > 0) return definitionEnd(text, from);
    const skipped = lengthAt(CONDITION, text, from) || lengthAt(GENERATOR, text, from);
    if (skipped === 0) return endOfLine(text, from);
    from += skipped;
  }
}

/** The offset of the line end at or after `at`, before its carriage return. */
export function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  if (end < 0) return text.length;
  return end > at && text[end - 1] === '\r' ? end - 1 : end;
}

/**
 * Where a definition ends: at the end of the first line that has no backslash at its end, or before a blank line. The backslash
 * counts inside a comment, too, and blanks may follow it.
 */
function definitionEnd(text: string, start: number): number {
  for (let from = start; ; ) {
    const end = endOfLine(text, from);
    const next = text.indexOf('\n', end) + 1;
    if (next === 0 || !isContinued(text.slice(from, end)) || /^\s*$/.test(text.slice(next, endOfLine(text, next)))) return end;
    from = next;
  }
}

/** Whether a line ends in a backslash. */
export function isContinued(line: string): boolean {
  return line.trimEnd().endsWith('\\');
}

export function isSpace(character: string): boolean {
  return isBlank(character.charCodeAt(0));
}

export interface Tokens {
  readonly tokens: Token[];
  /** How many braces open more than close. */
  readonly balance: number;
}

/** `offset`: where the text begins in a longer one that positions are to be counted in. */
export function tokenize(text: string, offset = 0): Tokens {
  return new Lexer(text, undefined, offset).run();
}

/** The same, with one token for a whole block that says what an earlier one says. `originals` are the opening braces of those. */
export function tokenizeSharing(text: string): Tokens & { readonly originals: ReadonlySet<Token> } {
  const repeats = new Repeats<Token>(text);
  return { ...new Lexer(text, repeats, 0).run(), originals: repeats.originals };
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const NEEDS_READING = /["']|\\[#!]/;

/**
 * What a word means: quotes taken away, escapes inside quotes resolved (`\n`, `\101`, `\x41`, `\cA` and the letters of C).
 * An odd space inside quotes is a plain one here, too: a command copied from a web page must not reach the shell with it.
 */
export function wordValue(word: Token): string {
  if (word.plain || !NEEDS_READING.test(word.text)) return word.text;
  let value = '';
  let quote = '';
  for (let at = 0; at < word.text.length; at++) {
    const character = word.text[at] as string;
    if (character === '\\' && quote !== '') {
      const resolved = readEscape(word.text.slice(at + 1, at + 4));
      value += resolved.value;
      at += resolved.length;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else value += ODD_SPACE.test(character) ? ' ' : character;
    } else if (character === '"' || character === "'") quote = character;
    else if (character !== '\\' || !/[#!]/.test(word.text[at + 1] ?? '')) value += character;
  }
  return value;
}

function readEscape(rest: string): { value: string; length: number } {
  const numeric = /^(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|c([A-Za-z@[\]^_]))/.exec(rest);
  if (numeric) {
    const [whole, octal, hex, control] = numeric;
    if (octal !== undefined) return { value: String.fromCharCode(Number.parseInt(octal, 8) & 255), length: whole.length };
    if (hex !== undefined) return { value: String.fromCharCode(Number.parseInt(hex, 16)), length: whole.length };
    return { value: String.fromCharCode((control as string).charCodeAt(0) & 31), length: whole.length };
  }
  const character = rest[0];
  if (character === undefined) return { value: '\\', length: 0 };
  return { value: ESCAPES[character] ?? character, length: 1 };
}
