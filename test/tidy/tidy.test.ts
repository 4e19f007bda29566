/** The habits of the house, held against every file of it. That each rule can fail is shown in rules.test.ts. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import {
  duplicateTestNames,
  FILE_LINES_MAX,
  FILE_LINES_SOFT,
  foldersWithoutIndex,
  longFiles,
  longFunctions,
  switchedOffTests,
  testsWithoutExpectation,
} from './code-rules.ts';
import { readSources } from './sources.ts';
import { brokenLinks, forbiddenWords, personalAddresses, unexplainedDependencies } from './text-rules.ts';

const files = readSources(fileURLToPath(new URL('../..', import.meta.url)));

it('sees the repository', () => {
  const paths = files.map((file) => file.path);
  expect(paths).toEqual(expect.arrayContaining(['README.md', 'package.json', 'src/base/index.ts', 'test/tidy/tidy.test.ts', '.ci/run']));
});

it(`keeps every file at ${FILE_LINES_MAX} lines or fewer, and says which have more than ${FILE_LINES_SOFT}`, () => {
  for (const line of longFiles(files, FILE_LINES_SOFT)) console.warn(line);
  expect(longFiles(files, FILE_LINES_MAX)).toEqual([]);
});

it('keeps functions short', () => {
  expect(longFunctions(files)).toEqual([]);
});

it('gives every folder that is entered an index.ts', () => {
  expect(foldersWithoutIndex(files)).toEqual([]);
});

it('switches no test off', () => {
  expect(switchedOffTests(files)).toEqual([]);
});

it('gives every test of a group its own name', () => {
  expect(duplicateTestNames(files)).toEqual([]);
});

it('expects something in every test file', () => {
  expect(testsWithoutExpectation(files)).toEqual([]);
});

it('leaves nothing for later and names no machine', () => {
  expect(forbiddenWords(files)).toEqual([]);
});

it('knows nobody’s mail address', () => {
  expect(personalAddresses(files)).toEqual([]);
});

it('links only to what exists', () => {
  expect(brokenLinks(files)).toEqual([]);
});

it('explains every direct dependency', () => {
  expect(unexplainedDependencies(files)).toEqual([]);
});
