/**
 * Checks, director engine and alert mail together, over real sockets on loopback: web servers that live, die, stall and lie,
 * and a mail relay that comes and goes. Ports are ephemeral and nothing needs privileges.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createWebServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { IpAddress, millis, seconds } from '../../src/base/index.ts';
import { CheckEngine } from '../../src/check/index.ts';
import { CheckShell, monotonicClock } from '../../src/daemon/checks/index.ts';
import { MailSender } from '../../src/daemon/mail/index.ts';
import { DirectorEngine, type Mail } from '../../src/director/index.ts';
import type { Check, CheckedService, MailSettings, ServiceKey, ServiceTable } from '../../src/model/index.ts';

const LOOPBACK = IpAddress.parse('127.0.0.1') as IpAddress;
const TIMING = {
  delayLoop: millis(100),
  connectTimeout: millis(500),
  retry: 2,
  delayBeforeRetry: millis(50),
  warmup: 0,
  alpha: false,
  logAllFailures: false,
};

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Listens on loopback and goes away, connections and all, at the end of the test. */
async function listen(server: Server, port = 0): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  cleanups.push(close);
  return { port: (server.address() as AddressInfo).port, close };
}

const web = (handler: RequestListener, port?: number) => listen(createWebServer(handler), port);

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const { port, close } = await listen(createServer());
  await close();
  return port;
}

type TargetCheck = Extract<Check, { kind: 'http' | 'tcp' }>;

function httpCheck(port: number, url: { digest?: string } = {}): TargetCheck {
  const urls = [{ path: '/', statusCodes: [{ from: 200, to: 200 }], ...url }];
  return {
    kind: 'http',
    target: { address: LOOPBACK, port, mark: 0 },
    urls,
    httpVersion: '1.0',
    connectionClose: false,
    fastRecovery: true,
    ...TIMING,
  };
}

function tcpCheck(port: number): TargetCheck {
  return { kind: 'tcp', target: { address: LOOPBACK, port, mark: 0 }, ...TIMING };
}

function service(checks: readonly TargetCheck[]): CheckedService {
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
    servers: checks.map((check) => ({
      address: check.target.address,
      port: check.target.port,
      method: 'dr',
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
      checks: [check],
      inhibitOnFailure: false,
      alpha: false,
      smtpAlert: true,
    })),
  };
}

const POLICY = { routerId: 'LB1', noCheckerMail: false, initialNotifies: false };

/** Shell and director, joined as the daemon joins them. */
class Node {
  tables: readonly ServiceTable[] = [];
  readonly logs: string[] = [];
  readonly mails: Mail[] = [];
  private readonly director = new DirectorEngine();
  private readonly shell = new CheckShell({
    engine: new CheckEngine(),
    clock: monotonicClock,
    report: (reports) => {
      for (const report of reports) {
        if (report.type === 'log') this.logs.push(report.message);
        else this.director.handle(report, monotonicClock.now());
      }
      this.perform();
    },
  });

  constructor() {
    cleanups.push(() => this.shell.stop());
  }

  configure(...services: CheckedService[]): void {
    this.director.handle({ type: 'configure', services, policy: POLICY }, monotonicClock.now());
    this.perform();
    this.shell.configure(services);
  }

  counts() {
    return this.shell.counts();
  }

  ports(): number[] {
    return (this.tables[0]?.servers ?? []).map((row) => row.port).sort((a, b) => a - b);
  }

  health(): string[] {
    return this.director.snapshot().flatMap((state) => state.servers.map((server) => server.health));
  }

  reasons(): (string | undefined)[] {
    return this.director.snapshot().flatMap((state) => state.servers.map((server) => server.lastChange?.reason));
  }

  private perform(): void {
    for (const effect of this.director.drain()) {
      if (effect.type === 'tables') this.tables = effect.tables;
      else if (effect.type === 'mail') this.mails.push(effect.mail);
      else if (effect.type === 'log') this.logs.push(effect.message);
    }
  }
}

const eventually = (assertion: () => void) => vi.waitFor(assertion, { timeout: 15_000, interval: 20 });

