/** Makes the changes that diagnostics offer. */
import type { Diagnostic, Fix, SourceRange } from '../base/index.ts';

/** A diagnostic whose fix can be made by a tool. */
export type Fixable = Diagnostic & { readonly fix: Fix };

export function isFixable(diagnostic: Diagnostic): diagnostic is Fixable {
  return diagnostic.fix !== undefined;
}

/** A text with the fixes made, and those that were: of two that overlap only the first is made, and the other one is for the next round. */
export function applyFixes(text: string, fixable: readonly Fixable[]): { readonly text: string; readonly applied: readonly Fixable[] } {
  const offsets = new Offsets(text);
  const edits = fixable
    .map((diagnostic) => ({ diagnostic, ...offsets.of(diagnostic.fix.range), replacement: diagnostic.fix.replacement }))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  const parts: string[] = [];
  const applied: Fixable[] = [];
  let at = 0;
  for (const { diagnostic, start, end, replacement } of edits) {
    // Also two insertions at one place exclude each other: each was meant for the text without the other one.
    if (start < at || (start === at && applied.length > 0)) continue;
    parts.push(text.slice(at, start), replacement);
    at = end;
    applied.push(diagnostic);
  }
  parts.push(text.slice(at));
  return { text: parts.join(''), applied };
}

/** From lines and columns of characters to offsets in UTF-16 units. */
class Offsets {
  private readonly text: string;
  private readonly lineStarts: readonly number[];

  constructor(text: string) {
    this.text = text;
    // Columns count from after a byte order mark.
    const starts = [text.startsWith('\ufeff') ? 1 : 0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.lineStarts = starts;
  }

  of({ line, column, endLine, endColumn }: SourceRange): { start: number; end: number } {
    return { start: this.offset(line, column), end: this.offset(endLine, endColumn) };
  }

  private offset(line: number, column: number): number {
    let at = this.lineStarts[line - 1] ?? this.text.length;
    for (let left = column - 1; left > 0 && at < this.text.length; left--) at += (this.text.codePointAt(at) as number) > 0xffff ? 2 : 1;
    return at;
  }
}
