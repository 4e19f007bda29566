/** A text with a name, and the way from character offsets to lines and columns as people count them. */
import type { SourceRange } from '../../base/index.ts';
import { isSpace } from './lexer.ts';
import { type Expansion, lastAtOrBefore } from './mapping.ts';

const BYTE_ORDER_MARK = 0xfeff;
const NOTHING: ReadonlyMap<number, readonly SourceText[]> = new Map();

/**
 * What is read, and where it stands in the file. For most files the two are the same; where parameters and sequences are
 * expanded, `text` is the expanded text, and every range is that of the file.
 */
export class SourceText {
  readonly file: string;
  readonly text: string;
  /** How the text came about, when it is not that of the file. */
  readonly expansion: Expansion | undefined;
  /** What include lines bring, by the offset of the line's first word. */
  readonly included: ReadonlyMap<number, readonly SourceText[]>;
  private readonly fileLines: FileLines;
  private lines: readonly number[] | undefined;

  constructor(file: string, text: string, expansion?: Expansion, included: ReadonlyMap<number, readonly SourceText[]> = NOTHING) {
    this.file = file;
    this.text = text;
    this.expansion = expansion;
    this.included = included;
    this.fileLines = new FileLines(expansion?.fileText ?? text);
  }

  /** The line (from 1) and the column (from 1, in code points) in the file of an offset in the text. */
  position(offset: number): { line: number; column: number } {
    return this.fileLines.position(this.expansion ? this.expansion.fileStart(offset) : offset);
  }

  range(start: number, end: number): SourceRange {
    const fileStart = this.expansion ? this.expansion.fileStart(start) : start;
    const fileEnd = this.expansion ? Math.max(fileStart, this.expansion.fileEnd(start, end)) : end;
    const from = this.fileLines.position(fileStart);
    const to = this.fileLines.position(fileEnd);
    return { line: from.line, column: from.column, endLine: to.line, endColumn: to.column };
  }

  /** How far the first visible character of the line of `offset` is from the margin; a tab counts to the next multiple of 8. */
  indentation(offset: number): number {
    let width = 0;
    for (let at = this.lineStart(offset); ; at++) {
      const character = this.text[at];
      if (character === '\t') width += 8 - (width % 8);
      else if (character === ' ') width++;
      else if (character !== undefined && character !== '\n' && isSpace(character)) width++;
      else return width;
    }
  }

  private lineStart(offset: number): number {
    this.lines ??= startsOfLines(this.text);
    return this.lines[lineIndex(this.lines, offset)] as number;
  }
}

/** Lines and columns of a file. */
class FileLines {
  private readonly text: string;
  private known: readonly number[] | undefined;
  /** The last answer: questions come in the order of the text, and a line may be a megabyte long. */
  private last = { offset: 0, index: -1, column: 1 };

  constructor(text: string) {
    this.text = text;
  }

  position(offset: number): { line: number; column: number } {
    // Most files are read without a word about any place in them.
    this.known ??= startsOfLines(this.text);
    const index = lineIndex(this.known, offset);
    const near = this.last.index === index && this.last.offset <= offset;
    let at = near ? this.last.offset : (this.known[index] as number);
    let column = near ? this.last.column : 1;
    for (; at < offset; column++) at += (this.text.codePointAt(at) as number) > 0xffff ? 2 : 1;
    this.last = { offset: at, index, column };
    return { line: index + 1, column };
  }
}

function startsOfLines(text: string): readonly number[] {
  // An editor does not show a byte order mark, so the first column comes after it.
  const starts = [text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineIndex(starts: readonly number[], offset: number): number {
  return lastAtOrBefore(starts.length, (index) => starts[index] as number, offset);
}
