import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenize, wordValue } from './lexer.ts';

function kinds(text: string): string {
  return tokenize(text)
    .filter((token) => token.kind !== 'space')
    .map((token) => (token.kind === 'word' ? token.text : { newline: '⏎', open: '{', close: '}', comment: '#', space: '' }[token.kind]))
    .join(' ');
}

describe('tokenize', () => {
  it.each([
    ['state MASTER', 'state MASTER'],
    ['state MASTER ! x { } "', 'state MASTER #'],
    ['state MASTER# x', 'state MASTER #'],
    ['a{b}c', 'a { b } c'],
    ['path "/a { b # c"', 'path "/a { b # c"'],
    [`x a'b c'd"e f"`, `x a'b c'd"e f"`],
    ['x "a\\"b" c', 'x "a\\"b" c'],
    ['x "a\nb" c', 'x "a ⏎ b" c'],
    [`$\{NAME}{ x`, `$\{NAME} { x`],
    ['include /etc/{a,b}.conf', 'include /etc/{a,b}.conf'],
    ['include\r\n{', 'include ⏎ {'],
    ['$X={', '$X={'],
    ['a\u00a0b\u3000c', 'a b c'],
    ['a\rb', 'a b'],
    ['a \\\nb', 'a \\ ⏎ b'],
  ])('%j', (text, expected) => {
    expect(kinds(text)).toBe(expected);
  });

  it('loses nothing of any text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('{', '}', '"', "'", '\\', '#', '!', '\r', '\n', '$', '${', ' ', '\ufeff', 'include ', '\ud800'),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        const tokens = tokenize(text);
        expect(tokens.map((token) => token.text).join('')).toBe(text);
        expect(tokens.every((token) => token.text.length > 0)).toBe(true);
        expect(tokens.every((token) => text.startsWith(token.text, token.start))).toBe(true);
      }),
    );
  });
});

describe('wordValue', () => {
  it.each([
    ['plain', 'plain'],
    [`"a b"'c d'e`, 'a bc de'],
    ['"a\\"b"', 'a"b'],
    ['"tab\\there"', 'tab\there'],
    ['"\\101\\x42\\cC"', 'AB\x03'],
    ['"open', 'open'],
    ['"end\\', 'end\\'],
    ['back\\slash', 'back\\slash'],
    ['"odd\u00a0space"', 'odd space'],
  ])('%j means %j', (text, expected) => {
    expect(wordValue({ kind: 'word', text, start: 0 })).toBe(expected);
  });
});
