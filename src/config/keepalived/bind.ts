/**
 * Tree and table together: every statement with its keyword and its value, everything unknown reported. What comes out is
 * what the lowering reads; it no longer deals with words and braces.
 */
import { IpAddress } from '../../base/index.ts';
import { type CommandText, extraWord, readArguments, type Value } from './arguments.ts';
import type { Keyword } from './keyword.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import { parse } from './parser.ts';
import type { Place, Reporter } from './report.ts';
import type { Scope } from './scope.ts';
import { scopeOf } from './scope.ts';
import { SourceText } from './source.ts';
import { type Document, type Statement, statementPlace, tokenPlace } from './syntax.ts';
import { reportUnknown } from './unknown.ts';

export interface BoundStatement {
  readonly keyword: Keyword;
  readonly statement: Statement;
  readonly source: SourceText;
  /** Undefined when it could not be read (which has been reported). */
  readonly value: Value | undefined;
  readonly block?: BoundBlock;
}

/** A line of a block of entries. */
export interface BoundEntry {
  readonly words: readonly Token[];
  readonly source: SourceText;
}

export class BoundBlock {
  readonly statements: BoundStatement[] = [];
  /** A virtual_server may hold thousands of statements, each of which asks for its settings. */
  private readonly byName = new Map<string, BoundStatement[]>();
  readonly entries: BoundEntry[] = [];
  /** Keywords that were written, but misspelt or out of place, which has been reported. */
  readonly misspelt = new Set<string>();

  add(bound: BoundStatement): void {
    this.statements.push(bound);
    const name = canonicalName(bound.keyword);
    const same = this.byName.get(name);
    if (same) same.push(bound);
    else this.byName.set(name, [bound]);
  }

  /** The last statement of that name; the last one counts, as in keepalived. Old spellings count as the present one. */
  last(name: string): BoundStatement | undefined {
    return this.byName.get(name)?.at(-1);
  }

