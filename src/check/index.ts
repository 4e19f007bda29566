/** Health checks: the schedule and the dialogues. Pure; `src/daemon/checks` gives them sockets and a clock. */
export { type CheckCounts, CheckEngine, type CheckEngineOptions } from './engine.ts';
export type { CheckEffect, CheckEvent, OpenConnection, ProgramEnd } from './events.ts';
export type { CheckedServerSnapshot, CheckSnapshot } from './snapshot.ts';
