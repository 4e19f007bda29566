/** Diagnostics as text: one line for a log, and for a terminal the line with a frame that shows the place. */
import { type Diagnostic, hasErrors } from '../base/index.ts';
import { consequenceOf } from './consequences.ts';

/** Where the code frame ends on the right; longer lines are cut around the place. */
const FRAME_WIDTH = 100;

/** `FILE:LINE:COLUMN: SEVERITY CODE: MESSAGE`, on one line. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, range, severity, code, message } = diagnostic;
  return oneLine(`${file}:${range.line}:${range.column}: ${severity} ${code}: ${message}`);
}

/** The line of `formatDiagnostic`, then the source line with carets under the place, what it means, and the help. */
export function renderDiagnostic(diagnostic: Diagnostic, text: string | undefined): string {
  const lines = [formatDiagnostic(diagnostic)];
  const source = text === undefined ? undefined : sourceLine(text, diagnostic.range.line);
  if (source !== undefined) lines.push(...frame(source, diagnostic));
  const consequence = consequenceOf(diagnostic);
  if (consequence !== undefined) lines.push(`  means: ${consequence}`);
  if (diagnostic.help !== undefined) lines.push(`  help: ${oneLine(diagnostic.help)}`);
  return lines.join('\n');
}

/** `2 errors, 1 warning`. Infos are counted only when there are any. */
export function summarize(diagnostics: readonly Diagnostic[]): string {
  const count = (severity: Diagnostic['severity']): number => diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
  const plural = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
  const infos = count('info');
  return `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}${infos > 0 ? `, ${plural(infos, 'note')}` : ''}`;
}

/** What all of it comes to for a daemon that is given the file. */
export function verdictOf(diagnostics: readonly Diagnostic[]): string {
  if (hasErrors(diagnostics)) return 'vipwrightd would refuse it: not start with it, and on reload keep the configuration that it has.';
  const ignored = diagnostics.some(({ severity }) => severity === 'warning');
  return ignored ? 'vipwrightd would run it, but for what the warnings name.' : 'vipwrightd would run it.';
}

/** Control characters of a file must not reach a terminal or forge lines of a log. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}

function sourceLine(text: string, line: number): string | undefined {
  let start = 0;
  for (let current = 1; current < line; current++) {
    const newline = text.indexOf('\n', start);
    if (newline < 0) return undefined;
    start = newline + 1;
  }
  const end = text.indexOf('\n', start);
  return text.slice(start, end < 0 ? text.length : end).replace(/^\ufeff/, '');
}

function frame(source: string, { range }: Diagnostic): string[] {
  const characters = [...source.replace(/\r$/, '')].map((character) => (character === '\t' ? ' ' : oneLine(character)));
  const first = range.column - 1;
  const last = range.endLine === range.line ? Math.max(range.endColumn - 1, first + 1) : characters.length;
  const from = Math.max(0, Math.min(first, characters.length) - Math.floor(FRAME_WIDTH / 2));
  const shown = characters.slice(from, from + FRAME_WIDTH);
  const before = widthOf(characters.slice(from, first));
  const marked = Math.max(1, widthOf(characters.slice(first, Math.min(last, from + FRAME_WIDTH))));
  const margin = String(range.line);
  return [`  ${margin} | ${shown.join('').trimEnd()}`, `  ${' '.repeat(margin.length)} | ${' '.repeat(before)}${'^'.repeat(marked)}`];
}

/** Columns of a terminal: Chinese, Japanese and Korean characters and full-width forms take two, combining ones none. */
function widthOf(characters: readonly string[]): number {
  let width = 0;
  for (const character of characters) width += WIDE.test(character) ? 2 : /\p{Mn}/u.test(character) ? 0 : 1;
  return width;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
