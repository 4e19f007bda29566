import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceRange } from '../base/index.ts';
import { applyFixes, type Fixable } from './fixes.ts';

function fixable(line: number, column: number, endLine: number, endColumn: number, replacement: string): Fixable {
  const range: SourceRange = { line, column, endLine, endColumn };
  return { code: 'config/bad-value', severity: 'error', message: '', file: 'f', range, fix: { description: 'x', range, replacement } };
}

describe('fixes', () => {
  it('are made from the front to the back, whatever their order', () => {
    const { text, applied } = applyFixes('one two\nthree\n', [
      fixable(2, 1, 2, 6, '3'),
      fixable(1, 1, 1, 4, '1'),
      fixable(1, 5, 1, 5, 'a '),
    ]);
    expect(text).toBe('1 a two\n3\n');
    expect(applied).toHaveLength(3);
  });

  it('leave the second of two that overlap for the next round', () => {
    const first = fixable(1, 1, 1, 5, 'x');
    const { text, applied } = applyFixes('abcdef', [fixable(1, 4, 1, 6, 'y'), first]);
    expect(text).toBe('xef');
    expect(applied).toEqual([first]);
  });

  it('make one insertion at a place and not two', () => {
    expect(applyFixes('ab', [fixable(1, 2, 1, 2, '-'), fixable(1, 2, 1, 2, '-')]).text).toBe('a-b');
  });

  it('count characters, and not the byte order mark', () => {
    expect(applyFixes('\ufeff😀本 x\n', [fixable(1, 4, 1, 5, 'y')]).text).toBe('\ufeff😀本 y\n');
  });

  it('never write outside the text', () => {
    const place = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), place, place, place, place, (text, line, column, lines, columns) => {
        const { text: fixed } = applyFixes(text, [fixable(line, column, line + lines, columns, '')]);
        expect(fixed.length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
