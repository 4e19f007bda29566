import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../src/base/index.ts';
import {
  checkAgainstHost,
  formatConfiguration,
  formatDiagnostic,
  parse,
  print,
  Reporter,
  ROOT_SCOPE,
  readKeepalived,
  renderDiagnostic,
  SourceText,
} from '../../src/config/index.ts';
import { GOOD_FILES } from './good-files.ts';

/** The pages' texts: two clean ones, two full of slips, and one with two routers and two services. */
const SEEDS = ['000-master.conf', '000-slave.conf', '001-master.conf', '001-slave.conf', '003-lvs-10.0.0.50.conf'].map((file) =>
  readFileSync(new URL(`../golden/seeds/${file}`, import.meta.url), 'utf8'),
);

const GOOD = [SEEDS[0] as string, SEEDS[1] as string, SEEDS[4] as string, ...GOOD_FILES];
const OPTIONS = { file: 'f', configId: 'main' };

/** Splices as an editor makes them: cut a stretch out, put something in. */
const splice = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.integer({ min: 0, max: 40 }),
  insert: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      '{',
      '}',
      '\n',
      '\r\n',
      '"',
      "'",
      '\\',
      '#',
      ' { ',
      '\n}\n',
      '$X=1\n',
      '@a ',
      'include x\n',
      'virtual_server ',
      '\0',
      '\ufeff',
      '\ud800',
    ),
  ),
});

const mutated = fc
  .tuple(fc.constantFrom(...SEEDS, ...GOOD_FILES), fc.array(splice, { minLength: 1, maxLength: 8 }))
  .map(([seed, splices]) =>
    splices.reduce((text, { at, cut, insert }) => {
      const offset = Math.floor(at * text.length);
      return text.slice(0, offset) + insert + text.slice(offset + cut);
    }, seed),
  );

/** Everything that a text goes through. Returns the diagnostics, of which every place must lie in the text. */
function digest(text: string): readonly Diagnostic[] {
  const reading = readKeepalived(text, { file: 'f', include: () => [{ file: 'g', text: 'x {\n' }] });
  const all = [...reading.diagnostics, ...checkAgainstHost(reading, { interfaces: ['eth0'] })];
  const lines = text.split('\n');
  for (const diagnostic of all) {
    expect(formatDiagnostic(diagnostic)).not.toMatch(/\p{Cc}/u);
    renderDiagnostic(diagnostic, text);
    if (diagnostic.file !== 'f') continue;
    const { line, column, endLine, endColumn } = diagnostic.range;
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeLessThanOrEqual([...(lines[line - 1] as string)].length + 1);
    expect(endLine > line || (endLine === line && endColumn >= column)).toBe(true);
  }
  return all;
}

