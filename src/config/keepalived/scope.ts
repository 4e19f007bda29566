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
  /** What had been said when it was opened. */
  readonly said: number;
}

export const OPAQUE: Scope = { form: 'opaque', children: new Map() };

/** The table has a few hundred keywords; a file opens their blocks by the thousand. */
const SCOPES = new Map<Keyword, Scope>();

export function scopeOf(keyword: Keyword | undefined): Scope {
  if (!keyword?.block) return OPAQUE;
  const known = SCOPES.get(keyword);
  if (known) return known;
  const scope: Scope = { form: keyword.block, children: keyword.children };
  SCOPES.set(keyword, scope);
  return scope;
}

/** The keyword that a first word is in a scope. */
export function isKeywordIn(scope: Scope, word: Token): Keyword | undefined {
  if (scope.form !== 'keywords') return undefined;
  return scope.children.get(word.text) ?? scope.children.get(wordValue(word));
}
