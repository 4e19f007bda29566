/** What a diagnostic means for the running system, where its message does not say so already. */
import type { Diagnostic } from '../base/index.ts';
import type { DiagnosticCode } from './codes.ts';

const CONSEQUENCES: Readonly<Partial<Record<DiagnosticCode, string>>> = {
  'config/unknown-keyword': 'A setting that was meant by it keeps its default.',
  'config/unknown-block': 'Nothing of what the block describes would exist.',
  'config/missing-close-brace': 'What follows could belong to this block or not, so nothing of the file is used.',
  'config/missing-open-brace': 'The block would be missing with everything in it.',
  'config/early-close-brace': 'keepalived reads the rest of the block as unknown keywords.',
  'config/misplaced-block': 'keepalived would not know this real server.',
  'config/odd-space': 'keepalived would take the two words for one, and not know it.',
  'config/out-of-range': 'keepalived would fall back on the default; here nothing of the file is used.',
  'config/bad-value': 'keepalived would fall back on the default; here nothing of the file is used.',
  'config/bad-address': 'What needs the address would be missing.',
  'config/missing-value': 'keepalived -t gives up here, and nothing of the file is used.',
  'config/missing-keyword': 'What the block describes would not exist.',
  'config/duplicate-vrid': 'The directors would take the advertisements of the one for those of the other.',
  'config/unknown-reference': 'What was to be followed would be followed by nobody.',
  'config/password-truncated': 'Two passwords that begin alike are the same password.',
  'config/no-address': 'It would be elected and hold nothing.',
  'config/nopreempt-with-master': 'The director takes over from a living one of lower priority when it returns.',
  'config/absent-interface': 'The virtual router could neither send nor hear an advertisement.',
  'config/shell-command': 'A shell stands between the daemon and the command: a time-out ends the shell first.',
  'config/include-not-found': 'What the file was to say is not there.',
};

/** One sentence for a person who runs the system, or undefined where the message says it all. */
export function consequenceOf({ code }: Pick<Diagnostic, 'code'>): string | undefined {
  return (CONSEQUENCES as Readonly<Record<string, string | undefined>>)[code];
}
