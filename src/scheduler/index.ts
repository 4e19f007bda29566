/** Reference schedulers, identical to the kernel's, and the slot lists that the packet path walks. Pure. */
export { SCHEDULERS } from './registry.ts';
export { RrScheduler } from './rr.ts';
export { isUsable, type SchedulableServer, type ScheduleRequest, type Scheduler, type SchedulerFactory } from './scheduler.ts';
export {
  DEFAULT_SLOT_LIMIT,
  expandRr,
  expandWrr,
  type ServerChange,
  SLOT_SCHEDULERS,
  type SlotList,
  SlotSchedule,
  type SlotScheduler,
  type WrrSlotList,
} from './slots.ts';
export { type WrrPosition, WrrScheduler, wrrChanged, wrrInitial } from './wrr.ts';
