/** What the pure part asks of the world: interfaces and their error types only. */
export type { Clock } from './clock.ts';
export {
  type ConnectionStatus,
  type Counters,
  type DataPlane,
  DataPlaneError,
  type DataPlaneErrorCode,
  type LocalEndpoint,
  type Rates,
  type ServerStatus,
  type ServiceStatus,
} from './data-plane.ts';
export type { Logger, LogLevel } from './logger.ts';
export type {
  TraceCandidate,
  TraceFate,
  TraceFlag,
  TraceFlow,
  TraceReason,
  TraceReport,
} from './trace.ts';
