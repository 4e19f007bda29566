/**
 * The lossless syntax tree: every character of the text is in exactly one token, and every token in exactly one node.
 * Statements know the keyword that the table gives them in their place; nothing else is interpreted here.
 */
import type { Keyword } from './keyword.ts';
import type { Token } from './lexer.ts';
import { tokenEnd } from './lexer.ts';
import type { Place } from './report.ts';
import type { SourceText } from './source.ts';

export type Part = Token | Statement | Block;

/** One statement: its words, and a block if it opens one. */
export interface Statement {
  readonly kind: 'statement';
  /** Everything in order: words, the blanks and comments between them, the block. */
  readonly parts: Part[];
  /** The words, the first of which is the keyword. Empty only for a block without any word before it. */
  readonly words: Token[];
  readonly keyword?: Keyword;
  block?: Block;
}

/** From an opening brace to its closing one. Either may be missing where the reader had to guess. */
export interface Block {
  readonly kind: 'block';
  readonly parts: Part[];
  readonly statements: Statement[];
  open?: Token;
  close?: Token;
}

export interface Document {
  readonly kind: 'document';
  readonly source: SourceText;
  readonly parts: Part[];
  readonly statements: Statement[];
}

/** The text of a tree; for any text, `print(parse(text))` is that text. */
export function print(document: Document): string {
  const texts: string[] = [];
  const pending: Part[] = [...document.parts].reverse();
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part.kind === 'statement' || part.kind === 'block')
      for (let i = part.parts.length - 1; i >= 0; i--) pending.push(part.parts[i] as Part);
    else texts.push(part.text);
  }
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
