/**
 * The canonical layout of a configuration: four blanks for each level, one statement a line, the opening brace behind its keyword,
 * comments where they are, at most one blank line in a row. It changes nothing that the file means: a line whose meaning hangs on
 * its being one line (a condition, a sequence, a parameter) stays one line, and a file whose braces do not add up stays as it is,
 * because where its blocks end is a guess.
 */
import { type Token, tokenEnd } from './lexer.ts';
import { parse } from './parser.ts';
import { Reporter } from './report.ts';
import { SourceText } from './source.ts';
import { type Document, tokensOf } from './syntax.ts';
import { ROOT_SCOPE } from './table.ts';

const INDENT = '    ';

export function formatConfiguration(text: string): string {
  const reporter = new Reporter();
  const document = parse(new SourceText('', text), ROOT_SCOPE, reporter);
  const formatter = new Formatter(linesOf(tokensOf(document), text), movableBraces(document));
  const formatted = formatter.run();
  const faulty =
    reporter.diagnostics.some(({ severity }) => severity === 'error') || reporter.diagnostics.some(({ code }) => BRACE_CODES.has(code));
  return formatter.balanced && (!faulty || formatter.hasAlternatives) ? formatted : text;
}

const BRACE_CODES: ReadonlySet<string> = new Set(['config/stray-brace', 'config/early-close-brace']);

/** Opening braces that stand on a later line than their keyword and can go behind it: nothing but blanks and comments is between. */
function movableBraces(document: Document): ReadonlySet<Token> {
  const movable = new Set<Token>();
  const pending = [...document.statements];
  for (let statement = pending.pop(); statement; statement = pending.pop()) {
    const { block, words, loose } = statement;
    if (!block) continue;
    for (const inner of block.statements) pending.push(inner);
    const stray = loose?.some(({ kind }) => kind !== 'comment');
    if (block.open && !stray && words.length > 0) movable.add(block.open);
  }
  return movable;
}

/** One line of the file. */
interface Line {
  readonly tokens: Token[];
  readonly blankBefore: boolean;
  /** From its first token to its last, as it stands. */
  readonly text: () => string;
}

/** One line of the result. */
interface Entry {
  depth: number;
  /** Statement and braces; empty for a line that is only a comment. */
  code: string;
  comment: string;
  readonly blankBefore: boolean;
}

class Formatter {
  private readonly lines: readonly Line[];
  private readonly movable: ReadonlySet<Token>;
  private readonly out: Entry[] = [];
  private depth = 0;
  private lowest = 0;
  private blankBefore = false;
  /** The index of a keyword that a brace may be put behind. */
  private keyword: number | undefined;
  /** The condition of the line before, if that line opened a block. */
  private opened: string | undefined;
  /** Two conditions that open one block each, of which one is read: `@a x {` and `@b y {`. */
  hasAlternatives = false;

  constructor(lines: readonly Line[], movable: ReadonlySet<Token>) {
    this.lines = lines;
    this.movable = movable;
  }

  get balanced(): boolean {
    return this.depth === 0 && this.lowest === 0;
  }

