/** Plants one violation for each rule and shows that the tool which holds the rule finds it, and finds nothing beside it. */
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkArrows } from '../../tools/check-arrows.mjs';
import * as code from './code-rules.ts';
import { PlantedCopy } from './planted.ts';
import type { SourceFile } from './sources.ts';
import * as text from './text-rules.ts';

const TOOL_TIMEOUT_MS = 60_000;

/** Every boundary rule with files that break it and nothing else. */
const boundaries: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'arrow-base: src/base/upward.ts → src/model/index.ts': { 'src/base/upward.ts': "import '../model/index.ts';" },
  'arrow-vrrp: src/vrrp/sideways.ts → src/check/index.ts': { 'src/vrrp/sideways.ts': "import '../check/index.ts';" },
  'arrow-config: src/config/types-count-too.ts → src/daemon/index.ts': {
    'src/config/types-count-too.ts': "import type { Daemon } from '../daemon/index.ts';\nexport type Upward = Daemon;",
  },
  'arrow-api: src/api/upward.ts → src/daemon/index.ts': { 'src/api/upward.ts': "import '../daemon/index.ts';" },
  'arrow-cli: src/cli/status/kernel.ts → src/os/index.ts': { 'src/cli/status/kernel.ts': "import '../../os/index.ts';" },
  'arrow-cli-realserver: src/cli/realserver/daemon.ts → src/daemon/index.ts': {
    'src/cli/realserver/daemon.ts': "import '../../daemon/index.ts';\nimport '../../os/index.ts';",
  },
  'known-layer: src/helpers/index.ts → src/base/index.ts': { 'src/helpers/index.ts': "import '../base/index.ts';" },
  'enter-by-index: src/daemon/deep.ts → src/model/inner.ts': {
    'src/daemon/deep.ts': "import '../model/inner.ts';",
    'src/model/inner.ts': 'export const inner = 1;',
  },
  'enter-part-by-index: src/os/netlink/deep.ts → src/os/ffi/inner.ts': {
    'src/os/netlink/deep.ts': "import '../ffi/inner.ts';",
    'src/os/ffi/inner.ts': 'export const inner = 1;',
  },
  'pure-no-node: src/vrrp/file.ts → fs': { 'src/vrrp/file.ts': "import 'node:fs';" },
  'pure-no-node: src/director/package.ts → node_modules/zod': { 'src/director/package.ts': "import 'zod';" },
  'pure-no-node: src/dataplane/memory/clock.ts → timers': { 'src/dataplane/memory/clock.ts': "import 'node:timers';" },
  'memory-adapter-is-pure: src/dataplane/memory/kernel.ts → src/os/index.ts': {
    'src/dataplane/memory/kernel.ts': "import '../../os/index.ts';",
  },
  'koffi-only-in-ffi: src/os/netlink/native.ts → node_modules/koffi': { 'src/os/netlink/native.ts': "import 'koffi';" },
  'no-cycle: src/wire/a.ts → src/wire/b.ts → src/wire/a.ts': {
    'src/wire/a.ts': "import './b.ts';",
    'src/wire/b.ts': "import './a.ts';",
  },
  'product-stands-alone: src/daemon/laboratory.ts → lab/index.ts': { 'src/daemon/laboratory.ts': "import '../../lab/index.ts';" },
  'no-test-imported: src/daemon/tested.ts → src/daemon/tested.test.ts': {
    'src/daemon/tested.ts': "import './tested.test.ts';",
    'src/daemon/tested.test.ts': 'export const fixture = 1;',
  },
  'resolvable: src/daemon/lost.ts → ./nowhere.ts': { 'src/daemon/lost.ts': "import './nowhere.ts';" },
  'no-dev-dependency-shipped: src/daemon/development.ts → node_modules/fast-check': {
    'src/daemon/development.ts': "import 'fast-check';",
  },
};

/** What the rules allow: each line would be a false alarm. */
const innocent = {
  'src/base/index.ts': 'export const base = 1;',
  'src/model/index.ts': "export { base } from '../base/index.ts';",
  'src/check/index.ts': "import '../wire/index.ts';\nimport '../ports/index.ts';",
  'src/check/check.test.ts': "import 'node:fs';\nimport 'fast-check';\nimport '../daemon/index.ts';",
  'src/wire/index.ts': "import '../base/index.ts';",
  'src/ports/index.ts': "import '../model/index.ts';",
  'src/os/index.ts': "import 'node:fs';\nimport './ffi/index.ts';",
  'src/os/ffi/index.ts': "import 'koffi';",
  'src/daemon/index.ts': "import '../os/ffi/index.ts';\nimport '../check/index.ts';\nimport 'nodemailer';\nexport interface Daemon {}",
  'src/cli/realserver/index.ts': "import '../../os/index.ts';",
  'lab/index.ts': "import '../src/daemon/index.ts';",
};

