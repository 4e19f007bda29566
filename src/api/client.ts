/** The other end of the daemon's door, for the command line. */
import { request } from 'node:http';
import type { z } from 'zod';
import { DataPlaneError, type DataPlaneErrorCode } from '../ports/index.ts';
import {
  connectionsSchema,
  type DrainRequestJson,
  drainsSchema,
  errorSchema,
  type StatusReport,
  statusSchema,
  type TableChange,
  type TraceAnswer,
  type TraceRequest,
  tablesSchema,
  timeoutsSchema,
  traceReportSchema,
} from './schema.ts';

/** Where the daemon listens unless told otherwise. */
export const DEFAULT_SOCKET = '/run/vipwright/vipwright.sock';

/** Nobody answers: `absent` when there is no socket, as before a start and after a stop; `failed` when there is one all the same. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly reason: 'absent' | 'permission' | 'failed';

  constructor(reason: 'absent' | 'permission' | 'failed', message: string) {
    super(message);
    this.reason = reason;
  }
}

const TIMEOUT_MS = 10_000;

export class ApiClient {
  private readonly socketPath: string;

  constructor(socketPath: string = DEFAULT_SOCKET) {
    this.socketPath = socketPath;
  }

  status(): Promise<StatusReport> {
    return this.get('/v1/status', statusSchema);
  }

  tables(): Promise<z.infer<typeof tablesSchema>> {
    return this.get('/v1/tables', tablesSchema);
  }

  connections(): Promise<z.infer<typeof connectionsSchema>> {
    return this.get('/v1/connections', connectionsSchema);
  }

  timeouts(): Promise<z.infer<typeof timeoutsSchema>> {
    return this.get('/v1/timeouts', timeoutsSchema);
  }

  /** Changes the tables; the data plane's refusal comes back as the DataPlaneError that it threw. */
  async change(change: TableChange): Promise<void> {
    await this.call('POST', '/v1/tables', change);
  }

  /** Drains a real server, or gives it back. */
  async requestDrain(request: DrainRequestJson): Promise<void> {
    await this.call('POST', '/v1/drains', request);
  }

  /** Every drain there is, with the connections that are left. */
  drains(): Promise<z.infer<typeof drainsSchema>> {
    return this.get('/v1/drains', drainsSchema);
  }

  /** Where a packet would go; changes nothing. */
  async trace(request: TraceRequest): Promise<TraceAnswer> {
    return traceReportSchema.parse(await this.call('POST', '/v1/trace', request));
  }

  private async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return schema.parse(await this.call('GET', path));
  }

  private async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, text } = await exchange(this.socketPath, method, path, body);
    const json: unknown = JSON.parse(text);
    if (status < 400) return json;
    const { error } = errorSchema.parse(json);
    throw new DataPlaneError(error.code as DataPlaneErrorCode, error.message);
  }
}

function exchange(socketPath: string, method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const call = request({ socketPath, method, path, headers, timeout: TIMEOUT_MS }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      answer.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new ConnectionError('failed', `the daemon did not answer within ${TIMEOUT_MS / 1000} s`)));
    call.on('error', (error: NodeJS.ErrnoException) => reject(explain(error, socketPath)));
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function explain(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error instanceof ConnectionError) return error;
  if (error.code === 'ENOENT') return new ConnectionError('absent', `vipwrightd is not running here (there is no ${socketPath})`);
  // The socket of a director that was killed: it is being started again, and the packet path goes on meanwhile.
  if (error.code === 'ECONNREFUSED')
    return new ConnectionError('failed', `nobody answers on ${socketPath}: vipwrightd is starting again, or was killed`);
  if (error.code === 'EACCES') return new ConnectionError('permission', `you may not open ${socketPath}: run this as root`);
  return new ConnectionError('failed', `talking to ${socketPath} failed: ${error.message}`);
}
