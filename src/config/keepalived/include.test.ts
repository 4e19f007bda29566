import { describe, expect, it } from 'vitest';
import { createIncludeResolver } from './include.ts';

const FILES = [
  '/etc/k/main.conf',
  '/etc/k/a.conf',
  '/etc/k/b.conf',
  '/etc/k/.hidden.conf',
  '/etc/k/d/1.conf',
  '/etc/k/d/2.conf',
  '/etc/k/e/1.conf',
];

const resolve = createIncludeResolver({
  readFile: (path) => (FILES.includes(path) ? `# ${path}` : undefined),
  listDirectory: (path) =>
    [
      ...new Set(
        FILES.flatMap((file) =>
          file.startsWith(`${path === '/' ? '' : path}/`) ? [file.slice(path === '/' ? 1 : path.length + 1).split('/')[0] as string] : [],
        ),
      ),
    ].reverse(),
});

describe('createIncludeResolver', () => {
  it.each([
    ['a.conf', ['/etc/k/a.conf']],
    ['/etc/k/b.conf', ['/etc/k/b.conf']],
    ['?.conf', ['/etc/k/a.conf', '/etc/k/b.conf']],
    ['[!b].conf', ['/etc/k/a.conf']],
    ['[ab].c*', ['/etc/k/a.conf', '/etc/k/b.conf']],
    ['*/1.conf', ['/etc/k/d/1.conf', '/etc/k/e/1.conf']],
    ['/*/k/d/*', ['/etc/k/d/1.conf', '/etc/k/d/2.conf']],
    ['{b,a}.conf', ['/etc/k/b.conf', '/etc/k/a.conf']],
    ['{d/{2,1},e/1}.conf', ['/etc/k/d/2.conf', '/etc/k/d/1.conf', '/etc/k/e/1.conf']],
    ['.h*', ['/etc/k/.hidden.conf']],
    ['[z-a].conf', []],
    ['x.conf', []],
    ['a+.conf', []],
  ])('%s', (pattern, expected) => {
    expect(resolve(pattern, '/etc/k/main.conf').map((found) => found.file)).toEqual(expected);
  });

  it('does not expand without end', () => {
    expect(resolve('{a,b}'.repeat(40), '/x')).toEqual([]);
  });
});
