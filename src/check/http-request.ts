/** The request line and headers that HTTP_GET sends: keepalived's, so that access-log filters keep matching. */
import type { Check, CheckTarget, HttpUrl } from '../model/index.ts';

const encoder = new TextEncoder();

type HttpCheck = Extract<Check, { kind: 'http' }>;

/** The request for one url. HTTP/1.1 asks the server to close, because every url gets a connection of its own. */
export function httpRequest(check: Pick<HttpCheck, 'target' | 'httpVersion' | 'connectionClose' | 'tls'>, url: HttpUrl): Uint8Array {
  const { target, httpVersion, connectionClose, tls } = check;
  const lines = [
    `GET ${requestPath(url.path)} HTTP/${httpVersion}`,
    'User-Agent: KeepAliveClient',
    ...(connectionClose ? ['Connection: close'] : []),
    `Host: ${url.virtualHost === undefined ? hostOf(target, tls ? 443 : 80) : headerText(url.virtualHost)}`,
  ];
  return encoder.encode(`${lines.join('\r\n')}\r\n\r\n`);
}

/** The port is left out where it is the one that everybody assumes. */
function hostOf(target: CheckTarget, usualPort: number): string {
  const host = target.address.family === 6 ? `[${target.address}]` : `${target.address}`;
  return target.port === usualPort ? host : `${host}:${target.port}`;
}

/** A request target is printable ASCII without spaces (RFC 9112 section 3.2): anything else is percent-encoded as UTF-8. */
function requestPath(path: string): string {
  let text = '';
  for (const byte of encoder.encode(path)) {
    text += byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text.startsWith('/') || /^https?:/.test(text) ? text : `/${text}`;
}

/** A configured word never ends the header that it stands in. */
function headerText(text: string): string {
  return text.replace(/\p{Cc}/gu, '');
}
