import { describe, expect, it } from 'vitest';
import { readCommand } from './commands.ts';
import { Reporter } from './report.ts';
import { SourceText } from './source.ts';

function argv(text: string): { argv: readonly string[]; said: string[] } {
  const reporter = new Reporter();
  const command = readCommand({ text, token: { kind: 'word', text, start: 0 }, source: new SourceText('f', text) }, {}, reporter);
  return { argv: command.argv, said: reporter.diagnostics.map((diagnostic) => diagnostic.code) };
}

describe('readCommand', () => {
  it.each([
    ['/bin/check', ['/bin/check']],
    ['/bin/check  a "b c" \'d e\'f', ['/bin/check', 'a', 'b c', 'd ef']],
    ['/bin/check "a|b" \'$x\'', ['/bin/check', 'a|b', '$x']],
    ['/usr/bin/killall -0 nginx', ['/usr/bin/killall', '-0', 'nginx']],
    ['/bin/check a#b {c}', ['/bin/check', 'a#b', '{c}']],
  ])('%j is split into words', (text, expected) => {
    expect(argv(text)).toEqual({ argv: expected, said: [] });
  });

  it.each([
    ['test -f /x && exit 1', '/bin/sh'],
    ['exit 1', '/bin/sh'],
    ['[ -f /x ]', '/bin/sh'],
    ['echo $HOSTNAME', '/bin/sh'],
    ['[[ -f /x ]]&& exit 1 ||exit 0', '/bin/bash'],
  ])('%j goes to a shell, and that is said', (text, shell) => {
    expect(argv(text)).toEqual({ argv: [shell, '-c', text], said: ['config/shell-command'] });
  });

  it('uses the identity of the line before the fallback', () => {
    const command = { text: 'x', token: { kind: 'word', text: 'x', start: 0 } as const, source: new SourceText('f', 'x') };
    expect(readCommand({ ...command, user: 'a' }, { user: 'b', group: 'c' }, new Reporter())).toEqual({ argv: ['x'], user: 'a' });
    expect(readCommand(command, { user: 'b', group: 'c' }, new Reporter())).toEqual({ argv: ['x'], user: 'b', group: 'c' });
  });
});
