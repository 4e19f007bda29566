import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VRRP_REJECT_REASONS } from './vrrp-reasons.ts';

it('docs/vrrp-reasons.md lists exactly the reasons that the code knows', () => {
  const page = readFileSync(new URL('../../docs/vrrp-reasons.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| \d/.test(line));
  const wanted = Object.entries(VRRP_REJECT_REASONS)
    .toSorted(([, a], [, b]) => a.number - b.number)
    .map(([name, { number, doc }]) => `| ${number} | \`${name}\` | ${doc} |`);
  expect(rows).toEqual(wanted);
});
