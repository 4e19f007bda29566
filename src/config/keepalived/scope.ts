/** What may stand inside a block, as the parser sees it. */
import type { Keyword } from './keyword.ts';
import { type Token, wordValue } from './lexer.ts';
import type { Block, Statement } from './syntax.ts';

/** `keywords`: statements of a known block. `entries`: free lines. `opaque`: a block that nobody knows, skipped whole. */
export interface Scope {
  readonly form: 'keywords' | 'entries' | 'opaque';
  readonly children: ReadonlyMap<string, Keyword>;
  /** Blocks that do not belong here but are understood all the same. */
  readonly adopts?: ReadonlyMap<string, Keyword>;
}

/** An open block while parsing. */
export interface Frame {
  readonly statement: Statement;
  readonly block: Block;
  readonly scope: Scope;
  readonly indentation: number;
}

const OPAQUE: Scope = { form: 'opaque', children: new Map() };

export function scopeOf(keyword: Keyword | undefined): Scope {
  return keyword?.block ? { form: keyword.block, children: keyword.children } : OPAQUE;
}

/** The keyword that a first word is in a scope. */
export function isKeywordIn(scope: Scope, word: Token): Keyword | undefined {
  return scope.form === 'keywords' ? scope.children.get(wordValue(word)) : undefined;
}
