/** Finds the files that an `include` names: relative paths, braces, `*`, `?` and `[…]`, as glob(7) has them. */

/** One file that an include names. Without a text it says what is wrong: no such file, no match of a pattern, or not readable. */
export type IncludedFile =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly problem: 'absent' | 'no-match' | 'unreadable' };

/** Finds the files of an `include`, in order. */
export type IncludeResolver = (pattern: string, fromFile: string) => readonly IncludedFile[];

/** The two questions to a file system; both answer undefined or nothing instead of throwing. */
export interface FileAccess {
  readonly readFile: (path: string) => string | undefined;
  /** The names in a directory, in any order; empty when it cannot be read. */
  readonly listDirectory: (path: string) => readonly string[];
}

/** No person writes a pattern that expands to more. */
const MAX_PATTERNS = 1024;

export function createIncludeResolver(access: FileAccess): IncludeResolver {
  return (pattern, fromFile) => {
    const base = fromFile.includes('/') ? fromFile.slice(0, fromFile.lastIndexOf('/') + 1) : '';
    return expandBraces(pattern).flatMap((expanded) => filesOf(expanded.startsWith('/') ? expanded : base + expanded, access));
  };
}

/** Whether a pattern may match any number of files, none among them. */
export function hasWildcard(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

/** The files of a path without braces. A path without wildcards is one file, whether it exists or not. */
function filesOf(path: string, access: FileAccess): IncludedFile[] {
  if (!hasWildcard(path)) return [readOne(path, access)];
  const matches = glob(path, access)
    .map((file) => readOne(file, access))
    .filter((file) => 'text' in file || file.problem === 'unreadable');
  return matches.length > 0 ? matches : [{ file: path, problem: 'no-match' }];
}

function readOne(file: string, access: FileAccess): IncludedFile {
  const text = access.readFile(file);
  if (text !== undefined) return { file, text };
  const slash = file.lastIndexOf('/');
  const names = access.listDirectory(slash < 0 ? '.' : file.slice(0, slash + 1));
  return { file, problem: names.includes(file.slice(slash + 1)) ? 'unreadable' : 'absent' };
}

/** `a{b,c}d` gives `abd` and `acd`, also nested; without a pair of braces with a comma, the text itself. */
function expandBraces(pattern: string): string[] {
  const group = firstGroup(pattern);
  if (!group) return [pattern];
  const choices = group.choices.flatMap(expandBraces);
  const rests = expandBraces(pattern.slice(group.end));
  if (choices.length * rests.length > MAX_PATTERNS) return [pattern];
  return choices.flatMap((choice) => rests.map((rest) => pattern.slice(0, group.start) + choice + rest));
}

/** The first `{…,…}`: where it starts and ends, and what its commas part. */
function firstGroup(pattern: string): { start: number; end: number; choices: string[] } | undefined {
  for (let start = pattern.indexOf('{'); start >= 0; start = pattern.indexOf('{', start + 1)) {
    const choices = [''];
    let depth = 0;
    for (let at = start; at < pattern.length; at++) {
      const character = pattern[at] as string;
      if (character === '{') depth++;
      if (character === '}') depth--;
      if (depth === 0) {
        if (choices.length > 1) return { start, end: at + 1, choices };
        break;
      }
      if (depth === 1 && character === ',') choices.push('');
      else if (at > start) choices[choices.length - 1] += character;
    }
  }
  return undefined;
}

function glob(path: string, access: FileAccess): string[] {
  let paths = [path.startsWith('/') ? '/' : ''];
  for (const part of path.split('/').filter((piece) => piece !== '')) {
    paths = paths.flatMap((directory) => {
      const join = (name: string): string => (directory === '' || directory === '/' ? directory + name : `${directory}/${name}`);
      if (!hasWildcard(part)) return [join(part)];
      const names = access.listDirectory(directory === '' ? '.' : directory).filter((name) => matches(part, name));
      return [...names].sort().map(join);
    });
  }
  return paths;
}

/** One path component against one pattern. A leading dot must be written. */
function matches(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  const source = pattern.replace(/\[(!?)([^\]]+)\]|[*?]|[\\^$.|+()[\]{}]/g, (piece, not: string | undefined, set: string | undefined) => {
    if (piece === '*') return '.*';
    if (piece === '?') return '.';
    return set === undefined ? `\\${piece}` : `[${not ? '^' : ''}${set.replace(/[\\\]^]/g, '\\$&')}]`;
  });
  try {
    return new RegExp(`^${source}$`, 'su').test(name);
  } catch {
    // A set that is no set, such as [z-a], matches nothing.
    return false;
  }
}
