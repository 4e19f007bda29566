import { describe, expect, it } from 'vitest';
import type { FileIo } from '../files/index.ts';
import { type CheckOptions, runCheck } from './check.ts';

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
  options: CheckOptions = {},
  names = Object.keys(files).slice(0, 1),
  hostInterfaces = ['lo', 'eth0'],
) {
  let out = '';
  let err = '';
  const written: Record<string, string> = {};
  const io: FileIo = {
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
    replaceFile: (path, text) => {
      written[path] = text;
    },
    hostInterfaces,
  };
  return runCheck(names, options, io).then((exitCode) => ({ exitCode, out, err, written }));
}

describe('vipwright check', () => {
  it('says so when nothing is wrong', async () => {
    expect(await run({ 'a.conf': GOOD })).toEqual({
      exitCode: 0,
      out: 'a.conf: 0 errors, 0 warnings. vipwrightd would run it.\n',
      err: '',
      written: {},
    });
  });

  it('shows the place, the help and the sum', async () => {
    const { exitCode, out } = await run({
      'a.conf': GOOD.replace('virtual_router_id 51', 'virtual_router_id 51\n\tpriority 300 # 优先级'),
    });
    expect(exitCode).toBe(1);
    expect(out).toBe(`a.conf:5:11: error config/out-of-range: priority must be from 1 to 255, not 300.
  5 |  priority 300 # 优先级
    |           ^^^
  means: keepalived would fall back on the default; here nothing of the file is used.

a.conf: 1 error, 0 warnings. vipwrightd would refuse it: not start with it, and on reload keep the configuration that it has.
`);
  });

  it('counts columns in characters and sets carets under wide ones', async () => {
    const { exitCode, out } = await run({ 'a.conf': `${GOOD}本，可加入 x\n` });
    expect(exitCode).toBe(0);
    expect(out).toContain('a.conf:9:1: warning config/unknown-keyword: 本，可加入 is no keyword of this block.');
    expect(out).toContain(
      `  9 | 本，可加入 x\n    | ${'^'.repeat(10)}\n  means: A setting that was meant by it keeps its default.\n  help: If it is the rest of a comment, put # before it.\n`,
    );
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

  it('does not look for interfaces here when the configuration names another network namespace', async () => {
    const { exitCode } = await run({ 'a.conf': `net_namespace blue\n${GOOD}` }, {}, ['a.conf'], ['lo', 'eth1']);
    expect(exitCode).toBe(0);
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
    expect(out).toMatch(/etc\/a\.conf: 1 error, 0 warnings\. .*\n$/);
  });

  it('checks several files, each by itself', async () => {
    const { exitCode, out } = await run({ 'a.conf': GOOD, 'b.conf': GOOD }, {}, ['a.conf', 'b.conf']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^a\.conf: 0 errors, 0 warnings\. .*\nb\.conf: 0 errors, 0 warnings\. .*\n$/);
  });

  it('never lets control characters of the file through', async () => {
    const { out } = await run({ 'a.conf': '\x1b[31mred\x07 x\n' });
    expect(out).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it.each([
    [[], {}, /Name at least one/],
    [['missing.conf'], {}, /missing.conf cannot be read: no such file/],
    [['a.conf'], { format: 'xml' }, /--format takes text, json or sarif, not xml/],
  ])('%j %j is wrong usage', async (names, options, message) => {
    const { exitCode, out, err } = await run({ 'a.conf': GOOD }, options, names);
    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(message);
  });
});

describe('vipwright check --format sarif', () => {
  it('is one log with a result for each diagnostic', async () => {
    const { exitCode, out } = await run({ 'a.conf': GOOD.replace('BACKUP', 'Backup') }, { format: 'sarif' });
    expect(exitCode).toBe(1);
    const log = JSON.parse(out) as { runs: { results: { ruleId: string }[] }[] };
    expect(log.runs[0]?.results.map(({ ruleId }) => ruleId)).toEqual(['config/bad-value']);
  });
});

describe('vipwright check --keepalived', () => {
  it.each([
    ['nothing to say', GOOD, 0],
    ['a value that is missing', GOOD.replace('virtual_router_id 51', 'virtual_router_id'), 2],
    ['an unknown keyword, a mere warning here', GOOD.replace('state BACKUP', 'state BACKUP\nnonsense 1'), 5],
  ])('%s', async (_, text, expected) => {
    expect((await run({ 'a.conf': text }, { keepalived: true })).exitCode).toBe(expected);
  });

  it('a file that cannot be read', async () => {
    expect((await run({}, { keepalived: true }, ['a.conf'])).exitCode).toBe(4);
  });
});

describe('vipwright check --fix', () => {
  it('writes what is meant, says so, and gives the exit code of the result', async () => {
    const { exitCode, out, err, written } = await run({ 'a.conf': GOOD.replace('BACKUP', 'Backup') }, { fix: true });
    expect(written).toEqual({ 'a.conf': GOOD });
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^a\.conf: 0 errors, 0 warnings/);
    expect(err).toBe('a.conf: written.\n  a.conf:2:11: Write BACKUP. (state takes one of MASTER, BACKUP, not Backup.)\n');
  });

  it('changes nothing the second time', async () => {
    const { written, err } = await run({ 'a.conf': GOOD }, { fix: true });
    expect(written).toEqual({});
    expect(err).toBe('a.conf: nothing that could be fixed without a person.\n');
  });

  it('fixes included files where they are', async () => {
    const files = { 'etc/a.conf': 'include b.conf\n', 'etc/b.conf': GOOD.replace('BACKUP', 'Backup') };
    expect((await run(files, { fix: true })).written).toEqual({ 'etc/b.conf': GOOD });
  });
});

describe('vipwright check --explain', () => {
  const explain = (word: string) => run({}, { explain: word }, []);

  it('tells everything about a keyword', async () => {
    const { exitCode, out } = await explain('virtual_router_id');
    expect(exitCode).toBe(0);
    expect(out).toContain('vrrp_instance.virtual_router_id\n');
    expect(out).toMatch(/takes: +a whole number from 1 to 255/);
    expect(out).toMatch(/acted on: +yes/);
  });

  it('names every place of a word', async () => {
    const { out } = await explain('priority');
    expect(out).toContain('vrrp_instance.priority\n');
    expect((await explain('vrrp_instance.priority')).out).toContain('vrrp_instance.priority\n');
  });

  it.each(['config/duplicate-vrid', 'duplicate-vrid'])('tells what the code %s means', async (code) => {
    const { exitCode, out } = await explain(code);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^config\/duplicate-vrid \(error\)\n/);
  });

  it('asks what was meant by a word that nobody knows', async () => {
    const { exitCode, out, err } = await explain('priorty');
    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err).toContain('Did you mean priority?');
  });
});
