/** `include` and its variants: which files a line names, and which of their absences are errors. */
import { hasWildcard, type IncludedFile, type IncludeResolver } from './include.ts';
import type { Place, Reporter } from './report.ts';

/** The checks of `include_check` (keepalived.conf(5)); each of the last three stands for the first as well. */
type Check = 'readable' | 'match' | 'wildcard_match' | 'brace_match';

const ALL: readonly Check[] = ['readable', 'match', 'wildcard_match', 'brace_match'];
const BY_LETTER: Readonly<Record<string, readonly Check[]>> = {
  r: ['readable'],
  m: ['match'],
  w: ['wildcard_match'],
  b: ['brace_match'],
  a: ALL,
};
/** keepalived's code reads `read`, its manual says `readable`. */
const WORDS: Readonly<Record<string, Check>> = {
  read: 'readable',
  readable: 'readable',
  match: 'match',
  wildcard_match: 'wildcard_match',
  brace_match: 'brace_match',
};

const MAX_DEPTH = 16;

/** The include_check in force; an included file starts with that of the file that includes it. */
export class IncludeChecks {
  private readonly checks: Set<Check>;

  constructor(outer?: IncludeChecks) {
    this.checks = new Set(outer?.checks);
  }

  /** The words after `include_check`: none for all checks, `+` and `-` before a word to add or remove one. */
  apply(words: readonly string[]): void {
    if (words.length === 0) for (const check of ALL) this.checks.add(check);
    if (words.some((word) => /^[a-z]/.test(word))) this.checks.clear();
    for (const word of words) {
      const check = WORDS[word.replace(/^[+-]/, '')];
      if (check === undefined) continue;
      if (word.startsWith('-')) this.checks.delete(check);
      else this.checks.add(check);
    }
  }

  /** The checks of one line: those in force and those of its letter (`includem` …). */
  withLetter(letter: string): ReadonlySet<Check> {
    return new Set([...this.checks, ...(BY_LETTER[letter] ?? [])]);
  }
}

/** Finds the files of include lines, and reports what cannot be found. */
export class Includes {
  private readonly resolve: IncludeResolver | undefined;
  private readonly reporter: Reporter;
  private readonly maxFiles: number;
  private files = 0;

  constructor(resolve: IncludeResolver | undefined, reporter: Reporter, maxFiles: number) {
    this.resolve = resolve;
    this.reporter = reporter;
    this.maxFiles = maxFiles;
  }

  /** The files of one line. `open` are the files that are being read, outermost first. */
  find(pattern: string, checks: ReadonlySet<Check>, open: readonly string[], place: Place): { file: string; text: string }[] {
    if (!this.resolve) {
      this.reporter.report('config/unsupported', place, `The file ${pattern} cannot be read here, so what it says is missing.`);
      return [];
    }
    if (open.length > MAX_DEPTH) return this.tooDeep(place, `Includes are nested more than ${MAX_DEPTH} deep; ${pattern} is not read.`);
    const found = this.resolve(pattern, open.at(-1) as string);
    this.reportProblems(pattern, found, checks, place);
    const files = found.filter((file) => 'text' in file);
    const circle = files.find(({ file }) => open.includes(file));
    if (circle) return this.tooDeep(place, `${circle.file} includes itself. It is not read again.`);
    this.files += files.length;
    if (this.files > this.maxFiles) return this.tooDeep(place, `More than ${this.maxFiles} files are included; ${pattern} is not read.`);
    return files;
  }

  private tooDeep(place: Place, message: string): [] {
    this.reporter.report('config/include-depth', place, message, { help: 'Look for a file that includes itself.' });
    return [];
  }

  private reportProblems(pattern: string, found: readonly IncludedFile[], checks: ReadonlySet<Check>, place: Place): void {
    const unreadable = found.filter((file) => 'problem' in file && file.problem === 'unreadable');
    for (const { file } of unreadable) this.missing(place, `${file} is no file that can be read`, checks.size > 0);
    const matched = found.some((file) => 'text' in file || file.problem === 'unreadable');
    const absent = found.filter((file) => 'problem' in file && file.problem === 'absent');
    const braces = found.length > 1 || /\{.*,.*\}/.test(pattern);
    if (matched || (braces && absent.length > 0)) {
      if (absent.length === 0) return;
      this.missing(place, `There is no file ${absent.map(({ file }) => file).join(', ')}`, checks.has('brace_match'));
    } else if (hasWildcard(pattern)) {
      // An empty directory of additions is as it should be, unless somebody says otherwise.
      if (checks.has('wildcard_match')) this.missing(place, `No file matches ${pattern}`, true);
    } else this.missing(place, `No file matches ${pattern}`, checks.has('match') || checks.has('wildcard_match'));
  }

  private missing(place: Place, what: string, isError: boolean): void {
    this.reporter.report(
      'config/include-not-found',
      place,
      `${what}. ${isError ? 'The file asks for it to be there.' : 'The line is ignored, as keepalived does.'}`,
      {
        severity: isError ? 'error' : 'warning',
      },
    );
  }
}
