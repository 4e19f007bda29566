/**
 * Tree and table together: every statement with its keyword and its value, everything unknown reported. What comes out is
 * what the lowering reads; it no longer deals with words and braces.
 */
import { IpAddress } from '../../base/index.ts';
import { extraWord, readArguments } from './arguments.ts';
import type { Keyword } from './keyword.ts';
import { type Token, wordValue } from './lexer.ts';
import { readLine } from './lines.ts';
import { reportStanding } from './not-acted.ts';
import { parseSharing, RepeatedBlock } from './parser.ts';
import { type Place, Reporter } from './report.ts';
import type { Scope } from './scope.ts';
import { scopeOf } from './scope.ts';
import type { SourceText } from './source.ts';
import { type Block, type Statement, statementPlace } from './syntax.ts';
import { reportUnknown } from './unknown.ts';
import type { CommandText, LineValue, Scalar, Value } from './value.ts';

export interface BoundStatement {
  readonly keyword: Keyword;
  readonly statement: Statement;
  readonly source: SourceText;
  /** Undefined when it could not be read (which has been reported). */
  readonly value: Value | undefined;
  readonly block: BoundBlock | undefined;
  /** A block elsewhere with the same statements, for a block that repeats it word for word: `block` is made when it is asked for. */
  readonly alike: BoundBlock | undefined;
}

/** What the block of a statement says. Where that stands may be another place: whoever reports something looks at `block`. */
export function contentOf(bound: BoundStatement): BoundBlock | undefined {
  return bound.alike ?? bound.block;
}

/** A line of a block of entries. */
export interface BoundEntry {
  readonly words: readonly Token[];
  readonly source: SourceText;
}

/** Blocks with more statements than this get an index. */
const MANY_STATEMENTS = 16;

export class BoundBlock {
  readonly statements: BoundStatement[] = [];
  /** Only for large blocks: a virtual_server may hold thousands of statements, each of which asks for its settings. */
  private byName: Map<string, BoundStatement[]> | undefined;
  private ownEntries: BoundEntry[] | undefined;
  private ownMisspelt: Set<string> | undefined;

  get entries(): BoundEntry[] {
    this.ownEntries ??= [];
    return this.ownEntries;
  }

  /** Keywords that were written, but misspelt or out of place, which has been reported. */
  get misspelt(): Set<string> {
    this.ownMisspelt ??= new Set();
    return this.ownMisspelt;
  }

  add(bound: BoundStatement): void {
    this.statements.push(bound);
    if (this.byName) this.index(bound, this.byName);
    else if (this.statements.length > MANY_STATEMENTS) {
      this.byName = new Map();
      for (const statement of this.statements) this.index(statement, this.byName);
    }
  }

  private index(bound: BoundStatement, byName: Map<string, BoundStatement[]>): void {
    const name = canonicalName(bound.keyword);
    const same = byName.get(name);
    if (same) same.push(bound);
    else byName.set(name, [bound]);
  }

  /** The last statement of that name; the last one counts, as in keepalived. Old spellings count as the present one. */
  last(name: string): BoundStatement | undefined {
    if (this.byName) return this.byName.get(name)?.at(-1);
    for (let i = this.statements.length - 1; i >= 0; i--) {
      const bound = this.statements[i] as BoundStatement;
      if (canonicalName(bound.keyword) === name) return bound;
    }
    return undefined;
  }

  all(name: string): readonly BoundStatement[] {
    if (this.byName) return this.byName.get(name) ?? [];
    return this.statements.filter(({ keyword }) => canonicalName(keyword) === name);
  }

  has(name: string): boolean {
    return this.last(name) !== undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.last(name)?.value;
    return typeof value === 'boolean' ? value : undefined;
  }

  /** An integer, or a time in microseconds. */
  number(name: string): number | undefined {
    const value = this.last(name)?.value;
    return typeof value === 'number' ? value : undefined;
  }

  text(name: string): string | undefined {
    const value = this.last(name)?.value;
    return typeof value === 'string' ? value : undefined;
  }

  address(name: string): IpAddress | undefined {
    const value = this.last(name)?.value;
    return value instanceof IpAddress ? value : undefined;
  }

  command(name: string): (CommandText & { readonly source: SourceText }) | undefined {
    const bound = this.last(name);
    return bound && typeof bound.value === 'object' && 'token' in bound.value ? { ...bound.value, source: bound.source } : undefined;
  }

  /** A keyword that may stand bare: true when it does. */
  textOrBare(name: string): string | true | undefined {
    const value = this.last(name)?.value;
    return typeof value === 'string' || value === true ? value : undefined;
  }