  all(name: string): readonly BoundStatement[] {
    return this.byName.get(name) ?? [];
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

/** Where the words of a statement stand. */
export function placeOf(bound: BoundStatement): Place {
  return statementPlace(bound.source, bound.statement);
}

/** The name after a block keyword (`vrrp_instance NAME {`). */
export function nameOf(bound: BoundStatement): string {
  return typeof bound.value === 'string' ? bound.value : '';
}

/** Finds the files of an `include`, in order. Undefined means that includes are not possible here. */
export type IncludeResolver = (pattern: string, fromFile: string) => readonly { readonly file: string; readonly text: string }[];

const MAX_INCLUDE_DEPTH = 16;

export class Binder {
  private readonly reporter: Reporter;
  private readonly include: IncludeResolver | undefined;
  private readonly reportedFeatures = new Set<string>();
  private readonly parameters = new Set<string>();
  private includeDepth = 0;

  constructor(reporter: Reporter, include: IncludeResolver | undefined) {
    this.reporter = reporter;
    this.include = include;
  }

  /** Adds the statements of a document to a block. */
  bind(document: Document, scope: Scope, into: BoundBlock): void {
    this.statements(document.statements, document.source, scope, into);
  }

  private statements(statements: readonly Statement[], source: SourceText, scope: Scope, into: BoundBlock): void {
    for (const statement of statements) {
      if (this.language(statement, source, scope, into)) continue;
      if (scope.form === 'entries') into.entries.push({ words: statement.words, source });
      else if (statement.keyword) this.known(statement, statement.keyword, source, scope, into);
      else if (statement.words.length > 0) this.unknown(statement, source, scope, statements, into);
    }
  }

  private unknown(statement: Statement, source: SourceText, scope: Scope, siblings: readonly Statement[], into: BoundBlock): void {
    const present = new Set(siblings.flatMap((sibling) => (sibling.keyword ? [canonicalName(sibling.keyword)] : [])));
    const meant = reportUnknown(statement, source, scope, present, this.reporter);
    if (meant !== undefined) into.misspelt.add(meant);
    if (statement.block) for (const word of statement.words) this.reporter.lostNames.add(wordValue(word));
  }

  private known(statement: Statement, keyword: Keyword, source: SourceText, scope: Scope, into: BoundBlock): void {
    if (keyword.support !== 'acted') {
      this.notActedOn(statement, keyword, source);
      return;
    }
    if (keyword.block && !statement.block) {
      for (const word of statement.words) this.reporter.lostNames.add(wordValue(word));
      // The parser has reported it; its presence keeps it from being reported as missing, too.
      into.add({ keyword, statement, source, value: undefined });
      return;
    }
    if (!keyword.repeatable) this.reportRepetition(statement, keyword, source, into);
    const lost = extraWord(keyword, statement);
    const lostKeyword = lost && scope.children.get(wordValue(lost));
    if (lostKeyword?.required !== undefined) into.misspelt.add(lostKeyword.name);
    const value = readArguments(keyword, statement, source, this.reporter, lostKeyword?.required === undefined ? 'warning' : 'error');
    const home = this.adopter(keyword, scope, statement, source, into);
    if (!home) return;
    if (!keyword.block || !statement.block) {
      home.add({ keyword, statement, source, value });
      return;
    }
    const inner = new BoundBlock();
    this.statements(statement.block.statements, source, scopeOf(keyword), inner);
    home.add({ keyword, statement, source, value, block: inner });
    this.reportMissing(statement, keyword, source, inner);
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

  private notActedOn(statement: Statement, keyword: Keyword, source: SourceText): void {
    const place = { source, start: (statement.words[0] as Token).start, end: tokenEnd(statement.words[0] as Token) };
    const what = keyword.block ? `The block ${keyword.name}` : keyword.name;
    if (keyword.support === 'refused') {
      for (const word of statement.words) this.reporter.lostNames.add(wordValue(word));
      this.reporter.report(
        'config/unsupported',
        place,
        `${what} is understood but not acted on in this version, and without it the system would do something else than asked.`,
        {
          help: 'Remove it if that is acceptable.',
        },
      );
      return;
    }
    this.reporter.report(
      'config/not-acted-on',
      place,
      `${what} is understood but not acted on in this version. Everything else works without it.`,
      {
        severity: keyword.support === 'cosmetic' ? 'info' : 'warning',
      },
    );
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
    for (const child of keyword.children.values()) {
      if (child.required === undefined || inner.has(child.name) || inner.misspelt.has(child.name)) continue;
      const words = statement.words.map((word) => word.text).join(' ');
      this.reporter.report(
        'config/missing-keyword',
        statementPlace(source, statement),
        `${words} has no ${child.name}, without which it cannot work.`,
        { help: child.required },
      );
    }
  }

  /** Statements of the language itself: include, parameters, conditions and loops. True when it was one. */
  private language(statement: Statement, source: SourceText, scope: Scope, into: BoundBlock): boolean {
    const first = statement.words[0];
    if (!first) return true;
    const text = first.text;
    if (/^include[rmwba]?$/.test(text)) this.included(statement, source, scope, into);
    else if (/^\$[A-Za-z_]\w*=/.test(text)) {
      this.parameters.add((/\w+/.exec(text) as RegExpExecArray)[0]);
      this.reportFeature('parameters', first, source, 'Parameter definitions ($NAME=VALUE)');
    } else if (/^@\^?\w/.test(text)) this.reportFeature('conditions', first, source, 'Conditional lines (@id)');
    else if (/^~(SEQ|LST)/.test(text)) this.reportFeature('loops', first, source, 'Repeated lines (~SEQ, ~LST)');
    else return this.usesParameter(statement);
    return true;
  }

  /** Lines with a parameter in them cannot be read without it; the definition has been reported. */
  private usesParameter(statement: Statement): boolean {
    if (this.parameters.size === 0) return false;
    return statement.words.some((word) => [...word.text.matchAll(/\$\{?(\w+)/g)].some((match) => this.parameters.has(match[1] as string)));
  }

  private reportFeature(feature: string, token: Token, source: SourceText, what: string): void {
    if (this.reportedFeatures.has(feature)) return;
    this.reportedFeatures.add(feature);
    this.reporter.report(
      'config/unsupported',
      tokenPlace(source, token),
      `${what} are understood but not acted on in this version; this is the first one, and all such lines are left out.`,
      {
        help: 'Write the values out.',
      },
    );
  }

  private included(statement: Statement, source: SourceText, scope: Scope, into: BoundBlock): void {
    const pattern = statement.words[1] && wordValue(statement.words[1]);
    const place = statementPlace(source, statement);
    if (pattern === undefined) this.reporter.report('config/missing-value', place, 'include needs the path of a file.');
    else if (!this.include)
      this.reporter.report('config/unsupported', place, `The file ${pattern} cannot be read here, so what it says is missing.`);
    else if (this.includeDepth >= MAX_INCLUDE_DEPTH)
      this.reporter.report(
        'config/include-depth',
        place,
        `Includes are nested more than ${MAX_INCLUDE_DEPTH} deep; ${pattern} is not read.`,
        { help: 'Look for a file that includes itself.' },
      );
    else {
      const files = this.include(pattern, source.file);
      if (files.length === 0)
        this.reporter.report('config/include-not-found', place, `No file matches ${pattern}. The line is ignored, as keepalived does.`);
      this.includeDepth++;
      for (const { file, text } of files) {
        this.bind(parse(new SourceText(file, text), scope, this.reporter), scope, into);
      }
      this.includeDepth--;
    }
  }
}
