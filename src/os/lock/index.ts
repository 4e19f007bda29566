/** One instance at a time, by a lock that the kernel drops with the process: a number left in a file never blocks a restart. */
import { closeSync, constants, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { tryLockFile } from '../ffi/index.ts';

export interface InstanceLock {
  readonly path: string;
  /** Removes the file and gives up the lock. The end of the process does the latter as well. */
  release(): void;
}

/** Someone else has it; their process number as they wrote it, for people. */
export interface LockHeld {
  readonly heldBy: number | undefined;
}

/** Takes the lock, making the file (and its directory) where needed. Throws when the file cannot be opened. */
export function acquireInstanceLock(path: string): InstanceLock | LockHeld {
  mkdirSync(dirname(path), { recursive: true });
  for (;;) {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
    if (!tryLockFile(fd)) {
      closeSync(fd);
      return { heldBy: readHolder(path) };
    }
    if (isSameFile(fd, path)) return hold(fd, path);
    // The holder removed the file between our open and our lock: what we locked is nobody's lock file any more.
    closeSync(fd);
  }
}

function hold(fd: number, path: string): InstanceLock {
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return {
    path,
    release: () => {
      rmSync(path, { force: true });
      closeSync(fd);
    },
  };
}

function isSameFile(fd: number, path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false });
  const opened = fstatSync(fd);
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev;
}

function readHolder(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
