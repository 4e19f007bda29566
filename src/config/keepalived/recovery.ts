/**
 * Guesses where a missing or surplus brace belongs, and says so once.
 *
 * `missing` is how many closing braces the file still lacks, `surplus` how many it has too many. As long as both are 0 the
 * braces of the file are taken at their word.
 */
import type { Keyword } from './keyword.ts';
import { type Token, tokenEnd } from './lexer.ts';
import type { Reporter } from './report.ts';
import { type Frame, isKeywordIn, type Scope, scopeOf } from './scope.ts';
import type { SourceText } from './source.ts';
import { type Statement, statementPlace, tokenPlace } from './syntax.ts';

/** No configuration nests deeper by far; beyond it the text is noise, and looking through all open blocks would take for ever. */
const MAX_DEPTH = 64;
/** How many lines may stand between a keyword and its brace and still be taken for the rest of a wrapped comment. */
const STRAY_LINES = 2;
/** How many statements after a closing brace are looked at to see whose they are. */
const STATEMENTS_AHEAD = 8;

export class Recovery {
  private readonly source: SourceText;
  private readonly reporter: Reporter;
  private readonly tokens: readonly Token[];
  private readonly root: Scope;
  private missing: number;
  private surplus: number;

  /** `balance`: how many braces of the file open more than close. */
  constructor(source: SourceText, reporter: Reporter, tokens: readonly Token[], root: Scope, balance: number) {
    this.source = source;
    this.reporter = reporter;
    this.tokens = tokens;
    this.root = root;
    this.missing = Math.max(balance, 0);
    this.surplus = Math.max(-balance, 0);
  }

  /** A keyword that the innermost block does not know and an outer one does: the blocks between were not closed. */
  closeImpliedBy(first: Token, frames: Frame[]): void {
    if (this.missing === 0 || frames.length === 0 || frames.length > MAX_DEPTH) return;
    if (isKeywordIn((frames.at(-1) as Frame).scope, first)) return;
    for (let outer = frames.length - 2; outer >= -1; outer--) {
      const keyword = isKeywordIn(outer < 0 ? this.root : (frames[outer] as Frame).scope, first);
      if (!keyword || (outer < 0 && !keyword.block)) continue;
      this.closeDownTo(outer + 1, first, frames);
      return;
    }
  }

  /** A closing brace that stands where an outer block begins, left of the innermost one: the blocks between were not closed. */
  closeByIndentation(token: Token, frames: Frame[]): void {
    if (this.missing === 0 || frames.length > MAX_DEPTH || !token.first) return;
    // A text that was put in has the indentation of where it was defined.
    if (this.source.expansion?.useAt(token.start)) return;
    const indentation = this.source.indentation(token.start);
    for (let i = frames.length - 1; i >= 0; i--) {
      const own = this.indentationOf(frames[i] as Frame);
      if (own < indentation) return;
      if (own === indentation) {
        if (i < frames.length - 1) this.closeDownTo(i + 1, token, frames);
        return;
      }
    }
  }

  private indentationOf({ statement, block }: Frame): number {
    const first = statement.words[0] ?? block.open;
    return first ? this.source.indentation(first.start) : 0;
  }

  private closeDownTo(depth: number, before: Token, frames: Frame[]): void {
    const count = frames.length - depth;
    if (count > this.missing) return;
    const innermost = frames.at(-1) as Frame;
    const line = this.source.position(before.start).line;
    this.reportUnclosed(innermost, `It must have ended before line ${line}.`, before.start);
    this.missing -= count;
    frames.length = depth;
  }

  reportEndOfFile(frames: readonly Frame[]): void {
    this.reportUnclosed(frames.at(-1) as Frame, 'The file ends inside it.', this.source.text.length);
  }

  private reportUnclosed(frame: Frame, where: string, before: number): void {
    const name = describe(frame.statement);
    const end = this.endOfPreviousLine(before);
    this.reporter.report(
      'config/missing-close-brace',
      statementPlace(this.source, frame.statement),
      `The block ${name} is never closed. ${where}`,
      {
        help: `Add the missing } at the end of ${name}.`,
        fix: { description: 'Insert the closing brace', start: end, end, replacement: `\n${' '.repeat(this.indentationOf(frame))}}` },
      },
    );
  }

  private endOfPreviousLine(before: number): number {
    if (before >= this.source.text.length) return this.source.text.length;
    const newline = this.source.text.lastIndexOf('\n', before - 1);
    if (newline < 0) return before;
    return this.source.text[newline - 1] === '\r' ? newline - 1 : newline;
  }

  /**
   * An opening brace where none belongs. True when the file has one too many, so that the brace alone is passed over;
   * false when it has a partner, and what is between them must be skipped.
   */
  refuseOpen(token: Token, statement: Statement | undefined): boolean {
    const after = statement ? `${describe(statement)} takes no block` : 'There is no keyword before this brace';
    if (this.missing > 0) {
      this.missing--;
      this.reporter.report(
        'config/unexpected-brace',
        tokenPlace(this.source, token),
        `${after}, and the brace has no partner. It is ignored.`,
        {
          help: 'Remove the brace.',
          fix: { description: 'Remove the brace', start: token.start, end: tokenEnd(token), replacement: '' },
        },
      );
      return true;
    }
    this.reporter.report(
      'config/unexpected-brace',
      tokenPlace(this.source, token),
      `${after}. Everything up to its closing brace is ignored.`,
    );
    return false;
  }

