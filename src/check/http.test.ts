import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, seconds } from '../base/index.ts';
import type { Check, HttpUrl } from '../model/index.ts';
import { HttpDialogue } from './http.ts';
import { httpRequest } from './http-request.ts';
import { HttpResponseReader } from './http-response.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const target = (address: string, port: number) => ({ address: IpAddress.parse(address) as IpAddress, port, mark: 0 });
const request = (host: [string, number], url: Partial<HttpUrl>, version: '1.0' | '1.1' = '1.0') =>
  new TextDecoder().decode(
    httpRequest(
      { target: target(...host), httpVersion: version, connectionClose: version === '1.1' },
      { path: '/', statusCodes: [], ...url },
    ),
  );

describe('the request', () => {
  it('is the one that keepalived sends', () => {
    expect(request(['10.0.0.1', 80], {})).toBe('GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 10.0.0.1\r\n\r\n');
    expect(request(['10.0.0.1', 8080], { path: '/health?a=b' }, '1.1')).toBe(
      'GET /health?a=b HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 10.0.0.1:8080\r\n\r\n',
    );
    expect(request(['fd00::1', 80], {})).toContain('Host: [fd00::1]\r\n');
    expect(request(['10.0.0.1', 8080], { virtualHost: 'www.example.com' })).toContain('Host: www.example.com\r\n');
  });

  it('carries no configured text into another line or word', () => {
    expect(request(['10.0.0.1', 80], { path: '/a b\r\nX: 1/é' })).toContain('GET /a%20b%0D%0AX:%201/%C3%A9 HTTP/1.0\r\n');
    expect(request(['10.0.0.1', 80], { virtualHost: 'a\r\nX: 1' })).toContain('Host: aX: 1\r\n');
    expect(request(['10.0.0.1', 80], { path: 'index.html' })).toContain('GET /index.html HTTP');
  });
});

/** Reads a response given in pieces; the connection closes after the last one. */
function read(pieces: readonly Uint8Array[], close = true) {
  const body: number[] = [];
  const reader = new HttpResponseReader((part) => body.push(...part));
  for (const piece of pieces) reader.push(piece);
  if (close) reader.end();
  return { status: reader.statusCode, error: reader.error, done: reader.done, body: String.fromCharCode(...body) };
}

const each = (text: string) => [...bytes(text)].map((byte) => Uint8Array.of(byte));

describe('the response', () => {
  it.each([
    ['a body until close', 'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello', 'hello'],
    ['a body with a length, and more after it', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello extra', 'hello'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: 1\r\n\r\n', 'hello'],
    ['bare line feeds and no reason phrase', 'HTTP/1.0 200\nA: b\n\nhello', 'hello'],
    ['an interim response first', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
    [
      'chunks although a length is given',
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      'hello',
    ],
    ['no content', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
  ])('with %s is read, whole and one byte at a time', (_name, text, body) => {
    const expected = { status: 200, error: undefined, done: true, body };
    expect(read([bytes(text)])).toEqual(expected);
    expect(read(each(text))).toEqual(expected);
  });

  it.each([
    ['', 'no data received'],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'not an HTTP response'],
    ['HTTP/2 200\r\n\r\n', 'not an HTTP response'],
    ['HTTP/1.1 2000 OK\r\n\r\n', 'not an HTTP response'],
    ['HTTP/1.1 200 OK\r\nContent-Le', 'connection closed early'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel', 'connection closed early'],
    ['HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'invalid content length'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 'invalid content length'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'invalid chunk'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n', 'invalid chunk'],
    [`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(9000)}\r\n\r\n`, 'header too long'],
    [`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}\r\n`, 'header too long'],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(10_000), 'header too long'],
  ])('%#: hostile or broken input is refused', (text, error) => {
    expect(read([bytes(text)])).toMatchObject({ error, done: false });
  });

  it('that is no HTTP is refused before its first line ends', () => {
    expect(read([bytes('220 mail.exam')], false).error).toBe('not an HTTP response');
  });

  it('reads the same however it is cut, and never throws', () => {
    const fragment = fc.constantFrom(
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.0 ',
      'Content-Length: 3\r\n',
      'Transfer-Encoding: chunked\r\n',
      '\r\n',
      '3\r\nabc\r\n',
      '0\r\n\r\n',
      'x',
    );
    const input = fc.oneof(
      fc.array(fragment, { maxLength: 12 }).map((parts) => bytes(parts.join(''))),
      fc.uint8Array({ maxLength: 300 }),
    );
    fc.assert(
      fc.property(input, fc.array(fc.nat(40), { maxLength: 20 }), (whole, cuts) => {
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(whole.subarray(at, at + cut));
          at += cut;
        }
        pieces.push(whole.subarray(at));
        expect(read(pieces)).toEqual(read([whole]));
      }),
      { numRuns: 2000 },
    );
  });

  it('gives back any body, chunked at any places', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 10 }), (chunks) => {
        const encoded = chunks.flatMap((chunk) => [...bytes(`${chunk.length.toString(16)}\r\n`), ...chunk, 13, 10]);
        const text = [...bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'), ...encoded, ...bytes('0\r\n\r\n')];
        expect(read([Uint8Array.from(text)], false)).toMatchObject({
          done: true,
          body: String.fromCharCode(...chunks.flatMap((c) => [...c])),
        });
      }),
    );
  });
});

