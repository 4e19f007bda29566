/** `vipwright check --fix` on damaged files: never more errors than before, and a second run has nothing left to do. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runCheck } from '../../src/cli/check/index.ts';
import type { FileIo } from '../../src/cli/files/index.ts';

const SEEDS = ['000-master.conf', '001-master.conf', '003-lvs-10.0.0.50.conf'].map((file) =>
  readFileSync(new URL(`../golden/seeds/${file}`, import.meta.url), 'utf8'),
);

/** Slips of the kind that have a fix: letters swapped, a word cut in two, a brace too many, letters of the other case. */
const slip = fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), kind: fc.constantFrom('swap', 'cut', 'brace', 'case') });

const damaged = fc.tuple(fc.constantFrom(...SEEDS), fc.array(slip, { minLength: 1, maxLength: 4 })).map(([seed, slips]) =>
  slips.reduce((text, { at, kind }) => {
    const words = [...text.matchAll(/[A-Za-z_]{5,}/g)];
    const word = words[Math.floor(at * words.length)] as RegExpExecArray;
    return text.slice(0, word.index) + spoilt(word[0], kind) + text.slice(word.index + word[0].length);
  }, seed),
);

function spoilt(word: string, kind: 'swap' | 'cut' | 'brace' | 'case'): string {
  switch (kind) {
    case 'swap':
      return `${word[1]}${word[0]}${word.slice(2)}`;
    case 'cut':
      return word.replace('_', ' ');
    case 'brace':
      return `}\n${word}`;
    case 'case':
      return word.toLowerCase();
  }
}

interface Run {
  readonly errors: number;
  readonly text: string;
}

async function fix(text: string, options: { fix: boolean }): Promise<Run> {
  let out = '';
  let current = text;
  const io: FileIo = {
    out: (said) => {
      out += said;
    },
    err: () => undefined,
    readFile: () => current,
    listDirectory: () => [],
    replaceFile: (_, next) => {
      current = next;
    },
  };
  await runCheck(['f'], { ...options, format: 'json' }, io);
  const errors = (JSON.parse(out) as { severity: string }[]).filter(({ severity }) => severity === 'error').length;
  return { errors, text: current };
}

describe('fixing a damaged file', () => {
  it('never makes it worse, and is done after one run', async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(damaged, async (text) => {
        const before = await fix(text, { fix: false });
        const after = await fix(text, { fix: true });
        expect(after.errors).toBeLessThanOrEqual(before.errors);
        if (after.text !== text) changed++;
        expect((await fix(after.text, { fix: true })).text).toBe(after.text);
      }),
      { numRuns: 60 },
    );
    expect(changed).toBeGreaterThan(20);
  });
});