  line(name: string): LineValue | undefined {
    const value = this.last(name)?.value;
    return typeof value === 'object' && 'parts' in value ? value : undefined;
  }

  words(name: string): readonly Token[] | undefined {
    const bound = this.last(name);
    return bound && wordsOf(bound);
  }
}

export function wordsOf(bound: BoundStatement): readonly Token[] {
  return Array.isArray(bound.value) ? bound.value : [];
}

export function canonicalName(keyword: Keyword): string {
  return keyword.aliasOf ?? keyword.name;
}

/** The value of a part of a line, where it has the type asked for. */
export function linePart<T extends Scalar>(line: LineValue | undefined, index: number, type: (value: Scalar) => value is T): T | undefined {
  const value = line?.parts[index]?.value;
  return value !== undefined && type(value) ? value : undefined;
}
export const isText = (value: Scalar): value is string => typeof value === 'string';
export const isNumber = (value: Scalar): value is number => typeof value === 'number';
export const isAddress = (value: Scalar): value is IpAddress => value instanceof IpAddress;

/** Where the words of a statement stand. */
export function placeOf(bound: BoundStatement): Place {
  return statementPlace(bound.source, bound.statement);
}

/** The name after a block keyword (`vrrp_instance NAME {`). */
export function nameOf(bound: BoundStatement): string {
  return typeof bound.value === 'string' ? bound.value : '';
}

const REQUIRED = new Map<Keyword, readonly Keyword[]>();

/** What the block of a keyword cannot do without. A file may have thousands of such blocks, and the table never changes. */
function requiredIn(keyword: Keyword): readonly Keyword[] {
  const known = REQUIRED.get(keyword);
  if (known) return known;
  const required = [...keyword.children.values()].filter((child) => child.required !== undefined);
  REQUIRED.set(keyword, required);
  return required;
}

class RepeatedStatement implements BoundStatement {
  readonly keyword: Keyword;
  readonly statement: Statement;
  readonly source: SourceText;
  readonly value: Value | undefined;
  readonly alike: BoundBlock;
  private own: BoundBlock | undefined;

  constructor(statement: Statement, keyword: Keyword, source: SourceText, value: Value | undefined, alike: BoundBlock) {
    this.statement = statement;
    this.keyword = keyword;
    this.source = source;
    this.value = value;
    this.alike = alike;
  }

  get block(): BoundBlock {
    this.own ??= this.bind();
    return this.own;
  }

  private bind(): BoundBlock {
    const block = new BoundBlock();
    // What could be said about it has been said: nothing.
    new Binder(new Reporter()).bind(this.statement.block?.statements ?? [], this.source, scopeOf(this.keyword), block);
    return block;
  }
}

export class Binder {
  private readonly reporter: Reporter;
  /** Inside a block that this version does not act on, which has been said once. */
  private quiet = false;
  /** Blocks that are repeated, bound without a word. */
  private readonly originals = new Map<Block, BoundBlock>();

  constructor(reporter: Reporter) {
    this.reporter = reporter;
  }

  /** Adds statements to a block. */
  bind(statements: readonly Statement[], source: SourceText, scope: Scope, into: BoundBlock): void {
    let present: ReadonlySet<string> | undefined;
    for (const statement of statements) {
      if (this.language(statement, source, scope, into)) continue;
      if (scope.form === 'entries') into.entries.push({ words: statement.words, source });
      else if (statement.keyword) this.known(statement, statement.keyword, source, scope, into);
      else if (statement.words.length > 0) {
        present ??= new Set(statements.flatMap(({ keyword }) => (keyword ? [canonicalName(keyword)] : [])));
        this.unknown(statement, source, scope, present, into);
      }
    }
  }

  private unknown(statement: Statement, source: SourceText, scope: Scope, present: ReadonlySet<string>, into: BoundBlock): void {
    const meant = reportUnknown(statement, source, scope, present, this.reporter);
    if (meant !== undefined) into.misspelt.add(meant);
    if (statement.block) for (const word of statement.words) this.reporter.lostNames.add(wordValue(word));
  }

