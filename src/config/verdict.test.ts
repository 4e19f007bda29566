import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../base/index.ts';
import { keepalivedExitCode } from './verdict.ts';

function diagnostic(code: string, severity: Diagnostic['severity']): Diagnostic {
  return { code, severity, message: '', file: 'f', range: { line: 1, column: 1, endLine: 1, endColumn: 1 } };
}

describe('the exit code of keepalived -t', () => {
  it.each<[string, Diagnostic[], number]>([
    ['nothing', [], 0],
    ['what is valid and not acted on here', [diagnostic('config/unsupported', 'error'), diagnostic('config/not-acted-on', 'warning')], 0],
    ['a note', [diagnostic('config/shell-command', 'info')], 0],
    ['version 2 over IPv6', [diagnostic('config/version-2-over-ipv6', 'info'), diagnostic('config/password-not-sent', 'warning')], 0],
    ['the same in strict mode', [diagnostic('config/version-forced', 'warning')], 5],
    ['an unknown keyword', [diagnostic('config/unknown-keyword', 'warning')], 5],
    ['an old spelling', [diagnostic('config/deprecated-keyword', 'info')], 5],
    ['a missing value', [diagnostic('config/unknown-keyword', 'warning'), diagnostic('config/missing-value', 'error')], 2],
    ['a file that is not there', [diagnostic('config/include-not-found', 'warning')], 0],
    ['a file that must be there and is not', [diagnostic('config/include-not-found', 'error')], 6],
    ['an unguarded script', [diagnostic('config/script-security', 'info'), diagnostic('config/script-alterable', 'warning')], 6],
    ['a script that is guarded and open to others', [diagnostic('config/script-alterable', 'warning')], 5],
    ['a parameter that stays as it is', [diagnostic('config/undefined-parameter', 'warning')], 0],
    ['a parameter that breaks a value', [diagnostic('config/undefined-parameter', 'error')], 5],
    ['the old form of SMTP_CHECK', [{ ...diagnostic('config/deprecated-keyword', 'info'), message: 'host is deprecated.' }], 0],
  ])('of %s', (_, diagnostics, expected) => {
    expect(keepalivedExitCode(diagnostics)).toBe(expected);
  });
});
