/**
 * Cuts a keepalived.conf into tokens. Nothing is lost: the texts of the tokens, joined, are the input, whatever it was.
 *
 * The rules are keepalived's (keepalived.conf(5), and observed with 2.2.7): words are separated by blanks, `!` and `#` start
 * a comment anywhere outside quotes, a quote may open in the middle of a word and adjacent parts join. A brace is a token of
 * its own wherever it stands, except after `$`, and on lines where braces are patterns (`include`, `~LST`, definitions).
 */

export type TokenKind = 'word' | 'open' | 'close' | 'space' | 'newline' | 'comment';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset of the first UTF-16 unit. */
  readonly start: number;
  /** Set on a word whose quote is not closed on its line. */
  readonly unterminated?: true;
}

export function tokenEnd(token: Token): number {
  return token.start + token.text.length;
}

const PLAIN_SPACE = /[ \t\r\v\f]/;
/** Blanks that only look like spaces: no-break, the typographic ones, zero-width, ideographic, byte order mark. */
export const ODD_SPACE = /[\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]/;
const BRACES_ARE_TEXT = /^(include[a-z]?[ \t]|~|\$[A-Za-z_]\w*=)/;
/** More than the longest beginning that the pattern above looks at. */
const LOOK_AHEAD = 64;

class Lexer {
  private readonly text: string;
  private readonly tokens: Token[] = [];
  private at = 0;
  private firstOnLine = true;
  private bracesAreText = false;

  constructor(text: string) {
    this.text = text;
  }

  run(): Token[] {
    while (this.at < this.text.length) this.next();
    return this.tokens;
  }

  private next(): void {
    const character = this.text[this.at] as string;
    if (this.isNewline(this.at)) {
      this.push('newline', character === '\r' ? 2 : 1);
      this.firstOnLine = true;
      this.bracesAreText = false;
    } else if (isSpace(character)) this.push('space', this.spaceLength());
    else if (character === '!' || character === '#') this.push('comment', this.restOfLine());
    else if (character === '{' && !this.bracesAreText) this.push('open', 1);
    else if (character === '}' && !this.bracesAreText) this.push('close', 1);
    else this.word();
  }

  private word(): void {
    const start = this.at;
    if (this.firstOnLine) this.bracesAreText = BRACES_ARE_TEXT.test(this.text.slice(start, start + LOOK_AHEAD));
    this.firstOnLine = false;
    const { length, unterminated } = this.wordLength(start);
    this.tokens.push({ kind: 'word', text: this.text.slice(start, start + length), start, ...(unterminated && { unterminated }) });
    this.at += length;
  }

  private wordLength(start: number): { length: number; unterminated?: true } {
    let quote = '';
    let at = start;
    for (; at < this.text.length && !this.isNewline(at); at++) {
      const character = this.text[at] as string;
      if (character === '\\' && at + 1 < this.text.length && !this.isNewline(at + 1)) at++;
      else if (quote !== '') quote = character === quote ? '' : quote;
      else if (character === '"' || character === "'") quote = character;
      else if (character === '$' && this.text[at + 1] === '{') at = this.parameterEnd(at);
      else if (isSpace(character) || character === '!' || character === '#') break;
      else if ((character === '{' || character === '}') && !this.bracesAreText) break;
    }
    return quote === '' ? { length: at - start } : { length: at - start, unterminated: true };
  }

  /** From the `$` of `${NAME}` to its closing brace, or only to its opening one when the line ends before. */
  private parameterEnd(dollar: number): number {
    for (let at = dollar + 2; at < this.text.length && !this.isNewline(at); at++) if (this.text[at] === '}') return at;
    return dollar + 1;
  }

  private push(kind: TokenKind, length: number): void {
    this.tokens.push({ kind, text: this.text.slice(this.at, this.at + length), start: this.at });
    this.at += length;
  }

  private isNewline(at: number): boolean {
    const character = this.text[at];
    return character === '\n' || (character === '\r' && this.text[at + 1] === '\n');
  }

  private spaceLength(): number {
    let end = this.at;
    while (end < this.text.length && !this.isNewline(end) && isSpace(this.text[end] as string)) end++;
    return end - this.at;
  }

  private restOfLine(): number {
    let end = this.text.indexOf('\n', this.at);
    if (end < 0) end = this.text.length;
    else if (this.text[end - 1] === '\r') end--;
    return end - this.at;
  }
}

export function isSpace(character: string): boolean {
  return PLAIN_SPACE.test(character) || ODD_SPACE.test(character);
}

export function tokenize(text: string): Token[] {
  return new Lexer(text).run();
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/**
 * What a word means: quotes taken away, escapes inside quotes resolved (`\n`, `\101`, `\x41`, `\cA` and the letters of C).
 * An odd space inside quotes is a plain one here, too: a command copied from a web page must not reach the shell with it.
 */
export function wordValue(word: Token): string {
  if (!/["']/.test(word.text)) return word.text;
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
    else value += character;
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
