import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blanksOf, type Token, tokenEnd, tokenize, wordValue } from './lexer.ts';

function kinds(text: string): string {
  const signs = { open: '{', close: '}', comment: '#', condition: '@', generator: '~', definition: '$=', repeat: '{}' };
  return tokenize(text)
    .tokens.map((token, index) => (token.first && index > 0 ? '⏎ ' : '') + (token.kind === 'word' ? token.text : signs[token.kind]))
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
    ['$X={', '$='],
    ['$X= {\\\n } \\ \n\n}', '$= ⏎ }'],
    ['@a state B', '@ state B'],
    [' @^a ~SEQ(A, 1, 3) ~LST({P,Q},{1,2}) x {', '@ ~ ~ x {'],
    ['@a $X={ # c', '@ $='],
    ['a\u00a0b\u3000c', 'a b c'],
    ['a\rb', 'a b'],
    ['a\\ b\\{ x\\#y', 'a\\ b\\ { x\\#y'],
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
        const { tokens } = tokenize(text);
        expect(tokens.every((token) => token.text.length > 0)).toBe(true);
        expect(tokens.every((token) => text.startsWith(token.text, token.start))).toBe(true);
        const gaps = tokens.map((token, index) => text.slice(index === 0 ? 0 : tokenEnd(tokens[index - 1] as Token), token.start));
        const blanks = [...gaps, text.slice(tokens.length === 0 ? 0 : tokenEnd(tokens.at(-1) as Token))].join('');
        expect(blanksOf(blanks)).toBe(blanks);
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
    ['a\\#b\\!', 'a#b!'],
    ['"odd\u00a0space"', 'odd space'],
  ])('%j means %j', (text, expected) => {
    expect(wordValue({ kind: 'word', text, start: 0 })).toBe(expected);
  });
});
