import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXPANSION_LIMITS, Expander, type ExpansionSettings } from './expand.ts';
import type { IncludedFile } from './include.ts';
import { Reporter } from './report.ts';

const SETTINGS: ExpansionSettings = {
  configId: 'main',
  environment: { HOME: '/root' },
  workingDirectory: '/etc/k',
  randomSeed: 1,
  limits: EXPANSION_LIMITS,
};

function expand(text: string, files: Record<string, IncludedFile[]> = {}, settings: Partial<ExpansionSettings> = {}) {
  const reporter = new Reporter();
  const read: string[] = [];
  const resolve = (pattern: string): IncludedFile[] => files[pattern] ?? [{ file: pattern, problem: 'absent' }];
  const expander = new Expander({ ...SETTINGS, ...settings }, resolve, reporter, (file) => read.push(file));
  const source = expander.expand('k.conf', text);
  reporter.parameterNames = expander.parameterNames;
  reporter.reportLeftovers(source);
  const said = reporter.diagnostics.map(({ range, severity, code }) => `${range.line}:${range.column} ${severity} ${code}`);
  return { source, read, said, reporter };
}

/** The lines that come out, without blank ones and indentation. */
function lines(text: string): string[] {
  return expand(text)
    .source.text.split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

describe('conditions', () => {
  it.each([
    ['@main a b', ['a b']],
    ['@other a b', []],
    ['@^other a b', ['a b']],
    ['@^main a b', []],
    ['  @main @^other a', ['a']],
    ['@main', []],
    ['x @main y', ['x @main y']],
    ['@main x {\n@other y {\nz\n}', ['x {', 'z', '}']],
    [`@other $X=1\n@main $X=2\na \${X}`, ['a 2']],
    ['@other $X= \\\n b { \\\n c\nd', ['d']],
    ['$IF=@main\n$IF a\n$IF=@other\n$IF b', ['a']],
  ])('%j', (text, expected) => {
    expect(lines(text)).toEqual(expected);
  });

  it('without an id directly behind @ are reported', () => {
    expect(expand('a\n @ main x').said).toEqual(['2:2 warning config/bad-condition']);
  });
});

describe('parameters', () => {
  it.each([
    [`$A=1\n$A \${A} x\${A}y $A`, ['1 1 x1y 1']],
    [`$A=1 # comment\nx \${A}`, ['x 1']],
    [`$A="a # b" # c\nx \${A}`, ['x "a # b"']],
    [`$A=\nx\${A}y`, ['xy']],
    [`$B=10.2.\${S}\n$S=0\n\${B}.1\n$S=10\n\${B}.1`, ['10.2.0.1', '10.2.10.1']],
    [`$A=1\n$A=2\n\${A}`, ['2']],
    [`x $A \${A}\n$A=1`, [`x $A \${A}`]],
    ['$A =1', ['$A =1']],
    ['$1A=1', ['$1A=1']],
    [`$A=1\nx # \${A}`, [`x # \${A}`]],
    [`$M= \\\n a \${N} { \\\n b \\\n }\n$N=7\n$M`, ['a 7 {', 'b', '}']],
    ['$M= one \\\n two\nx$M', ['xone', 'two']],
    [`$M= \\\n $N=1 \\\n a \${N} \\\n @other b \\\n $N=2 \\\n a \${N}\n$M`, ['a 1', 'a 2']],
    ['$M= \\\n a \\\n\nb', ['b']],
    [`$M=\\\nx\n[\${M}]`, ['[x]']],
    [`x \${_PWD} \${_INSTANCE} \${_ENV HOME}`, ['x /etc/k main /root']],
    [`x a\${_HASH}b "\${_BANG}"`, ['x a"#"b "!"']],
    [`x \${_RANDOM 5 5}`, ['x 5']],
  ])('%j', (text, expected) => {
    expect(lines(text)).toEqual(expected);
  });

  it('draw the same random numbers from the same seed', () => {
    const text = `x \${_RANDOM} \${_RANDOM 100000 900000000}`;
    expect(lines(text)).toEqual(lines(text));
    expect(lines(`random_seed 5\n${text}`)[1]).not.toEqual(lines(text)[0]);
    expect(lines(`x \${_RANDOM 7 9}`)[0]).toMatch(/^x [789]$/);
  });

  it.each([
    [`$ADDRESS=1\nx \${ADRESS}`, ['2:3 warning config/undefined-parameter']],
    ['x $NOWHERE', ['1:3 warning config/undefined-parameter']],
    ['x "echo $HOME"', []],
    ['$A=1\nx $A/24', ['2:3 warning config/unreplaced-parameter']],
    ['$A= \\\n a \\\n b\n$A x', ['4:1 warning config/unreplaced-parameter']],
    [`$A=\${A}x\ny \${A}`, ['2:3 error config/parameter-loop']],
    [`$A=\${B}\n$B=\${A}\ny \${A}`, ['3:3 error config/parameter-loop']],
    ['$M= \\\n a \\\n $M\n$M', ['4:1 error config/parameter-loop']],
    [`$A=x\${B}\${B}\n$B=y\${C}\${C}\n$C=${'z'.repeat(30_000)}\n\${A}`, ['4:1 error config/expansion-limit']],
  ])('%j is reported where it is used', (text, expected) => {
    expect(expand(text).said).toEqual(expected);
  });

  it('guess at the name that was meant', () => {
    const [diagnostic] = expand(`$ADDRESS=1\nx \${ADRESS}`).reporter.diagnostics;
    expect(diagnostic).toMatchObject({ help: 'Did you mean $ADDRESS?', fix: { replacement: `\${ADDRESS}` } });
  });

  it('lead a diagnostic in their value to the place of use, and name that of the definition', () => {
    const { source, reporter } = expand('$M= \\\n a \\\n bad\n\n$M\n');
    const at = source.text.indexOf('bad');
    const fix = { description: '', start: at, end: at + 3, replacement: 'good' };
    reporter.report('config/unknown-keyword', { source, start: at, end: at + 3 }, 'Bad.', { fix });
    expect(reporter.diagnostics).toEqual([
      {
        code: 'config/unknown-keyword',
        severity: 'warning',
        message: 'Bad. This is line 3, in the value of $M.',
        file: 'k.conf',
        range: { line: 5, column: 1, endLine: 5, endColumn: 3 },
      },
    ]);
  });

  it('leave the place of everything else as it is in the file', () => {
    const { source } = expand(`$A=12345\nx \${A} bad # \${A}\n  later`);
    const place = (word: string) => source.range(source.text.indexOf(word), source.text.indexOf(word) + word.length);
    expect(place('bad')).toEqual({ line: 2, column: 8, endLine: 2, endColumn: 11 });
    expect(place('12345')).toEqual({ line: 2, column: 3, endLine: 2, endColumn: 7 });
    expect(place('later')).toEqual({ line: 3, column: 3, endLine: 3, endColumn: 8 });
  });
});

describe('sequences', () => {
  it.each([
    [`~SEQ(A,1,3) x\${A}`, ['x1', 'x2', 'x3']],
    [`~SEQ(A, 2) x\${A}`, ['x1', 'x2']],
    [`~SEQ(A,-2) x\${A}`, ['x-1', 'x-2']],
    [`~SEQ(A,0) x\${A}`, ['x1', 'x0']],
    [`~SEQ(A,5,-2,1) x\${A}`, ['x5', 'x3', 'x1']],
    [`~SEQ(A,3,1) x\${A}`, ['x3', 'x2', 'x1']],
    [`~SEQ(A,010,011) x\${A}`, ['x8', 'x9']],
    [`~SEQx(A,0x9,0xb) x\${A}`, ['x9', 'xa', 'xb']],
    [`~SEQ (A,1,2)x\${A}`, ['x1', 'x2']],
    [`~SEQ(A,1,2) ~SEQ(B,3,4) x\${A}\${B}`, ['x13', 'x14', 'x23', 'x24']],
    [`$N=2\n~SEQ(A,1,\${N}) x\${A}`, ['x1', 'x2']],
    [`~SEQ(A,1,2) @main x\${A}`, ['x1', 'x2']],
    [`~SEQ(A,1,2) @other x\${A}`, []],
    [`~SEQ(A,1,2) $B=\${A}0\n\${B}`, ['20']],
    [`$S=~SEQ(A,1,2)\n$S x\${A}`, ['x1', 'x2']],
    [`$M= \\\n a\${A} { \\\n }\n~SEQ(A,1,2) $M`, ['a1 {', '}', 'a2 {', '}']],
    [`~LST(A,x,y z) \${A}`, ['x', 'y z']],
    [`~LST({A,B},{1,2},{3}) \${A}-\${B}`, ['1-2', '3-']],
    [`~LST(A,a,b) ~SEQ(B,1,2) \${A}\${B}`, ['a1', 'a2', 'b1', 'b2']],
    ['x ~SEQ(A,1,2)', ['x ~SEQ(A,1,2)']],
  ])('%j', (text, expected) => {
    expect(lines(text)).toEqual(expected);
  });

  it.each([
    '~SEQ(A',
    '~SEQ(A)',
    '~SEQ(1,2)',
    '~SEQ(A,x)',
    '~SEQ(A,1,0,5)',
    '~SEQ(A,1,-1,5)',
    '~SEQ(A,1,2,3,4)',
    '~SEQx(A,-1,2)',
    '~LST(A)',
    '~LST({A,1},2)',
    '~LST(A,{1,2})',
  ])('%s is reported and left out', (head) => {
    expect(expand(`a\n  ${head} x\nb`).said).toEqual(['2:3 error config/bad-sequence']);
    expect(lines(`a\n  ${head} x\nb`)).toEqual(['a', 'b']);
  });

  it('end at the limit', () => {
    const limits = { lines: 100, characters: 1000, files: 1 };
    const { source, said } = expand('~SEQ(A,1,1000000000) ~SEQ(B,1,1000000000) @other x\n~SEQ(A,1,9) y\nz', {}, { limits });
    expect(said).toEqual(['1:22 error config/expansion-limit']);
    expect(source.text.split('\n').at(-1)).toBe('z');
    expect(expand(`$A=${'a'.repeat(500)}\n~SEQ(A,1,1000000000) \${A}\${A}\${A}`, {}, { limits }).source.text.length).toBeLessThan(3000);
  });

  it('report a fault in their line once', () => {
    const { source, reporter } = expand(`~SEQ(A,1,3) bad 10.0.0.\${A}`);
    for (const match of source.text.matchAll(/10\.0\.0\.\d/g))
      reporter.report('config/bad-address', { source, start: match.index, end: match.index + 8 }, `${match[0]} is no address.`);
    expect(reporter.diagnostics).toHaveLength(1);
  });
});

describe('includes', () => {
  const file = (name: string, text: string): IncludedFile => ({ file: name, text });

  it('define parameters for what follows, and know those before', () => {
    const { source, read } = expand(`$A=1\ninclude x # c\n\${B}`, { x: [file('/d/x', `$B=\${A}2\n\${_PWD}`)] });
    expect(read).toEqual(['/d/x']);
    expect(source.text).toBe('\ninclude x # c\n12');
    expect([...source.included.values()].flat().map(({ text }) => text)).toEqual(['\n/d']);
  });

  it.each([
    ['include x', ['1:1 warning config/include-not-found']],
    ['includer x', ['1:1 warning config/include-not-found']],
    ['includem x', ['1:1 error config/include-not-found']],
    ['includew x', ['1:1 error config/include-not-found']],
    ['include none*', []],
    ['includem none*', []],
    ['includew none*', ['1:1 error config/include-not-found']],
    ['include {ok,x}', ['1:1 warning config/include-not-found']],
    ['includem {ok,x}', ['1:1 warning config/include-not-found']],
    ['includeb {ok,x}', ['1:1 error config/include-not-found']],
    ['includea {ok,x}', ['1:1 error config/include-not-found']],
    ['includea ok', []],
    ['include closed', ['1:1 warning config/include-not-found']],
    ['includer closed', ['1:1 error config/include-not-found']],
    ['include_check\ninclude x', ['2:1 error config/include-not-found']],
    ['include_check readable\ninclude x', ['2:1 warning config/include-not-found']],
    ['include_check\ninclude_check -match -wildcard_match\ninclude x', ['3:1 warning config/include-not-found']],
    ['include_check +match\ninclude x', ['2:1 error config/include-not-found']],
    [`$X=ok\ninclude \${X}\n@main include ok\n@other include x`, []],
    ['include', ['1:1 error config/missing-value']],
    ['include self', ['1:1 error config/include-depth']],
  ])('%j', (text, expected) => {
    const files: Record<string, IncludedFile[]> = {
      'none*': [{ file: 'none*', problem: 'no-match' }],
      ok: [file('ok', '')],
      '{ok,x}': [file('ok', ''), { file: 'x', problem: 'absent' }],
      closed: [{ file: 'closed', problem: 'unreadable' }],
      self: [file('k.conf', 'include self')],
    };
    expect(expand(text, files).said).toEqual(expected);
  });

  it('end when files include each other under ever new names', () => {
    const reporter = new Reporter();
    let count = 0;
    const include = (): IncludedFile[] => [file(`${++count}`, 'include a\ninclude b\n')];
    const limits = { ...EXPANSION_LIMITS, files: 50 };
    new Expander({ ...SETTINGS, limits }, include, reporter, () => {}).expand('k.conf', 'include a\n');
    expect(reporter.diagnostics.length).toBeGreaterThan(0);
    expect(reporter.diagnostics.every(({ code }) => code === 'config/include-depth')).toBe(true);
    expect(count).toBeLessThan(1000);
  });
});

it('any text expands within bounds, and every place lies in the file', () => {
  const piece = fc.constantFrom(
    '$A=',
    '$B=',
    `\${A}`,
    `\${B}`,
    '$A',
    '$B ',
    ' \\\n',
    '\n',
    '@main ',
    '@^main ',
    '~SEQ(A,1,99999)',
    '~SEQ(B,1,3) ',
    `~LST({A,B},{1,2},\${A})`,
    'x',
    '{',
    '}',
    '"',
    '#',
    '10.0.0.',
    'include y\n',
    '\r\n',
    '\ufeff',
    ')',
    '(',
  );
  const limits = { lines: 200, characters: 5000, files: 10 };
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('');
      const { source } = expand(text, {}, { limits });
      expect(source.text.length).toBeLessThanOrEqual(text.length + limits.characters + limits.lines);
      const rows = text.split('\n').length;
      for (let at = 0; at <= source.text.length; at += 7) {
        const { line, column, endLine } = source.range(at, Math.min(at + 5, source.text.length));
        expect(line >= 1 && column >= 1 && endLine >= line && endLine <= rows).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
