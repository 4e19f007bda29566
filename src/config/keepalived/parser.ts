/**
 * Text to tree, with recovery: whatever the text, the result is a tree that prints as the text, and one wrong brace gives one
 * diagnostic. The braces of the file are counted first. While they balance, they are believed; only when some are missing or
 * too many does the reader look at keywords and indentation to find out where.
 */
import type { Keyword } from './keyword.ts';
import { ODD_SPACE, type Token, tokenEnd, tokenize, tokenizeSharing, wordValue } from './lexer.ts';
import { lastAtOrBefore } from './mapping.ts';
import { Recovery } from './recovery.ts';
import { Reporter } from './report.ts';
import { type Frame, isKeywordIn, OPAQUE, type Scope, scopeOf } from './scope.ts';
import type { SourceText } from './source.ts';
import { type Block, type Container, type Document, type Statement, statementPlace, tokenPlace } from './syntax.ts';

export function parse(source: SourceText, root: Scope, reporter: Reporter): Document {
  const { tokens, balance } = tokenize(source.text);
  const parser = new Parser(source, root, reporter, tokens, balance);
  if (hasOddSpaces(source.text)) parser.reportOddSpaces();
  return parser.run();
}

/** The same for who looks at few places of a large text: blocks that say what an earlier one says are `RepeatedBlock`s. */
export function parseSharing(source: SourceText, root: Scope, reporter: Reporter): Document {
  const { tokens, balance, originals } = tokenizeSharing(source.text);
  // What is missing or odd is looked for among all the words.
  if (balance !== 0 || hasOddSpaces(source.text)) return parse(source, root, reporter);
  return new Parser(source, root, reporter, tokens, 0, originals).run();
}

/** The block at an opening brace; nothing is said about it. */
function parseBlock(source: SourceText, { text, start }: Token, keyword: Keyword | undefined): Block {
  const { tokens } = tokenize(text, start);
  return new Parser(source, OPAQUE, new Reporter(), tokens, 0).block(keyword);
}

/**
 * A block that says word for word what an earlier one in the same place says, about which there was nothing to report. It is read
 * when somebody looks into it.
 */
export class RepeatedBlock implements Block {
  readonly original: Block;
  private readonly source: SourceText;
  private readonly token: Token;
  private readonly keyword: Keyword | undefined;
  private known: Block | undefined;

  constructor(source: SourceText, token: Token, original: Block, keyword: Keyword | undefined) {
    original.repeated = true;
    this.source = source;
    this.token = token;
    this.original = original;
    this.keyword = keyword;
  }

  get kind(): 'block' {
    return 'block';
  }

  get repeated(): boolean {
    return false;
  }

  get open(): Token {
    return this.read().open as Token;
  }

  get close(): Token {
    return this.read().close as Token;
  }

  get statements(): Statement[] {
    return this.read().statements;
  }

  get loose(): Token[] | undefined {
    return this.read().loose;
  }

  private read(): Block {
    this.known ??= parseBlock(this.source, this.token, this.keyword);
    return this.known;
  }
}

const NO_ORIGINALS: ReadonlySet<Token> = new Set();

/** A block that has been read and is met again. */
interface Original {
  readonly block: Block;
  readonly keyword: Keyword | undefined;
}

class Parser {
  private readonly source: SourceText;
  private readonly reporter: Reporter;
  private tokens: readonly Token[];
  private readonly document: Document;
  private readonly frames: Frame[] = [];
  private readonly root: Scope;
  private recovery: Recovery;
  private cutOff: Statement | undefined;
  private at = 0;
  /** Opening braces of blocks that are met again, and of those the ones that were read without a word. */
  private readonly awaited: ReadonlySet<Token>;
  private readonly originals = new Map<Token, Original>();

