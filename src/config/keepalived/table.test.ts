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

  it('knows what the table of keepalived has, by block', () => {
    const blocks = new Map<string, number>();
    for (const { path } of PATHS) {
      const block = path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : '(top)';
      blocks.set(block, (blocks.get(block) ?? 0) + 1);
    }
    // nat_mask, which keepalived has forgotten, is one more in virtual_server; nb_get_retry of the checks other than HTTP_GET likewise.
    expect(Object.fromEntries(blocks)).toMatchObject({
      vrrp_script: 8,
      vrrp_track_process: 9,
      'vrrp_instance.auth_hmac': 5,
      SSL: 4,
      garp_group: 4,
    });
  });
});
