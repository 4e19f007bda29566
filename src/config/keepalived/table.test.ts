import { describe, expect, it } from 'vitest';
import { keywordPaths, lineWordPaths } from './table.ts';

const PATHS = keywordPaths();

describe('the keyword table', () => {
  it('names every path once', () => {
    const paths = [...PATHS, ...lineWordPaths()].map(({ path }) => path);
    expect(paths).toHaveLength(new Set(paths).size);
  });

  it('has a line about every keyword', () => {
    const silent = [...PATHS, ...lineWordPaths()].filter(({ doc }) => !/^[A-Z0-9].*\.$/.test(doc)).map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  it('says why of everything that this version does not act on, and of nothing else', () => {
    const wrong = [...PATHS, ...lineWordPaths()].filter(({ support, reason }) => (support === 'acted') !== (reason === undefined));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('lists the present name of every old one in the same block', () => {
    for (const { path, keyword } of PATHS) {
      if (keyword.aliasOf === undefined) continue;
      const present = path.slice(0, -keyword.name.length) + keyword.aliasOf;
      expect(PATHS.some((other) => other.path === present && other.keyword.form.kind === keyword.form.kind)).toBe(true);
    }
  });

  it('describes every line of every block of entries', () => {
    expect(PATHS.filter(({ block, entry }) => (block === 'entries') !== (entry !== undefined)).map(({ path }) => path)).toEqual([]);
  });

  it('puts forms into words', () => {
    const of = (path: string) => PATHS.find((found) => found.path === path);
    expect(of('vrrp_instance.priority')).toMatchObject({
      argument: 'NUMBER',
      range: 'from 1 to 255',
      default: '100; 255 with state MASTER',
    });
    expect(of('vrrp_script.weight')).toMatchObject({ argument: 'NUMBER [reverse|noreverse]', range: 'from -253 to 253' });
    expect(of('vrrp_instance.unicast_peer')).toMatchObject({ entry: 'ADDRESS [min_ttl NUMBER] [max_ttl NUMBER]', block: 'entries' });
    expect(of('bfd_instance.min_rx')).toMatchObject({ argument: 'MILLISECONDS', range: 'from 1 to 4294967' });
    expect(of('global_defs.vmac_prefix')).toMatchObject({ argument: 'PREFIX' });
    expect(of('global_defs.enable_dbus')).toMatchObject({ support: 'harmless', reason: expect.stringContaining('D-Bus') });
  });
});
