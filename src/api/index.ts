/** The daemon's interface for programs: schemas, routes and the client. */
export { ApiClient, ConnectionError, DEFAULT_SOCKET } from './client.ts';
export {
  connectionFromJson,
  type DrainReport,
  type DrainRequest,
  realServerToJson,
  serverKeyToJson,
  serviceKeyToJson,
  serviceStatusFromJson,
  settingsToJson,
  timeoutsFromJson,
  timeoutsToJson,
  virtualServiceToJson,
} from './convert.ts';
export {
  type DrainJson,
  NO_VRRP_STATUS,
  type RouterStatusReport,
  type ServiceHealthReport,
  STATUS_SCHEMA_VERSION,
  type StatusReport,
  type TableChange,
  type TraceAnswer,
  type TraceRequest,
  type VrrpStatusReport,
} from './schema.ts';
export { type ApiBackend, createApi, listen } from './server.ts';
