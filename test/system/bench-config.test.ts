import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatReport, missedTargets, rowsOf } from '../../bench/config/report.ts';
import { compiled, ensureBuilt } from './support.ts';

function bench(...args: readonly string[]): { status: number | null; output: string; errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiled('bench/main.ts'), ...args], { encoding: 'utf8' });
  return { status, output: stdout, errors: stderr };
}

describe('npm run bench -- config', () => {
  beforeAll(ensureBuilt);

  it('measures both programs and prints one JSON object', () => {
    // A small file is all start-up: whether the target is met says nothing here.
    const { output, errors } = bench('config', '--servers', '200', '--rounds', '1', '--json');
    const report = JSON.parse(output || '{}');
    expect(report.bench, errors).toBe('config');
    expect(report.rows.map((row: { case: string; unit: string }) => [row.case, row.unit])).toEqual([
      ['200 real servers, time', 'ms'],
      ['200 real servers, memory', 'MiB'],
    ]);
    for (const row of report.rows) {
      expect(row.peerName).toBe('keepalived -t');
      for (const value of [row.ours, row.peer, row.floor]) expect(value).toBeGreaterThan(0);
    }
  });

  it('says how it is used', () => {
    for (const words of [
      ['config', '--servers', '0'],
      ['config', '--fast'],
    ]) {
      const { status, output, errors } = bench(...words);
      expect([status, output]).toEqual([2, '']);
      expect(errors).toContain('npm run bench -- config');
    }
  });
});

describe("the config bench's report", () => {
  const rows = (ours: number) =>
    rowsOf(10_000, {
      vipwright: { milliseconds: [ours, ours - 9, 900], mebibytes: [150] },
      keepalived: { milliseconds: [120, 121, 119], mebibytes: [15] },
      node: { milliseconds: [70, 71, 60], mebibytes: [40] },
    });

  it('takes medians and subtracts the start of Node', () => {
    expect(rows(310)[0]).toEqual({
      case: '10000 real servers, time',
      ours: 310,
      peer: 120,
      peerName: 'keepalived -t',
      floor: 70,
      unit: 'ms',
      ratio: 2,
    });
  });

  it('judges time and not memory', () => {
    expect(missedTargets(rows(310))).toEqual([]);
    expect(missedTargets(rows(322))).toEqual(['10000 real servers, time: 2.10 times that of keepalived -t, at most 2 is wanted']);
    expect(formatReport(rows(310))).toContain('2.00  ✓ (at most 2)');
    expect(formatReport(rows(322))).toContain('2.10  ✗ (at most 2)');
  });
});
