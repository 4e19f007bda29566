/** The request line and headers that HTTP_GET sends: keepalived's, so that access-log filters keep matching. */
import type { CheckTarget, HttpUrl } from '../model/index.ts';

const encoder = new TextEncoder();

/** The request for one url. HTTP/1.1 asks the server to close, because every url gets a connection of its own. */
export function httpRequest(target: CheckTarget, url: HttpUrl, version: '1.0' | '1.1'): Uint8Array {
  const lines = [
    `GET ${requestPath(url.path)} HTTP/${version}`,
    'User-Agent: KeepAliveClient',
    ...(version === '1.1' ? ['Connection: close'] : []),
    `Host: ${url.virtualHost === undefined ? hostOf(target) : headerText(url.virtualHost)}`,
  ];
  return encoder.encode(`${lines.join('\r\n')}\r\n\r\n`);
}

function hostOf(target: CheckTarget): string {
  const host = target.address.family === 6 ? `[${target.address}]` : `${target.address}`;
  return target.port === 80 ? host : `${host}:${target.port}`;
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
