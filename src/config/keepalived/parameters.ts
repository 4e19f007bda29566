/**
 * Parameters: `$NAME=VALUE` defines one, `${NAME}` and `$NAME` before a blank use it. A value is put in where it is used, as it is
 * at that moment, and what it contains is replaced in turn. The rules are those of keepalived.conf(5); what it leaves open was
 * observed with 2.2.7.
 */
import { Random } from '../../base/index.ts';
import { type Definition, type Leftover, MappedText, type Piece, type Use } from './mapping.ts';

/** What the world tells a configuration. */
export interface ParameterSettings {
  /** The id that `@id` lines are compared with, and `${_INSTANCE}`. */
  readonly configId: string;
  /** For `${_ENV NAME}`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Seed of `${_RANDOM}`; the same seed gives the same numbers. */
  readonly randomSeed: number;
}

/** `${NAME}`, `${NAME words}`, or `$NAME` with a blank or the end of the line after it. */
const REFERENCE = /\$(?:\{([A-Za-z_]\w*)(?:[ \t]+([^{}]*))?\}|([A-Za-z_]\w*)(?![^\s]))/g;
/** The same, and `$NAME` with anything after it, which is not replaced. */
const LOOSE_REFERENCE = /\$(?:\{([A-Za-z_]\w*)(?:[ \t]+[^{}]*)?\}|([A-Za-z_]\w*))/g;
/** keepalived reads lines of 1024 bytes; a line that grows beyond this is an accident. */
const MAX_LINE_LENGTH = 65_536;
/** Values within values within values; beyond it somebody plays. */
const MAX_ROUNDS = 64;
const MAX_RANDOM = 32_767;

/** A line with its parameters replaced. With several `lines`, the last parameter stood for all of them. */
export interface Substitution {
  readonly lines: readonly MappedText[];
  readonly tooLong: boolean;
}

export class Parameters {
  private readonly defined = new Map<string, Definition>();
  private readonly settings: ParameterSettings;
  private random: Random;

  constructor(settings: ParameterSettings) {
    this.settings = settings;
    this.random = new Random(settings.randomSeed);
  }

  define(definition: Definition): void {
    this.defined.set(definition.name, definition);
  }

  names(): Iterable<string> {
    return this.defined.keys();
  }

  seed(value: number): void {
    this.random = new Random(value);
  }

  /** Replaces what can be replaced. Undefined when there was nothing to do. `directory` is that of the file that is read. */
  substitute(line: MappedText, directory: string): Substitution | undefined {
    let current = line;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const next = this.round(current, directory);
      if (next === undefined) return round === 0 ? undefined : { lines: [current], tooLong: false };
      if (next.some((part) => part.text.length > MAX_LINE_LENGTH)) return { lines: [line], tooLong: true };
      if (next.length > 1) return { lines: next, tooLong: false };
      current = next[0] as MappedText;
    }
    return { lines: [line], tooLong: true };
  }

  /** References that stay, with their offsets in the line. */
  leftovers(line: MappedText): Leftover[] {
    if (!line.text.includes('$')) return [];
    const end = commentStart(line.text);
    const found: Leftover[] = [];
    for (const match of line.text.slice(0, end).matchAll(LOOSE_REFERENCE)) {
      const name = (match[1] ?? match[2]) as string;
      const definition = this.defined.get(name);
      const place = {
        name,
        start: match.index,
        end: match.index + match[0].length,
        quoted: openQuote(line.text.slice(0, match.index)) !== '',
      };
      if (!definition) found.push({ ...place, why: 'undefined' });
      else if (isWithin(line.pieceAt(match.index)?.use, definition)) found.push({ ...place, why: 'loop' });
      else found.push({ ...place, why: match[2] !== undefined && /\S/.test(line.text[place.end] ?? ' ') ? 'no-blank' : 'lines' });
    }
    return found;
  }

  private round(line: MappedText, directory: string): MappedText[] | undefined {
    if (!line.text.includes('$')) return undefined;
    const end = commentStart(line.text);
    const pieces: Piece[] = [];
    let done = 0;
    for (const match of line.text.slice(0, end).matchAll(REFERENCE)) {
      const name = (match[1] ?? match[3]) as string;
      const to = match.index + match[0].length;
      const around = line.pieceAt(match.index);
      const definition = this.defined.get(name) ?? this.predefined(name, match[2], directory, line.text.slice(0, match.index));
      if (!definition || isWithin(around?.use, definition)) continue;
      const several = definition.lines.length > 1;
      if (several && line.text.slice(to, end).trim() !== '') continue;
      const put = piecesOf(definition, line, match.index, to);
      const before = line.slice(done, match.index);
      if (!several || line.text.slice(0, match.index).trim() !== '') pieces.push(...before.pieces);
      pieces.push(put[0] as Piece);
      done = to;
      if (several) return [new MappedText(pieces), ...put.slice(1).map((piece) => new MappedText([piece]))];
    }
    return done === 0 ? undefined : [new MappedText([...pieces, ...line.slice(done).pieces])];
  }

  private predefined(name: string, words: string | undefined, directory: string, before: string): Definition | undefined {
    const value = this.predefinedValue(name, words, directory, before);
    return value === undefined ? undefined : { name, lines: [{ text: value, offset: -1 }] };
  }

  private predefinedValue(name: string, words: string | undefined, directory: string, before: string): string | undefined {
    switch (name) {
      case '_PWD':
        return directory;
      case '_INSTANCE':
        return this.settings.configId;
      case '_HASH':
        return literal('#', before);
      case '_BANG':
        return literal('!', before);
      case '_ENV':
        return words === undefined ? undefined : this.settings.environment[words.trim()];
      case '_RANDOM':
        return this.randomNumber(words ?? '');
      default:
        return undefined;
    }
  }

  private randomNumber(words: string): string | undefined {
    const bounds = /^\s*(?:(\d{1,9})(?:\s+(\d{1,9}))?)?\s*$/.exec(words);
    if (!bounds) return undefined;
    const low = Number(bounds[1] ?? 0);
    const high = Number(bounds[2] ?? Math.max(MAX_RANDOM, low));
    return high < low ? undefined : String(this.random.between(low, high));
  }
}

/** A character that would begin a comment, so that it does not: in quotes, unless it stands in quotes already. */
function literal(character: string, before: string): string {
  return openQuote(before) === '' ? `"${character}"` : character;
}

/** The quote that is open at the end of a text. */
export function openQuote(text: string): string {
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '\\') at++;
    else if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
  }
  return quote;
}

/** Where the comment of a line begins; its length when it has none. */
export function commentStart(text: string): number {
  if (!/[#!]/.test(text)) return text.length;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '\\') at++;
    else if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '#' || character === '!') return at;
  }
  return text.length;
}

/** Whether a text stands, however deeply, in the value of a definition: then it must not be replaced by it again. */
function isWithin(use: Use | undefined, definition: Definition): boolean {
  for (let at = use; at; at = at.outer) if (at.definition === definition) return true;
  return false;
}

/** The value of a definition, put in the place of a reference. */
function piecesOf(definition: Definition, line: MappedText, from: number, to: number): Piece[] {
  const { start, end } = line.fileRange(from, to);
  const use: Use = { definition, outer: line.pieceAt(from)?.use };
  return definition.lines.map(({ text, offset }) => ({ text, start, end, use, definedAt: offset }));
}
