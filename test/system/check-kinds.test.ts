/**
 * Each kind of check over real sockets on loopback: mail, TLS, name, datagram and echo servers that answer, lie and keep silent, and
 * programs. Ports are ephemeral. Root is needed for echo sockets only.
 */
import { execFileSync } from 'node:child_process';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { IpAddress, millis } from '../../src/base/index.ts';
import { CheckEngine } from '../../src/check/index.ts';
import { CheckShell, monotonicClock } from '../../src/daemon/checks/index.ts';
import type { Check, CheckedService, CheckTiming, ServerVerdict, TrackFile } from '../../src/model/index.ts';

const TIMING: CheckTiming = {
  delayLoop: millis(200),
  connectTimeout: millis(400),
  retry: 0,
  delayBeforeRetry: millis(20),
  warmup: 0,
  alpha: false,
  logAllFailures: false,
};
const LOOPBACK = IpAddress.parse('127.0.0.1') as IpAddress;
const LOOPBACK6 = IpAddress.parse('::1') as IpAddress;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function service(check: Check): CheckedService {
  return {
    key: { kind: 'address', protocol: 'tcp', address: IpAddress.parse('192.0.2.1') as IpAddress, port: 80 },
    scheduler: 'rr',
    schedulerFlags: [],
    onePacket: false,
    quorum: 1,
    hysteresis: 0,
    alpha: false,
    sorryServerInhibit: false,
    omega: false,
    haSuspend: false,
    smtpAlert: false,
    servers: [
      {
        address: LOOPBACK,
        port: 80,
        method: 'dr',
        weight: 1,
        upperThreshold: 0,
        lowerThreshold: 0,
        checks: [check],
        inhibitOnFailure: false,
        alpha: false,
        smtpAlert: false,
      },
    ],
  };
}

/** Runs a check for real and gives its verdicts one after the other. */
function run(check: Check, trackFiles: readonly TrackFile[] = []): () => Promise<ServerVerdict> {
  const verdicts: ServerVerdict[] = [];
  let wake = (): void => {};
  const shell = new CheckShell({
    engine: new CheckEngine({}, 7),
    clock: monotonicClock,
    report: (reports) => {
      for (const report of reports) if (report.type === 'verdict') verdicts.push(report.verdict);
      wake();
    },
  });
  cleanups.push(() => shell.stop());
  shell.configure([service(check)], trackFiles);
  return async () => {
    while (verdicts.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return verdicts.shift() as ServerVerdict;
  };
}

/** The first verdict: `up`, or why not. */
async function judge(check: Check): Promise<string> {
  const { state, reason } = await run(check)();
  return state === 'up' ? 'up' : reason;
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server for datagrams; it answers with what `reply` gives. */
async function datagrams(reply: (bytes: Buffer) => Uint8Array | undefined): Promise<{ port: number; socket: Socket }> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, from: RemoteInfo) => {
    const answer = reply(bytes);
    if (answer) socket.send(answer, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let open = true;
  socket.on('close', () => {
    open = false;
  });
  cleanups.push(() => {
    if (open) socket.close();
  });
  return { port: socket.address().port, socket };
}

const target = (port: number) => ({ address: LOOPBACK, port, mark: 0 });

describe('SMTP_CHECK', () => {
  const check = (port: number): Check => ({ kind: 'smtp', ...TIMING, target: target(port), heloName: 'lb1' });
  /** Answers in the order of `replies`: greeting first. */
  const relay = (...replies: string[]) => {
    const heard: string[] = [];
    const server = createServer((socket) => {
      const rest = [...replies];
      const say = () => {
        const text = rest.shift();
        if (text !== undefined) socket.write(text);
      };
      say();
      socket.on('data', (bytes) => {
        heard.push(String(bytes));
        say();
      });
    });
    return { server, heard };
  };

  it('holds the talk that a mail server expects', async () => {
    const { server, heard } = relay('220-hello\r\n220 ready\r\n', '250 fine\r\n', '221 bye\r\n');
    expect(await judge(check(await listen(server)))).toBe('up');
    expect(heard.slice(0, 2)).toEqual(['HELO lb1\r\n', 'QUIT\r\n']);
  });

  it('finds servers that refuse, keep silent or are not there', async () => {
    expect(await judge(check(await listen(relay('554 no\r\n').server)))).toContain('code 554 to greeting');
    expect(await judge(check(await listen(relay().server)))).toContain('no answer to greeting in time');
    const server = createServer();
    const port = await listen(server);
    server.close();
    expect(await judge(check(port))).toContain('connection refused');
  });
});

describe('SSL_GET', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vipwright-tls-'));
  const key = join(folder, 'key.pem');
  const cert = join(folder, 'cert.pem');
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '1',
      '-subj',
      '/CN=nobody',
    ],
    { stdio: 'ignore' },
  );
  const material = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });

  const check = (port: number, tls: Extract<Check, { kind: 'http' }>['tls'] = {}): Check => ({
    kind: 'http',
    ...TIMING,
    target: target(port),
    urls: [{ path: '/', statusCodes: [{ from: 200, to: 200 }] }],
    httpVersion: '1.0',
    connectionClose: false,
    fastRecovery: true,
    tls,
  });
  const names: unknown[] = [];
  const web = (options: TlsOptions = {}) =>
    createTlsServer({ ...material, ...options }, (socket) => {
      names.push((socket as TLSSocket & { readonly servername?: unknown }).servername);
      socket.on('data', () => socket.end('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
      socket.on('error', () => {});
    });

  it('speaks TLS with a server whose certificate nobody vouches for, and names it where asked', async () => {
    const port = await listen(web());
    expect(await judge(check(port))).toBe('up');
    expect(names.splice(0)).toContain(false);
    expect(await judge(check(port, { serverName: 'www.example.com' }))).toBe('up');
    expect(names.splice(0)).toContain('www.example.com');
  });

  it('fails with a server that speaks no TLS, and when its own material is not there', async () => {
    expect(await judge(check(await listen(createServer((socket) => void socket.end('HTTP/1.0 200 OK\r\n\r\n')))))).toMatch(
      /^SSL_CHECK failed/,
    );
    expect(await judge(check(await listen(web()), { certificateFile: '/nowhere/cert.pem' }))).toContain('/nowhere/cert.pem: ENOENT');
  });
});

