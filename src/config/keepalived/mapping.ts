/** Text that was put together from pieces, each of which knows where in the file it stands and which definition it came from. */

/** The file of a definition, as far as a diagnostic names it. */
export interface DefinitionFile {
  readonly file: string;
  position(offset: number): { line: number };
}

/** One line of the value of a definition. */
export interface DefinitionLine {
  readonly text: string;
  /** Where it stands in the file of the definition. */
  readonly offset: number;
}

/** `$NAME=…`, or the variable of a `~SEQ` or `~LST` with its value of the moment. */
export interface Definition {
  readonly name: string;
  readonly lines: readonly DefinitionLine[];
  /** The file that it stands in; none for what is predefined and for the variables of sequences. */
  readonly source?: DefinitionFile;
}

/** The use of a definition, and the use within whose value it stands. */
export interface Use {
  readonly definition: Definition;
  readonly outer: Use | undefined;
}

/** A stretch of text. Without `use` it stands in the file as it is; otherwise `start` to `end` is the outermost use. */
export interface Piece {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly use: Use | undefined;
  /** For a text out of a definition: where it stands in the definition's file. */
  readonly definedAt: number;
}

/** A run of pieces, as one text. */
export class MappedText {
  readonly text: string;
  readonly pieces: readonly Piece[];

  constructor(pieces: readonly Piece[]) {
    this.pieces = pieces;
    this.text = pieces.length === 1 ? (pieces[0] as Piece).text : pieces.map((piece) => piece.text).join('');
  }

  /** A stretch of a file as it stands. */
  static of(text: string, start: number, end: number): MappedText {
    return new MappedText([{ text: text.slice(start, end), start, end, use: undefined, definedAt: -1 }]);
  }

  slice(from: number, to = this.text.length): MappedText {
    if (from === 0 && to === this.text.length) return this;
    const pieces: Piece[] = [];
    let at = 0;
    for (const piece of this.pieces) {
      const end = at + piece.text.length;
      if (end > from && at < to) pieces.push(cut(piece, Math.max(from - at, 0), Math.min(to - at, piece.text.length)));
      at = end;
      if (at >= to) break;
    }
    return new MappedText(pieces);
  }

  /** The piece that the character at an offset belongs to; the last one at the end. */
  pieceAt(offset: number): Piece | undefined {
    let at = 0;
    for (const piece of this.pieces) {
      at += piece.text.length;
      if (at > offset) return piece;
    }
    return this.pieces.at(-1);
  }

  /** Where a stretch stands in the file. */
  fileRange(from: number, to: number): { start: number; end: number } {
    const stretch = this.slice(from, to).pieces;
    const first = stretch[0];
    const last = stretch.at(-1);
    if (first && last) return { start: first.start, end: Math.max(first.start, last.end) };
    const piece = this.pieceAt(from);
    return piece ? { start: piece.start, end: piece.end } : { start: 0, end: 0 };
  }
}

function cut(piece: Piece, from: number, to: number): Piece {
  if (from === 0 && to === piece.text.length) return piece;
  const text = piece.text.slice(from, to);
  if (piece.use) return { ...piece, text, definedAt: piece.definedAt < 0 ? -1 : piece.definedAt + from };
  return { ...piece, text, start: piece.start + from, end: piece.start + to };
}

/** A reference to a parameter that stays in the text as it is written. */
export interface Leftover {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** `lines`: a value of several lines that is not at the end of its line. `no-blank`: `$NAME` with something directly after it. */
  readonly why: 'undefined' | 'loop' | 'lines' | 'no-blank';
  /** Inside quotes, where it may be meant for a shell. */
  readonly quoted: boolean;
}

/** Where an expanded text comes from. Offsets are those of the expanded text unless they say otherwise. */
export class Expansion {
  readonly fileText: string;
  readonly leftovers: Leftover[] = [];
  private readonly starts: number[] = [];
  private readonly pieces: Piece[] = [];
  private readonly chunks: string[] = [];
  private size = 0;

  constructor(fileText: string) {
    this.fileText = fileText;
  }

  get length(): number {
    return this.size;
  }

  add(text: MappedText): void {
    for (const piece of text.pieces) {
      if (piece.text === '') continue;
      this.starts.push(this.size);
      this.pieces.push(piece);
      this.chunks.push(piece.text);
      this.size += piece.text.length;
    }
  }

  text(): string {
    return this.chunks.join('');
  }

  fileStart(offset: number): number {
    const index = this.indexOf(offset);
    const piece = this.pieces[index];
    if (!piece) return this.fileText.length;
    if (piece.use) return piece.start;
    return Math.min(piece.start + offset - (this.starts[index] as number), piece.end);
  }

  fileEnd(start: number, end: number): number {
    if (end <= start) return this.fileStart(start);
    const index = this.indexOf(end - 1);
    const piece = this.pieces[index];
    if (!piece) return this.fileText.length;
    return piece.use ? piece.end : piece.start + end - (this.starts[index] as number);
  }

  /** Whether a stretch stands in the file as it is, so that a tool may change it there. */
  isLiteral(start: number, end: number): boolean {
    for (let i = this.indexOf(Math.max(start, 0)); i < this.pieces.length && (this.starts[i] as number) < Math.max(end, start + 1); i++)
      if (this.pieces[i]?.use) return false;
    return true;
  }

  /** The use that an offset is inside of, and where the text stands in the definition's file (below 0 for a computed value). */
  useAt(offset: number): { use: Use; definedAt: number } | undefined {
    const index = this.indexOf(offset);
    const piece = this.pieces[index];
    if (!piece?.use) return undefined;
    return { use: piece.use, definedAt: piece.definedAt < 0 ? -1 : piece.definedAt + offset - (this.starts[index] as number) };
  }

  /** The first reference within a stretch that stayed as it is written. */
  leftoverIn(start: number, end: number): Leftover | undefined {
    const last = lastAtOrBefore(this.leftovers.length, (index) => (this.leftovers[index] as Leftover).start, start);
    return this.leftovers.slice(last, last + 2).find((leftover) => leftover.start < end && leftover.end > start);
  }

  private indexOf(offset: number): number {
    return lastAtOrBefore(this.starts.length, (index) => this.starts[index] as number, offset);
  }
}

/** The last of `count` ascending numbers that is not above a limit; 0 if all are. */
export function lastAtOrBefore(count: number, valueAt: (index: number) => number, limit: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (valueAt(middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
