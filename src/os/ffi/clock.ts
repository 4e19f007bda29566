/** Clocks and timer descriptors (clock_gettime(2), timerfd_create(2)). */
import { type Instant, MICROS_PER_SECOND, type Micros } from '../../base/index.ts';
import { HOST_IS_LITTLE_ENDIAN } from '../../wire/index.ts';
import { checked } from './errno.ts';
import { libc } from './library.ts';

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;
const TFD_TIMER_ABSTIME = 1;
const TFD_NONBLOCK = 0o4000;
const TFD_CLOEXEC = 0o2000000;

/** Asks a socket when the packet that was read from it last had arrived: two 64-bit numbers, seconds and nanoseconds (socket(7)). */
const SIOCGSTAMPNS_NEW = 0x80108907;

const native = {
  ioctl: libc.func('ioctl', 'int', ['int', 'ulong', 'void *']),
  clockGettime: libc.func('clock_gettime', 'int', ['int', 'void *']),
  timerfdCreate: libc.func('timerfd_create', 'int', ['int', 'int']),
  timerfdSettime: libc.func('timerfd_settime', 'int', ['int', 'int', 'const void *', 'void *']),
};

/** `struct timespec`, made once: 64-bit seconds and nanoseconds, of which the low words are enough. */
const timespec = new Uint32Array(4);
const stamp = new Uint32Array(4);
/** `struct itimerspec`: interval (always zero), then the expiry. */
const itimerspec = new Uint32Array(8);
const LOW = HOST_IS_LITTLE_ENDIAN ? 0 : 1;

/** Microseconds of CLOCK_MONOTONIC: the clock that timers are armed on. Stands still while the machine is suspended. */
export function monotonicNow(): Instant {
  return readClock(CLOCK_MONOTONIC);
}

/** Microseconds of CLOCK_BOOTTIME: like the monotonic clock, but counting suspended time. */
export function boottimeNow(): Instant {
  return readClock(CLOCK_BOOTTIME);
}

/**
 * How long ago the packet arrived that was read from the socket last, by the kernel's time stamp; 0 when there is none (the first call for
 * a socket asks for them). The stamp is of the wall clock, so that a step of that clock falsifies it: weigh it before use.
 */
export function sinceArrival(fd: number): Micros {
  if ((native.ioctl(fd, SIOCGSTAMPNS_NEW, stamp) as number) < 0) return 0;
  const arrived = (stamp[LOW] as number) * MICROS_PER_SECOND + Math.floor((stamp[2 + LOW] as number) / 1000);
  return Math.max(0, readClock(CLOCK_REALTIME) - arrived);
}

/** A timer descriptor on CLOCK_MONOTONIC, disarmed. */
export function createTimer(): number {
  return checked('timerfd_create', native.timerfdCreate(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
}

/** Makes the descriptor readable once the clock reaches `deadline`; a past deadline fires at once. Undefined disarms. */
export function armTimer(fd: number, deadline: Instant | undefined): void {
  let seconds = 0;
  let nanoseconds = 0;
  if (deadline !== undefined) {
    // All zeroes would disarm: the earliest deadline is one nanosecond after the origin.
    const micros = Math.max(0, deadline);
    seconds = Math.floor(micros / MICROS_PER_SECOND);
    nanoseconds = Math.floor((micros - seconds * MICROS_PER_SECOND) * 1000) || (seconds === 0 ? 1 : 0);
  }
  itimerspec[4 + LOW] = seconds;
  itimerspec[6 + LOW] = nanoseconds;
  checked('timerfd_settime', native.timerfdSettime(fd, TFD_TIMER_ABSTIME, itimerspec, null));
}

function readClock(clock: number): Instant {
  checked('clock_gettime', native.clockGettime(clock, timespec));
  return (timespec[LOW] as number) * MICROS_PER_SECOND + Math.floor((timespec[2 + LOW] as number) / 1000);
}
