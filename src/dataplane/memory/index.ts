/** The in-memory data plane, and the table rules on their own. Pure. */
export { type DropReason, MemoryDataPlane, type Packet, type Verdict } from './plane.ts';
export type { TcpFlags } from './states.ts';
export { TableStore } from './table.ts';
