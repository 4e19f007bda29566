/**
 * Watches descriptors that libuv cannot (netlink, raw, BPF) from Node's main event loop. One thread of libuv's pool of four is
 * blocked in epoll_wait for all of them, so a process has one poller, not one for each descriptor.
 */
import { close, createEventFd, drainCounter, EpollSet, raiseEventFd } from '../ffi/index.ts';

export class AsyncPoller {
  private readonly epoll = new EpollSet();
  private readonly wakeFd = createEventFd();
  private readonly readers = new Map<number, () => void>();
  private waiting = false;
  private closed = false;
  /** process.exit would wait for the blocked thread: wake it first. */
  private readonly onExit = (): void => raiseEventFd(this.wakeFd);

  constructor() {
    this.epoll.add(this.wakeFd);
    process.once('exit', this.onExit);
  }

  /** Calls `onReadable` on the main loop whenever the descriptor has something. Watching anything keeps the process alive. */
  add(fd: number, onReadable: () => void): void {
    this.epoll.add(fd);
    this.readers.set(fd, onReadable);
    this.wait();
  }

  /** Stops watching a descriptor; call it before closing one. */
  remove(fd: number): void {
    if (!this.readers.delete(fd)) return;
    this.epoll.remove(fd);
    // With nothing left to watch the blocked thread must not keep the process alive.
    if (this.readers.size === 0) raiseEventFd(this.wakeFd);
  }

  /** Stops watching everything; the blocked thread comes back at once. The watched descriptors stay the caller's. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.readers.clear();
    process.off('exit', this.onExit);
    if (this.waiting) raiseEventFd(this.wakeFd);
    else this.release();
  }

  private wait(): void {
    if (this.waiting) return;
    this.waiting = true;
    this.epoll.waitAsync((count) => {
      // Still counts as waiting while callbacks run: one that closes the poller leaves the release to the lines below.
      if (!this.closed) this.dispatch(count);
      this.waiting = false;
      if (this.closed) this.release();
      else if (this.readers.size > 0) this.wait();
    });
  }

  private dispatch(count: number): void {
    for (let i = 0; i < count && !this.closed; i++) {
      const fd = this.epoll.readyFd(i);
      if (fd === this.wakeFd) drainCounter(fd);
      else this.readers.get(fd)?.();
    }
  }

  private release(): void {
    close(this.epoll.fd);
    close(this.wakeFd);
  }
}
