import { describe, expect, it } from 'vitest';
import { keywordPaths } from './table.ts';

const PATHS = keywordPaths();

describe('the keyword table', () => {
  it('names every path once', () => {
    const paths = PATHS.map(({ path }) => path);
    expect(paths).toHaveLength(new Set(paths).size);
  });

  it('has a line about every keyword that this version acts on', () => {
    const silent = PATHS.filter(({ keyword }) => keyword.support === 'acted' && keyword.doc === '').map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  it('lists the present name of every old one in the same block', () => {
    for (const { path, keyword } of PATHS) {
      if (keyword.aliasOf === undefined) continue;
      const present = path.slice(0, -keyword.name.length) + keyword.aliasOf;
      expect(PATHS.some((other) => other.path === present && other.keyword.form.kind === keyword.form.kind)).toBe(true);
    }
  });

  it('knows the 531 paths of keepalived 2.4.3, and six old ones that people still write', () => {
    const old = PATHS.map(({ path }) => path).filter((path) => /nat_mask$|(?<!HTTP_GET|SSL_GET)\.nb_get_retry$/.test(path));
    expect(old).toHaveLength(6);
    expect(PATHS.length - old.length).toBe(531);
  });
});
