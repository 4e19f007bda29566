/** HTTP/1.1 requests on a bare socket: as little as the probe and the load generator need, so that measuring costs little. */
import { Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * One connection that carries one request at a time. Each request ends with an answer or with the reason why there was none;
 * after a reason the connection is of no further use.
 */
export class HttpConnection {
  readonly #socket = new Socket();
  readonly #host: string;
  #received = '';
  #settle: ((result: Answer | string) => void) | undefined;
  #broken: string | undefined;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#socket.setNoDelay(true);
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => this.#onData(text));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#break(error.code ?? error.message));
    this.#socket.on('close', () => this.#break('closed'));
    this.#socket.connect({ host, port });
  }

  /** False once the other side has closed or an error came: a further request could not be answered. */
  get usable(): boolean {
    return this.#broken === undefined;
  }

  request(path: string, timeoutMs: number, last: boolean): Promise<Answer | string> {
    return new Promise((resolve) => {
      if (this.#broken !== undefined) {
        resolve(this.#broken);
        return;
      }
      const timer = setTimeout(() => this.#break('timeout'), timeoutMs);
      this.#settle = (result) => {
        clearTimeout(timer);
        resolve(result);
      };
      // Node queues the bytes until the connection stands.
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${last ? 'Connection: close\r\n' : ''}\r\n`, 'latin1');
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.NaN);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length) || Number.isNaN(status)) {
      this.#break('not the answer of an HTTP server');
      return;
    }
    const end = headEnd + 4 + length;
    if (this.#received.length < end) return;
    const body = this.#received.slice(headEnd + 4, end);
    this.#received = this.#received.slice(end);
    this.#finish({ status, body });
  }

  #break(reason: string): void {
    this.#broken ??= reason;
    this.#finish(reason);
    this.#socket.destroy();
  }

  #finish(result: Answer | string): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(result);
  }
}
