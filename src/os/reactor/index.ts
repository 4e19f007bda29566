/** Event loops over descriptors: one that blocks a worker thread, one beside Node's own loop; and the monotonic clock they run on. */
export { monotonicNow, startThreadPool } from '../ffi/index.ts';
export { AsyncPoller } from './async-poller.ts';
export type { ClockReading, Pause } from './pause-detector.ts';
export { Reactor, type ReactorOptions, type ReactorTimer, wakeReactor } from './reactor.ts';
