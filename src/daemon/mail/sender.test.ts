import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seconds } from '../../base/index.ts';
import type { MailSettings } from '../../model/index.ts';
import { MailSender } from './sender.ts';

/** A relay that says yes to everything, and what was said to it. */
class Relay {
  readonly lines: string[] = [];
  readonly server: Server = createServer((socket) => this.serve(socket));
  private readonly sockets = new Set<Socket>();
  private waiters: (() => void)[] = [];

  async start(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  /** Waits until a line was said that begins so. */
  async heard(text: string): Promise<string> {
    for (;;) {
      const line = this.lines.find((one) => one.startsWith(text));
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    let inBody = false;
    let rest = '';
    socket.write('220 relay\r\n');
    socket.on('data', (chunk) => {
      const parts = (rest + chunk.toString()).split('\r\n');
      rest = parts.pop() ?? '';
      for (const line of parts) {
        this.lines.push(line);
        if (inBody) {
          inBody = line !== '.';
          if (!inBody) socket.write('250 kept\r\n');
        } else if (line === 'DATA') {
          inBody = true;
          socket.write('354 go on\r\n');
        } else socket.write(line === 'QUIT' ? '221 bye\r\n' : '250 fine\r\n');
      }
      for (const wake of this.waiters.splice(0)) wake();
    });
  }
}

let relay: Relay;
let settings: MailSettings;
const logged: string[] = [];
const logger = { log: (_level: string, message: string) => void logged.push(message) };

beforeEach(async () => {
  relay = new Relay();
  logged.length = 0;
  settings = {
    recipients: ['admin@example.com', 'duty@example.com'],
    from: 'lb1@example.com',
    server: '127.0.0.1',
    port: await relay.start(),
    heloName: 'lb1.example.com',
    timeout: seconds(5),
    noFaults: false,
    noCheckerMail: false,
  };
});
afterEach(() => relay.stop());

describe('alert mail', () => {
  it('introduces itself by smtp_helo_name and goes to every recipient, from the configured address', async () => {
    const sender = new MailSender(settings, { logger });
    sender.send({ subject: '[A] test', body: '=> it works <=' });
    await relay.heard('.');
    await sender.close();
    expect(relay.lines.slice(0, 5)).toEqual([
      'EHLO lb1.example.com',
      'MAIL FROM:<lb1@example.com>',
      'RCPT TO:<admin@example.com>',
      'RCPT TO:<duty@example.com>',
      'DATA',
    ]);
    expect(relay.lines).toContain('Subject: [A] test');
    expect(relay.lines).toContain('=> it works <=');
    expect(sender.counts()).toEqual({ sent: 1, queued: 0, lost: 0 });
  });

  it('is tried again, with the settings that a reload has brought meanwhile', async () => {
    const { port } = settings;
    const silent = createServer(() => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port: dead } = silent.address() as AddressInfo;
    silent.close();
    const sender = new MailSender({ ...settings, port: dead }, { logger, retryDelaysMs: [60_000] });
    sender.send({ subject: '[A] late', body: 'x' });
    while (logged.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(logged[0]).toContain(`SMTP connection ERROR to [127.0.0.1]:tcp:${dead}`);
    sender.configure({ ...settings, port });
    await relay.heard('Subject: [A] late');
    await sender.close();
    expect(logged.at(-1)).toBe(`Remote SMTP server [127.0.0.1]:tcp:${port} connected.`);
  });

  it('needs a recipient', async () => {
    const sender = new MailSender({ ...settings, recipients: [] }, { logger });
    sender.send({ subject: 'x', body: 'x' });
    await sender.close();
    expect(sender.counts()).toEqual({ sent: 0, queued: 0, lost: 0 });
  });
});