  private known(statement: Statement, keyword: Keyword, source: SourceText, scope: Scope, into: BoundBlock): void {
    const heard = keyword.support !== 'acted';
    if (keyword.support === 'refused') for (const word of statement.words) this.reporter.lostNames.add(wordValue(word));
    if (!this.quiet) reportStanding(keyword, statement.words[0] as Token, source, this.reporter);
    if (keyword.block && !statement.block) {
      for (const word of statement.words) this.reporter.lostNames.add(wordValue(word));
      // The parser has reported it; its presence keeps it from being reported as missing, too.
      into.add({ keyword, statement, source, value: undefined, block: undefined, alike: undefined });
      return;
    }
    if (!keyword.repeatable) this.reportRepetition(statement, keyword, source, into);
    const lost = statement.words.length > 1 ? extraWord(keyword, statement) : undefined;
    const lostKeyword = lost && scope.children.get(wordValue(lost));
    if (lostKeyword?.required !== undefined) into.misspelt.add(lostKeyword.name);
    const value = readArguments(keyword, statement, source, this.reporter, lostKeyword?.required === undefined ? 'warning' : 'error');
    const home = this.adopter(keyword, scope, statement, source, into);
    if (!home) return;
    if (!keyword.block || !statement.block) {
      home.add({ keyword, statement, source, value, block: undefined, alike: undefined });
      return;
    }
    const alike = statement.block instanceof RepeatedBlock ? this.originals.get(statement.block.original) : undefined;
    if (alike && !this.quiet) {
      home.add(new RepeatedStatement(statement, keyword, source, value, alike));
      this.reportMissing(statement, keyword, source, alike);
      return;
    }
    const inner = new BoundBlock();
    const { said } = this.reporter;
    const before = this.quiet;
    this.quiet ||= heard;
    this.bind(statement.block.statements, source, scopeOf(keyword), inner);
    this.quiet = before;
    if (statement.block.repeated && said === this.reporter.said && !this.quiet && !heard) this.originals.set(statement.block, inner);
    // Nothing else looks at the lines of a block that is not acted on.
    if (heard && keyword.entry?.kind === 'line')
      for (const entry of inner.entries) readLine(keyword.name, keyword.entry, entry, this.reporter);
    home.add({ keyword, statement, source, value, block: inner, alike: undefined });
    // Where the end of a block is a guess, so is what it lacks.
    if (statement.block.close) this.reportMissing(statement, keyword, source, inner);
  }

  /** The block that a statement goes to: this one, or for a real_server outside any virtual_server the one before it. */
  private adopter(keyword: Keyword, scope: Scope, statement: Statement, source: SourceText, into: BoundBlock): BoundBlock | undefined {
    if (scope.children.has(keyword.name)) return into;
    const before = into.last('virtual_server');
    if (!before?.block) {
      this.reporter.report(
        'config/unknown-block',
        statementPlace(source, statement),
        `${keyword.name} stands outside any virtual_server. The block is skipped.`,
        { help: 'Move it into a virtual_server block.' },
      );
      return undefined;
    }
    const name = before.statement.words.map((word) => word.text).join(' ');
    this.reporter.report(
      'config/misplaced-block',
      statementPlace(source, statement),
      `${keyword.name} stands outside any virtual_server. It is taken as part of ${name}, which ends before it.`,
      {
        help: `Move the closing brace of ${name} to after this block.`,
      },
    );
    return before.block;
  }

  private reportRepetition(statement: Statement, keyword: Keyword, source: SourceText, into: BoundBlock): void {
    const before = into.last(canonicalName(keyword));
    if (!before) return;
    const line = before.source.position((before.statement.words[0] as Token).start).line;
    this.reporter.report(
      'config/repeated-keyword',
      statementPlace(source, statement),
      `${keyword.name} was given on line ${line} already. The last one counts.`,
      { help: 'Remove one of them.' },
    );
  }

  private reportMissing(statement: Statement, keyword: Keyword, source: SourceText, inner: BoundBlock): void {
    for (const child of requiredIn(keyword)) {
      if (inner.has(child.name) || inner.misspelt.has(child.name)) continue;
      const first = statement.words[1];
      if (first && child.requiredUnless?.includes(wordValue(first))) continue;
      const words = statement.words.map((word) => word.text).join(' ');
      this.reporter.report(
        'config/missing-keyword',
        statementPlace(source, statement),
        `${words} has no ${child.name}, without which it cannot work.`,
        { help: child.required },
      );
    }
  }

  /** An include line, whose files have been read already, and a block without a word, which has been reported. */
  private language(statement: Statement, source: SourceText, scope: Scope, into: BoundBlock): boolean {
    const first = statement.words[0];
    if (!first) return true;
    if (!first.text.startsWith('include') || !/^include[rmwba]?$/.test(first.text)) return false;
    const files = source.included.get(first.start);
    if (!files && !first.first)
      this.reporter.report(
        'config/unknown-keyword',
        statementPlace(source, statement),
        `${first.text} means something only at the start of a line. Here it is ignored, and what the file says is missing.`,
        { severity: 'error', help: 'Put it on a line of its own.' },
      );
    for (const file of files ?? []) this.bind(parseSharing(file, scope, this.reporter).statements, file, scope, into);
    return true;
  }
}
