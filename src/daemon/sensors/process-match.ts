/** Whether a process is one that a `vrrp_track_process` means. */
import type { TrackProcess } from '../../model/index.ts';

/** What /proc says about a process. */
export interface ProcessIdentity {
  /** At most 15 characters: the kernel keeps no more. */
  readonly name: string;
  /** Its argument vector; empty for kernel threads and zombies. */
  readonly words: readonly string[];
}

const NAME_LENGTH = 15;

export function isMatch(wanted: TrackProcess, { name, words }: ProcessIdentity): boolean {
  if (wanted.fullCommand ? words[0] !== wanted.command : name !== baseName(wanted.command).slice(0, NAME_LENGTH)) return false;
  return parametersMatch(wanted, words.slice(1));
}

/** `partial`: the last word may be the beginning of the process's own. `initial`: the process may have further words. */
function parametersMatch({ parameters, parameterMatch }: TrackProcess, words: readonly string[]): boolean {
  if (parameterMatch === 'any') return true;
  const same = parameters.every((parameter, i) => words[i] === parameter);
  switch (parameterMatch) {
    case 'exact':
      return same && words.length === parameters.length;
    case 'initial':
      return same;
    case 'partial':
      return parameters.every((parameter, i) => (i === parameters.length - 1 ? words[i]?.startsWith(parameter) : words[i] === parameter));
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
