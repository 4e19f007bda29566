import { describe, expect, it } from 'vitest';
import { type CheckIo, runCheck } from './check.ts';

const GOOD = `vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.100/24
    }
}
`;

function run(
  files: Record<string, string>,
  options: { format?: string } = {},
  names = Object.keys(files).slice(0, 1),
  hostInterfaces = ['lo', 'eth0'],
) {
  let out = '';
  let err = '';
  const io: CheckIo = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    readFile: (path) => {
      if (files[path] === undefined) throw new Error('no such file');
      return files[path];
    },
    listDirectory: (path) =>
      Object.keys(files)
        .filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1)),
    hostInterfaces,
  };
  return runCheck(names, options, io).then((exitCode) => ({ exitCode, out, err }));
}

describe('vipwright check', () => {
  it('says so when nothing is wrong', async () => {
    expect(await run({ 'a.conf': GOOD })).toEqual({ exitCode: 0, out: 'a.conf: 0 errors, 0 warnings\n', err: '' });
  });

  it('shows the place, the help and the sum', async () => {
    const { exitCode, out } = await run({
      'a.conf': GOOD.replace('virtual_router_id 51', 'virtual_router_id 51\n\tpriority 300 # 优先级'),
    });
    expect(exitCode).toBe(1);
    expect(out).toBe(`a.conf:5:11: error config/out-of-range: priority must be from 1 to 255, not 300.
  5 |  priority 300 # 优先级
    |           ^^^

a.conf: 1 error, 0 warnings
`);
  });

  it('counts columns in characters and sets carets under wide ones', async () => {
    const { exitCode, out } = await run({ 'a.conf': `${GOOD}本，可加入 x\n` });
    expect(exitCode).toBe(0);
    expect(out).toContain('a.conf:9:1: warning config/unknown-keyword: 本，可加入 is no keyword of this block.');
    expect(out).toContain(`  9 | 本，可加入 x\n    | ${'^'.repeat(10)}\n  help: If it is the rest of a comment, put # before it.\n`);
  });

  it('prints the documented JSON', async () => {
    const { exitCode, out } = await run({ 'a.conf': GOOD.replace('BACKUP', 'Backup') }, { format: 'json' });
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toEqual([
      {
        code: 'config/bad-value',
        severity: 'error',
        message: 'state takes one of MASTER, BACKUP, not Backup.',
        file: 'a.conf',
        line: 2,
        column: 11,
        endLine: 2,
        endColumn: 17,
        fix: { description: 'Write BACKUP', line: 2, column: 11, endLine: 2, endColumn: 17, replacement: 'BACKUP' },
      },
    ]);
  });

  it('prints an empty array when nothing is wrong', async () => {
    expect((await run({ 'a.conf': GOOD }, { format: 'json' })).out).toBe('[]\n');
  });

  it('asks the host for the interfaces', async () => {
    const { exitCode, out } = await run({ 'a.conf': GOOD }, {}, ['a.conf'], ['lo', 'eth1']);
    expect(exitCode).toBe(1);
    expect(out).toContain('a.conf:3:15: error config/absent-interface: There is no network interface eth0 on this host.');
    expect(out).toContain('help: Did you mean eth1? Present: eth1.');
  });

  it('follows includes and names the file that is wrong', async () => {
    const files = {
      'etc/a.conf': `include conf.d/*.conf\n`,
      'etc/conf.d/1.conf': GOOD.replace('51', '0'),
      'etc/conf.d/2.conf': GOOD.replace('VI_1', 'VI_2'),
    };
    const { exitCode, out } = await run(files);
    expect(exitCode).toBe(1);
    expect(out).toContain(
      'etc/conf.d/1.conf:4:23: error config/out-of-range: virtual_router_id must be from 1 to 255, not 0.\n  4 |     virtual_router_id 0\n',
    );
    expect(out).toMatch(/etc\/a\.conf: 1 error, 0 warnings\n$/);
  });

  it('checks several files, each by itself', async () => {
    const { exitCode, out } = await run({ 'a.conf': GOOD, 'b.conf': GOOD }, {}, ['a.conf', 'b.conf']);
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: 'a.conf: 0 errors, 0 warnings\nb.conf: 0 errors, 0 warnings\n' });
  });

  it('never lets control characters of the file through', async () => {
    const { out } = await run({ 'a.conf': '\x1b[31mred\x07 x\n' });
    expect(out).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it.each([
    [[], {}, /Name at least one/],
    [['missing.conf'], {}, /missing.conf cannot be read: no such file/],
    [['a.conf'], { format: 'xml' }, /--format takes text or json, not xml/],
  ])('%j %j is wrong usage', async (names, options, message) => {
    const { exitCode, out, err } = await run({ 'a.conf': GOOD }, options, names);
    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(message);
  });
});
