/** The in-memory data plane, and the table rules on their own. Pure. */

export { EstimatorClock } from './meter.ts';
export { type DropReason, MemoryDataPlane, type Packet, type Verdict } from './plane.ts';
export { isActiveTcpState, nextTcpState, type TcpFlags, type TcpState, tcpTimeout } from './states.ts';
export { type ServerEntry, type ServiceEntry, TableStore } from './table.ts';
