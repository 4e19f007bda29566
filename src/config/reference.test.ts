import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { keywordReferences, keywordsPage } from './reference.ts';

const PAGE = fileURLToPath(new URL('../../docs/manual/keepalived-keywords.md', import.meta.url));

describe('the manual page of keywords', () => {
  // With -u this writes the page; without, a page that says something else than the table is a failure.
  it('says what the table says', async () => {
    await expect(keywordsPage()).toMatchFileSnapshot(PAGE);
  });

  it('has a row for every keyword', () => {
    const rows = keywordsPage().match(/^\| (\*\*)?`/gm) ?? [];
    expect(rows).toHaveLength(keywordReferences().length);
    expect(rows.length).toBeGreaterThan(100);
  });
});
