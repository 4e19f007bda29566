/** Reading the recorded sessions: `$ ipvsadm …`, what it printed, `[rc=N]`. */
import { readFileSync } from 'node:fs';

export interface RecordedCommand {
  /** As it was typed, without the program's name. */
  readonly line: string;
  readonly argv: readonly string[];
  readonly output: string;
  readonly exitCode: number;
}

export function readRecording(file: string): readonly RecordedCommand[] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return [...text.matchAll(/^\$ ipvsadm ?(.*)\n([^]*?)^\[rc=(\d+)\]$/gm)].map((match) => ({
    line: match[1] as string,
    argv: shellWords(match[1] as string),
    // The console of the recorded machine shows the kernel's log lines in between.
    output: (match[2] as string).replace(/^\[ +\d+\.\d+\] .*\n/gm, ''),
    exitCode: Number(match[3]),
  }));
}

/** Words as the shell made them: blanks separate, both kinds of quotes protect. */
function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
