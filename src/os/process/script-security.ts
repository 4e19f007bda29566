/** Whether a script may be run as root: nobody but root can have changed it, or anything on the way to it. */
import { accessSync, constants, lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { DEFAULT_PATH } from './environment.ts';

export type ScriptProblemKind = 'not-found' | 'not-a-file' | 'not-executable' | 'insecure';

/** What is wrong with a script, naming the file, its owner and its mode, and what would put it right. */
export interface ScriptProblem {
  readonly kind: ScriptProblemKind;
  /** The file or directory at fault: the script itself, or an element of its path. */
  readonly path: string;
  /** One sentence without a full stop. */
  readonly reason: string;
  readonly help?: string;
}

const GROUP_WRITE = 0o020;
const OTHER_WRITE = 0o002;
const STICKY = 0o1000;
const MAX_LINKS = 40;

/** The file that a command word stands for: itself when it has a slash, else the first executable of that name on the path. */
export function findExecutable(word: string, path: string = DEFAULT_PATH): string | undefined {
  if (word.includes('/')) return word;
  return path
    .split(':')
    .map((directory) => join(directory, word))
    .find((candidate) => isExecutableFile(candidate));
}

/** Checks that a script exists and can be executed and, where root would run it, that only root can have written it. */
export function checkScript(word: string, options: { readonly runsAsRoot: boolean }): ScriptProblem | undefined {
  const path = findExecutable(word);
  if (path === undefined) return { kind: 'not-found', path: word, reason: `${word} is not on the path ${DEFAULT_PATH}` };
  const absolute = isAbsolute(path) ? path : resolve('/', path);
  let stats: Stats;
  try {
    stats = statSync(absolute);
  } catch (error) {
    return { kind: 'not-found', path: absolute, reason: `${absolute} cannot be found: ${(error as NodeJS.ErrnoException).code}` };
  }
  if (!stats.isFile()) return { kind: 'not-a-file', path: absolute, reason: `${absolute} is not a regular file` };
  if ((stats.mode & 0o111) === 0) {
    return {
      kind: 'not-executable',
      path: absolute,
      reason: `${absolute} (mode ${modeText(stats)}) is not executable`,
      help: `chmod +x ${absolute}`,
    };
  }
  return options.runsAsRoot ? findInsecureElement(absolute) : undefined;
}

/** Walks from the root to the file, through every symbolic link, and returns the first element that a user other than root could replace. */
function findInsecureElement(path: string): ScriptProblem | undefined {
  const pending = path.split('/').filter((part) => part !== '');
  let current = '/';
  let links = 0;
  for (;;) {
    const problem = checkElement(current);
    if (problem) return problem;
    const next = pending.shift();
    if (next === undefined) return undefined;
    if (next === '.') continue;
    const element = next === '..' ? dirname(current) : join(current, next);
    if (!lstatSync(element).isSymbolicLink()) {
      current = element;
      continue;
    }
    // Whoever can replace a link needs to write its directory, which has been checked; its own mode means nothing.
    if (++links > MAX_LINKS) return { kind: 'insecure', path, reason: `${path} has too many symbolic links` };
    const target = readlinkSync(element);
    pending.unshift(...target.split('/').filter((part) => part !== ''));
    if (isAbsolute(target)) current = '/';
  }
}

function checkElement(path: string): ScriptProblem | undefined {
  const stats = lstatSync(path);
  const writers = describeWriters(stats);
  if (!writers) return undefined;
  return {
    kind: 'insecure',
    path,
    reason: `${path} (owner ${stats.uid}:${stats.gid}, mode ${modeText(stats)}) can be changed by ${writers}`,
    help: `chown root:root ${path} && chmod go-w ${path}`,
  };
}

/** In a sticky directory only a file's owner can replace it, so that others may write there. */
function describeWriters(stats: Stats): string | undefined {
  if (stats.uid !== 0) return `its owner, user ${stats.uid}`;
  if (stats.isDirectory() && (stats.mode & STICKY) !== 0) return undefined;
  if ((stats.mode & OTHER_WRITE) !== 0) return 'everybody';
  return (stats.mode & GROUP_WRITE) !== 0 && stats.gid !== 0 ? `group ${stats.gid}` : undefined;
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function modeText(stats: Stats): string {
  return (stats.mode & 0o7777).toString(8).padStart(4, '0');
}
