/** Files that are watched, and FIFOs. */
export { FifoWriter } from './fifo.ts';
export { FileWatcher } from './watcher.ts';
