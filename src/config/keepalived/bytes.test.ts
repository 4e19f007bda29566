import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeConfiguration, encodeConfiguration } from './bytes.ts';
import { parse } from './parser.ts';
import { Reporter } from './report.ts';
import { SourceText } from './source.ts';
import { print } from './syntax.ts';
import { ROOT_SCOPE } from './table.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('the text of bytes', () => {
  it('is UTF-8 where the bytes are', () => {
    expect(decodeConfiguration(new TextEncoder().encode('\ufeff# 优先级 𐍈\r\n\0'))).toBe('\ufeff# 优先级 𐍈\r\n\0');
  });

  it.each([
    ['a byte that begins nothing', bytes(0x61, 0xff, 0x62), 'a\udcffb'],
    ['a sequence that is cut off', bytes(0x61, 0xe4, 0xbd), 'a\udce4\udcbd'],
    ['an overlong sequence', bytes(0xc0, 0x80), '\udcc0\udc80'],
    ['a surrogate in UTF-8', bytes(0xed, 0xa0, 0x80), '\udced\udca0\udc80'],
    ['a code point beyond the last', bytes(0xf4, 0x90, 0x80, 0x80), '\udcf4\udc90\udc80\udc80'],
    ['good text beside a bad byte', bytes(0xe4, 0xbd, 0xa0, 0x80, 0xe5, 0xa5, 0xbd), '你\udc80好'],
  ])('keeps %s', (_, given, text) => {
    expect(decodeConfiguration(given)).toBe(text);
    expect(encodeConfiguration(text)).toEqual(given);
  });

  it('loses nothing of any bytes, and neither does the tree', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.string({ unit: 'binary' }).map((text) => new TextEncoder().encode(text)),
      fc.constantFrom('vrrp_instance V {\r\n', '}\n', '"', '@a $X=\\\n', '\ufeff').map((text) => new TextEncoder().encode(text)),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const given = Uint8Array.from(pieces.flatMap((part) => [...part]));
        const document = parse(new SourceText('f', decodeConfiguration(given)), ROOT_SCOPE, new Reporter());
        expect(encodeConfiguration(print(document))).toEqual(given);
      }),
    );
  });
});