describe('the verdict of a round', () => {
  const check = (url: Partial<HttpUrl>): Extract<Check, { kind: 'http' }> => ({
    kind: 'http',
    target: target('10.0.0.1', 80),
    urls: [{ path: '/', statusCodes: [], ...url }],
    httpVersion: '1.0',
    delayLoop: seconds(6),
    connectTimeout: seconds(2),
    retry: 1,
    delayBeforeRetry: seconds(1),
    warmup: 0,
    alpha: false,
    logAllFailures: false,
    connectionClose: false,
    fastRecovery: true,
  });
  const judge = (url: Partial<HttpUrl>, response: string) => {
    const dialogue = new HttpDialogue(check(url));
    dialogue.connected();
    const step = dialogue.data(bytes(response));
    const last = step.kind === 'wait' ? dialogue.ended() : step;
    return last.kind === 'failed' ? [last.failure.reason, last.failure.line('RS')] : last.kind;
  };
  const page = 'HTTP/1.0 200 OK\r\n\r\n<h1>RS1.test.com</h1>\n';
  const digest = createHash('md5').update('<h1>RS1.test.com</h1>\n').digest('hex');

  it('accepts 200 to 299 when nothing is demanded', () => {
    expect(judge({}, page)).toBe('passed');
    expect(judge({}, 'HTTP/1.0 299 \r\n\r\n')).toBe('passed');
    expect(judge({}, 'HTTP/1.0 300 \r\n\r\n')).toEqual([
      'status code 300 for /',
      'HTTP status code error to RS url(/), status_code [300].',
    ]);
  });

  it('compares the digest that genhash prints, and the status only if one is given as well', () => {
    expect(judge({ digest }, page)).toBe('passed');
    expect(judge({ digest: digest.toUpperCase() }, page)).toBe('passed');
    expect(judge({ digest }, page.replace('200 OK', '404 gone'))).toBe('passed');
    expect(judge({ digest, statusCodes: [{ from: 200, to: 200 }] }, page.replace('200 OK', '404 gone'))).toEqual([
      'status code 404 for /',
      'HTTP status code error to RS url(/), status_code [404].',
    ]);
    const other = createHash('md5').update('other').digest('hex');
    expect(judge({ digest }, 'HTTP/1.0 200 OK\r\n\r\nother')).toEqual([
      `digest of / is ${other}`,
      `MD5 digest error to RS url(/), MD5SUM [${other}].`,
    ]);
  });

  it('has seen enough after 64 KiB of body when no digest is demanded', () => {
    const dialogue = new HttpDialogue(check({}));
    dialogue.connected();
    expect(dialogue.data(bytes('HTTP/1.0 200 OK\r\n\r\n')).kind).toBe('wait');
    expect(dialogue.data(new Uint8Array(65_535)).kind).toBe('wait');
    expect(dialogue.data(new Uint8Array(1)).kind).toBe('passed');
  });
});
