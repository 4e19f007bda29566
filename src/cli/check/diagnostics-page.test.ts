import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DIAGNOSTIC_CODES } from '../../config/index.ts';

const PAGE = readFileSync(new URL('../../../docs/diagnostics.md', import.meta.url), 'utf8');

describe('docs/diagnostics.md', () => {
  it('lists every code with its severity and meaning, and no other', () => {
    const rows = [...PAGE.matchAll(/^\| `(config\/[\w-]+)` \| (\w+) \| (.*) \|$/gm)].map(([, code, severity, meaning]) => ({
      code,
      severity,
      meaning,
    }));
    expect(rows).toEqual(Object.entries(DIAGNOSTIC_CODES).map(([code, entry]) => ({ code, ...entry })));
  });
});
