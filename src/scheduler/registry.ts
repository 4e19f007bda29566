/** The schedulers this version can run. A further scheduler is one file and one line here. */
import type { SchedulerName } from '../model/index.ts';
import { RrScheduler } from './rr.ts';
import type { SchedulerFactory } from './scheduler.ts';
import { WrrScheduler } from './wrr.ts';

export const SCHEDULERS: ReadonlyMap<SchedulerName, SchedulerFactory> = new Map<SchedulerName, SchedulerFactory>([
  ['rr', (servers) => new RrScheduler(servers)],
  ['wrr', (servers) => new WrrScheduler(servers)],
]);
