/** epoll(7) and eventfd(2). */
import { HOST_IS_LITTLE_ENDIAN, viewOf } from '../../wire/index.ts';
import { checked, EINTR, SystemError } from './errno.ts';
import { lastErrno, libc } from './library.ts';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
/** More descriptors than a director has interfaces, so that one wait reports everything that is ready. */
const EVENTS_AT_ONCE = 256;
/** The kernel packs `struct epoll_event` on x86-64 only. */
const EVENT_LENGTH = process.arch === 'x64' ? 12 : 16;
const EVENT_DATA = process.arch === 'x64' ? 4 : 8;

const native = {
  create: libc.func('epoll_create1', 'int', ['int']),
  control: libc.func('epoll_ctl', 'int', ['int', 'int', 'int', 'const void *']),
  wait: libc.func('epoll_wait', 'int', ['int', 'void *', 'int', 'int']),
  eventfd: libc.func('eventfd', 'int', ['uint', 'int']),
  read: libc.func('read', 'long', ['int', 'void *', 'size_t']),
  write: libc.func('write', 'long', ['int', 'const void *', 'size_t']),
  getpid: libc.func('getpid', 'int', []),
};

/** A set of descriptors watched for readability (level-triggered), with the buffer that the kernel reports into. */
export class EpollSet {
  readonly fd: number;
  private readonly events = new Uint8Array(EVENT_LENGTH * EVENTS_AT_ONCE);
  private readonly eventsView = viewOf(this.events);
  private readonly control = new Uint8Array(EVENT_LENGTH);
  private readonly controlView = viewOf(this.control);

  constructor() {
    this.fd = checked('epoll_create1', native.create(EPOLL_CLOEXEC));
  }

  add(fd: number): void {
    this.controlView.setUint32(0, EPOLLIN, HOST_IS_LITTLE_ENDIAN);
    this.controlView.setInt32(EVENT_DATA, fd, HOST_IS_LITTLE_ENDIAN);
    checked('epoll_ctl', native.control(this.fd, EPOLL_CTL_ADD, fd, this.control));
  }

  remove(fd: number): void {
    checked('epoll_ctl', native.control(this.fd, EPOLL_CTL_DEL, fd, this.control));
  }

  /** Blocks the thread until something is readable or the time is over (-1: no limit). The number of events; 0 also when a signal came. */
  wait(timeoutMillis: number): number {
    const count = native.wait(this.fd, this.events, EVENTS_AT_ONCE, timeoutMillis) as number;
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EINTR) return 0;
    throw new SystemError('epoll_wait', errno);
  }

  /** The same without a limit on one thread of libuv's pool; `done` gets the number of events on the calling thread. */
  waitAsync(done: (count: number) => void): void {
    native.wait.async(this.fd, this.events, EVENTS_AT_ONCE, -1, (error: unknown, count: number) => {
      // errno belongs to the pool's thread. Only a signal can make a wait on a good descriptor fail.
      done(error || count < 0 ? 0 : count);
    });
  }

  /** The descriptor of event number `index` of the last wait. */
  readyFd(index: number): number {
    return this.eventsView.getInt32(index * EVENT_LENGTH + EVENT_DATA, HOST_IS_LITTLE_ENDIAN);
  }
}

/** A counter that any thread of the process can raise to wake whoever watches it. */
export function createEventFd(): number {
  return checked('eventfd', native.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);
const counter = new Uint8Array(8);

/** Raises an event descriptor. Callable from any thread that knows its number. */
export function raiseEventFd(fd: number): void {
  native.write(fd, ONE, ONE.length);
}

/** Empties an event or timer descriptor, so that it is no longer readable. False when nothing was in it (a timer was re-armed meanwhile). */
export function drainCounter(fd: number): boolean {
  return native.read(fd, counter, counter.length) === counter.length;
}

/**
 * Starts libuv's pool threads on this thread's behalf. Each pool thread keeps the network namespace of the thread that first used the
 * pool, so the main thread calls this before any setns.
 */
export function startThreadPool(): Promise<void> {
  return new Promise((resolve) => native.getpid.async(() => resolve()));
}
