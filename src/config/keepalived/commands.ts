/** Turns the text of a command into an argument vector, as keepalived does; shell syntax gets an explicit shell. */
import type { ScriptCommand } from '../../model/index.ts';
import { wordValue } from './lexer.ts';
import type { Reporter } from './report.ts';
import type { SourceText } from './source.ts';
import { tokenPlace } from './syntax.ts';
import type { CommandText } from './value.ts';

/** Characters that mean something to a shell and nothing to execve. */
const SHELL_SYNTAX = /[|&;<>()$`*?]|\[\[|(^|\s)\[\s/;
/** Words that only a shell understands at the start of a command. */
const SHELL_WORDS = new Set(['exit', 'if', 'while', 'for', 'case', 'cd', 'export', 'source', '.', ':', 'exec', 'eval', '!']);

interface Identity {
  readonly user?: string;
  readonly group?: string;
}

/**
 * `[[` is a word of bash and ksh, not of the POSIX shell that Debian's /bin/sh is, so such text goes to bash: that is where
 * its author ran it. The choice is reported, because it is a guess and because a plain program is quicker.
 */
export function readCommand(command: CommandText & { readonly source: SourceText }, fallback: Identity, reporter: Reporter): ScriptCommand {
  const identity = identityOf(command.user === undefined ? fallback : command);
  const text = command.text.trim();
  const words = splitWords(text);
  const shellish = SHELL_WORDS.has(words[0] ?? '') || SHELL_SYNTAX.test(withoutQuoted(text));
  if (!shellish) return { argv: words, ...identity };
  const shell = text.includes('[[') ? '/bin/bash' : '/bin/sh';
  reporter.report(
    'config/shell-command',
    tokenPlace(command.source, command.token),
    `This command is written in shell syntax and is run as ${shell} -c.`,
    {
      help: 'Put the text into a script file with a #! line and name that file here.',
    },
  );
  return { argv: [shell, '-c', text], ...identity };
}

function identityOf(identity: Identity): Identity {
  return { ...(identity.user !== undefined && { user: identity.user }), ...(identity.group !== undefined && { group: identity.group }) };
}

/** A run of quoted pieces, escaped characters and anything that is no blank. */
const WORD = /(?:"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|\\.?|[^\s"'\\])+/gs;

/** Words as keepalived splits a command: at blanks, quotes joining what they enclose. */
function splitWords(text: string): string[] {
  return (text.match(WORD) ?? []).map((word) => wordValue({ kind: 'word', text: word, start: 0 }));
}

function withoutQuoted(text: string): string {
  return text.replace(/"(\\.|[^"\\])*"|'[^']*'/g, '');
}
