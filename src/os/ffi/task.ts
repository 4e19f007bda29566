/** Scheduling, memory, locks and users of the calling thread or process. */
import { SystemError } from './errno.ts';
import { lastErrno, libc, readNativeU32 } from './library.ts';

const SCHED_FIFO = 1;
const SCHED_RR = 2;
const SCHED_OTHER = 0;
/** Children start with ordinary priority: a script must never compete with the advertisements. */
const SCHED_RESET_ON_FORK = 0x40000000;
const PRIO_PROCESS = 0;
/** `cpu_set_t`: 1024 processors. The machine is little-endian wherever Node is built for it, so that bits and bytes count alike. */
const CPU_SET_LENGTH = 128;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

const native = {
  schedSetscheduler: libc.func('sched_setscheduler', 'int', ['int', 'int', 'const void *']),
  schedSetaffinity: libc.func('sched_setaffinity', 'int', ['int', 'size_t', 'const void *']),
  setpriority: libc.func('setpriority', 'int', ['int', 'uint', 'int']),
  flock: libc.func('flock', 'int', ['int', 'int']),
  getpwnam: libc.func('getpwnam', 'void *', ['str']),
  getgrnam: libc.func('getgrnam', 'void *', ['str']),
};

/**
 * Real-time (1 to 99; `fifo` runs until it blocks, `rr` shares with its equals) or, with 0, ordinary scheduling for the calling
 * thread. Undefined means done; EPERM without CAP_SYS_NICE.
 */
export function setRealtimePriority(priority: number, policy: 'fifo' | 'rr' = 'fifo'): SystemError | undefined {
  const realtime = policy === 'fifo' ? SCHED_FIFO : SCHED_RR;
  const number = (priority > 0 ? realtime : SCHED_OTHER) | SCHED_RESET_ON_FORK;
  const failed = (native.schedSetscheduler(0, number, Int32Array.of(priority)) as number) < 0;
  return failed ? new SystemError('sched_setscheduler', lastErrno()) : undefined;
}

/** Nice value, -20 to 19, of the calling thread. Undefined means done. */
export function setNice(value: number): SystemError | undefined {
  const failed = (native.setpriority(PRIO_PROCESS, 0, value) as number) < 0;
  return failed ? new SystemError('setpriority', lastErrno()) : undefined;
}

/** Confines the calling thread to these processors, counted from 0. Undefined means done; EINVAL when the machine has none of them. */
export function setCpuAffinity(cpus: readonly number[]): SystemError | undefined {
  const mask = new Uint8Array(CPU_SET_LENGTH);
  for (const cpu of cpus) if (cpu < CPU_SET_LENGTH * 8) mask[cpu >> 3] = (mask[cpu >> 3] as number) | (1 << (cpu & 7));
  const failed = (native.schedSetaffinity(0, mask.length, mask) as number) < 0;
  return failed ? new SystemError('sched_setaffinity', lastErrno()) : undefined;
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