  /** The index of the opening brace that belongs to a statement although it stands on a later line, if there is one. */
  braceAhead(at: number, keyword: Keyword | undefined, scope: Scope): number | undefined {
    let strayLines = 0;
    for (let i = at; i < this.tokens.length; i++) {
      const token = this.tokens[i] as Token;
      if (token.kind === 'open' || token.kind === 'repeat') return token.first ? i : undefined;
      if (token.kind === 'close') return undefined;
      if (token.kind !== 'word' || !token.first) continue;
      const known = isKeywordIn(scope, token) ?? isKeywordIn(scopeOf(keyword), token);
      if (!keyword?.block || known || ++strayLines > STRAY_LINES) return undefined;
    }
    return undefined;
  }

  /** Words between a keyword and its brace on a later line; usually the rest of a comment that was wrapped. */
  reportStrayText(from: number, brace: number, statement: Statement): void {
    const stray = this.tokens.slice(from, brace).find((token) => token.kind === 'word');
    if (!stray) return;
    this.reporter.report(
      'config/stray-text',
      tokenPlace(this.source, stray),
      `Text stands between ${describe(statement)} and its opening brace. It is ignored.`,
      {
        help: 'If it is the rest of a comment, put # before it.',
        fix: { description: 'Make it a comment', start: stray.start, end: stray.start, replacement: '# ' },
      },
    );
  }

  /**
   * A block keyword without a brace. True when the statements after it are its block all the same (they are known there, or
   * the file has a closing brace too many), so that reading goes on inside.
   */
  reportMissingOpen(at: number, statement: Statement, keyword: Keyword, scope: Scope): boolean {
    const last = statement.words.at(-1) as Token;
    this.reporter.report(
      'config/missing-open-brace',
      statementPlace(this.source, statement),
      `${describe(statement)} needs a block in braces, and no { follows.`,
      {
        help: `Write ${describe(statement)} {`,
        fix: { description: 'Insert the opening brace', start: tokenEnd(last), end: tokenEnd(last), replacement: ' {' },
      },
    );
    // What was to stand in the block stands among the words of the keyword.
    this.reporter.markDamaged(statementPlace(this.source, statement));
    const next = this.nextSolid(at);
    if (this.surplus > 0) {
      const knownInside = next?.kind === 'word' && isKeywordIn(scopeOf(keyword), next) !== undefined;
      const inside = next?.kind === 'close' || knownInside || (next?.kind === 'word' && isKeywordIn(scope, next) === undefined);
      if (inside) this.surplus--;
      return inside;
    }
    return next?.kind === 'word' && isKeywordIn(scopeOf(keyword), next) !== undefined && isKeywordIn(scope, next) === undefined;
  }

  /** A closing brace that ends a block whose statements go on after it, in a file with a closing brace too many. */
  isEarlyClose(at: number, frames: readonly Frame[]): boolean {
    const frame = frames.at(-1) as Frame;
    if (this.surplus === 0) return false;
    const next = this.strandedStatement(at + 1, frame.scope, frames.at(-2)?.scope ?? this.root);
    if (!next) return false;
    this.surplus--;
    const token = this.tokens[at] as Token;
    const line = this.source.position(next.start).line;
    this.reporter.report(
      'config/early-close-brace',
      tokenPlace(this.source, token),
      `This brace closes ${describe(frame.statement)} too early: ${next.text} on line ${line} belongs to it, and the file has a closing brace too many. The brace is ignored.`,
      { help: 'Remove it.', fix: { description: 'Remove the brace', start: token.start, end: tokenEnd(token), replacement: '' } },
    );
    return true;
  }

  /** The first statement after a closing brace that only the closed block knows; none if one comes first that only the outer block knows. */
  private strandedStatement(at: number, inner: Scope, outer: Scope): Token | undefined {
    for (let i = at, seen = 0; i < this.tokens.length && seen < STATEMENTS_AHEAD; i++) {
      const token = this.tokens[i] as Token;
      if (token.kind === 'open' || token.kind === 'close') return undefined;
      if (token.kind !== 'word' || (seen > 0 && !token.first)) continue;
      seen++;
      const inside = isKeywordIn(inner, token) !== undefined;
      const outside = isKeywordIn(outer, token) !== undefined;
      if (inside !== outside) return inside ? token : undefined;
    }
    return undefined;
  }

  reportStrayClose(token: Token): void {
    this.surplus = Math.max(this.surplus - 1, 0);
    this.reporter.report('config/stray-brace', tokenPlace(this.source, token), 'This brace closes nothing. It is ignored.', {
      help: 'Remove it.',
      fix: { description: 'Remove the brace', start: token.start, end: tokenEnd(token), replacement: '' },
    });
  }

  private nextSolid(at: number): Token | undefined {
    for (let i = at; i < this.tokens.length; i++) {
      const token = this.tokens[i] as Token;
      if (token.kind === 'word' || token.kind === 'open' || token.kind === 'close' || token.kind === 'repeat') return token;
    }
    return undefined;
  }
}

/** The words of a statement as they stand, shortened. */
function describe(statement: Statement): string {
  const text = statement.words.map((word) => word.text).join(' ');
  if (text === '') return 'without a name';
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
