import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { keywordPaths, readKeepalived } from '../../../src/config/index.ts';
import { badArguments, badEntries, goodArguments, goodEntries } from './samples.ts';
import { type Skeleton, SkeletonBuilder } from './skeleton.ts';

const ROWS = readFileSync(new URL('keywords.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((row) => {
    const [path, argument, range, tier] = row.split('\t') as [string, string, string, string];
    return { path, argument, range, tier: Number(tier) };
  });
const PATHS = keywordPaths();
const BY_PATH = new Map(PATHS.map((path) => [path.path, path]));
const skeletons = new SkeletonBuilder(PATHS);

/** Nothing is wrong with a statement about which no more is said than that this version does not act on it, or that it has a newer name. */
const HARMLESS = new Set(['config/unsupported', 'config/not-acted-on', 'config/deprecated-keyword']);

function said({ text }: Skeleton): string[] {
  return readKeepalived(text, { file: 'k.conf' }).diagnostics.map(({ range, severity, code }) => `${range.line} ${severity} ${code}`);
}

/** Warnings that mean that something was not read. The others are about what was read: a port that direct routing cannot change, and so on. */
const NOT_READ = new Set(['config/unknown-keyword', 'config/extra-words', 'config/repeated-keyword', 'config/stray-text', 'config/stray-brace']);

/** What is said against a file that should be good. */
function objections(skeleton: Skeleton): string[] {
  return said(skeleton).filter((text) => {
    const [, severity, code] = text.split(' ') as [string, string, string];
    return (severity === 'error' && !HARMLESS.has(code)) || NOT_READ.has(code);
  });
}

/** Whether a fault on a line was found there: an error, or a warning that words are left out. */
function isDiagnosed(skeleton: Skeleton): boolean {
  return said(skeleton).some((text) => {
    const [line, severity, code] = text.split(' ') as [string, string, string];
    return Number(line) === skeleton.line && severity !== 'info' && !HARMLESS.has(code);
  });
}

const exercised = new Set<string>();

describe('every keyword of keepalived', () => {
  it.each(ROWS)('$path', ({ path, tier }) => {
    const found = BY_PATH.get(path);
    if (!found) throw new Error(`the table does not know ${path}`);
    const { form, entry } = found.keyword;
    expect(found.tier).toBe(tier);
    const faults: string[] = [];
    const accept = (text: string, skeleton: Skeleton) => faults.push(...objections(skeleton).map((said) => `${text}: ${said}`));
    const refuse = (text: string, skeleton: Skeleton) => {
      if (!isDiagnosed(skeleton)) faults.push(`${text}: taken without a word`);
    };
    for (const argument of goodArguments(path, form)) accept(argument, skeletons.around(path, argument));
    for (const argument of badArguments(path, form)) refuse(argument, skeletons.around(path, argument));
    const [head = ''] = goodArguments(path, form);
    for (const line of entry ? goodEntries(path, entry) : []) accept(line, skeletons.around(path, head, line));
    for (const line of entry ? badEntries(path, entry) : []) refuse(line, skeletons.around(path, head, line));
    expect(faults).toEqual([]);
    exercised.add(path);
  });

  it('is listed once', () => {
    expect(ROWS).toHaveLength(531);
    expect(new Set(ROWS.map(({ path }) => path)).size).toBe(531);
  });

  afterAll(() => {
    expect(exercised.size).toBe(531);
  });
});
