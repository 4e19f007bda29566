/** Scheduling, memory, locks and users of the calling thread or process. */
import { SystemError } from './errno.ts';
import { lastErrno, libc, readNativeU32 } from './library.ts';

const SCHED_FIFO = 1;
const SCHED_OTHER = 0;
/** Children start with ordinary priority: a script must never compete with the advertisements. */
const SCHED_RESET_ON_FORK = 0x40000000;
/** Lock a page when it is first touched: V8 reserves far more address space than it uses. */
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

const native = {
  schedSetscheduler: libc.func('sched_setscheduler', 'int', ['int', 'int', 'const void *']),
  flock: libc.func('flock', 'int', ['int', 'int']),
  getpwnam: libc.func('getpwnam', 'void *', ['str']),
  getgrnam: libc.func('getgrnam', 'void *', ['str']),
};

/** Real-time (SCHED_FIFO, 1 to 99) or, with 0, ordinary scheduling for the calling thread. Undefined means done; EPERM without CAP_SYS_NICE. */
export function setRealtimePriority(priority: number): SystemError | undefined {
  const policy = (priority > 0 ? SCHED_FIFO : SCHED_OTHER) | SCHED_RESET_ON_FORK;
  const failed = (native.schedSetscheduler(0, policy, Int32Array.of(priority)) as number) < 0;
  return failed ? new SystemError('sched_setscheduler', lastErrno()) : undefined;
}

/** Takes an exclusive lock on an open file without waiting; false when another open file holds it. The kernel drops it with the last descriptor. */
export function tryLockFile(fd: number): boolean {
  if ((native.flock(fd, LOCK_EX | LOCK_NB) as number) === 0) return true;
  const errno = lastErrno();
  if (errno === EWOULDBLOCK) return false;
  throw new SystemError('flock', errno);
}

export interface UserEntry {
  readonly uid: number;
  readonly gid: number;
}

/** A user by name, from whichever sources the system is set up to ask; undefined when unknown. */
export function lookUpUser(name: string): UserEntry | undefined {
  const entry = native.getpwnam(name) as bigint | null;
  // struct passwd: name pointer, password pointer, uid, gid, ...
  return entry ? { uid: readNativeU32(entry, 16), gid: readNativeU32(entry, 20) } : undefined;
}

/** A group's number by name; undefined when unknown. */
export function lookUpGroup(name: string): number | undefined {
  const entry = native.getgrnam(name) as bigint | null;
  // struct group: name pointer, password pointer, gid, ...
  return entry ? readNativeU32(entry, 16) : undefined;
}
