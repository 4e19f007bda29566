/** What a keyword's arguments are after reading. */
import type { IpAddress, IpPrefix } from '../../base/index.ts';
import type { Keyword } from './keyword.ts';
import type { Token } from './lexer.ts';

/** A command as written: its text before it is split into words, and the identity after it. */
export interface CommandText {
  readonly text: string;
  readonly token: Token;
  readonly user?: string;
  readonly group?: string;
}

/** A flag, an integer or a time in microseconds, a word, an address or a prefix. */
export type Scalar = boolean | number | string | IpAddress | IpPrefix;

/** One value of a line, and where it stands. */
export interface LinePart {
  readonly token: Token;
  readonly value: Scalar;
}

/** One word of a line with what follows it; `value` is undefined when it could not be read. */
export interface LineWord {
  readonly keyword: Keyword;
  readonly token: Token;
  readonly valueToken?: Token;
  readonly value: Scalar | undefined;
}

/** What a line says, in the order of its form. Old spellings of words count as the present ones. */
export interface LineValue {
  readonly parts: readonly (LinePart | undefined)[];
  readonly words: ReadonlyMap<string, LineWord>;
}

/** Tokens are words for the lowering to read. */
export type Value = Scalar | CommandText | LineValue | readonly Token[];
