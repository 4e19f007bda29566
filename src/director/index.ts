/** Verdicts, quorum and overrides become the tables we want. Pure; the daemon gives them to a data plane. */
export { type DrainEffect, Drains, type DrainTarget } from './drains.ts';
export { DirectorEngine, type DirectorEngineOptions } from './engine.ts';
export type { DirectorEffect, DirectorEvent } from './events.ts';
export { composeGroupMail, composeRouterMail, type Mail, type RouterMailState } from './mail.ts';
export type { QuorumState, ServerHealth, ServerSnapshot, ServiceSnapshot } from './snapshot.ts';
export type { NoticePolicy } from './voice.ts';
