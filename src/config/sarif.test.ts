import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../base/index.ts';
import { DIAGNOSTIC_CODES } from './codes.ts';
import { toSarif } from './sarif.ts';

const range = { line: 2, column: 11, endLine: 2, endColumn: 17 };
const DIAGNOSTIC: Diagnostic = {
  code: 'config/bad-value',
  severity: 'error',
  message: 'state takes one of MASTER, BACKUP, not Backup.',
  file: '/etc/keepalived/a b.conf',
  range,
  help: 'Did you mean BACKUP?',
  fix: { description: 'Write BACKUP', range, replacement: 'BACKUP' },
};

/** The parts of the standard's schema that we write; the whole of it is not at hand without a network. */
interface Log {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } };
    readonly columnKind: string;
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex?: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly object[];
      readonly fixes?: readonly object[];
    }[];
  }[];
}

const log = (diagnostics: readonly Diagnostic[]): Log => JSON.parse(JSON.stringify(toSarif(diagnostics, '1.2.3'))) as Log;

describe('SARIF', () => {
  it('has one run, whose rules are the diagnostic codes', () => {
    const { version, runs } = log([]);
    expect(version).toBe('2.1.0');
    expect(runs).toHaveLength(1);
    expect(runs[0]?.tool.driver.rules.map(({ id }) => id)).toEqual(Object.keys(DIAGNOSTIC_CODES));
    expect(runs[0]?.results).toEqual([]);
    expect(runs[0]?.columnKind).toBe('unicodeCodePoints');
  });

  it('tells place, message and fix of a diagnostic', () => {
    const [result] = log([DIAGNOSTIC]).runs[0]?.results ?? [];
    const region = { startLine: 2, startColumn: 11, endLine: 2, endColumn: 17 };
    const artifactLocation = { uri: 'file:///etc/keepalived/a%20b.conf' };
    expect(result).toEqual({
      ruleId: 'config/bad-value',
      ruleIndex: Object.keys(DIAGNOSTIC_CODES).indexOf('config/bad-value'),
      level: 'error',
      message: { text: 'state takes one of MASTER, BACKUP, not Backup. Did you mean BACKUP?' },
      locations: [{ physicalLocation: { artifactLocation, region } }],
      fixes: [
        {
          description: { text: 'Write BACKUP' },
          artifactChanges: [{ artifactLocation, replacements: [{ deletedRegion: region, insertedContent: { text: 'BACKUP' } }] }],
        },
      ],
    });
  });

  it('calls an info a note, and leaves relative paths relative', () => {
    const { fix: _, ...plain } = DIAGNOSTIC;
    const [result] = log([{ ...plain, severity: 'info', file: 'conf.d/é.conf' }]).runs[0]?.results ?? [];
    expect(result?.level).toBe('note');
    expect(result?.fixes).toBeUndefined();
    expect(JSON.stringify(result?.locations)).toContain('"conf.d/%C3%A9.conf"');
  });
});
