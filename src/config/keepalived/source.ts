/** A text with a name, and the way from character offsets to lines and columns as people count them. */
import type { SourceRange } from '../../base/index.ts';
import { isSpace } from './lexer.ts';

const BYTE_ORDER_MARK = 0xfeff;

export class SourceText {
  readonly file: string;
  readonly text: string;
  private readonly lineStarts: readonly number[];
  /** The last answer: questions come in the order of the text, and a line may be a megabyte long. */
  private last = { offset: 0, index: -1, column: 1 };

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    // An editor does not show a byte order mark, so the first column comes after it.
    const starts = [text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.lineStarts = starts;
  }

  /** The line (from 1) and the column (from 1, in code points) of an offset in UTF-16 units. */
  position(offset: number): { line: number; column: number } {
    const index = this.lineIndex(offset);
    const known = this.last.index === index && this.last.offset <= offset;
    let at = known ? this.last.offset : (this.lineStarts[index] as number);
    let column = known ? this.last.column : 1;
    for (; at < offset; column++) at += (this.text.codePointAt(at) as number) > 0xffff ? 2 : 1;
    this.last = { offset: at, index, column };
    return { line: index + 1, column };
  }

  range(start: number, end: number): SourceRange {
    const from = this.position(start);
    const to = this.position(end);
    return { line: from.line, column: from.column, endLine: to.line, endColumn: to.column };
  }

  /** How far the first visible character of the line of `offset` is from the margin; a tab counts to the next multiple of 8. */
  indentation(offset: number): number {
    let width = 0;
    for (let at = this.lineStart(offset); ; at++) {
      const character = this.text[at];
      if (character === '\t') width += 8 - (width % 8);
      else if (character !== undefined && character !== '\n' && isSpace(character)) width++;
      else return width;
    }
  }

  /** Whether nothing but white space stands before `offset` on its line. */
  isFirstOnLine(offset: number): boolean {
    for (let at = this.lineStart(offset); at < offset; at++) if (!isSpace(this.text[at] as string)) return false;
    return true;
  }

  private lineStart(offset: number): number {
    return this.lineStarts[this.lineIndex(offset)] as number;
  }

  private lineIndex(offset: number): number {
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.lineStarts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
