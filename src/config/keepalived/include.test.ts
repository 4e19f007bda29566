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
const UNREADABLE = '/etc/k/d/secret';

const resolve = createIncludeResolver({
  readFile: (path) => (FILES.includes(path) ? `# ${path}` : undefined),
  listDirectory: (path) => {
    const directory = path.endsWith('/') ? path : `${path}/`;
    const names = [...FILES, UNREADABLE].flatMap((file) =>
      file.startsWith(directory) ? [file.slice(directory.length).split('/')[0] as string] : [],
    );
    return [...new Set(names)].reverse();
  },
});

describe('createIncludeResolver', () => {
  it.each([
    ['a.conf', ['/etc/k/a.conf']],
    ['/etc/k/b.conf', ['/etc/k/b.conf']],
    ['?.conf', ['/etc/k/a.conf', '/etc/k/b.conf']],
    ['[!b].conf', ['/etc/k/a.conf']],
    ['[ab].c*', ['/etc/k/a.conf', '/etc/k/b.conf']],
    ['*/1.conf', ['/etc/k/d/1.conf', '/etc/k/e/1.conf']],
    ['/*/k/d/*.conf', ['/etc/k/d/1.conf', '/etc/k/d/2.conf']],
    ['{b,a}.conf', ['/etc/k/b.conf', '/etc/k/a.conf']],
    ['{d/{2,1},e/1}.conf', ['/etc/k/d/2.conf', '/etc/k/d/1.conf', '/etc/k/e/1.conf']],
    ['.h*', ['/etc/k/.hidden.conf']],
  ])('%s', (pattern, expected) => {
    const files = expected.map((file) => ({ file, text: `# ${file}` }));
    expect(resolve(pattern, '/etc/k/main.conf')).toEqual(files);
  });

  it.each([
    ['x.conf', '/etc/k/x.conf', 'absent'],
    ['a+.conf', '/etc/k/a+.conf', 'absent'],
    ['[z-a].conf', '/etc/k/[z-a].conf', 'no-match'],
    ['*/3.conf', '/etc/k/*/3.conf', 'no-match'],
    ['d', '/etc/k/d', 'unreadable'],
    ['d/secret', UNREADABLE, 'unreadable'],
    ['d/s*', UNREADABLE, 'unreadable'],
  ])('%s is not found: %s, %s', (pattern, file, problem) => {
    expect(resolve(pattern, '/etc/k/main.conf')).toEqual([{ file, problem }]);
  });

  it('does not expand without end', () => {
    expect(resolve('{a,b}'.repeat(40), '/x').length).toBeLessThanOrEqual(1024);
  });
});