describe('any text', () => {
  it('prints as it was read', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
        expect(print(parse(new SourceText('f', text), ROOT_SCOPE, new Reporter()))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('is read without an exception, and every place lies in it', () => {
    fc.assert(
      fc.property(mutated, (text) => {
        digest(text);
      }),
      { numRuns: 500 },
    );
  });

  it('means the same in canonical layout, which is its own', () => {
    const meaning = (text: string) => {
      const { configuration, diagnostics } = readKeepalived(text, OPTIONS);
      return { configuration, said: diagnostics.map(({ code }) => code).filter((code) => code !== 'config/odd-space') };
    };
    for (const text of GOOD) expect(meaning(formatConfiguration(text))).toEqual(meaning(text));
    fc.assert(
      fc.property(mutated, (text) => {
        const formatted = formatConfiguration(text);
        expect(formatConfiguration(formatted)).toBe(formatted);
        expect(meaning(formatted)).toEqual(meaning(text));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['a line of a megabyte', `router_id ${'x'.repeat(1_000_000)}`],
    ['a megabyte of braces', '{'.repeat(1_000_000)],
    ['a megabyte of closing braces', '}'.repeat(200_000)],
    ['deep nesting', 'a {\n'.repeat(100_000) + '}\n'.repeat(100_000)],
    ['a megabyte of quotes', '"'.repeat(1_000_000)],
    ['many words', 'vrrp_instance '.repeat(50_000)],
  ])('%s', (_, text) => {
    expect(print(parse(new SourceText('f', text), ROOT_SCOPE, new Reporter()))).toBe(text);
    expect(readKeepalived(text, { file: 'f' }).configuration.routers).toEqual([]);
  });
});

interface Fault {
  readonly what: string;
  readonly text: string;
  /** The line that was damaged, from 1. */
  readonly line: number;
}

function faultAt(text: string, from: number, to: number, replacement: string): Fault {
  const line = text.slice(0, from).split('\n').length;
  return { what: `${text.slice(from, to)} on line ${line}`, text: text.slice(0, from) + replacement + text.slice(to), line };
}

/** Every damage of one kind that can be done to one place of a text, outside comments and definitions. */
function faults(text: string, pattern: RegExp, replacement: (match: string) => string): Fault[] {
  const code = text.replace(/[#!].*|^\$\w+=(?:.*\\\n)*.*/gm, (stretch) => stretch.replace(/[^\n]/g, '\0'));
  return [...code.matchAll(pattern)].map(({ 0: match, index }) => faultAt(text, index, index + match.length, replacement(match)));
}

const keyOf = ({ code, message }: Diagnostic): string => `${code} ${message.replaceAll(/line \d+/g, 'line')}`;

const keysOfGood = new Map(GOOD.map((text) => [text, readKeepalived(text, OPTIONS).diagnostics.map(keyOf)]));

/** Diagnostics that the damage brought. */
function brought(fault: Fault, original: string): Diagnostic[] {
  const before = [...(keysOfGood.get(original) ?? [])];
  return readKeepalived(fault.text, OPTIONS).diagnostics.filter((diagnostic) => {
    const index = before.indexOf(keyOf(diagnostic));
    if (index >= 0) before.splice(index, 1);
    return index < 0;
  });
}

/** Where a diagnostic may stand: in the damaged line; or at the start of the block whose end is missing; or soon after a brace too many. */
type Near = (place: number, fault: number) => boolean;
const sameLine: Near = (place, fault) => place === fault;
/** A brace on a line of its own is missed by the keyword before it. */
const besides: Near = (place, fault) => place === fault || place === fault - 1;
const notAfter: Near = (place, fault) => place <= fault;
const soonAfter: Near = (place, fault) => place >= fault && place <= fault + 2;

const swapLetters = (word: string): string => `${word[1]}${word[0]}${word.slice(2)}`;
const swapWords = (words: string): string => words.replace(/^(\S+)(\s+)(\S+)$/, '$3$2$1');

interface Kind {
  readonly name: string;
  readonly pattern: RegExp;
  readonly replacement: (match: string) => string;
  readonly near: Near;
  /** A damage that leaves a good file in some places: then nothing need be said. */
  readonly harmless?: true;
}

const KINDS: readonly Kind[] = [
  { name: 'a closing brace deleted', pattern: /\}/g, replacement: () => '', near: notAfter },
  // Behind a parameter it would part a word, once for each round of a sequence.
  { name: 'a closing brace doubled', pattern: /(?<!\$\{\w*)\}/g, replacement: () => '}}', near: soonAfter },
  { name: 'an opening brace deleted', pattern: /(?<!\$)\{/g, replacement: () => '', near: besides },
  { name: 'an opening brace added', pattern: /(?<=[\w"])$/gm, replacement: () => ' {', near: sameLine },
  {
    // Two letters swapped in the first word of a line, where that word is long enough to be recognized.
    name: 'a keyword misspelt',
    pattern: /(?<=\n[ \t\u00a0]*)(?!eth0|chk_|INSIDE|OUTSIDE)[a-zA-Z_0-9]{5,}(?=[ \t\u00a0])/g,
    replacement: swapLetters,
    near: sameLine,
  },
  { name: 'two words swapped', pattern: /(?<=\n[ \t]*)[a-z]\w+[ \t]+\w[\w.]*(?=\n)/g, replacement: swapWords, near: sameLine },
  {
    // Any text may be a password or a command.
    name: 'a number broken',
    pattern: /(?<=[a-z](?<!auth_pass|exit)[ \u00a0]+)\d+(?=\s|\0|$)/g,
    replacement: (number) => `${number}x`,
    near: sameLine,
  },
  {
    // The mail relay may have a name, and what is not acted on is not looked at.
    name: 'an address broken',
    pattern: /(?<=[ \n\u00a0](?<!(?:smtp_server|nat_mask|group5)[ \u00a0]+))\d+\.\d+\.\d+\.\d+/g,
    replacement: (address) => `${address}.`,
    near: sameLine,
  },
  // In a comment, a name or a password it says nothing.
  { name: 'a quote that is not closed', pattern: /(?<=[ \t])(?=[\w/.]+[ \t\n])/g, replacement: () => '"', near: sameLine },
  { name: 'a NUL', pattern: /(?<=\w)(?=\w+[ \t]*\n)/g, replacement: () => '\0', near: sameLine, harmless: true },
  // Where there are such blanks already, it has been said.
  { name: 'an invisible blank', pattern: /(?<=\w)(?=\n)/g, replacement: () => '\ufeff', near: sameLine, harmless: true },
  {
    name: 'a megabyte',
    pattern: /(?<=\n)(?=vrrp_instance|global_defs|virtual_server)/g,
    replacement: () => `${'x'.repeat(1 << 20)}\n`,
    near: sameLine,
  },
  { name: 'a name without a definition', pattern: /(?<=\$\{?)(?=[A-Z])/g, replacement: () => 'X', near: sameLine, harmless: true },
];

/** What a fault must say: one thing in its place, or where it may be harmless at most one. */
function isTold({ near, harmless }: Kind, fault: Fault, said: readonly Diagnostic[]): boolean {
  const [first] = said;
  if (!first) return harmless === true;
  return said.length === 1 && near(first.range.line, fault.line);
}

function untold(cases: readonly { fault: Fault; said: readonly Diagnostic[] }[], kind: Kind): string[] {
  const bad = cases.filter(({ fault, said }) => !isTold(kind, fault, said));
  return bad.map(({ fault, said }) => `${fault.what.slice(0, 80)}: ${said.map((one) => formatDiagnostic(one).slice(0, 160)).join('; ')}`);
}

describe('a single fault', () => {
  let generated = 0;

  it.each(KINDS)('$name is reported once and near its place in 95 of 100 cases', (kind) => {
    const cases = GOOD.flatMap((text) =>
      faults(text, kind.pattern, kind.replacement).map((fault) => ({ fault, said: brought(fault, text) })),
    );
    generated += cases.length;
    expect(cases.length).toBeGreaterThan(3);
    expect(untold(cases, kind).slice(Math.floor(cases.length * 0.05))).toEqual([]);
  });

  it('is reported once when the file is cut off anywhere', () => {
    const kind: Kind = { name: '', pattern: /./g, replacement: () => '', near: notAfter, harmless: true };
    const cases = GOOD.flatMap((text) =>
      [...text.matchAll(/\S(?=\S)|\n/g)]
        .filter((_, index) => index % 7 === 0)
        .map(({ index }) => faultAt(text, index, text.length, ''))
        .map((fault) => ({ fault, said: brought(fault, text) })),
    );
    generated += cases.length;
    expect(untold(cases, kind).slice(Math.floor(cases.length * 0.05))).toEqual([]);
  });

  it('was tried in more than a thousand places', () => {
    expect(generated).toBeGreaterThan(1000);
  });

  it.each([
    ['CRLF', (text: string) => text.replaceAll('\n', '\r\n')],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['a comment of a megabyte', (text: string) => `${text}# ${'x'.repeat(1 << 20)}\n`],
    ['no line break at the end', (text: string) => text.trimEnd()],
  ])('%s is no fault', (_, change) => {
    for (const text of GOOD) expect(brought({ what: '', text: change(text), line: 1 }, text)).toEqual([]);
  });
});
