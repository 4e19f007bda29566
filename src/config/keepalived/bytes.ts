/**
 * Bytes of a file to text and back, with nothing lost. A configuration is UTF-8. Bytes that are not (a comment in GBK, a Latin-1
 * name) become lone surrogates, U+DC80 to U+DCFF for the bytes 0x80 to 0xff, as in PEP 383: UTF-8 never gives those, so every byte
 * sequence has a text of its own.
 */

const LOWEST = 0xdc80;
const HIGHEST = 0xdcff;
const OFFSET = 0xdc00;

/** The text of a file, whatever its bytes are. A byte order mark stays in the text. */
export function decodeConfiguration(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decodeBroken(bytes);
  }
}

function decodeBroken(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    parts.push(decoder.decode(bytes.subarray(start, at)), String.fromCharCode(OFFSET + (bytes[at] as number)));
    at++;
    start = at;
  }
  parts.push(decoder.decode(bytes.subarray(start)));
  return parts.join('');
}

/** The length of the well-formed UTF-8 sequence at an offset (Unicode 15, table 3-7); 0 when there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] as number;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  return length;
}

/** The bytes of a text that `decodeConfiguration` gave; of any other text, too, except for lone surrogates. */
export function encodeConfiguration(text: string): Uint8Array {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < LOWEST || code > HIGHEST || isHighSurrogate(text.charCodeAt(at - 1))) continue;
    parts.push(encoder.encode(text.slice(start, at)), Uint8Array.of(code - OFFSET));
    start = at + 1;
  }
  parts.push(encoder.encode(text.slice(start)));
  return joined(parts);
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
