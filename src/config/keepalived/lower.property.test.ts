import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instance, read } from './lowering.test-helper.ts';
import { keywordPaths, lineWordPaths } from './table.ts';

const VOCABULARY = [...new Set([...lineWordPaths(), ...keywordPaths()].map(({ keyword }) => keyword.name))];
const VALUES = [
  '10.0.0.1',
  '10.1.0.0/16',
  'fd00::1',
  'default',
  'eth0',
  'inet6',
  'lock',
  'weight',
  '7',
  '-1',
  '1.5',
  '0x10/0xff',
  '10-20',
  'main',
  '+',
  'on',
  '""',
  '"a b"',
  ':x',
  '/33',
];
const word = fc.oneof(
  fc.constantFrom(...VOCABULARY),
  fc.constantFrom(...VALUES),
  fc.string({ unit: 'grapheme-ascii', maxLength: 8 }).map((text) => text.replace(/[{}\s"'$~@#!\\]/g, '') || 'x'),
);
const line = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(' '));

const ENTRY_BLOCKS = [
  'virtual_ipaddress',
  'virtual_ipaddress_excluded',
  'virtual_routes',
  'virtual_rules',
  'unicast_peer',
  'track_interface',
  'track_script',
  'track_file',
  'track_process',
  'track_bfd',
];

describe('lowering', () => {
  it('takes any words in lines, and says something of every line that it leaves out', () => {
    fc.assert(
      fc.property(fc.constantFrom('virtual_routes', 'virtual_rules', 'virtual_ipaddress'), line, (block, text) => {
        const { configuration, diagnostics } = read(instance(`${block} {\n${text}\n}`));
        const [router] = configuration.routers;
        const kept = [...(router?.routes ?? []), ...(router?.rules ?? []), ...(router?.vips ?? [])].length;
        expect(kept > 0 || diagnostics.length > 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, whatever stands in a block', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ENTRY_BLOCKS),
        fc.array(line, { maxLength: 4 }),
        fc.array(line, { maxLength: 6 }),
        (block, entries, statements) => {
          read(`global_defs {\n${statements.join('\n')}\n}\n${instance(`${statements.join('\n')}\n${block} {\n${entries.join('\n')}\n}`)}`);
          read(`${statements.map((statement) => `${statement} {\n${entries.join('\n')}\n}`).join('\n')}\n`);
        },
      ),
      { numRuns: 300 },
    );
  });
});
