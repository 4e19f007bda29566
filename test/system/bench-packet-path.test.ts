import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatReport, missedTargets, rowOf } from '../../bench/packet-path/report.ts';
import { compiled, ensureBuilt } from './support.ts';

function bench(...args: readonly string[]): { status: number | null; output: string; errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiled('bench/main.ts'), ...args], { encoding: 'utf8' });
  return { status, output: stdout, errors: stderr };
}

describe('npm run bench', () => {
  beforeAll(ensureBuilt);

  it('measures the packet path and prints one JSON object', () => {
    const { status, output, errors } = bench('packet-path', '--quick', '--json');
    expect(status, errors).toBe(0);
    const report = JSON.parse(output);
    expect(Object.keys(report)).toEqual(['bench', 'rows']);
    expect(report.bench).toBe('packet-path');
    expect(report.rows.map((row: { case: string }) => row.case)).toEqual([
      'established, 1 flow',
      'established, 16384 flows',
      'established, 1048576 flows',
      'new connections',
      'new connections, LRU not full',
    ]);
    for (const row of report.rows) {
      const number = expect.any(Number);
      expect(row).toEqual({
        case: row.case,
        ours: number,
        peer: number,
        peerName: 'textbook LRU',
        floor: number,
        unit: 'ns/packet',
        ratio: number,
      });
      expect(row.ours).toBeGreaterThan(0);
      expect(row.peer).toBeGreaterThan(0);
      expect(row.floor).toBeGreaterThan(0);
    }
  });

  it('says how it is used', () => {
    for (const words of [[], ['toString'], ['packet-path', '--packets', '1000'], ['packet-path', '--fast']]) {
      const { status, output, errors } = bench(...words);
      expect([status, output]).toEqual([2, '']);
      expect(errors).toContain('npm run bench -- packet-path');
    }
  });
});

describe("the packet-path bench's report", () => {
  const samples = (ours: number) => ({
    name: 'established, 1 flow',
    ours: [ours, ours - 5, 400],
    peer: [125, 120, 130],
    floor: [25, 25, 26],
  });

  it('takes medians and subtracts the floor', () => {
    expect(rowOf(samples(95))).toEqual({
      case: 'established, 1 flow',
      ours: 95,
      peer: 125,
      peerName: 'textbook LRU',
      floor: 25,
      unit: 'ns/packet',
      ratio: 0.7,
    });
  });

  it('names the targets that were missed, also those that were not measured', () => {
    expect(missedTargets([rowOf(samples(95))])).toHaveLength(3);
    expect(missedTargets([rowOf(samples(96))])[0]).toBe("established, 1 flow: 0.71 of the textbook LRU's cost, at most 0.7 is wanted");
    expect(formatReport([samples(95)])).toContain('90 / 95 / 400');
    expect(formatReport([samples(95)])).toContain('0.70  ✓ (at most 0.7)');
    expect(formatReport([samples(96)])).toContain('0.71  ✗ (at most 0.7)');
  });
});
