/** An event loop that blocks its thread in epoll_wait. Meant for a worker thread of its own, where nothing else can delay it. */
import type { Instant, Micros } from '../../base/index.ts';
import {
  armTimer,
  boottimeNow,
  close,
  createEventFd,
  createTimer,
  drainCounter,
  EpollSet,
  monotonicNow,
  raiseEventFd,
} from '../ffi/index.ts';
import { type ClockReading, type Pause, PauseDetector } from './pause-detector.ts';

export interface ReactorOptions {
  /** Someone raised `wakeFd`, from this thread or another. */
  readonly onWake?: () => void;
  /**
   * This program did not run for a while. Called after the sockets that became readable meanwhile were served and before any timer
   * fires, so that whatever the peers said is known first.
   */
  readonly onPause?: (pause: Pause) => void;
  /** Pauses from this length on are reported; default 300 ms. */
  readonly pauseThreshold?: Micros;
}

/** Calls back once `arm`ed time has come. One-shot: arm again for the next. */
export interface ReactorTimer {
  /**
   * Fires at that instant of `monotonicNow`'s clock, at once when it is past. Replaces an earlier arming. To be woken takes a thread a
   * while, and more where the processor has slept: with `lead` the loop wakes so long before, and then sleeps for no more than a millisecond
   * at a time and shortly before the deadline not at all, and in between calls `onNear` of the timer, as long as another call should end
   * well in time. That keeps a processor busy, so it is for what is rare and urgent. `onNear` gets the present instant, which is before the
   * deadline, however long the call then takes: it must not do what the deadline brings, for what came in meanwhile has not been served yet.
   */
  arm(deadline: Instant, lead?: Micros): void;
  disarm(): void;
  close(): void;
}

const DEFAULT_PAUSE_THRESHOLD: Micros = 300_000;
/**
 * `onNear` is called again where it would end so long before the deadline if it took as long as the last time. The less there is between
 * the last call and the deadline, the more of what it has touched is still in the processor's caches then.
 */
const NEAR_MARGIN: Micros = 200;
/** From here to the deadline the loop does not sleep any more. */
const VERY_NEAR: Micros = 2000;

export class Reactor {
  /** Another thread that knows this number wakes the loop with `wakeReactor`. */
  readonly wakeFd: number;
  private readonly epoll = new EpollSet();
  private readonly options: ReactorOptions;
  private readonly detector: PauseDetector;
  private heartbeatMillis: number;
  /** Indexed by descriptor, so that dispatch allocates and searches nothing. */
  private readonly readers: ((() => void) | undefined)[] = [];
  private readonly lateReaders: ((() => void) | undefined)[] = [];
  private readonly expiries: (Expiry | undefined)[] = [];
  /** The timer whose deadline is so near that the loop does not sleep. */
  private near: Expiry | undefined;
  private readonly reading = { monotonic: 0, boottime: 0 };
  private running = false;

  constructor(options: ReactorOptions = {}) {
    const threshold = options.pauseThreshold ?? DEFAULT_PAUSE_THRESHOLD;
    this.options = options;
    this.detector = new PauseDetector({ threshold }, this.readClocks());
    this.heartbeatMillis = heartbeatFor(threshold);
    this.wakeFd = createEventFd();
    this.add(this.wakeFd, () => {
      drainCounter(this.wakeFd);
      this.options.onWake?.();
    });
  }

  /**
   * Calls `onReadable` whenever the descriptor has something; it must read at least part of it. The descriptor stays the caller's.
   * With `afterPause` it is served after `onPause`: what it tells must be judged in the knowledge of our own absence.
   */
  add(fd: number, onReadable: () => void, options: { readonly afterPause?: boolean } = {}): void {
    this.epoll.add(fd);
    if (options.afterPause) this.lateReaders[fd] = onReadable;
    else this.readers[fd] = onReadable;
  }

  /** Stops watching a descriptor; call it before closing one. */
  remove(fd: number): void {
    this.epoll.remove(fd);
    this.readers[fd] = undefined;
    this.lateReaders[fd] = undefined;
  }

  /** Another threshold from the next sleep on. */
  set pauseThreshold(threshold: Micros) {
    this.detector.threshold = threshold;
    this.heartbeatMillis = heartbeatFor(threshold);
  }

