/** The first command on a fresh machine: it names everything that is missing at once, and then it has changed nothing. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lookAtMachine, type MachineFacts, obstacles } from '../../tools/requirements.mjs';

const TOOLS = fileURLToPath(new URL('../../tools', import.meta.url));
const SETUP = join(TOOLS, 'setup.mjs');

const fit: MachineFacts = {
  node: 'v20.19.0',
  platform: 'linux',
  kernel: '6.1.0-40-amd64',
  hasTypeInformation: true,
  root: true,
  capabilities: (1n << 41n) - 1n,
  aptGet: true,
  missing: [],
};

describe('a command that needs root', () => {
  it('runs on a fit machine, and where Debian packages can be installed', () => {
    expect(obstacles({ privileged: true }, fit)).toEqual([]);
    expect(obstacles({ privileged: true }, { ...fit, missing: ['nginx-light', 'wrk'] })).toEqual([]);
    expect(obstacles({ privileged: true }, { ...fit, node: 'v22.3.1', kernel: '10.0.1' })).toEqual([]);
  });

  it.each<[string, Partial<MachineFacts>, string]>([
    ['an old Node', { node: 'v20.18.3' }, 'Node 20.19'],
    ['another system', { platform: 'darwin' }, 'Linux is needed and this is darwin'],
    ['an old kernel', { kernel: '5.15.0-91-generic' }, 'Linux 6.1'],
    ['a kernel without type information', { hasTypeInformation: false }, '/sys/kernel/btf/vmlinux'],
    ['an ordinary user', { root: false }, 'as root'],
    ['root without a capability', { capabilities: ((1n << 41n) - 1n) & ~(1n << 39n) }, 'without CAP_BPF'],
    ['another distribution', { aptGet: false, missing: ['wrk', 'libbpf1'] }, 'the command wrk, the library libbpf.so.1'],
  ])('says exactly what %s lacks', (_, facts, words) => {
    const problems = obstacles({ privileged: true }, { ...fit, ...facts });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(words);
  });

  it('names all that is missing at once', () => {
    const facts = { ...fit, node: 'v18.0.0', kernel: '5.10.0', root: false, missing: ['clang-19', 'wrk'] };
    const text = obstacles({ privileged: true }, facts).join('\n');
    for (const words of ['Node 20.19', 'Linux 6.1', 'root is needed', 'apt-get install clang-19 wrk']) expect(text).toContain(words);
  });
});

it('lets an ordinary user run what needs no root', () => {
  expect(obstacles({ privileged: false }, { ...fit, root: false, capabilities: 0n, kernel: '5.10.0' })).toEqual([]);
});

it('sees this machine as it is', () => {
  expect(lookAtMachine(['build', 'lab'])).toMatchObject({
    node: process.version,
    platform: process.platform,
    root: process.getuid?.() === 0,
  });
});

it('ends with 1 and says how to call it when called wrongly', () => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [SETUP, 'everything'], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain('usage: node tools/setup.mjs build|test|demo|bench|sim');
  expect(stdout).toBe('');
});

it.runIf(process.getuid?.() === 0)('stops an ordinary user before anything is done', () => {
  // A copy, because the repository may lie where only root can read.
  const copy = mkdtempSync(join(tmpdir(), 'vipwright-setup-'));
  chmodSync(copy, 0o777);
  cpSync(TOOLS, join(copy, 'tools'), { recursive: true });
  try {
    const { status, stderr, stdout } = spawnSync(process.execPath, [join(copy, 'tools/setup.mjs'), 'demo'], {
      encoding: 'utf8',
      uid: 65534,
      gid: 65534,
    });
    expect(status).toBe(1);
    expect(stderr).toContain('nothing was changed');
    expect(stderr).toContain('as root');
    expect(stdout).toBe('');
    expect(readdirSync(copy)).toEqual(['tools']);
  } finally {
    rmSync(copy, { recursive: true });
  }
});
