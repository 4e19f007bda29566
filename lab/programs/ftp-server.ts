/**
 * A small FTP server (RFC 959, RFC 2428), for what load balancers have to know about FTP: active and passive data connections over both
 * address families. Files are kept in memory; everybody may log in.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { emit, hostAndPort, parsePairs, required } from './arguments.ts';

/** Active FTP comes from here. */
const DATA_PORT = 20;
const files = new Map<string, Buffer>();

class Session {
  private readonly control: Socket;
  private unread = '';
  private waiting: Server | undefined;
  private data: Promise<Socket> | undefined;

  constructor(control: Socket) {
    this.control = control;
    control.on('error', () => control.destroy());
    control.on('close', () => this.waiting?.close());
    control.on('data', (bytes) => this.read(bytes.toString('latin1')));
    this.say('220 ready');
  }

  private say(line: string): void {
    this.control.write(`${line}\r\n`);
  }

  private read(text: string): void {
    this.unread += text;
    for (let end = this.unread.indexOf('\r\n'); end >= 0; end = this.unread.indexOf('\r\n')) {
      const line = this.unread.slice(0, end);
      this.unread = this.unread.slice(end + 2);
      const [command = ''] = line.split(' ');
      this.obey(command.toUpperCase(), line.slice(command.length + 1)).catch((error: Error) => this.say(`425 ${error.message}`));
    }
  }

  private async obey(command: string, rest: string): Promise<void> {
    const plain: Readonly<Record<string, string>> = {
      USER: '331 any password will do',
      PASS: '230 welcome',
      PWD: '257 "/"',
      TYPE: '200 so be it',
      CWD: '250 here',
      QUIT: '221 good bye',
    };
    if (plain[command] !== undefined) this.say(plain[command]);
    else if (command === 'PASV' || command === 'EPSV') await this.wait(command);
    else if (command === 'PORT' || command === 'EPRT') this.goTo(command, rest);
    else if (command === 'RETR' || command === 'STOR') await this.transfer(command, rest);
    else this.say('502 not here');
  }

  /** Passive: the client comes to a port that he is told. */
  private async wait(command: 'PASV' | 'EPSV'): Promise<void> {
    const { localAddress = '' } = this.control;
    this.waiting?.close();
    const server = createServer();
    this.waiting = server;
    this.data = new Promise((resolve) => server.once('connection', resolve));
    await new Promise<void>((resolve) => server.listen(0, localAddress, resolve));
    const { port } = server.address() as AddressInfo;
    const six = [...localAddress.split('.'), port >> 8, port & 255].join(',');
    this.say(command === 'PASV' ? `227 Entering Passive Mode (${six}).` : `229 Entering Extended Passive Mode (|||${port}|)`);
  }

  /** Active: to where the client says. */
  private goTo(command: 'PORT' | 'EPRT', where: string): void {
    const six = where.split(',');
    const [, , host = '', port = ''] = where.split('|');
    const target =
      command === 'EPRT' ? { host, port: Number(port) } : { host: six.slice(0, 4).join('.'), port: Number(six[4]) * 256 + Number(six[5]) };
    this.data = new Promise((resolve, reject) => {
      const socket = connect({ ...target, localPort: DATA_PORT, localAddress: this.control.localAddress ?? '' });
      socket.once('connect', () => resolve(socket));
      socket.once('error', reject);
    });
    this.data.catch(() => undefined);
    this.say('200 there it will be');
  }

  private async transfer(command: 'RETR' | 'STOR', name: string): Promise<void> {
    const content = files.get(name);
    if (!this.data) return this.say('425 where?');
    if (command === 'RETR' && !content) return this.say('550 no such file');
    this.say('150 here it comes');
    const socket = await this.data;
    if (content && command === 'RETR') socket.end(content);
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    if (command === 'STOR') files.set(name, Buffer.concat(parts));
    this.data = undefined;
    this.say('226 that was it');
  }
}

const { host, port } = hostAndPort(required(parsePairs(process.argv.slice(2)), 'listen'));
const server = createServer({ allowHalfOpen: true }, (socket) => void new Session(socket));
await new Promise<void>((resolve) => server.listen(port, host, resolve));
emit({ event: 'ready' });