  timer(onExpire: () => void, onNear?: (now: Instant) => void): ReactorTimer {
    const fd = createTimer();
    const expiry = new Expiry(onExpire, onNear);
    this.epoll.add(fd);
    this.expiries[fd] = expiry;
    return {
      arm: (deadline, lead = 0) => {
        // Awake for it already.
        if (this.near === expiry && expiry.deadline === deadline) return;
        this.calm(expiry);
        expiry.deadline = deadline;
        expiry.hasLead = lead > 0;
        armTimer(fd, deadline - lead);
      },
      disarm: () => {
        this.calm(expiry);
        armTimer(fd, undefined);
      },
      close: () => {
        this.calm(expiry);
        this.expiries[fd] = undefined;
        this.epoll.remove(fd);
        close(fd);
      },
    };
  }

  /** Blocks the thread and serves events until `stop` is called from one of the callbacks. An exception from a callback ends it. */
  run(): void {
    this.running = true;
    while (this.running) this.turn();
  }

  stop(): void {
    this.running = false;
  }

  close(): void {
    close(this.epoll.fd);
    close(this.wakeFd);
  }

  private turn(): void {
    const before = this.readClocks();
    const looked = before.monotonic;
    const busy = this.detector.sleeping(before, before.monotonic + this.heartbeatMillis * 1000);
    let count = this.epoll.wait(busy ? 0 : this.sleepMillis(looked));
    const pause = longest(busy, this.detector.awake(this.readClocks()));
    // A stop ends the wait empty-handed (by its time-out, or EINTR), whatever arrived meanwhile: look again before judging.
    if (pause) count = this.epoll.wait(0);
    for (let i = 0; i < count && this.running; i++) this.readers[this.epoll.readyFd(i)]?.();
    if (pause && this.running) this.options.onPause?.(pause);
    for (let i = 0; i < count && this.running; i++) this.lateReaders[this.epoll.readyFd(i)]?.();
    for (let i = 0; i < count && this.running; i++) this.expire(this.epoll.readyFd(i));
    const { near } = this;
    if (!near || !this.running) return;
    // By the clock before this turn looked at its sockets: whatever came in time has been heard.
    if (near.deadline > looked) return near.approach();
    this.near = undefined;
    near.onExpire();
  }

  /** How long the loop may sleep. While a timer is near that is a moment, in which the processor is another's; at the very last none. */
  private sleepMillis(now: Instant): number {
    if (!this.near) return this.heartbeatMillis;
    return this.near.deadline - now > VERY_NEAR ? 1 : 0;
  }

  private expire(fd: number): void {
    const expiry = this.expiries[fd];
    // Nothing to drain: a callback of the same turn disarmed the timer or put it off.
    if (!expiry || !drainCounter(fd)) return;
    if (!expiry.hasLead) return expiry.onExpire();
    // Also when the deadline is past: since the timer went off much may have come in.
    this.near = expiry;
  }

  /** The timer is set anew: if it was near, it is no longer. */
  private calm(expiry: Expiry): void {
    if (this.near === expiry) this.near = undefined;
  }

  /** The two clocks, in an object that the next reading overwrites. */
  private readClocks(): ClockReading {
    this.reading.monotonic = monotonicNow();
    this.reading.boottime = boottimeNow();
    return this.reading;
  }
}

/** Wakes the reactor that owns this descriptor; from any thread of the process. */
export function wakeReactor(wakeFd: number): void {
  raiseEventFd(wakeFd);
}

/** A stop that ends inside a sleep cannot be seen, so the longest sleep is half of the shortest pause that matters. */
function heartbeatFor(threshold: Micros): number {
  return Math.max(1, Math.floor(threshold / 2000));
}

function longest(a: Pause | undefined, b: Pause | undefined): Pause | undefined {
  if (!a || !b) return a ?? b;
  return a.duration >= b.duration ? a : b;
}

/** What a timer's descriptor stands for. */
class Expiry {
  deadline: Instant = 0;
  hasLead = false;
  /** How long the last call of `onNear` took. */
  private took: Micros = 0;
  readonly onExpire: () => void;
  readonly onNear: ((now: Instant) => void) | undefined;

  constructor(onExpire: () => void, onNear: ((now: Instant) => void) | undefined) {
    this.onExpire = onExpire;
    this.onNear = onNear;
  }

  approach(): void {
    const before = monotonicNow();
    if (!this.onNear || this.deadline - before <= this.took + NEAR_MARGIN) return;
    this.onNear(before);
    this.took = monotonicNow() - before;
  }
}
