/** Reference schedulers, identical to the kernel's, and what the packet path needs to run them by itself. Pure. */
export { ACTIVE_COST } from './cost.ts';
export { usesFlags } from './flags.ts';
export type { SlotHash } from './hashed.ts';
export { type PathDescription, PathSchedule, type ScanRule } from './path.ts';
export { makeScheduler } from './registry.ts';
export type { SchedulableServer, ScheduleRequest, Scheduler, SchedulerOptions } from './scheduler.ts';
export {
  DEFAULT_SLOT_LIMIT,
  type ServerChange,
  SLOT_SCHEDULERS,
  type SlotList,
  SlotSchedule,
  type SlotScheduler,
} from './slots.ts';
