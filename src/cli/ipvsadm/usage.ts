/** Refusals of the command line itself, with ipvsadm's own words and exit codes. */

/** ipvsadm's `fail()`: the arguments make no sense. */
export const EXIT_USAGE = 2;
/** What `main` returning -1 becomes: an unknown option, or a change that was refused. */
export const EXIT_REFUSED = 255;
/** A listing that could not be made. */
export const EXIT_LIST = 1;

/** Arguments that cannot be carried out. `message` goes to standard error as it is. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly exitCode: number;
  /** Whether `ipvsadm -R` ends at such a line (all but unknown options end it). */
  readonly endsRestore: boolean;

  constructor(message: string, exitCode: number = EXIT_USAGE, endsRestore = true) {
    super(message);
    this.exitCode = exitCode;
    this.endsRestore = endsRestore;
  }
}

/** The first argument is no command. */
export function tryHelp(): UsageError {
  return new UsageError("Try `ipvsadm -h' or 'ipvsadm --help' for more information.", EXIT_REFUSED);
}

/** A later argument is no option, or an option lacks its value: popt's messages. */
export function badOption(word: string, text: string): UsageError {
  return new UsageError(`${word}: ${text}`, EXIT_REFUSED, false);
}
