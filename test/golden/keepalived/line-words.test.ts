import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lineWordPaths } from '../../../src/config/index.ts';

const ROWS = readFileSync(new URL('line-words.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((row) => row.split('\t') as [string, string, string, string, string]);
const LINES: Readonly<Record<string, string>> = { ADDRLINE: 'address line', ROUTELINE: 'route line', RULELINE: 'rule line' };
/** Rows that are no words of the line but values. */
const VALUES: ReadonlySet<string> = new Set(['<ip>[/mask]', '[to] <prefix>']);

describe('the words of lines', () => {
  it.each(ROWS.filter(([line, word]) => line in LINES && !VALUES.has(word)))('%s.%s is known, and as rare as it should be', (line, word, _form, _range, tier) => {
    const found = lineWordPaths().find(({ path }) => path === `${LINES[line]}.${word}`);
    expect(found).toMatchObject({ tier: Number(tier) });
  });
});
