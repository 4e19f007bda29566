/** The daemon's door: HTTP with JSON on a unix socket that only root may open. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { type DataPlane, DataPlaneError, type DataPlaneErrorCode, type TraceFlow, type TraceReport } from '../ports/index.ts';
import {
  AddressError,
  connectionToJson,
  type DrainReport,
  type DrainRequest,
  drainRequestFromJson,
  drainToJson,
  realServerFromJson,
  serverKeyFromJson,
  serviceKeyFromJson,
  serviceStatusToJson,
  timeoutsFromJson,
  timeoutsToJson,
  traceFlowFromJson,
  virtualServiceFromJson,
} from './convert.ts';
import { drainRequestSchema, type StatusReport, type TableChange, tableChangeSchema, traceRequestSchema } from './schema.ts';

/** What the daemon offers to its door. */
export interface ApiBackend {
  status(): Promise<StatusReport>;
  readonly dataPlane: DataPlane;
  /** Where a packet would go. Rejects with DataPlaneError, `unsupported` where nothing forwards packets. */
  trace(flow: TraceFlow): Promise<TraceReport>;
  /** Throws DataPlaneError `no-such-server` for a server that the configuration does not have. */
  drain(request: DrainRequest): DrainReport;
  drains(): DrainReport;
}

/** A listing is for people and scripts, not for copying a table of millions: it stops here. */
const CONNECTIONS_LISTED_MAX = 100_000;

/** Status codes for the data plane's refusals. */
const HTTP_STATUS: Record<DataPlaneErrorCode, 400 | 403 | 404 | 409 | 500 | 507> = {
  'service-exists': 409,
  'server-exists': 409,
  'no-such-service': 404,
  'no-such-server': 404,
  'unknown-scheduler': 404,
  invalid: 400,
  'out-of-range': 400,
  unsupported: 400,
  full: 507,
  permission: 403,
  failed: 500,
};

/** The routes, without a listener: also what the tests call. */
export function createApi(backend: ApiBackend): Hono {
  const app = new Hono();
  const plane = () => backend.dataPlane;
  app.get('/v1/status', async (c) => c.json(await backend.status()));
  app.get('/v1/tables', (c) => c.json({ tableSize: plane().tableSize, services: plane().services().map(serviceStatusToJson) }));
  app.get('/v1/timeouts', (c) => c.json(timeoutsToJson(plane().timeouts())));
  app.get('/v1/connections', (c) => {
    const connections = [];
    for (const connection of plane().connections()) {
      if (connections.length >= CONNECTIONS_LISTED_MAX) break;
      connections.push(connectionToJson(connection));
    }
    return c.json({ connections });
  });
  app.post('/v1/tables', async (c) => {
    const change = tableChangeSchema.safeParse(await c.req.json().catch(() => undefined));
    if (!change.success) return c.json({ error: { code: 'bad-request', message: change.error.message } }, 400);
    applyChange(plane(), change.data);
    return c.json({});
  });
  app.post('/v1/trace', async (c) => {
    const flow = traceRequestSchema.safeParse(await c.req.json().catch(() => undefined));
    if (!flow.success) return c.json({ error: { code: 'bad-request', message: flow.error.message } }, 400);
    return c.json(await backend.trace(traceFlowFromJson(flow.data)));
  });
  app.get('/v1/drains', (c) => c.json({ drains: backend.drains().map(drainToJson) }));
  app.post('/v1/drains', async (c) => {
    const request = drainRequestSchema.safeParse(await c.req.json().catch(() => undefined));
    if (!request.success) return c.json({ error: { code: 'bad-request', message: request.error.message } }, 400);
    return c.json({ drains: backend.drain(drainRequestFromJson(request.data)).map(drainToJson) });
  });
  app.notFound((c) => c.json({ error: { code: 'not-found', message: `there is nothing at ${c.req.path}` } }, 404));
  app.onError((error, c) => {
    if (error instanceof DataPlaneError) return c.json({ error: { code: error.code, message: error.message } }, HTTP_STATUS[error.code]);
    const status = error instanceof AddressError ? 400 : 500;
    return c.json({ error: { code: status === 400 ? 'bad-request' : 'internal', message: error.message } }, status);
  });
  return app;
}

function applyChange(plane: DataPlane, change: TableChange): void {
  switch (change.operation) {
    case 'add-service':
      return plane.addService(virtualServiceFromJson(change.service));
    case 'edit-service':
      return plane.editService(virtualServiceFromJson(change.service));
    case 'delete-service':
      return plane.deleteService(serviceKeyFromJson(change.key));
    case 'add-server':
      return plane.addServer(serviceKeyFromJson(change.key), realServerFromJson(change.server));
    case 'edit-server':
      return plane.editServer(serviceKeyFromJson(change.key), realServerFromJson(change.server));
    case 'delete-server':
      return plane.deleteServer(serviceKeyFromJson(change.key), serverKeyFromJson(change.server));
    case 'flush':
      return plane.flush();
    case 'zero':
      return plane.zero(change.key && serviceKeyFromJson(change.key));
    case 'set-timeouts':
      return plane.setTimeouts(timeoutsFromJson(change.timeouts));
  }
}

/**
 * Listens on a unix socket, replacing a socket file that a dead process left. The caller holds the instance lock, so nobody alive owns it.
 */
export async function listen(app: Hono, socketPath: string): Promise<Server> {
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o755 });
  rmSync(socketPath, { force: true });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  // A socket file is made with the process's umask; 0600 closes the moment in which others could connect.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, resolve);
    });
  } finally {
    process.umask(umask);
  }
  chmodSync(socketPath, 0o600);
  return server;
}