  constructor(source: SourceText, root: Scope, reporter: Reporter, tokens: readonly Token[], balance: number, awaited = NO_ORIGINALS) {
    this.source = source;
    this.reporter = reporter;
    this.root = root;
    this.tokens = tokens;
    this.awaited = awaited;
    this.document = { kind: 'document', source, statements: [], loose: undefined };
    this.recovery = new Recovery(source, reporter, tokens, root, balance);
  }

  run(): Document {
    this.readAll();
    return this.document;
  }

  /** For tokens that are a block. */
  block(keyword: Keyword | undefined): Block {
    const statement: Statement = { kind: 'statement', words: [], keyword, loose: undefined, block: undefined };
    this.openBlock(statement, keyword);
    this.readAll();
    return statement.block as Block;
  }

  private readAll(): void {
    for (let token = this.tokens[this.at]; token; token = this.tokens[this.at]) {
      if (token.kind === 'word') this.statement(token);
      else if (isOpening(token)) this.looseOpen(token);
      else if (token.kind === 'close') this.close(token);
      else this.takeLoose(this.container());
    }
    if (this.frames.length > 0) {
      this.recovery.reportEndOfFile(this.frames);
      if (this.cutOff) this.reporter.markDamaged(statementPlace(this.source, this.cutOff));
    }
  }

  private container(): Container {
    return this.frames.at(-1)?.block ?? this.document;
  }

  private scope(): Scope {
    return this.frames.at(-1)?.scope ?? this.root;
  }

  private takeLoose(owner: { loose: Token[] | undefined }): void {
    const token = this.tokens[this.at++] as Token;
    if (owner.loose) owner.loose.push(token);
    else owner.loose = [token];
  }

  private statement(first: Token): void {
    this.recovery.closeImpliedBy(first, this.frames);
    const scope = this.scope();
    const keyword = isKeywordIn(scope, first) ?? scope.adopts?.get(wordValue(first));
    const words = this.takeWords(first);
    const statement: Statement = { kind: 'statement', words, keyword, loose: undefined, block: undefined };
    this.container().statements.push(statement);
    if (this.isCutOff()) this.cutOff = statement;
    else this.findBlock(statement, keyword);
  }

  /** Whether the text ends here, without a line break and in the middle of a block: then what is missing is the rest of the file. */
  private isCutOff(): boolean {
    const last = this.tokens[this.at - 1];
    if (this.at < this.tokens.length || this.frames.length === 0 || !last) return false;
    return this.source.text.indexOf('\n', tokenEnd(last)) < 0;
  }

  /** The words of one line, the first of which is given. */
  private takeWords(first: Token): Token[] {
    const from = this.at++;
    let last = first;
    for (let token = this.tokens[this.at]; token?.kind === 'word' && !token.first; token = this.tokens[this.at]) {
      last = token;
      this.at++;
    }
    // A quote that opens between the two is closed, or its word would be the last.
    if (first.unterminated) this.reportUnterminated(first);
    else if (last.unterminated && !this.isCutOff()) this.reportUnterminated(last);
    return this.tokens.slice(from, this.at);
  }

