/** Where a packet would go, and why: asked of a copy of the packet path, so that nothing changes by it. */
export { TraceDesk } from './desk.ts';
export { REASONS } from './reasons.ts';
export type { TracePort } from './tracer.ts';
