/**
 * Tables of packet fixtures (fixtures/*.txt), for operators to read:
 *
 *     name vip 10.9.9.9                    an address's name, for the whole file
 *     == A connection by direct routing    a story: its rows run one after another, from empty tables
 *     service tcp vip:80                   set-up; what there is, says fixture-stage.ts
 *     server rs1:80 dr
 *     a SYN opens it | tcp S client:40000 > vip:80 | tx | rs1: = ttl 63 | new, in 40, +active
 *
 * A row says: what it shows | the frame that comes in | the verdict | the frame that goes out, or - | what it counted, or -.
 * Frames are in the words of frame-words.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { frameOfWords, INCOMING, type Names, parseFrameWords } from './frame-words.ts';

export interface Row {
  readonly kind: 'row';
  readonly place: string;
  readonly name: string;
  readonly input: string;
  /** pass, drop, tx, or redirect with the interface's number. */
  readonly verdict: string;
  readonly output: string;
  readonly counters: string;
}

export interface SetUp {
  readonly kind: 'set-up';
  readonly place: string;
  readonly words: readonly string[];
}

export interface Story {
  readonly title: string;
  readonly names: Names;
  readonly steps: readonly (Row | SetUp)[];
}

export interface FixtureFile {
  readonly name: string;
  readonly stories: readonly Story[];
}

const FOLDER = fileURLToPath(new URL('./fixtures/', import.meta.url));

/** All tables, in the order of their files' names. Throws with file and line for what it cannot read. */
export function readFixtureFiles(): readonly FixtureFile[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  return files.sort().map((name) => ({ name, stories: parseFixtures(name, readFileSync(join(FOLDER, name), 'utf8')) }));
}

export function parseFixtures(file: string, text: string): readonly Story[] {
  const names = new Map<string, string>();
  const stories: { title: string; names: Names; steps: (Row | SetUp)[] }[] = [];
  for (const [at, raw] of text.split('\n').entries()) {
    const place = `${file}:${at + 1}`;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [first = '', ...rest] = line.split(/\s+/);
    if (first === '==') stories.push({ title: rest.join(' '), names, steps: [] });
    else if (first === 'name' && !line.includes(' | ')) names.set(rest[0] ?? '', rest[1] ?? '');
    else {
      const story = stories.at(-1);
      if (!story) throw new Error(`${place}: no story has begun`);
      story.steps.push(line.includes(' | ') ? parseRow(place, line) : { kind: 'set-up', place, words: [first, ...rest] });
    }
  }
  return stories;
}

function parseRow(place: string, line: string): Row {
  const cells = line.split(' | ').map((cell) => cell.trim());
  const [name = '', input = '', verdict = '', output = '', counters = ''] = cells;
  if (cells.length !== 5) throw new Error(`${place}: ${cells.length} cells, a row has five`);
  return { kind: 'row', place, name, input, verdict, output, counters };
}

export function rowsOf({ steps }: Story): readonly Row[] {
  return steps.filter((step) => step.kind === 'row');
}

/** Every frame that comes in somewhere: one of each kind that the packet path treats differently. */
export function fixtureFrames(): readonly Uint8Array[] {
  const stories = readFixtureFiles().flatMap((file) => file.stories);
  return stories.flatMap((story) => rowsOf(story).map(({ input }) => frameOfWords(parseFrameWords(input), story.names, INCOMING)));
}
