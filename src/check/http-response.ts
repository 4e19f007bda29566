/**
 * An incremental reader for one HTTP/1.x response (RFC 9112), for servers of any temper: it keeps at most one line in memory,
 * never throws, and gives the body away piece by piece.
 */

/** Longest line of the head, and of a chunk's size; nginx and httpd send nothing near it. */
const MAX_LINE_BYTES = 8192;
/** The whole head together, interim responses and trailers included. */
const MAX_HEAD_BYTES = 65_536;

/** What was wrong with a response. */
type ResponseError =
  | 'not an HTTP response'
  | 'header too long'
  | 'invalid content length'
  | 'invalid chunk'
  | 'connection closed early'
  | 'no data received';

type Phase = 'status' | 'headers' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers' | 'until-close' | 'done' | 'failed';

export class HttpResponseReader {
  /** The final status code, once its line was read. */
  statusCode: number | undefined;
  error: ResponseError | undefined;
  /** Body bytes so far, after removing chunk framing. */
  bodyBytes = 0;
  private phase: Phase = 'status';
  private line = '';
  private headBytes = 0;
  /** Bytes still to come of the body or of the current chunk. */
  private remaining = 0;
  private contentLength: number | undefined;
  private chunked = false;
  private readonly onBody: (bytes: Uint8Array) => void;

  constructor(onBody: (bytes: Uint8Array) => void) {
    this.onBody = onBody;
  }

  /** The response was read to its end. */
  get done(): boolean {
    return this.phase === 'done';
  }

  /** Reads on; bytes after the end of the response, or after an error, are ignored. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.phase !== 'done' && this.phase !== 'failed') {
      at = this.inBody() ? this.takeBody(bytes, at) : this.takeLine(bytes, at);
    }
  }

  /** The server closed the connection: the end of a body without a length, and an error anywhere else. */
  end(): void {
    if (this.phase === 'until-close') this.phase = 'done';
    else if (this.phase !== 'done' && this.phase !== 'failed')
      this.fail(this.headBytes === 0 ? 'no data received' : 'connection closed early');
  }

  private inBody(): boolean {
    return this.phase === 'length' || this.phase === 'chunk-data' || this.phase === 'until-close';
  }

  private takeBody(bytes: Uint8Array, at: number): number {
    const end = this.phase === 'until-close' ? bytes.length : Math.min(bytes.length, at + this.remaining);
    this.bodyBytes += end - at;
    this.onBody(bytes.subarray(at, end));
    if (this.phase === 'until-close') return end;
    this.remaining -= end - at;
    if (this.remaining === 0) this.phase = this.phase === 'length' ? 'done' : 'chunk-end';
    return end;
  }

  private takeLine(bytes: Uint8Array, at: number): number {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline;
    if (this.line.length + end - at > MAX_LINE_BYTES) return this.failAt('header too long', bytes.length);
    if (this.inHead()) {
      this.headBytes += end - at + 1;
      if (this.headBytes > MAX_HEAD_BYTES) return this.failAt('header too long', bytes.length);
    }
    for (let i = at; i < end; i++) this.line += String.fromCharCode(bytes[i] as number);
    if (newline < 0) {
      // Something that is no HTTP at all is known by its first bytes: do not wait for a newline that may never come.
      if (this.phase === 'status' && !'HTTP/1.'.startsWith(this.line.slice(0, 7))) this.fail('not an HTTP response');
      return end;
    }
    const line = this.line.endsWith('\r') ? this.line.slice(0, -1) : this.line;
    this.line = '';
    this.acceptLine(line);
    return newline + 1;
  }

  /** Lines whose number a hostile server could raise without end are counted; chunk lines carry data or end the body. */
  private inHead(): boolean {
    return this.phase === 'status' || this.phase === 'headers' || this.phase === 'trailers';
  }

  private acceptLine(line: string): void {
    switch (this.phase) {
      case 'status':
        this.acceptStatus(line);
        break;
      case 'headers':
        if (line === '') this.endHeaders();
        else this.acceptHeader(line);
        break;
      case 'chunk-size':
        this.acceptChunkSize(line);
        break;
      case 'chunk-end':
        if (line === '') this.phase = 'chunk-size';
        else this.fail('invalid chunk');
        break;
      default:
        // Trailers are read over; an empty line ends them.
        if (line === '') this.phase = 'done';
    }
  }

  private acceptStatus(line: string): void {
    const match = /^HTTP\/1\.\d (\d{3})(?: |$)/.exec(line);
    if (!match) {
      this.fail('not an HTTP response');
      return;
    }
    this.statusCode = Number(match[1]);
    this.contentLength = undefined;
    this.chunked = false;
    this.phase = 'headers';
  }

  private acceptHeader(line: string): void {
    const colon = line.indexOf(':');
    if (colon < 0) return;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'transfer-encoding') this.chunked = /(^|,)\s*chunked$/i.test(value);
    if (name !== 'content-length') return;
    const length = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
    if (length === undefined || (this.contentLength !== undefined && this.contentLength !== length)) this.fail('invalid content length');
    else this.contentLength = length;
  }

  /** Decides how the body ends (RFC 9112 section 6.3). */
  private endHeaders(): void {
    const status = this.statusCode as number;
    if (status >= 100 && status < 200) this.phase = 'status';
    else if (status === 204 || status === 304) this.phase = 'done';
    else if (this.chunked) this.phase = 'chunk-size';
    else if (this.contentLength === undefined) this.phase = 'until-close';
    else {
      this.remaining = this.contentLength;
      this.phase = this.remaining === 0 ? 'done' : 'length';
    }
  }

  private acceptChunkSize(line: string): void {
    const match = /^([0-9a-fA-F]{1,12})\s*(?:;.*)?$/.exec(line);
    if (!match) {
      this.fail('invalid chunk');
      return;
    }
    this.remaining = Number.parseInt(match[1] as string, 16);
    this.phase = this.remaining === 0 ? 'trailers' : 'chunk-data';
  }

  private fail(error: ResponseError): void {
    this.error = error;
    this.phase = 'failed';
    this.line = '';
  }

  private failAt(error: ResponseError, at: number): number {
    this.fail(error);
    return at;
  }
}
