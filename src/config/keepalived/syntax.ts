/**
 * The lossless syntax tree: every character of the text that is no blank is in exactly one token, and every token in exactly one
 * node. Statements know the keyword that the table gives them in their place; nothing else is interpreted here.
 */
import type { Keyword } from './keyword.ts';
import { blanksOf, type Token, tokenEnd } from './lexer.ts';
import type { Place } from './report.ts';
import type { SourceText } from './source.ts';

/** What a block and a document have in common. */
export interface Container {
  readonly statements: Statement[];
  /** Comments, braces that belong nowhere, and what the language has at the start of lines (conditions, definitions …). */
  loose: Token[] | undefined;
}

/** One statement: its words, and a block if it opens one. */
export interface Statement {
  readonly kind: 'statement';
  /** The words, the first of which is the keyword. Empty only for a block without any word before it. */
  readonly words: Token[];
  readonly keyword: Keyword | undefined;
  /** Comments and stray words between the words and the block, and a brace that is ignored. */
  loose: Token[] | undefined;
  block?: Block | undefined;
}

/** From an opening brace to its closing one. Either may be missing where the reader had to guess. */
export interface Block extends Container {
  readonly kind: 'block';
  readonly open: Token | undefined;
  close: Token | undefined;
  /** Later blocks say the same, word for word. */
  repeated: boolean;
}

export interface Document extends Container {
  readonly kind: 'document';
  readonly source: SourceText;
}

const NONE: readonly Token[] = [];

/** All tokens of a tree in the order of the text. */
export function tokensOf(document: Document): Token[] {
  const tokens: Token[] = [...(document.loose ?? [])];
  const pending: Statement[] = [...document.statements];
  for (let statement = pending.pop(); statement; statement = pending.pop()) {
    const { words, loose = NONE, block } = statement;
    for (const token of words) tokens.push(token);
    for (const token of loose) tokens.push(token);
    if (!block) continue;
    for (const token of [block.open, block.close]) if (token) tokens.push(token);
    for (const token of block.loose ?? NONE) tokens.push(token);
    for (const inner of block.statements) pending.push(inner);
  }
  return tokens.sort((a, b) => a.start - b.start);
}

/** The text of a tree; for any text, `print(parse(text))` is that text. Only blanks come from anywhere but the tokens. */
export function print(document: Document): string {
  const { text } = document.source;
  const texts: string[] = [];
  let at = 0;
  for (const token of tokensOf(document)) {
    texts.push(blanksOf(text.slice(at, token.start)), token.text);
    at = tokenEnd(token);
  }
  texts.push(blanksOf(text.slice(at)));
  return texts.join('');
}

export function tokenPlace(source: SourceText, token: Token): Place {
  return { source, start: token.start, end: tokenEnd(token) };
}

/** The words of a statement, or its opening brace when it has none. */
export function statementPlace(source: SourceText, statement: Statement): Place {
  const first = statement.words[0] ?? statement.block?.open;
  const last = statement.words.at(-1) ?? first;
  return first && last ? { source, start: first.start, end: tokenEnd(last) } : { source, start: 0, end: 0 };
}
