/** Files that Node has no call for: FIFOs (mkfifo(3)) and notices of changes (inotify(7)). */
import { HOST_IS_LITTLE_ENDIAN, viewOf } from '../../wire/index.ts';
import { checked, EAGAIN, EINTR, SystemError } from './errno.ts';
import { lastErrno, libc } from './library.ts';

const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
const IN_CLOSE_WRITE = 0x8;
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_DELETE = 0x200;
const IN_Q_OVERFLOW = 0x4000;
const EVENT_HEADER_LENGTH = 16;
const BUFFER_LENGTH = 16 * 1024;

const native = {
  mkfifo: libc.func('mkfifo', 'int', ['str', 'uint']),
  inotifyInit: libc.func('inotify_init1', 'int', ['int']),
  inotifyAddWatch: libc.func('inotify_add_watch', 'int', ['int', 'str', 'uint32_t']),
  inotifyRemoveWatch: libc.func('inotify_rm_watch', 'int', ['int', 'int']),
  read: libc.func('read', 'long', ['int', 'void *', 'size_t']),
};

/** Makes a FIFO. Throws SystemError (EEXIST). */
export function makeFifo(path: string, mode: number): void {
  checked('mkfifo', native.mkfifo(path, mode) as number, path);
}

/** A new set of watched directories. */
export function createInotify(): number {
  return checked('inotify_init1', native.inotifyInit(IN_NONBLOCK | IN_CLOEXEC) as number);
}

/** Watches a directory for files that are written and closed, moved in, moved out or deleted. The watch's number. Throws SystemError (ENOENT). */
export function watchDirectory(fd: number, path: string): number {
  const mask = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
  return checked('inotify_add_watch', native.inotifyAddWatch(fd, path, mask) as number, path);
}

export function unwatchDirectory(fd: number, watch: number): void {
  native.inotifyRemoveWatch(fd, watch);
}

/** What has changed, each name once; `watch` -1 means that notices were lost. */
export function readInotify(fd: number): { readonly watch: number; readonly name: string }[] {
  const buffer = new Uint8Array(BUFFER_LENGTH);
  const seen = new Map<string, { watch: number; name: string }>();
  for (;;) {
    const length = native.read(fd, buffer, buffer.length) as number;
    if (length < 0) {
      const errno = lastErrno();
      if (errno === EAGAIN) return [...seen.values()];
      if (errno === EINTR) continue;
      throw new SystemError('read', errno, 'inotify');
    }
    const view = viewOf(buffer);
    for (let at = 0; at + EVENT_HEADER_LENGTH <= length; ) {
      const size = view.getUint32(at + 12, HOST_IS_LITTLE_ENDIAN);
      const bytes = buffer.subarray(at + EVENT_HEADER_LENGTH, at + EVENT_HEADER_LENGTH + size);
      const name = new TextDecoder().decode(bytes.subarray(0, Math.max(0, bytes.indexOf(0))));
      const overflow = (view.getUint32(at + 4, HOST_IS_LITTLE_ENDIAN) & IN_Q_OVERFLOW) !== 0;
      const watch = overflow ? -1 : view.getInt32(at, HOST_IS_LITTLE_ENDIAN);
      seen.set(`${watch} ${name}`, { watch, name });
      at += EVENT_HEADER_LENGTH + size;
    }
  }
}
