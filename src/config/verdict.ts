/** The exit code of `keepalived -t`, from our diagnostics. Every line of it was found by asking keepalived 2.2.7. */
import type { Diagnostic } from '../base/index.ts';
import type { DiagnosticCode } from './codes.ts';

export const KEEPALIVED_EXIT = {
  ok: 0,
  /** A keyword lacks its value: keepalived gives up at that line. */
  fatal: 2,
  /** The file cannot be read. */
  unreadable: 4,
  /** Something was reported; keepalived would run without it. */
  errors: 5,
  /** Nothing but the security of scripts was reported. */
  scriptSecurity: 6,
} as const;

/** Under `include_check` and its like an error, for which keepalived has the code that it has for scripts. */
const INCLUDE = 'config/include-not-found' satisfies DiagnosticCode;
/** What keepalived takes without a word, or cannot know: our own limits, and our own advice. */
const SILENT: ReadonlySet<string> = new Set<DiagnosticCode>([
  'config/unsupported',
  'config/not-acted-on',
  'config/extra-words',
  'config/repeated-keyword',
  'config/duplicate-service',
  'config/script-missing',
  'config/checks-differ',
  'config/sorry-server-is-real',
  'config/password-not-sent',
  'config/owner-not-master',
  'config/peer-is-self',
  'config/duplicate-address',
  'config/uneven-group',
  'config/not-link-local',
  'config/vip-not-answering',
  'config/slow-detection',
]);
const FATAL: ReadonlySet<string> = new Set<DiagnosticCode>(['config/missing-value']);
/** Counted by themselves only where enable_script_security is off; with it keepalived disables the script, which is an error. */
const SCRIPT_SECURITY: ReadonlySet<string> = new Set<DiagnosticCode>(['config/script-security', 'config/script-alterable']);

/** As a warning something that keepalived takes as it is; as an error it breaks the value that it stands in. */
const SILENT_WARNINGS: ReadonlySet<string> = new Set<DiagnosticCode>(['config/undefined-parameter', INCLUDE]);
/** Notes that keepalived counts like everything else. */
const COUNTED_NOTES: ReadonlySet<string> = new Set<DiagnosticCode>(['config/deprecated-keyword', 'config/script-security']);

/** Of everything but most notes, and what is in the list above, keepalived says something, too, and counts it. */
export function keepalivedExitCode(diagnostics: readonly Diagnostic[]): number {
  const counted = diagnostics.filter(isCounted);
  if (counted.some(({ code }) => FATAL.has(code))) return KEEPALIVED_EXIT.fatal;
  const unguarded = counted.some(({ code }) => code === 'config/script-security');
  const likeSecurity = ({ code }: Diagnostic): boolean => (unguarded && SCRIPT_SECURITY.has(code)) || code === INCLUDE;
  if (counted.some((diagnostic) => !likeSecurity(diagnostic))) return KEEPALIVED_EXIT.errors;
  return counted.length > 0 ? KEEPALIVED_EXIT.scriptSecurity : KEEPALIVED_EXIT.ok;
}

function isCounted({ code, severity, message }: Diagnostic): boolean {
  // keepalived 2.2.7 takes the old form of SMTP_CHECK without a word.
  if (severity === 'info') return COUNTED_NOTES.has(code) && !message.startsWith('host is deprecated');
  return !SILENT.has(code) && !(severity === 'warning' && SILENT_WARNINGS.has(code));
}