describe('checks over real sockets', () => {
  it('follow a web server that dies and returns', async () => {
    const requests: string[] = [];
    const one = await web((request, response) => {
      requests.push(`${request.method} ${request.url} ${request.httpVersion} ${request.headers['user-agent']} ${request.headers.host}`);
      response.end('<h1>RS1</h1>');
    });
    const two = await web((_request, response) => response.end('<h1>RS2</h1>'));
    const node = new Node();
    node.configure(service([httpCheck(one.port), httpCheck(two.port)]));
    const both = [one.port, two.port].sort((a, b) => a - b);
    await eventually(() => expect(node.ports()).toEqual(both));
    // Node's server takes an HTTP/1.0 request for 1.0 and reports it so.
    expect(requests[0]).toBe(`GET / 1.0 KeepAliveClient 127.0.0.1:${one.port}`);

    await one.close();
    await eventually(() => expect(node.ports()).toEqual([two.port]));
    expect(node.logs).toContain(`HTTP_CHECK on service [127.0.0.1]:tcp:${one.port} failed after 2 retries.`);
    await web((_request, response) => response.end('back'), one.port);
    await eventually(() => expect(node.ports()).toEqual(both));
    const about = `[LB1] Realserver [127.0.0.1]:tcp:${one.port} of virtual server [192.0.2.1]:tcp:80`;
    expect(node.mails.map((mail) => mail.subject)).toEqual([`${about} - DOWN`, `${about} - UP`]);
  });

  it('tell a refused port, a silent server, a wrong page, a wrong status, a liar and a half answer from a good one', async () => {
    const digest = createHash('md5').update('good').digest('hex');
    const silent = await listen(createServer(() => {}));
    const page = await web((_request, response) => response.end('bad'));
    const status = await web((_request, response) => response.writeHead(503).end());
    const liar = await listen(createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n')));
    const half = await listen(createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello')));
    const good = await web((_request, response) => response.end('good'));
    const refused = await deadPort();
    const node = new Node();
    node.configure(
      service([
        httpCheck(refused),
        httpCheck(silent.port),
        httpCheck(page.port, { digest }),
        httpCheck(status.port),
        httpCheck(liar.port),
        httpCheck(half.port),
        httpCheck(good.port, { digest }),
      ]),
    );
    await eventually(() => expect(node.health()).toEqual(['down', 'down', 'down', 'down', 'down', 'down', 'up']));
    const badDigest = createHash('md5').update('bad').digest('hex');
    expect(node.reasons()).toEqual([
      'HTTP_CHECK failed: connection refused',
      'HTTP_CHECK failed: no complete answer in time',
      `HTTP_CHECK failed: digest of / is ${badDigest}`,
      'HTTP_CHECK failed: status code 503 for /',
      'HTTP_CHECK failed: not an HTTP response',
      'HTTP_CHECK failed: connection closed early',
      'HTTP_CHECK succeeded',
    ]);
  });

  it('survive servers that reset connections', async () => {
    const rude = await listen(createServer((socket) => socket.resetAndDestroy()));
    const node = new Node();
    node.configure(service([httpCheck(rude.port)]));
    await eventually(() => expect(node.reasons()[0]).toContain('HTTP_CHECK failed: '));
    // Several rounds on, the process is alive and nothing is left open.
    const before = node.logs.length;
    await eventually(() => expect(node.logs.length).toBeGreaterThan(before + 3));
    expect(node.counts().openConnections).toBeLessThanOrEqual(1);
  });

  it('do not call a server late whose answer came while this process was held up', async () => {
    // A web server in a thread of its own answers while this one is busy.
    const thread = new Worker(
      `const { parentPort } = require('node:worker_threads');
       const server = require('node:http').createServer((_request, response) => response.end('ok'));
       server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
      { eval: true },
    );
    cleanups.push(async () => {
      await thread.terminate();
    });
    const [port] = (await once(thread, 'message')) as [number];
    const node = new Node();
    const check = { ...httpCheck(port), connectTimeout: millis(200), retry: 0 };
    node.configure(service([check]));
    await eventually(() => expect(node.health()).toEqual(['up']));
    let held = 0;
    while (held < 8) {
      await new Promise((resolve) => setImmediate(resolve));
      if (node.counts().openConnections === 0) continue;
      held++;
      const until = monotonicClock.now() + millis(300);
      while (monotonicClock.now() < until);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(node.logs.filter((line) => line.includes('Removing'))).toEqual([]);
  });

  it('run a thousand at once', async () => {
    let connections = 0;
    const server = await listen(createServer(() => connections++));
    const node = new Node();
    // One listener stands for a thousand servers; the delays differ by a microsecond each, so that no two checks are shared.
    const services = Array.from({ length: 1000 }, (_, i) => {
      const one = service([{ ...tcpCheck(server.port), connectTimeout: seconds(5), delayLoop: seconds(60) + i }]);
      return { ...one, key: { ...one.key, port: i + 1 } as ServiceKey };
    });
    node.configure(...services);
    await eventually(() => expect(node.health().filter((health) => health === 'up')).toHaveLength(1000));
    await eventually(() => expect(connections).toBe(1000));
    expect(node.counts()).toMatchObject({ servers: 1000, probes: 1000, openConnections: 0, waiting: 0 });
  });
});

/** A mail relay of the simplest kind: it takes everything, and keeps it. */
function relay(messages: string[], options: { esmtp?: boolean; refuse?: string } = {}): Server {
  return createServer((socket) => {
    let pending = '';
    let data = false;
    let envelope: string[] = [];
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.write('220 sink.example.com ready\r\n');
    socket.on('data', (text: string) => {
      pending += text;
      for (let end = pending.indexOf(data ? '\r\n.\r\n' : '\r\n'); end >= 0; end = pending.indexOf(data ? '\r\n.\r\n' : '\r\n')) {
        const part = pending.slice(0, end);
        pending = pending.slice(end + (data ? 5 : 2));
        const verb = part.slice(0, 4).toUpperCase();
        if (data) {
          messages.push([...envelope, part].join('\r\n'));
          data = false;
          envelope = [];
          socket.write('250 kept\r\n');
        } else if (verb === 'EHLO' && options.esmtp === false) socket.write('502 what\r\n');
        else if (verb === 'RCPT' && options.refuse && part.includes(options.refuse)) socket.write('550 unknown\r\n');
        else if (verb === 'QUIT') socket.end('221 bye\r\n');
        else {
          if (verb === 'MAIL' || verb === 'RCPT') envelope.push(part);
          data = verb === 'DATA';
          socket.write(data ? '354 go on\r\n' : '250 fine\r\n');
        }
      }
    });
  });
}

const SUBJECT = '[LVS_DEVEL] Realserver [192.168.18.201]:tcp:80 of virtual server [192.168.18.200]:tcp:80 - DOWN';
const ALERT: Mail = { subject: SUBJECT, body: '=> CHECK failed on service : HTTP request failed <=' };

function settings(port: number, changes: Partial<MailSettings> = {}): MailSettings {
  return {
    recipients: ['ops@example.com', 'dev@example.com'],
    from: 'root',
    server: '127.0.0.1',
    port,
    heloName: 'lb1',
    timeout: seconds(2),
    noFaults: false,
    noCheckerMail: false,
    ...changes,
  };
}

function sender(port: number, changes: Partial<MailSettings> = {}) {
  const logs: string[] = [];
  const logger = { log: (level: string, message: string) => logs.push(`${level} ${message}`) };
  const mailer = new MailSender(settings(port, changes), { logger, retryDelaysMs: [100, 100, 100] });
  cleanups.push(() => mailer.close(100));
  return { mailer, logs };
}

describe('alert mail', () => {
  it('arrives with a bare sender, all recipients, and its subject on one line', async () => {
    const messages: string[] = [];
    const { port } = await listen(relay(messages, { esmtp: false }));
    const { mailer } = sender(port);
    mailer.send(ALERT);
    await eventually(() => expect(messages).toHaveLength(1));
    const [head, body] = (messages[0] as string).split('\r\n\r\n');
    const lines = (head as string).split('\r\n');
    expect(lines.slice(0, 3)).toEqual(['MAIL FROM:<root>', 'RCPT TO:<ops@example.com>', 'RCPT TO:<dev@example.com>']);
    expect(lines).toEqual(
      expect.arrayContaining([`Subject: ${SUBJECT}`, 'From: <root>', 'To: ops@example.com, dev@example.com', 'X-Mailer: vipwright']),
    );
    expect(lines.some((line) => /^Date: \w{3}, \d\d \w{3} \d{4} /.test(line))).toBe(true);
    expect(body).toBe(ALERT.body);
    expect(mailer.counts()).toEqual({ sent: 1, queued: 0, lost: 0 });
  });

  it('encodes a subject that is not ASCII', async () => {
    const messages: string[] = [];
    const { port } = await listen(relay(messages));
    const { mailer } = sender(port);
    mailer.send({ ...ALERT, subject: '[负载均衡] VRRP Instance VI_1 - Entering MASTER state' });
    await eventually(() => expect(messages).toHaveLength(1));
    expect(messages[0]).toMatch(/^Subject: =\?UTF-8\?/m);
  });

  it('waits for a relay that is away, complains once, and keeps the order', async () => {
    const port = await deadPort();
    const { mailer, logs } = sender(port);
    mailer.send({ ...ALERT, subject: 'first' });
    mailer.send({ ...ALERT, subject: 'second' });
    await eventually(() => expect(logs).toHaveLength(1));
    const messages: string[] = [];
    await listen(relay(messages), port);
    await eventually(() => expect(messages).toHaveLength(2));
    expect(messages.map((message) => /^Subject: (.*)$/m.exec(message)?.[1])).toEqual(['first', 'second']);
    expect(logs).toEqual([
      expect.stringMatching(`^error SMTP connection ERROR to \\[127.0.0.1\\]:tcp:${port}\\. \\(.*ECONNREFUSED`),
      `info Remote SMTP server [127.0.0.1]:tcp:${port} connected.`,
    ]);
  });

  it('gives an alert up after its last attempt, and counts it', async () => {
    const { mailer, logs } = sender(await deadPort());
    mailer.send(ALERT);
    await eventually(() => expect(mailer.counts()).toEqual({ sent: 0, queued: 0, lost: 1 }));
    expect(logs).toHaveLength(1);
  });

  it('goes to the recipients that the relay takes, and is not repeated when it takes none', async () => {
    const messages: string[] = [];
    const { port } = await listen(relay(messages, { refuse: 'ops@' }));
    const { mailer, logs } = sender(port);
    mailer.send(ALERT);
    await eventually(() => expect(messages).toHaveLength(1));
    expect(logs).toEqual([`warning SMTP server [127.0.0.1]:tcp:${port} refused the recipients ops@example.com`]);
    mailer.configure(settings(port, { recipients: ['ops@example.com'] }));
    mailer.send(ALERT);
    await eventually(() => expect(mailer.counts()).toMatchObject({ sent: 1, lost: 1 }));
    expect(logs[1]).toContain('refused an alert');
  });

  it('drops the oldest when too many wait', async () => {
    const { mailer } = sender(await deadPort());
    for (let i = 0; i < 210; i++) mailer.send(ALERT);
    expect(mailer.counts()).toMatchObject({ queued: 200, lost: 10 });
  });

  it('never holds the end up: a relay that says nothing is left after the limit', async () => {
    const silent = await listen(createServer(() => {}));
    const { mailer } = sender(silent.port, { timeout: seconds(30) });
    mailer.send(ALERT);
    const started = monotonicClock.now();
    await mailer.close(200);
    expect(monotonicClock.now() - started).toBeLessThan(seconds(5));
    expect(mailer.counts()).toEqual({ sent: 0, queued: 0, lost: 1 });
    mailer.send(ALERT);
    expect(mailer.counts().queued).toBe(0);
  });

  it('sends nothing where nobody is to be told', async () => {
    const { mailer } = sender(1, { recipients: [] });
    mailer.send(ALERT);
    expect(mailer.counts()).toEqual({ sent: 0, queued: 0, lost: 0 });
  });
});