  run(): string {
    for (const line of this.lines) {
      this.blankBefore ||= line.blankBefore;
      if (mustStayWhole(line.tokens)) this.wholeLine(line);
      else this.statements(line.tokens);
    }
    const lines: string[] = [];
    this.out.forEach((entry, index) => {
      const before = this.out[index - 1];
      if (entry.blankBefore && before && !before.code.endsWith('{') && entry.code !== '}') lines.push('');
      const text = [entry.code, entry.comment].filter((part) => part !== '').join(' ');
      lines.push(INDENT.repeat(Math.max(entry.depth, 0)) + text);
    });
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  /** A line that may not be split. */
  private wholeLine({ tokens, text }: Line): void {
    const [first] = tokens as [Token];
    const net = netOf(tokens);
    const condition = first.kind === 'condition' && net === 1 ? first.text : undefined;
    if (condition !== undefined && this.opened !== undefined && this.opened !== condition) {
      this.hasAlternatives = true;
      this.enter(-1);
    }
    this.opened = condition;
    const closing = Math.max(
      tokens.findIndex(({ kind }) => kind !== 'close'),
      0,
    );
    this.enter(-closing);
    this.put(tokens.some(isInclude) ? text() : textOf(tokens), '');
    this.enter(net + closing);
    this.keyword = undefined;
  }

  private statements(solid: readonly Token[]): void {
    if (solid[0]?.kind !== 'comment') this.opened = undefined;
    let words: string[] = [];
    const flush = (): void => {
      if (words.length > 0) this.put(words.join(' '), '');
      words = [];
    };
    for (const token of solid) {
      if (token.kind === 'open') {
        this.openBlock(token, words);
        words = [];
      } else if (token.kind === 'close') {
        flush();
        this.enter(-1);
        this.put('}', '');
        this.keyword = undefined;
      } else if (token.kind !== 'comment') words.push(token.text);
      else if (words.length > 0 || token === solid[0]) {
        if (words.length > 0) this.keyword = this.out.length;
        this.put(words.join(' '), token.text.trimEnd());
        words = [];
      } else (this.out.at(-1) as Entry).comment = token.text.trimEnd();
    }
    if (words.length > 0) this.keyword = this.out.length;
    flush();
  }

  private openBlock(token: Token, words: readonly string[]): void {
    if (words.length === 0 && this.keyword !== undefined && this.movable.has(token)) {
      (this.out[this.keyword] as Entry).code += ' {';
      // Comments between the two stand in the block now.
      for (const entry of this.out.slice(this.keyword + 1)) entry.depth++;
      this.blankBefore = false;
    } else this.put([...words, '{'].join(' '), '');
    this.enter(1);
    this.keyword = undefined;
  }

  private enter(levels: number): void {
    this.depth += levels;
    this.lowest = Math.min(this.lowest, this.depth);
  }

  private put(code: string, comment: string): void {
    this.out.push({ depth: this.depth, code, comment, blankBefore: this.blankBefore });
    this.blankBefore = false;
  }
}

function linesOf(tokens: readonly Token[], text: string): Line[] {
  const lines: Line[] = [];
  let end = 0;
  for (const token of tokens) {
    const before = text.slice(end, token.start);
    end = tokenEnd(token);
    if (lines.length > 0 && !token.first) {
      (lines.at(-1) as Line).tokens.push(token);
      continue;
    }
    const own = [token];
    const wholeText = (): string => text.slice(token.start, tokenEnd(own.at(-1) as Token)).trimEnd();
    lines.push({ tokens: own, blankBefore: before.split('\n').length > 2, text: wholeText });
  }
  return lines;
}

/**
 * Conditions, sequences and definitions are of one line; so is a parameter, which may stand for several at the end of one. What has a
 * meaning only at the start of a line must not get there.
 */
function mustStayWhole(solid: readonly Token[]): boolean {
  const kind = solid[0]?.kind;
  if (kind === 'condition' || kind === 'generator' || kind === 'definition') return true;
  return solid.some((token) => token.kind === 'word' && (token.text.includes('$') || /^[@~]/.test(token.text) || isInclude(token)));
}

function isInclude(token: Token | undefined): boolean {
  return token?.kind === 'word' && /^include[rmwba]?$/.test(token.text);
}

/** How many levels deeper the text is after a line. */
function netOf(solid: readonly Token[]): number {
  return solid.reduce((net, { kind }) => net + (kind === 'open' ? 1 : kind === 'close' ? -1 : 0), 0);
}

/** A line with single blanks. */
function textOf(tokens: readonly Token[]): string {
  let line = '';
  let end = -1;
  for (const token of tokens) {
    if (end >= 0 && token.start > end) line += ' ';
    line += token.kind === 'definition' ? token.text.replaceAll('\r\n', '\n') : token.text;
    end = tokenEnd(token);
  }
  return line.trimEnd();
}
