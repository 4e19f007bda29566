/** FIFOs for notices: a reader that is slow, or not there, must never stop the writer. */
import { chownSync, closeSync, constants, openSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { makeFifo, SystemError } from '../ffi/index.ts';

/** As keepalived makes them. */
const MODE = 0o644;

export class FifoWriter {
  readonly path: string;
  private readonly fd: number;
  private readonly made: boolean;

  /** Makes the FIFO unless it is there. Throws SystemError or Node's error, and Error when the path is something else. */
  constructor(path: string, owner: { readonly uid?: number; readonly gid?: number } = {}) {
    this.path = path;
    this.made = makeUnlessThere(path);
    if (!statSync(path).isFIFO()) throw new Error(`${path} is not a FIFO`);
    if (owner.uid !== undefined || owner.gid !== undefined) chownSync(path, owner.uid ?? 0, owner.gid ?? 0);
    // Open for reading as well: a writer alone could not open it before the reader, and would get SIGPIPE after it.
    this.fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  }

  /** False when the FIFO is full: the line is lost. */
  write(line: string): boolean {
    try {
      writeSync(this.fd, line);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      return false;
    }
  }

  /** Closes it, and removes it if it was made here. */
  close(): void {
    closeSync(this.fd);
    if (this.made) unlinkSync(this.path);
  }
}

function makeUnlessThere(path: string): boolean {
  try {
    makeFifo(path, MODE);
    return true;
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'EEXIST') throw error;
    return false;
  }
}
