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
    const textbook = 'textbook LRU';
    expect(report.rows.map((row: { case: string; peerName: string }) => [row.case, row.peerName])).toEqual([
      ['established, 1 flow', textbook],
      ['established, 16384 flows', textbook],
      ['established, 1048576 flows', textbook],
      ['IPv6 established, 1 flow', 'ours, IPv4'],
      ['IPv6 established, 16384 flows', 'ours, IPv4'],
      ['IPv6 established, 1048576 flows', 'ours, IPv4'],
      ['tunnel (IPIP), 1 flow', 'ours, DR'],
      ['NAT, requests, 1 flow', 'ours, DR'],
      ['NAT, replies, 1 flow', 'ours, DR'],
      ['new connections', textbook],
      ['new connections, LRU not full', textbook],
      ['new connections, wlc of 256 servers', 'ours, rr of 256 servers'],
      ['memory of 1000000 connections', textbook],
    ]);
    for (const row of report.rows) {
      const number = expect.any(Number);
      const isMemory = row.case.startsWith('memory');
      expect(row).toEqual({
        case: row.case,
        ours: number,
        peer: number,
        peerName: row.peerName,
        floor: number,
        unit: isMemory ? 'MB' : 'ns/packet',
        ratio: number,
      });
      expect(row.ours).toBeGreaterThan(0);
      expect(row.peer).toBeGreaterThan(0);
      if (!isMemory) expect(row.floor).toBeGreaterThan(0);
    }
    // No clock has a part in this one.
    const memory = report.rows.at(-1);
    expect(memory.ours).toBeGreaterThan(32);
    expect(memory.ours).toBeLessThanOrEqual(64);
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
  const samples = (ours: number, name = 'established, 1 flow', peerName = 'textbook LRU') => ({
    name,
    peerName,
    unit: 'ns/packet' as const,
    ours: [ours, ours - 5, ours + 310],
    peer: [125, 120, 130],
    floor: [25, 25, 26],
  });

  it('takes medians and subtracts the floor', () => {
    expect(rowOf(samples(90))).toEqual({
      case: 'established, 1 flow',
      ours: 90,
      peer: 125,
      peerName: 'textbook LRU',
      floor: 25,
      unit: 'ns/packet',
      ratio: 0.65,
    });
  });

  it('names the targets that were missed, also those that were not measured', () => {
    const all = missedTargets([]);
    expect(missedTargets([rowOf(samples(90))])).toHaveLength(all.length - 1);
    expect(missedTargets([rowOf(samples(91))])[0]).toBe('established, 1 flow: 0.66 of the cost of textbook LRU, at most 0.65 is wanted');
    expect(formatReport([samples(90)])).toContain('85 / 90 / 400');
    expect(formatReport([samples(90)])).toContain('0.65 of textbook LRU  ✓ (at most 0.65)');
    expect(formatReport([samples(91)])).toContain('0.66 of textbook LRU  ✗ (at most 0.65)');
  });

  it('holds a difference or a cost against its own limit', () => {
    const more = (ours: number) => samples(ours, 'tunnel (IPIP), 1 flow', 'ours, DR');
    expect(formatReport([more(145)])).toContain('20.0 ns/packet more  ✓ (at most 20)');
    expect(missedTargets([rowOf(more(146))])).toContain('tunnel (IPIP), 1 flow: 21.0 ns/packet more than ours, DR, at most 20 is wanted');
    const cost = (ours: number) => samples(ours, 'new connections, wlc of 256 servers', 'ours, rr of 256 servers');
    expect(formatReport([cost(2025)])).toContain('2000.0 ns/packet  ✓ (at most 2000)');
    expect(missedTargets([rowOf(cost(2026))])).toContain('new connections, wlc of 256 servers: 2001.0 ns/packet, at most 2000 is wanted');
  });
});
