import { describe, expect, it } from 'vitest';
import type { BoundBlock } from './bind.ts';
import { parseSharing, RepeatedBlock } from './parser.ts';
import { readKeepalived } from './read.ts';
import { Reporter } from './report.ts';
import { SourceText } from './source.ts';
import { print, statementPlace } from './syntax.ts';
import { ROOT_SCOPE } from './table.ts';

const COMMENT = '#-\n';
/** With a no-break space, of which there is nothing to report, but for which every word is looked at. */
const ODD_COMMENT = '#\u00a0\n';

function server(number: number, port: string, check: string): string {
  return `  real_server 10.0.0.${number}${port} {\n    weight ${1 + (number % 2)}\n${check}  }\n`;
}

const CHECKS = [
  '    TCP_CHECK {\n      connect_timeout 3\n    }\n',
  '    HTTP_GET {\n      url {\n        path /\n        status_code 200\n      }\n      bindto 10.0.0.9\n    }\n',
  '    MISC_CHECK {\n      misc_path "/bin/true # {"\n    } # done\n',
  '    TCP_CHECK {\n      connect_ip 10.0.0.1\n      connect_port 8080\n      bind_if eth0\n    }\n    notify_up /bin/up\n',
];

function service(number: number, method: string, port: string, check: string): string {
  const servers = [1, 2, 3, 4].map((last) => server(last, port, check)).join('');
  return `virtual_server 10.1.0.${number} 80 {\n  lvs_method ${method}\n  protocol TCP\n  delay_loop ${number}\n${servers}}\n`;
}

const TEXT = CHECKS.flatMap((check, index) => [
  service(2 * index + 1, 'DR', ' 80', check),
  service(2 * index + 2, 'NAT', ` ${8000 + index}`, check),
]).join('');

/** Everything in the tree, with its place. */
function places(block: BoundBlock): string[] {
  return block.statements.flatMap((bound) => {
    const { start, end } = statementPlace(bound.source, bound.statement);
    const { line, column, endColumn } = bound.source.range(start, end);
    return [
      `${line}:${column}-${endColumn} ${bound.keyword.name} ${JSON.stringify(bound.value)}`,
      ...(bound.block ? places(bound.block) : []),
    ];
  });
}

function reading(text: string) {
  const { configuration, diagnostics, interfaces, tree } = readKeepalived(text, { file: 'k.conf' });
  return {
    configuration: JSON.stringify(configuration),
    diagnostics,
    interfaces: interfaces.map(({ interface: name, place }) => `${name} ${place.start}-${place.end}`),
    places: places(tree),
  };
}

function expectSame(text: string): void {
  expect(reading(COMMENT + text)).toEqual(reading(ODD_COMMENT + text));
}

describe('blocks that repeat others', () => {
  it('are read as if each stood alone', () => {
    expect(reading(TEXT).places.length).toBeGreaterThan(150);
    expectSame(TEXT);
  });

  it('keep the text of the file', () => {
    const reporter = new Reporter();
    const document = parseSharing(new SourceText('k.conf', TEXT), ROOT_SCOPE, reporter);
    const [, second] = document.statements[0]?.block?.statements.filter(({ words }) => words[0]?.text === 'real_server') ?? [];
    expect(second?.block).not.toBeInstanceOf(RepeatedBlock);
    expect(document.statements[1]?.block?.statements.at(-1)?.block).toBeInstanceOf(RepeatedBlock);
    expect(print(document)).toBe(TEXT);
    expect(reporter.diagnostics).toEqual([]);
  });

  it('are each reported when all have the same fault', () => {
    for (const [right, wrong] of [
      ['connect_timeout 3', 'conect_timeout 3'],
      ['connect_timeout 3', 'connect_timeout 3000000'],
      ['connect_timeout 3', 'connect_timeout "3'],
      ['TCP_CHECK {', 'TCP_CHECK'],
      ['      url {', '      url'],
      ['path /', 'digest 12'],
      ['bindto 10.0.0.9', 'bindto fd00::9'],
      ['notify_up /bin/up', 'notify_up /bin/up; reboot'],
      ['weight 2', 'weight 2\n    include other.conf'],
      ['weight 1', 'weight $x'],
    ] as const) {
      const text = TEXT.replaceAll(right, wrong);
      expect(text).not.toBe(TEXT);
      expect(readKeepalived(text, { file: 'k.conf' }).diagnostics.length).toBeGreaterThan(1);
      expectSame(text);
    }
  });

  const lines = TEXT.split('\n');
  const changes: Readonly<Record<string, (line: string) => string[]>> = {
    'is missing': () => [],
    'stands there twice': (line) => [line, line],
    'lost its first word': (line) => [line.replace(/\S+/, '')],
    'lost its brace': (line) => [line.replace(/[{}]/, '')],
    'has a brace too many': (line) => [`${line} {`],
    'has an open quote': (line) => [`${line} "`],
  };
  it.each(Object.keys(changes))(
    'are read as if each stood alone when a line %s',
    (name) => {
      const change = changes[name] as (line: string) => string[];
      // The first service, one with a port of its own, and the last.
      for (const at of lines.keys())
        if (at < 22 || (at > 40 && at < 80 && at % 3 === 0) || at > lines.length - 24)
          expectSame([...lines.slice(0, at), ...change(lines[at] as string), ...lines.slice(at + 1)].join('\n'));
    },
    60_000,
  );
});