describe('dependency-cruiser', () => {
  let copy: PlantedCopy;
  let report: Awaited<ReturnType<typeof checkArrows>>;

  beforeAll(async () => {
    copy = new PlantedCopy(Object.assign({}, innocent, ...Object.values(boundaries)));
    report = await checkArrows(copy.root, ['src', 'lab']);
    report.violations = report.violations.map((line) => line.replace(/(?:\S*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\S*/, 'node_modules/$1'));
  }, TOOL_TIMEOUT_MS);

  afterAll(() => copy.remove());

  it.each(Object.keys(boundaries))('%s', (violation) => {
    expect(report.violations).toContain(violation);
  });

  it('raises no false alarm', () => {
    const planted = new Set(Object.values(boundaries).flatMap((files) => Object.keys(files)));
    const accused = report.violations.map((line) => line.split(': ')[1]?.split(' → ')[0] ?? line);
    expect(accused.filter((path) => !planted.has(path))).toEqual([]);
  });

  it('has a planted violation for every rule', () => {
    const configuration: { forbidden: { name: string }[] } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs');
    const names = configuration.forbidden.map((rule) => rule.name);
    const shown = new Set(Object.keys(boundaries).map((violation) => violation.split(':')[0]));
    // The arrows are made by one expression from one table: a few of them stand for all.
    expect(names.filter((name) => !name.startsWith('arrow-') && !shown.has(name))).toEqual([]);
  });
});

describe('biome', () => {
  const globals = ['Date.now()', 'performance.now()', 'setTimeout(f, 1)', 'setInterval(f, 1)', 'setImmediate(f)', 'queueMicrotask(f)'];
  globals.push('process.pid', 'console.log(1)', 'Buffer.alloc(1)', 'crypto.randomUUID()', 'fetch("x")', 'globalThis.x');
  const pure = ['base', 'wire', 'model', 'config', 'vrrp', 'bfd', 'check', 'director', 'scheduler', 'ports', 'dataplane/memory'];
  const using = (expression: string) => `declare const f: () => void;\nexport const used = ${expression};\n`;
  let copy: PlantedCopy;
  let output: string;

  beforeAll(() => {
    const files: Record<string, string> = {
      'src/os/allowed.ts': using('Date.now()'),
      'src/vrrp/allowed.test.ts': using('Date.now()'),
      'src/daemon/format.ts': 'export const   ugly = "1"',
    };
    for (const [index, expression] of globals.entries()) files[`src/check/global-${index}.ts`] = using(expression);
    for (const folder of pure) files[`src/${folder}/clock.ts`] = using('Date.now()');
    copy = new PlantedCopy(files);
    const result = copy.run('biome', 'check', '--max-diagnostics=none', 'src');
    output = result.output;
    expect(result.status).not.toBe(0);
  }, TOOL_TIMEOUT_MS);

  afterAll(() => copy.remove());

  it.each([...globals.entries()])('refuses global %i, %s, in a pure folder', (index) => {
    expect(output).toMatch(new RegExp(`src/check/global-${index}\\.ts:\\d+:\\d+ lint/style/noRestrictedGlobals`));
  });

  it.each(pure)('refuses a clock in src/%s', (folder) => {
    expect(output).toMatch(new RegExp(`src/${folder}/clock\\.ts:\\d+:\\d+ lint/style/noRestrictedGlobals`));
  });

  it('lets the shells and the tests have them', () => {
    expect(output).not.toContain('allowed');
  });

  it('refuses what is not formatted', () => {
    expect(output).toMatch(/src\/daemon\/format\.ts format/);
  });
});

describe('oxlint', () => {
  const planted: Readonly<Record<string, string>> = {
    'typescript(no-floating-promises)': 'export function f(): void { Promise.resolve(1); }\n',
    'typescript(no-misused-promises)': 'export const list = [1].filter(async () => true);\n',
    'typescript(await-thenable)': 'export async function f(): Promise<void> { await 1; }\n',
    'typescript(no-explicit-any)': 'export const anything: any = 1;\n',
    'typescript(switch-exhaustiveness-check)': "export function f(x: 'a' | 'b'): void { switch (x) { case 'a': throw new Error('a'); } }\n",
    'eslint(no-restricted-properties)': 'export const chance = Math.random();\n',
    'vitest(no-focused-tests)': "import { it } from 'vitest';\nit.only('x', () => {});\n",
  };
  let copy: PlantedCopy;
  let result: { status: number | null; output: string };

  beforeAll(() => {
    const files = Object.values(planted).map((source, index) => [`src/daemon/planted-${index}.${index === 6 ? 'test.ts' : 'ts'}`, source]);
    copy = new PlantedCopy(Object.fromEntries(files));
    result = copy.run('oxlint', '--deny-warnings', '--format=unix', 'src');
  }, TOOL_TIMEOUT_MS);

  afterAll(() => copy.remove());

  it.each([...Object.keys(planted).entries()])('%i %s', (index, rule) => {
    const lines = result.output.split('\n').filter((line) => line.includes(`planted-${index}.`));
    expect(lines.join('\n')).toContain(rule);
    expect(result.status).not.toBe(0);
  });
});

describe('knip', () => {
  it('finds an export that nobody imports and a file that nobody reaches', () => {
    const copy = new PlantedCopy({
      'src/entry/vipwright.ts': "import { used } from '../daemon/index.ts';\nconsole.log(used);\n",
      'src/daemon/index.ts': 'export const used = 1;\nexport const dead = 2;\n',
      'src/daemon/forgotten.ts': 'export const lonely = 1;\n',
    });
    const { status, output } = copy.run('knip', '--include', 'exports,files', '--reporter', 'compact');
    copy.remove();
    expect(output).toContain('src/daemon/index.ts: dead');
    expect(output).toContain('src/daemon/forgotten.ts');
    expect(status).not.toBe(0);
  });
});

describe('tidy', () => {
  const file = (path: string, content: string): SourceFile => ({ path, text: content });
  const lines = (count: number, line: string) => `${line}\n`.repeat(count);

  it('finds a long file and leaves one at the limit alone', () => {
    const planted = [
      file('src/base/long.ts', lines(601, '//')),
      file('bpf/full.h', lines(600, '//')),
      file('docs/long.md', lines(900, 'x')),
    ];
    expect(code.longFiles(planted, 600)).toEqual(['src/base/long.ts: 601 lines, the limit is 600']);
  });

  it('finds a long function, method and arrow, and leaves one at the limit alone', () => {
    const body = (count: number) => `{\n${lines(count - 2, '  //')}}\n`;
    const planted = [
      file('src/a.ts', `export function long() ${body(71)}`),
      file('src/b.ts', `export const long = () => ${body(71)}`),
      file('src/c.ts', `class C {\nmethod() ${body(71)}}\n`),
      file('src/d.ts', `export function full() ${body(70)}`),
      file('src/e.test.ts', `describe('a list', () => {\nit('x', () => {});\n${lines(80, '//')}});\n`),
      file('src/f.test.ts', `it('a test', () => ${body(71)});\n`),
    ];
    const found = code.longFunctions(planted).map((line) => line.split(':').slice(0, 2).join(':'));
    expect(found).toEqual(['src/a.ts:1', 'src/b.ts:1', 'src/c.ts:2', 'src/f.test.ts:1']);
  });

  it('finds a layer, and a part of os, without an index.ts', () => {
    const planted = [file('src/base/index.ts', ''), file('src/wire/x.ts', ''), file('src/os/bpf/x.ts', ''), file('src/entry/main.ts', '')];
    expect(code.foldersWithoutIndex(planted)).toEqual(['src/wire: no index.ts', 'src/os/bpf: no index.ts']);
  });

  it.each(['it.only', 'it.skip', 'describe.only', 'describe.skip', 'test.todo', 'it.fails', 'it.skip.each([1])'])('finds %s', (callee) => {
    expect(code.switchedOffTests([file('src/a.test.ts', `${callee}('x', () => {});`)])).toHaveLength(1);
  });

  it('finds two tests of one name in one group, and lets two groups share it', () => {
    const twice = "describe('a', () => { it('x', () => {}); it('x', () => {}); }); describe('b', () => { it('x', () => {}); });";
    expect(code.duplicateTestNames([file('src/a.test.ts', twice)])).toHaveLength(1);
  });

  it('finds a test file that expects nothing', () => {
    const planted = [file('src/a.test.ts', "it('x', () => {});"), file('src/b.test.ts', "it('x', () => { expect(1).toBe(1); });")];
    expect(code.testsWithoutExpectation(planted)).toEqual(['src/a.test.ts: no expectation']);
  });

  // Put together here, or this file would be found as well.
  it.each([
    ['TO', 'DO'],
    ['FIX', 'ME'],
    ['see /wo', 'rk/x'],
    ['see /ho', 'me/x/y'],
    ['https://regis', 'try.npmjs.org/x'],
  ])('finds %s%s', (a, b) => {
    expect(text.forbiddenWords([file('src/a.ts', `// ${a}${b}`)])).toHaveLength(1);
  });

  it('finds a mail address of somebody', () => {
    const planted = [
      file('docs/a.md', ['somebody', 'mail.example.io'].join('@')),
      file('docs/b.md', 'admin@example.com, root@node1.test.com'),
    ];
    expect(text.personalAddresses(planted)).toHaveLength(1);
  });

  it('finds a link to a missing file and to a missing heading', () => {
    const planted = [
      file(
        'README.md',
        '[a](docs/a.md) [b](docs/none.md) [c](docs/a.md#two-words) [d](docs/a.md#none) [e](https://example.com/x) [f](docs/)',
      ),
      file('docs/a.md', '# One\n## Two words\n```\n[not a link](nowhere)\n```\n'),
    ];
    expect(text.brokenLinks(planted)).toEqual([
      'README.md: docs/none.md leads nowhere',
      'README.md: docs/a.md#none names a heading that is not there',
    ]);
  });

  it('finds a dependency without a row and a row without a dependency', () => {
    const planted = [
      file('package.json', '{"dependencies":{"a":"1"},"devDependencies":{"b":"1"}}'),
      file('dependencies.md', '| `b` | why |\n| `c` | why |\n'),
    ];
    expect(text.unexplainedDependencies(planted)).toEqual(['dependencies.md: no row for a', 'dependencies.md: c is no dependency']);
  });
});
