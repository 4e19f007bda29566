/** Bytes in hexadecimal, as UDP_CHECK takes them. */
import type { BoundStatement } from './bind.ts';
import type { Reporter } from './report.ts';
import { tokenPlace } from './syntax.ts';

/** Pairs of digits, perhaps with blanks between bytes; a byte that stands alone may have one digit. */
const BYTES = /^\s*(?:(?:[0-9a-f]{2})+|[0-9a-f])(?:\s+(?:(?:[0-9a-f]{2})+|[0-9a-f]))*\s*$/i;

export function readPayload(bound: BoundStatement | undefined, reporter: Reporter): Uint8Array | undefined {
  const digits = readDigits(bound, /^$/, reporter);
  return digits && Uint8Array.from(digits, (pair) => Number.parseInt(pair, 16));
}

/** The same with `x` for any digit: the bytes, and a mask whose bits are 0 where the digit does not matter. */
export function readPattern(
  bound: BoundStatement | undefined,
  reporter: Reporter,
): { readonly bytes: Uint8Array; readonly mask: Uint8Array } | undefined {
  const digits = readDigits(bound, /x/gi, reporter);
  if (!digits) return undefined;
  return {
    bytes: Uint8Array.from(digits, (pair) => Number.parseInt(pair.replace(/x/gi, '0'), 16)),
    mask: Uint8Array.from(digits, (pair) => Number.parseInt(pair.replace(/[0-9a-f]/gi, 'f').replace(/x/gi, '0'), 16)),
  };
}

/** Two digits for each byte. `wild` are the characters that stand for any digit. */
function readDigits(bound: BoundStatement | undefined, wild: RegExp, reporter: Reporter): string[] | undefined {
  const text = bound?.value;
  const token = bound?.statement.words[1];
  if (!bound || !token || typeof text !== 'string') return undefined;
  if (!BYTES.test(text.replace(wild, '0'))) {
    const any = wild.global ? ', with x for a digit that may be any' : '';
    reporter.report(
      'config/bad-value',
      tokenPlace(bound.source, token),
      `${bound.keyword.name} takes bytes in hexadecimal${any}, not ${token.text}.`,
      {
        help: 'Write two digits for each byte, such as 0a1b2c or "0a 1b 2c".',
      },
    );
    return undefined;
  }
  return text
    .trim()
    .split(/\s+/)
    .flatMap((group) => (group.length === 1 ? [`0${group}`] : (group.match(/../g) ?? [])));
}
