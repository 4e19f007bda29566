import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { millis } from '../../base/index.ts';
import { cleanEnvironment, DEFAULT_PATH } from './environment.ts';
import { resolveIdentity } from './identity.ts';
import { runScript } from './run-script.ts';
import { checkScript, findExecutable } from './script-security.ts';

const asRoot = process.getuid?.() === 0;
const NOBODY = 65534;
const sh = (text: string) => ({ argv: ['/bin/sh', '-c', text] });

describe('cleanEnvironment', () => {
  it('drops what redirects programs and keeps the rest', () => {
    const dirty = {
      LD_PRELOAD: 'x',
      LD_LIBRARY_PATH: 'x',
      IFS: ',',
      BASH_ENV: 'x',
      NOTIFY_SOCKET: 'x',
      NODE_OPTIONS: 'x',
      HOME: '/root',
      PATH: '/bin',
    };
    expect(cleanEnvironment(dirty)).toEqual({ HOME: '/root', PATH: '/bin' });
  });

  it('always has a path', () => {
    expect(cleanEnvironment({ PATH: '' })).toEqual({ PATH: DEFAULT_PATH });
    expect(cleanEnvironment({})).toEqual({ PATH: DEFAULT_PATH });
  });
});

describe('resolveIdentity', () => {
  it('takes the group of the user unless another is named', () => {
    expect(resolveIdentity(undefined, undefined)).toEqual({});
    expect(resolveIdentity('root', undefined)).toEqual({ uid: 0, gid: 0 });
    expect(resolveIdentity('root', '7')).toEqual({ uid: 0, gid: 7 });
    expect(resolveIdentity('1234', undefined)).toEqual({ uid: 1234, gid: 1234 });
    expect(resolveIdentity('no-such-user', undefined)).toEqual({ unknown: 'user no-such-user' });
    expect(resolveIdentity('root', 'no-such-group')).toEqual({ unknown: 'group no-such-group' });
  });
});

describe('runScript', () => {
  it('reports the exit status and what was written to both outputs', async () => {
    const { outcome } = runScript(sh('echo out; echo err >&2; exit 7'));
    expect(await outcome).toEqual({ kind: 'exited', status: 7, output: expect.stringMatching(/^(out\nerr\n|err\nout\n)$/) });
  });

  it('passes words without a shell in between', async () => {
    const { outcome } = runScript({ argv: ['echo', '-n', '$HOME;'] }, { extraArguments: ['INSTANCE', 'VI 1', 'MASTER', '150'] });
    expect(await outcome).toEqual({ kind: 'exited', status: 0, output: '$HOME; INSTANCE VI 1 MASTER 150' });
  });

  it('leads its own process group, in /, with nothing to read', async () => {
    const script = runScript(sh('echo $$ $(cut -d" " -f5 /proc/$$/stat) $PWD; cat'));
    expect(await script.outcome).toMatchObject({ output: `${script.pid} ${script.pid} /\n` });
  });

  it('reports the signal that ended it', async () => {
    expect(await runScript(sh('kill -USR1 $$')).outcome).toMatchObject({ kind: 'signalled', signal: 'SIGUSR1' });
  });

  it('ends it with its children after the time limit', async () => {
    const { outcome } = runScript(sh('echo begun; sleep 600 & wait'), { timeout: millis(200) });
    expect(await outcome).toEqual({ kind: 'timed-out', output: 'begun\n' });
  });

  it('kills what does not listen', async () => {
    const { pid, outcome } = runScript(sh('trap "" TERM; while :; do sleep 0.05; done'), { timeout: millis(100), killDelay: millis(100) });
    expect(await outcome).toMatchObject({ kind: 'timed-out' });
    expect(() => process.kill(pid as number, 0)).toThrow('ESRCH');
  });

  it('can be ended early', async () => {
    const script = runScript(sh('sleep 600'));
    script.terminate();
    expect(await script.outcome).toMatchObject({ kind: 'timed-out' });
  });

  it('keeps the beginning of the output only, and does not wait for a child that holds it open', async () => {
    const { outcome } = runScript(sh('sleep 600 & head -c 300000 /dev/zero | tr "\\0" x; kill $!'), { outputLimit: 10 });
    expect(await outcome).toEqual({ kind: 'exited', status: 0, output: 'xxxxxxxxxx' });
    const daemon = runScript(sh('sleep 600 & echo $!'));
    const ended = await daemon.outcome;
    expect(ended).toMatchObject({ kind: 'exited', status: 0 });
    process.kill(Number('output' in ended && ended.output), 'SIGKILL');
  });

  it('says why it could not start', async () => {
    expect(await runScript({ argv: [] }).outcome).toEqual({ kind: 'failed', reason: 'the command is empty' });
    expect(await runScript({ argv: ['/no/such/file'] }).outcome).toEqual({ kind: 'failed', reason: expect.stringContaining('ENOENT') });
    expect(await runScript({ argv: ['true'], user: 'no-such-user' }).outcome).toEqual({
      kind: 'failed',
      reason: 'unknown user no-such-user',
    });
    expect(await runScript({ argv: ['a\0b'] }).outcome).toMatchObject({ kind: 'failed' });
  });

  it.runIf(asRoot)('runs under the user that it names', async () => {
    expect(await runScript({ argv: ['id', '-u'], user: 'nobody' }).outcome).toMatchObject({ status: 0, output: `${NOBODY}\n` });
  });
});

