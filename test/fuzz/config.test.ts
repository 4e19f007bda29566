import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../src/base/index.ts';
import {
  checkAgainstHost,
  formatDiagnostic,
  parse,
  print,
  Reporter,
  ROOT_SCOPE,
  readKeepalived,
  renderDiagnostic,
  SourceText,
} from '../../src/config/index.ts';

/** The pages' texts: two clean ones, two full of slips, and one with two routers and two services. */
const SEEDS = ['000-master.conf', '000-slave.conf', '001-master.conf', '001-slave.conf', '003-lvs-10.0.0.50.conf'].map((file) =>
  readFileSync(new URL(`../golden/seeds/${file}`, import.meta.url), 'utf8'),
);

const GOOD = [SEEDS[0] as string, SEEDS[1] as string, SEEDS[4] as string];

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

const mutated = fc.tuple(fc.constantFrom(...SEEDS), fc.array(splice, { minLength: 1, maxLength: 8 })).map(([seed, splices]) =>
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

/** Every damage of one kind that can be done to one place of a text. */
function faults(text: string, pattern: RegExp, replacement: (match: string) => string): Fault[] {
  const code = text.replace(/[#!].*/g, (comment) => '\0'.repeat(comment.length));
  return [...code.matchAll(pattern)].map((match) => {
    const { index } = match;
    const line = text.slice(0, index).split('\n').length;
    return {
      what: `${match[0]} on line ${line}`,
      text: text.slice(0, index) + replacement(match[0]) + text.slice(index + match[0].length),
      line,
    };
  });
}

const keyOf = ({ code, message }: Diagnostic): string => `${code} ${message.replaceAll(/line \d+/g, 'line')}`;

/** Diagnostics that the damage brought. */
function brought(fault: Fault, original: string): Diagnostic[] {
  const before = readKeepalived(original, { file: 'f' }).diagnostics.map(keyOf);
  return readKeepalived(fault.text, { file: 'f' }).diagnostics.filter((diagnostic) => {
    const index = before.indexOf(keyOf(diagnostic));
    if (index >= 0) before.splice(index, 1);
    return index < 0;
  });
}

/** Where a diagnostic may stand: in the damaged line; or at the start of the block whose end is missing; or soon after a brace too many. */
type Near = (place: number, fault: number) => boolean;
const sameLine: Near = (place, fault) => place === fault;
const before: Near = (place, fault) => place < fault;
const soonAfter: Near = (place, fault) => place >= fault && place <= fault + 2;

const swap = (word: string): string => `${word[1]}${word[0]}${word.slice(2)}`;

const KINDS: readonly [name: string, pattern: RegExp, replacement: (match: string) => string, near: Near][] = [
  ['a closing brace deleted', /\}/g, () => '', before],
  ['a closing brace doubled', /\}/g, () => '}}', soonAfter],
  ['an opening brace deleted', /\{/g, () => '', sameLine],
  // Two letters swapped in the first word of a line, where that word is long enough to be recognized.
  ['a keyword misspelt', /(?<=\n[ \t\u00a0]*)(?!eth0|chk_down)[a-zA-Z_0-9]{5,}(?=[ \t\u00a0])/g, swap, sameLine],
  // Any text may be a password or a command.
  ['a number broken', /(?<=[a-z](?<!auth_pass|exit)[ \u00a0]+)\d+(?=\s|\0|$)/g, (number) => `${number}x`, sameLine],
  // The mail relay may have a name, and what is not acted on is not looked at.
  [
    'an address broken',
    /(?<=[ \n\u00a0](?<!(?:smtp_server|nat_mask|group5)[ \u00a0]+))\d+\.\d+\.\d+\.\d+/g,
    (address) => `${address}.`,
    sameLine,
  ],
];

describe('a single fault', () => {
  it.each(KINDS)('%s is reported once and near its place in 95 of 100 cases', (_, pattern, replacement, near) => {
    const cases = GOOD.flatMap((text) => faults(text, pattern, replacement).map((fault) => ({ fault, said: brought(fault, text) })));
    expect(cases.length).toBeGreaterThan(10);
    const bad = cases.filter(({ fault, said }) => said.length !== 1 || !near((said[0] as Diagnostic).range.line, fault.line));
    const summary = bad.map(({ fault, said }) => `${fault.what}: ${said.map(formatDiagnostic).join('; ')}`);
    expect(summary.slice(Math.floor(cases.length * 0.05))).toEqual([]);
  });
});
