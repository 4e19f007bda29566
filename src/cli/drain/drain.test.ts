import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DrainJson } from '../../api/index.ts';
import { runDrain } from './index.ts';

const SERVICE = { kind: 'address', protocol: 'tcp', address: '10.0.0.9', port: 80 } as const;
const SERVER = { address: '10.0.0.1', port: 80 };
const drain = (state: DrainJson['state'], active: number, secondsLeft?: number): DrainJson => ({
  service: SERVICE,
  server: SERVER,
  state,
  activeConnections: active,
  inactiveConnections: 1,
  ...(secondsLeft !== undefined && { secondsLeft }),
});

describe('vipwright drain', () => {
  const directory = mkdtempSync(join(tmpdir(), 'vipwright-drain-'));
  const socket = join(directory, 'daemon.sock');
  let daemon: Server;
  let requests: unknown[] = [];
  /** What the daemon answers, one after another. */
  let answers: DrainJson[][] = [];

  beforeAll(async () => {
    daemon = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.method === 'POST') requests.push(JSON.parse(Buffer.concat(chunks).toString()));
        const isUnknown = request.method === 'POST' && Buffer.concat(chunks).includes('10.0.0.99');
        response.statusCode = isUnknown ? 404 : 200;
        const drains = request.method === 'GET' ? answers.shift() : [];
        response.end(JSON.stringify(isUnknown ? { error: { code: 'no-such-server', message: 'no such server' } } : { drains }));
      });
    });
    await new Promise<void>((resolve) => void daemon.listen(socket, resolve));
  });
  afterAll(() => {
    daemon.close();
    rmSync(directory, { recursive: true });
  });
  beforeEach(() => {
    requests = [];
  });

  async function run(service: string, server: string, options: { deadline?: string; restore?: true; json?: true; wait?: boolean } = {}) {
    const said: string[] = [];
    const io = { out: (text: string) => void said.push(text.trimEnd()), err: (text: string) => void said.push(text.trimEnd()) };
    const status = await runDrain(service, server, { wait: true, socket, ...options }, { ...io, sleep: async () => undefined });
    return { status, said };
  }

  it('follows the connections until the deadline', async () => {
    answers = [[drain('draining', 3, 59.5)], [drain('draining', 2, 1)], [drain('ended', 0)]];
    expect(await run('10.0.0.9:80', '10.0.0.1:80', { deadline: '1m' })).toEqual({
      status: 0,
      said: [
        '10.0.0.1:80 has 3 active and 1 inactive connections, 60 s left',
        '10.0.0.1:80 has 2 active and 1 inactive connections, 1 s left',
        '10.0.0.1:80: the deadline has come, its connections were ended (0 active and 1 inactive connections now)',
      ],
    });
    expect(requests).toEqual([{ service: SERVICE, server: SERVER, deadlineSeconds: 60 }]);
  });

  it('tells the end as JSON, and does not wait where it need not', async () => {
    answers = [[drain('draining', 3)], [drain('empty', 0)]];
    expect(await run('10.0.0.9:80/tcp', '10.0.0.1:80', { json: true })).toEqual({ status: 0, said: [JSON.stringify(drain('empty', 0))] });
    answers = [[drain('draining', 3)]];
    expect((await run('10.0.0.9:80', '10.0.0.1:80', { wait: false })).said).toEqual([
      '10.0.0.1:80 has 3 active and 1 inactive connections',
    ]);
  });

  it('gives a server back', async () => {
    expect(await run('10.0.0.9:80', '10.0.0.1:80', { restore: true })).toEqual({
      status: 0,
      said: ['10.0.0.1:80 takes connections again'],
    });
    expect(requests).toEqual([{ service: SERVICE, server: SERVER, restore: true }]);
  });

  it.each([
    ['10.0.0.9', '10.0.0.1:80', {}, 2, /'10.0.0.9' is not understood/],
    ['10.0.0.9:80/dccp', '10.0.0.1:80', {}, 2, /dccp/],
    ['10.0.0.9:80', '10.0.0.1:70000', {}, 2, /'10.0.0.1:70000'/],
    ['10.0.0.9:80', '10.0.0.1:80', { deadline: 'soon' }, 2, /'soon'/],
    ['10.0.0.9:80', '10.0.0.99:80', {}, 1, /no such server/],
  ])('%s %s is refused', async (service, server, options, status, message) => {
    const result = await run(service, server, options);
    expect([result.status, result.said.join()]).toEqual([status, expect.stringMatching(message)]);
  });
});