describe('DNS_CHECK', () => {
  const check = (port: number): Check => ({ kind: 'dns', ...TIMING, target: target(port), queryType: 'A', queryName: 'www.example.com' });
  const answering = (code: number) =>
    datagrams((query) => {
      const reply = Buffer.from(query);
      reply.writeUInt16BE(0x8180 | code, 2);
      return reply;
    });

  it('is content with any answer, and not with an error or silence', async () => {
    expect(await judge(check((await answering(0)).port))).toBe('up');
    expect(await judge(check((await answering(2)).port))).toContain('server failure');
    expect(await judge(check((await datagrams(() => undefined)).port))).toContain('no answer in time');
  });
});

describe('UDP_CHECK', () => {
  const check = (port: number, changes: Partial<Extract<Check, { kind: 'udp' }>> = {}): Check => ({
    kind: 'udp',
    ...TIMING,
    target: target(port),
    requireReply: false,
    minReplyLength: 0,
    maxReplyLength: 255,
    ...changes,
  });

  it('takes silence for life, a refused datagram for death, and a reply for what it says', async () => {
    const { port, socket } = await datagrams((bytes) => (bytes.length === 3 ? Uint8Array.of(1, 2) : undefined));
    const payload = Uint8Array.of(1, 2, 3);
    const [quiet, required, good, bad] = await Promise.all([
      judge(check(port)),
      judge(check(port, { requireReply: true })),
      judge(check(port, { payload, requireReply: true, reply: { bytes: Uint8Array.of(1), mask: Uint8Array.of(255) } })),
      judge(check(port, { payload, minReplyLength: 3 })),
    ]);
    expect([quiet, required, good, bad]).toEqual([
      'up',
      'UDP_CHECK failed: no reply in time',
      'up',
      'UDP_CHECK failed: a reply of 2 bytes',
    ]);
    socket.close();
    await once(socket, 'close');
    expect(await judge(check(port))).toBe('UDP_CHECK failed: connection refused');
  });
});

describe('PING_CHECK', () => {
  const check = (address: IpAddress): Check => ({ kind: 'ping', ...TIMING, target: { address, port: 0, mark: 0 } });

  it('hears this host, in both families', async () => {
    expect(await judge(check(LOOPBACK))).toBe('up');
    expect(await judge(check(LOOPBACK6))).toBe('up');
  });

  it('does not hear an address of loopback that is not there', async () => {
    // 240.0.0.0/4 is nobody's (RFC 1112).
    expect(await judge(check(IpAddress.parse('240.0.0.1') as IpAddress))).toMatch(/^PING_CHECK failed: /);
  });
});

describe('MISC_CHECK', () => {
  const check = (argv: readonly string[], changes: Partial<Extract<Check, { kind: 'misc' }>> = {}): Check => ({
    kind: 'misc',
    ...TIMING,
    command: { argv },
    timeout: millis(2000),
    dynamic: false,
    ...changes,
  });

  it('goes by the exit status', async () => {
    expect(await judge(check(['/bin/true']))).toBe('up');
    expect(await judge(check(['/bin/false']))).toContain('exited with status 1');
    expect(await judge(check(['/nowhere/program']))).toContain('could not be started');
    expect(await judge(check(['/bin/sh', '-c', 'kill -9 $$']))).toContain('ended by SIGKILL');
    expect(await judge(check(['/bin/sleep', '30'], { timeout: millis(100) }))).toContain('timed out');
  });

  it('sets the weight', async () => {
    expect(await run(check(['/bin/sh', '-c', 'exit 42'], { dynamic: true }))()).toMatchObject({ state: 'up', weight: 40 });
  });

  it('leaves no program behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vipwright-misc-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'pid');
    expect(await judge(check(['/bin/sh', '-c', `echo $$ > ${file}; exec sleep 30`], { timeout: millis(500) }))).toContain('timed out');
    const pid = Number(readFileSync(file, 'utf8'));
    for (let alive = true; alive; ) {
      try {
        process.kill(pid, 0);
        await new Promise((resolve) => setTimeout(resolve, 20));
      } catch {
        alive = false;
      }
    }
  });
});

describe('FILE_CHECK', () => {
  it('follows the number in a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vipwright-number-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'load');
    writeFileSync(path, '4\n');
    const weight = { weight: 1, reverse: false };
    const next = run({ kind: 'file', trackFile: 'load', weight }, [{ name: 'load', path, weight }]);
    expect(await next()).toMatchObject({ state: 'up', weight: 5 });
    writeFileSync(path, '7\n');
    expect(await next()).toMatchObject({ state: 'up', weight: 8 });
  });
});
