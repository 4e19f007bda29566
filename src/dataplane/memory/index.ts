/** The in-memory data plane, and on their own the rules that it shares with the packet path: tables and state machines. Pure. */
export { type DefenceLevel, defenceLevel, isOn, type Supply } from './defence-level.ts';
export { DIRECTIONS, type Direction } from './directions.ts';
export { EstimatorClock } from './meter.ts';
export { MemoryDataPlane } from './plane.ts';
export {
  isActiveSctpState,
  nextSctpState,
  SCTP_EVENTS,
  SCTP_STATES,
  type SctpEvent,
  type SctpState,
  sctpTimeout,
} from './sctp-states.ts';
export { type ServerEntry, type ServiceEntry, TableStore } from './table.ts';
export { isActiveTcpState, nextTcpState, TCP_EVENTS, TCP_STATES, type TcpFlags, type TcpState, tcpTimeout } from './tcp-states.ts';
export type { DropReason, Packet, Verdict } from './traffic.ts';
