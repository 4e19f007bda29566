import { describe, expect, it } from 'vitest';
import type { FileIo } from '../files/index.ts';
import { type FormatOptions, runDiff, runFormat, runShow } from './index.ts';

const GOOD = `vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        10.0.0.100/24
    }
}
`;

function machine(files: Record<string, string>) {
  const said = { out: '', err: '' };
  const io: FileIo = {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    readFile: (path) => {
      if (files[path] === undefined) throw new Error('no such file');
      return files[path];
    },
    listDirectory: () => [],
    replaceFile: (path, text) => {
      files[path] = text;
    },
    // The file may be another director's: neither its interfaces nor its programs are asked for.
    hostInterfaces: ['lo'],
    findProgram: () => undefined,
  };
  return { io, said, files };
}

describe('vipwright config show', () => {
  const show = (text: string, json = false) => {
    const { io, said } = machine({ 'a.conf': text });
    return { exitCode: runShow('a.conf', { json }, io), ...said };
  };

  it('prints what is in effect and where it comes from', () => {
    const { exitCode, out, err } = show(GOOD);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/^# Effective configuration of a\.conf/);
    expect(out).toMatch(/^ {4}priority 100 +# a\.conf:5$/m);
    expect(out).toMatch(/^ {4}advert_int 1 +# default$/m);
    expect(out).toMatch(/^ {4}garp_master_repeat 5 +# default$/m);
    expect(out).toMatch(/^ {4}# nopreempt: off$/m);
  });

  it('reads what is for this host, from its environment', () => {
    const text = GOOD.replace('priority 100', `@left priority 150\n    @right priority $\{_ENV PRIORITY}`);
    const { io, said } = machine({ 'a.conf': text });
    expect(runShow('a.conf', { json: false }, { ...io, configId: 'right', environment: { PRIORITY: '90' } })).toBe(0);
    expect(said.out).toMatch(/^ {4}priority 90 +# a\.conf:6$/m);
  });

  it('says where a value is taken over from', () => {
    const { out } = show(`global_defs {\n    vrrp_garp_master_repeat 2\n}\n${GOOD}`);
    expect(out).toMatch(/^ {4}garp_master_repeat 2 +# global_defs, a\.conf:2$/m);
  });

  it('masks passwords', () => {
    const { out } = show(GOOD);
    expect(out).toMatch(/auth_pass \*{8} /);
    expect(out).not.toContain('secret');
    expect(show(GOOD, true).out).not.toContain('secret');
  });

  it('prints JSON', () => {
    const { out } = show(GOOD, true);
    const router = (JSON.parse(out) as { words: string[]; origin: string; block: object[] }[]).find(
      ({ words }) => words[0] === 'vrrp_instance',
    );
    expect(router).toMatchObject({ words: ['vrrp_instance', 'VI_1'], origin: 'a.conf:1' });
    expect(router?.block).toContainEqual({ words: ['priority', '100'], origin: 'a.conf:5' });
  });

  it('shows nothing of a file with errors, and says what is wrong', () => {
    const { exitCode, out, err } = show(GOOD.replace('51', '300'));
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain('a.conf:4:23: error config/out-of-range');
  });
});

describe('vipwright config diff', () => {
  const diff = (before: string, after: string, json = false) => {
    const { io, said } = machine({ a: before, b: after });
    return { exitCode: runDiff('a', 'b', { json }, io), ...said };
  };

  it('has the exit codes of diff', () => {
    expect(diff(GOOD, `# the same\n${GOOD}`)).toEqual({ exitCode: 0, out: 'A reload changes nothing.\n', err: '' });
    expect(diff(GOOD, GOOD.replace('priority 100', 'priority 90'))).toEqual({
      exitCode: 1,
      out: 'virtual router VI_1: priority 100 → 90; as active director it gives way to one above 90\n',
      err: '',
    });
    expect(diff(GOOD, GOOD.replace('51', '0')).exitCode).toBe(2);
    const { io, said } = machine({ a: GOOD });
    expect(runDiff('a', 'missing', { json: false }, io)).toBe(2);
    expect(said.err).toBe('vipwright config diff: missing cannot be read: no such file\n');
  });

  it('prints JSON, also of nothing', () => {
    expect(diff(GOOD, GOOD, true).out).toBe('[]\n');
    expect(JSON.parse(diff(GOOD, GOOD.replace('priority 100', 'priority 90'), true).out)).toEqual([
      {
        object: 'virtual router VI_1',
        kind: 'changed',
        setting: 'priority',
        from: '100',
        to: '90',
        effect: 'as active director it gives way to one above 90',
      },
    ]);
  });
});

describe('vipwright config format', () => {
  const CROOKED = GOOD.replace('    state', '\t state');
  const format = (files: Record<string, string>, options: FormatOptions) => {
    const { io, said } = machine(files);
    return { exitCode: runFormat(Object.keys(files), options, io), ...said, files };
  };

  it('prints the file with an even layout', () => {
    expect(format({ a: CROOKED }, {})).toMatchObject({ exitCode: 0, out: GOOD, err: '' });
  });

  it('writes what is crooked and nothing else', () => {
    expect(format({ a: CROOKED, b: GOOD }, { write: true })).toEqual({
      exitCode: 0,
      out: '',
      err: 'a: written.\n',
      files: { a: GOOD, b: GOOD },
    });
  });

  it('checks without a change', () => {
    expect(format({ a: CROOKED, b: GOOD }, { check: true })).toMatchObject({ exitCode: 1, out: '', err: 'a is laid out otherwise.\n' });
    expect(format({ b: GOOD }, { check: true })).toMatchObject({ exitCode: 0, err: '' });
  });

  it.each([
    [{ a: GOOD, b: GOOD }, {}, /not printed/],
    [{ a: GOOD }, { write: true, check: true }, /exclude each other/],
  ])('%j %j is wrong usage', (files, options, message) => {
    const { exitCode, err } = format(files, options);
    expect(exitCode).toBe(2);
    expect(err).toMatch(message);
  });

  it('says which file cannot be read', () => {
    const { io, said } = machine({});
    expect(runFormat(['a'], {}, io)).toBe(2);
    expect(said.err).toBe('vipwright config format: a: no such file\n');
  });
});