describe('checkScript', () => {
  let directory: string;
  const place = (name: string, mode = 0o755): string => {
    const path = join(directory, name);
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, mode);
    return path;
  };
  const check = (path: string, runsAsRoot = true) => checkScript(path, { runsAsRoot });

  beforeAll(() => {
    directory = mkdtempSync('/tmp/vipwright-script-');
    chmodSync(directory, 0o755);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('finds commands on the path', () => {
    expect(findExecutable('sh')).toMatch(/\/sh$/);
    expect(findExecutable('./x')).toBe('./x');
    expect(check('no-such-command')).toMatchObject({ kind: 'not-found', path: 'no-such-command' });
    expect(check('/no/such/file')).toMatchObject({ kind: 'not-found', reason: '/no/such/file cannot be found: ENOENT' });
  });

  it('wants an executable file', () => {
    expect(check(directory)).toMatchObject({ kind: 'not-a-file' });
    const path = place('plain', 0o644);
    expect(check(path)).toEqual({
      kind: 'not-executable',
      path,
      reason: `${path} (mode 0644) is not executable`,
      help: `chmod +x ${path}`,
    });
  });

  it.runIf(asRoot)('accepts root’s own file, also below a sticky directory and through a link', () => {
    const path = place('good');
    expect(check(path)).toBeUndefined();
    symlinkSync('good', join(directory, 'link'));
    expect(check(join(directory, 'link'))).toBeUndefined();
    expect(check('sh')).toBeUndefined();
  });

  it.runIf(asRoot)('names the file that others can write, its owner and mode', () => {
    const path = place('open', 0o757);
    expect(check(path)).toEqual({
      kind: 'insecure',
      path,
      reason: `${path} (owner 0:0, mode 0757) can be changed by everybody`,
      help: `chown root:root ${path} && chmod go-w ${path}`,
    });
    expect(check(path, false)).toBeUndefined();
    const group = place('group', 0o775);
    expect(check(group)).toBeUndefined();
    chownSync(group, 0, NOBODY);
    expect(check(group)?.reason).toContain(`(owner 0:${NOBODY}, mode 0775) can be changed by group ${NOBODY}`);
    chownSync(group, NOBODY, 0);
    expect(check(group)?.reason).toContain(`can be changed by its owner, user ${NOBODY}`);
  });

  it.runIf(asRoot)('names the directory on the way, also behind a link', () => {
    const open = join(directory, 'sub');
    mkdirSync(open);
    chmodSync(open, 0o777);
    writeFileSync(join(open, 'script'), '#!/bin/sh\n', { mode: 0o755 });
    expect(check(join(open, 'script'))).toMatchObject({ kind: 'insecure', path: open });
    symlinkSync(join(open, 'script'), join(directory, 'far'));
    expect(check(join(directory, 'far'))).toMatchObject({ kind: 'insecure', path: open });
    expect(check(join(directory, 'sub', '..', 'far'))).toMatchObject({ kind: 'insecure', path: open });
  });
});