  private reportUnterminated(token: Token): void {
    const quote = /["']/.exec(token.text)?.[0] ?? '"';
    const end = tokenEnd(token);
    this.reporter.report(
      'config/unterminated-quote',
      tokenPlace(this.source, token),
      'This quoted text has no closing quote on its line, so where the value ends is a guess.',
      {
        help: `Close it with ${quote}.`,
        fix: { description: 'Close the quote', start: end, end, replacement: quote },
      },
    );
    this.reporter.markDamaged(tokenPlace(this.source, token));
  }

  /** Decides whether a block follows: on the same line, on the next one, or missing where the keyword needs it. */
  private findBlock(statement: Statement, keyword: Keyword | undefined): void {
    const next = this.tokens[this.at];
    const takesBlock = keyword ? keyword.block !== undefined : this.scope().form !== 'entries';
    if (next && isOpening(next) && !next.first) {
      if (takesBlock || !this.recovery.refuseOpen(next, statement)) this.openBlock(statement, keyword);
      else this.takeLoose(statement);
      return;
    }
    const brace = takesBlock ? this.recovery.braceAhead(this.at, keyword, this.scope()) : undefined;
    if (brace !== undefined) {
      this.recovery.reportStrayText(this.at, brace, statement);
      while (this.at < brace) this.takeLoose(statement);
      this.openBlock(statement, keyword);
    } else if (keyword?.block) {
      if (this.recovery.reportMissingOpen(this.at, statement, keyword, this.scope())) this.push(statement, undefined, scopeOf(keyword));
    }
  }

  private openBlock(statement: Statement, keyword: Keyword | undefined): void {
    const token = this.tokens[this.at] as Token;
    const original = token.original && this.originals.get(token.original);
    if (original && original.keyword === keyword) {
      statement.block = new RepeatedBlock(this.source, token, original.block, keyword);
      this.at++;
      return;
    }
    if (token.kind === 'repeat') this.stopSharing(token);
    this.push(statement, this.tokens[this.at++], scopeOf(keyword));
  }

  /** There was something to say about the block that is repeated, or it means something else here: from here on each is read by itself. */
  private stopSharing({ start }: Token): void {
    const { tokens } = tokenize(this.source.text);
    this.at = lastAtOrBefore(tokens.length, (index) => (tokens[index] as Token).start, start);
    this.tokens = tokens;
    this.recovery = new Recovery(this.source, this.reporter, tokens, this.root, 0);
  }

  private push(statement: Statement, open: Token | undefined, scope: Scope): void {
    const block: Block = { kind: 'block', statements: [], loose: undefined, open, close: undefined, repeated: false };
    statement.block = block;
    this.frames.push({ statement, block, scope, said: this.reporter.said });
  }

  /** A brace at the start of a line that no statement has claimed. */
  private looseOpen(token: Token): void {
    if (this.recovery.refuseOpen(token, undefined)) {
      this.takeLoose(this.container());
      return;
    }
    const statement: Statement = { kind: 'statement', words: [], keyword: undefined, loose: undefined, block: undefined };
    this.container().statements.push(statement);
    this.openBlock(statement, undefined);
  }

  private close(token: Token): void {
    this.recovery.closeByIndentation(token, this.frames);
    const frame = this.frames.at(-1);
    if (!frame) {
      this.recovery.reportStrayClose(token);
      this.takeLoose(this.document);
    } else if (this.recovery.isEarlyClose(this.at, this.frames)) {
      this.takeLoose(frame.block);
    } else {
      frame.block.close = token;
      this.at++;
      this.frames.pop();
      const { statement, block, said } = frame;
      if (said === this.reporter.said && block.open && this.awaited.has(block.open))
        this.originals.set(block.open, { block, keyword: statement.keyword });
    }
  }

  /** One diagnostic a file: a page that puts in such characters puts them everywhere. */
  reportOddSpaces(): void {
    const { text } = this.source;
    const comments = this.tokens.filter(({ kind }) => kind === 'comment');
    let next = 0;
    for (let at = markLength(text); at < text.length; at++) {
      const comment = comments[next];
      if (comment?.start === at) {
        at = tokenEnd(comment);
        next++;
      }
      if (!ODD_SPACE.test(text[at] ?? '')) continue;
      this.reporter.report(
        'config/odd-space',
        { source: this.source, start: at, end: at + 1 },
        'The file contains invisible characters that are no plain spaces; this is the first one. They are read as spaces here, but keepalived takes them for parts of words.',
        { help: 'Replace them all by plain spaces. Pages on the web often put them into what is copied from there.' },
      );
      return;
    }
  }
}

const BYTE_ORDER_MARK = '\ufeff';

function markLength(text: string): number {
  return text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
}

function hasOddSpaces(text: string): boolean {
  return ODD_SPACE.test(text.slice(markLength(text)));
}

function isOpening({ kind }: Token): boolean {
  return kind === 'open' || kind === 'repeat';
}
