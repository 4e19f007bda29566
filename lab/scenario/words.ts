/** A scenario's line in words: bare words, and texts between double quotes (with \" and \\ inside). */

/** A mistake in a scenario file; the message begins with FILE:LINE. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly line: number;

  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
    this.line = line;
  }
}

export interface Word {
  readonly text: string;
  readonly quoted: boolean;
  /** Where it begins in the line, so that a statement can keep its rest verbatim. */
  readonly offset: number;
}

/** `fail` is called with a message and does not return. A `#` that begins a word begins a comment. */
export function splitWords(line: string, fail: (message: string) => never): Word[] {
  const words: Word[] = [];
  let offset = 0;
  while (offset < line.length) {
    const rest = line.slice(offset);
    const blank = /^[ \t]+/.exec(rest)?.[0];
    if (blank !== undefined) {
      offset += blank.length;
      continue;
    }
    if (rest.startsWith('#')) break;
    const raw = (rest.startsWith('"') ? /^"(?:[^"\\]|\\["\\])*"(?=[ \t]|$)/ : /^[^ \t"]+/).exec(rest)?.[0];
    if (raw === undefined) fail(`a text in quotes is not closed, or something follows it without a space: ${rest}`);
    const quoted = raw.startsWith('"');
    words.push({ text: quoted ? raw.slice(1, -1).replace(/\\(["\\])/g, '$1') : raw, quoted, offset });
    offset += raw.length;
  }
  return words;
}

/** Milliseconds of `250ms` or `15s` or `1.5s`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}

/** Reads the words of one statement from left to right; everything it does not understand goes to `fail`. */
export class WordReader {
  readonly #words: readonly Word[];
  readonly #line: string;
  readonly #fail: (message: string) => never;
  #next = 0;

  constructor(line: string, fail: (message: string) => never) {
    this.#line = line;
    this.#fail = fail;
    this.#words = splitWords(line, fail);
  }

  get empty(): boolean {
    return this.#next >= this.#words.length;
  }

  fail(message: string): never {
    return this.#fail(message);
  }

  /** Any word; `what` names it in the message when there is none. */
  word(what: string): string {
    const word = this.#words[this.#next];
    if (word === undefined) this.#fail(`${what} is missing`);
    this.#next += 1;
    return word.text;
  }

  text(what: string): string {
    if (this.#words[this.#next]?.quoted === false) this.#fail(`${what} stands between double quotes`);
    return this.word(what);
  }

  oneOf<T extends string>(what: string, choices: readonly T[]): T {
    const word = this.word(what);
    const choice = choices.find((candidate) => candidate === word);
    return choice ?? this.#fail(`${what} is one of ${choices.join(', ')}, not "${word}"`);
  }

  /** This very word must come now. */
  literal(expected: string): void {
    const word = this.word(`"${expected}"`);
    if (word !== expected) this.#fail(`"${expected}" belongs here, not "${word}"`);
  }

  /** True, and the word is taken, if it comes now. */
  accept(expected: string): boolean {
    const word = this.#words[this.#next];
    if (word === undefined || word.quoted || word.text !== expected) return false;
    this.#next += 1;
    return true;
  }

  durationMs(what: string): number {
    const word = this.word(what);
    return parseDuration(word) ?? this.#fail(`${what} looks like 250ms or 15s, not "${word}"`);
  }

  /** An optional `within DURATION`. */
  withinMs(): number {
    return this.accept('within') ? this.durationMs('the time after "within"') : 0;
  }

  /** All words that are left, at least one. */
  rest(what: string): string[] {
    const words = [this.word(what)];
    while (!this.empty) words.push(this.word(what));
    return words;
  }

  end(): void {
    const word = this.#words[this.#next];
    if (word !== undefined) this.#fail(`nothing may follow here: ${this.#line.slice(word.offset)}`);
  }
}
