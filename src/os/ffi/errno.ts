import { constants } from 'node:os';
import { lastErrno } from './library.ts';

/** Error numbers that this folder's callers tell apart. The same on every Linux architecture that Node runs on. */
export const EINTR = 4;
export const EAGAIN = 11;
export const ENOBUFS = 105;

const NAMES: ReadonlyMap<number, string> = new Map([
  // EAGAIN and EWOULDBLOCK, EOPNOTSUPP and ENOTSUP share numbers; the names that man pages use first win by coming last.
  ...Object.entries(constants.errno).map(([name, number]): [number, string] => [number, name]),
  [EAGAIN, 'EAGAIN'],
  [95, 'EOPNOTSUPP'],
  [100, 'ENETDOWN'],
  [112, 'EHOSTDOWN'],
]);

/** `EPERM` for 1; `errno 999` for a number without a name. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** A system call that failed. `code` is the error's name as in errno(3), `syscall` the call, `detail` the kernel's or our own further words. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number, detail?: string) {
    const code = errnoName(errno);
    super(detail === undefined ? `${syscall}: ${code}` : `${syscall}: ${code}: ${detail}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** The result of a call that reports failure by -1; throws SystemError with the thread's errno then. */
export function checked(syscall: string, result: number, detail?: string): number {
  if (result >= 0) return result;
  throw new SystemError(syscall, lastErrno(), detail);
}
