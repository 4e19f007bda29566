/**
 * A mail server that accepts everything and prints each mail as one line of JSON. It speaks as much SMTP (RFC 5321) as an alert needs:
 * HELO, EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT.
 */
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { emit, hostAndPort, parsePairs, required } from './arguments.ts';

class Session {
  readonly #socket: Socket;
  #from = '';
  #recipients: string[] = [];
  /** The lines of the message while DATA is under way. */
  #data: string[] | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reply('220 lab mail sink');
    createInterface({ input: socket }).on('line', (line) => this.#onLine(line));
  }

  #onLine(line: string): void {
    if (this.#data === undefined) this.#command(line);
    else if (line === '.') this.#deliver(this.#data);
    // RFC 5321 section 4.5.2: a leading dot was doubled by the sender.
    else this.#data.push(line.startsWith('.') ? line.slice(1) : line);
  }

  #command(line: string): void {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'QUIT') {
      this.#socket.end('221 bye\r\n');
    } else if (verb === 'DATA') {
      if (this.#recipients.length === 0) {
        this.#reply('503 no recipients');
        return;
      }
      this.#data = [];
      this.#reply('354 end with a dot');
    } else if (verb === 'MAIL' || verb === 'RCPT') {
      const path = /<([^>]*)>/.exec(line)?.[1] ?? line.slice(line.indexOf(':') + 1).trim();
      if (verb === 'MAIL') this.#from = path;
      else this.#recipients.push(path);
      this.#reply('250 ok');
    } else if (['HELO', 'EHLO', 'RSET', 'NOOP'].includes(verb)) {
      if (verb === 'RSET') this.#reset();
      this.#reply('250 ok');
    } else {
      this.#reply('500 unknown command');
    }
  }

  #deliver(lines: readonly string[]): void {
    const blank = lines.indexOf('');
    const head = (blank < 0 ? lines : lines.slice(0, blank)).join('\n').replace(/\n[ \t]+/g, ' ');
    const headers = Object.fromEntries(
      head.split('\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const body = blank < 0 ? '' : lines.slice(blank + 1).join('\n');
    emit({ event: 'mail', from: this.#from, to: this.#recipients, subject: headers.subject ?? '', headers, body });
    this.#reset();
    this.#reply('250 accepted');
  }

  #reset(): void {
    this.#from = '';
    this.#recipients = [];
    this.#data = undefined;
  }

  #reply(text: string): void {
    this.#socket.write(`${text}\r\n`);
  }
}

const { host, port } = hostAndPort(required(parsePairs(process.argv.slice(2)), 'listen'));
const server = createServer((socket) => {
  // A client that goes away in the middle of a dialogue has simply not sent its mail.
  socket.on('error', () => socket.destroy());
  new Session(socket);
});
server.listen(port, host, () => emit({ event: 'ready' }));
process.on('SIGTERM', () => process.exit(0));
