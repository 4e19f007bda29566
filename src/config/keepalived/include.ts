/** Finds the files that an `include` names: relative paths, braces, `*`, `?` and `[…]`, as glob(7) has them. */
import type { IncludeResolver } from './bind.ts';

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
    const found: { file: string; text: string }[] = [];
    for (const expanded of expandBraces(pattern)) {
      const path = expanded.startsWith('/') ? expanded : base + expanded;
      for (const file of glob(path, access)) {
        const text = access.readFile(file);
        if (text !== undefined) found.push({ file, text });
      }
    }
    return found;
  };
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
      if (!/[*?[]/.test(part)) return [join(part)];
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
