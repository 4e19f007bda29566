/**
 * Text to tree, with recovery: whatever the text, the result is a tree that prints as the text, and one wrong brace gives one
 * diagnostic. The braces of the file are counted first. While they balance, they are believed; only when some are missing or
 * too many does the reader look at keywords and indentation to find out where.
 */
import type { Keyword } from './keyword.ts';
import { ODD_SPACE, type Token, tokenEnd, tokenize, wordValue } from './lexer.ts';
import { Recovery } from './recovery.ts';
import type { Reporter } from './report.ts';
import { type Frame, isKeywordIn, type Scope, scopeOf } from './scope.ts';
import type { SourceText } from './source.ts';
import { type Block, type Document, type Part, type Statement, tokenPlace } from './syntax.ts';

export function parse(source: SourceText, root: Scope, reporter: Reporter): Document {
  return new Parser(source, root, reporter).run();
}

class Parser {
  private readonly source: SourceText;
  private readonly reporter: Reporter;
  private readonly tokens: readonly Token[];
  private readonly document: Document;
  private readonly frames: Frame[] = [];
  private readonly root: Scope;
  private readonly recovery: Recovery;
  private at = 0;

  constructor(source: SourceText, root: Scope, reporter: Reporter) {
    this.source = source;
    this.reporter = reporter;
    this.root = root;
    this.tokens = tokenize(source.text);
    this.document = { kind: 'document', source, parts: [], statements: [] };
    this.recovery = new Recovery(source, reporter, this.tokens, root);
  }

  run(): Document {
    this.reportOddSpaces();
    for (let token = this.tokens[this.at]; token; token = this.tokens[this.at]) {
      if (token.kind === 'word') this.statement(token);
      else if (token.kind === 'open') this.looseOpen(token);
      else if (token.kind === 'close') this.close(token);
      else this.take(this.container().parts);
    }
    if (this.frames.length > 0) this.recovery.reportEndOfFile(this.frames);
    return this.document;
  }

  private container(): { readonly parts: Part[]; readonly statements: Statement[] } {
    return this.frames.at(-1)?.block ?? this.document;
  }

  private scope(): Scope {
    return this.frames.at(-1)?.scope ?? this.root;
  }

  private take(parts: Part[]): Token {
    const token = this.tokens[this.at++] as Token;
    parts.push(token);
    return token;
  }

  private statement(first: Token): void {
    this.recovery.closeImpliedBy(first, this.frames);
    const keyword = isKeywordIn(this.scope(), first) ?? this.scope().adopts?.get(wordValue(first));
    const statement: Statement = { kind: 'statement', parts: [], words: [], ...(keyword && { keyword }) };
    this.container().parts.push(statement);
    this.container().statements.push(statement);
    for (let token = this.tokens[this.at]; token?.kind === 'word' || token?.kind === 'space'; token = this.tokens[this.at]) {
      if (token.kind === 'word') this.addWord(statement, token);
      this.take(statement.parts);
    }
    this.findBlock(statement, keyword);
  }

  private addWord(statement: Statement, token: Token): void {
    statement.words.push(token);
    if (!token.unterminated) return;
    const quote = /["']/.exec(token.text)?.[0] ?? '"';
    const end = tokenEnd(token);
    this.reporter.report(
      'config/unterminated-quote',
      tokenPlace(this.source, token),
      'This quoted text has no closing quote on its line, so where the value ends is a guess.',
      {
        help: `Close it with ${quote}.`,
        fix: { description: 'Close the quote at the end of the line', start: end, end, replacement: quote },
      },
    );
  }

  /** Decides whether a block follows: on the same line, on the next one, or missing where the keyword needs it. */
  private findBlock(statement: Statement, keyword: Keyword | undefined): void {
    const next = this.tokens[this.at];
    const takesBlock = keyword ? keyword.block !== undefined : this.scope().form !== 'entries';
    if (next?.kind === 'open') {
      if (takesBlock || !this.recovery.refuseOpen(next, statement)) this.openBlock(statement, scopeOf(keyword));
      else this.take(statement.parts);
      return;
    }
    const brace = this.recovery.braceAhead(this.at, keyword, this.scope(), takesBlock);
    if (brace !== undefined) {
      this.recovery.reportStrayText(this.at, brace, statement);
      while (this.at < brace) this.take(statement.parts);
      this.openBlock(statement, scopeOf(keyword));
    } else if (keyword?.block) {
      if (this.recovery.reportMissingOpen(this.at, statement, keyword, this.scope()))
        this.push(statement, { kind: 'block', parts: [], statements: [] }, scopeOf(keyword));
    }
  }

  private openBlock(statement: Statement, scope: Scope): void {
    const block: Block = { kind: 'block', parts: [], statements: [] };
    block.open = this.take(block.parts);
    this.push(statement, block, scope);
  }

  private push(statement: Statement, block: Block, scope: Scope): void {
    statement.block = block;
    statement.parts.push(block);
    const first = statement.words[0] ?? block.open;
    this.frames.push({ statement, block, scope, indentation: first ? this.source.indentation(first.start) : 0 });
  }

  /** A brace at the start of a line that no statement has claimed. */
  private looseOpen(token: Token): void {
    if (this.recovery.refuseOpen(token, undefined)) {
      this.take(this.container().parts);
      return;
    }
    const statement: Statement = { kind: 'statement', parts: [], words: [] };
    this.container().parts.push(statement);
    this.container().statements.push(statement);
    this.openBlock(statement, scopeOf(undefined));
  }

  private close(token: Token): void {
    this.recovery.closeByIndentation(token, this.frames);
    const frame = this.frames.at(-1);
    if (!frame) {
      this.recovery.reportStrayClose(token);
      this.take(this.document.parts);
    } else if (this.recovery.isEarlyClose(this.at, this.frames)) {
      this.take(frame.block.parts);
    } else {
      frame.block.close = token;
      this.take(frame.block.parts);
      this.frames.pop();
    }
  }

  /** One diagnostic a file: a page that puts in such characters puts them everywhere. */
  private reportOddSpaces(): void {
    const odd = this.tokens.find((token) => token.kind !== 'comment' && ODD_SPACE.test(withoutMark(token)));
    if (!odd) return;
    const at = odd.start + odd.text.length - withoutMark(odd).length + withoutMark(odd).search(ODD_SPACE);
    this.reporter.report(
      'config/odd-space',
      { source: this.source, start: at, end: at + 1 },
      'The file contains invisible characters that are no plain spaces; this is the first one. They are read as spaces here, but keepalived takes them for parts of words.',
      { help: 'Replace them all by plain spaces. Pages on the web often put them into what is copied from there.' },
    );
  }
}

/** The text of a token without the byte order mark that may begin a file. */
function withoutMark(token: Token): string {
  return token.start === 0 ? token.text.replace(/^\ufeff/, '') : token.text;
}
