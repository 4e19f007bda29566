/** The daemon's interface for programs: schemas, routes and the client. */
export { ApiClient, ConnectionError, DEFAULT_SOCKET } from './client.ts';
export {
  connectionFromJson,
  realServerToJson,
  serverKeyToJson,
  serviceKeyToJson,
  serviceStatusFromJson,
  timeoutsFromJson,
  timeoutsToJson,
  virtualServiceToJson,
} from './convert.ts';
export {
  type RouterStatusReport,
  type ServiceHealthReport,
  type StatusReport,
  statusSchema,
  type TableChange,
  type VrrpStatusReport,
} from './schema.ts';
export { type ApiBackend, createApi, listen } from './server.ts';
