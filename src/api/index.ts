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
export type {
  RouterStatusReport,
  ServiceHealthReport,
  StatusReport,
  TableChange,
  VrrpStatusReport,
} from './schema.ts';
export { type ApiBackend, createApi, listen } from './server.ts';
