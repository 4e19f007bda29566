/**
 * The sample configurations of Debian's keepalived package, each read by keepalived 2.2.7 and by us, on a host that has none of
 * their interfaces and on one that has them: the same exit code of `-t`, but for the differences that the migration page lists.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiled, ensureBuilt, ipBatch, run } from '../system/support.ts';

const FOLDERS = ['/usr/share/doc/keepalived/samples', '/etc/keepalived'];
const PAGE = readFileSync(new URL('../../docs/migrating-from-keepalived.md', import.meta.url), 'utf8');
const PAIRS = 5;

/** keepalived.conf.NAME, or packed; never the configuration of this host itself. */
const samples = FOLDERS.filter(existsSync)
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => /^keepalived\.conf\..+/.test(basename(path)))
  .sort();

/** `| NAME | absent or present | keepalived's code | ours | why |`, as the page has it. */
const differences = new Map(
  [...PAGE.matchAll(/^\| `(keepalived\.conf\.[\w.]+)` \| (absent|present) \| (\d) \| (\d) \| (.+) \|$/gm)].map((row) => [
    `${row[1]} ${row[2]}`,
    { keepalived: Number(row[3]), ours: Number(row[4]) },
  ]),
);

const id = `vw-samples-${process.pid}`;
const namespaces = { absent: `${id}-a`, present: `${id}-b` } as const;
let folder: string;

beforeAll(() => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'vipwright-samples-'));
  for (const namespace of Object.values(namespaces)) run('ip', 'netns', 'add', namespace);
  const links = Array.from({ length: PAIRS }, (_, pair) => [2 * pair, 2 * pair + 1] as const);
  ipBatch(namespaces.present, [
    ...links.map(([a, b]) => `link add eth${a} type veth peer name eth${b}`),
    ...links.flat().flatMap((number) => [`addr add 10.9.${number}.1/24 dev eth${number}`, `link set eth${number} up`]),
  ]);
});

afterAll(() => {
  for (const namespace of Object.values(namespaces)) run('ip', 'netns', 'del', namespace);
  rmSync(folder, { recursive: true, force: true });
});

function plainFile(path: string): string {
  if (!path.endsWith('.gz')) return path;
  const unpacked = join(folder, basename(path, '.gz'));
  writeFileSync(unpacked, gunzipSync(readFileSync(path)));
  return unpacked;
}

function ask(namespace: string, command: string, ...words: readonly string[]): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', namespace, command, ...words], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, said: `${stdout}${stderr}` };
}

describe("the samples of Debian's package", () => {
  it('are here', () => {
    expect(samples.length).toBeGreaterThan(20);
  });

  it.each(
    samples.flatMap((path) => (['absent', 'present'] as const).map((situation) => [basename(path, '.gz'), situation, path] as const)),
  )('%s, interfaces %s', (name, situation, path) => {
    const file = plainFile(path);
    const theirs = ask(namespaces[situation], 'keepalived', '-t', '-f', file);
    const ours = ask(namespaces[situation], process.execPath, compiled('src/entry/vipwright.ts'), 'check', '--keepalived', file);
    const expected = differences.get(`${name} ${situation}`);
    const said = `keepalived: ${theirs.said}\nvipwright: ${ours.said}`;
    if (expected) expect({ keepalived: theirs.code, ours: ours.code }, said).toEqual(expected);
    else expect(ours.code, said).toBe(theirs.code);
  });

  it('that the page names are all there', () => {
    const names = new Set(samples.map((path) => basename(path, '.gz')));
    expect([...differences.keys()].filter((key) => !names.has(key.split(' ')[0] as string))).toEqual([]);
  });
});
