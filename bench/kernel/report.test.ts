import { describe, expect, it } from 'vitest';
import type { Answer } from './plan.ts';
import { formatReport, rowsOf } from './report.ts';

const answer: Answer = {
  release: '6.1.0-56-amd64',
  figures: {
    established: { floor: [1000], native: [1250, 1240, 1600], generic: [2000], ipvs: [5000, 5100, 4900] },
    opening: { floor: [1000], native: [2000], generic: [2500], ipvs: [8000] },
  },
};

describe("the kernel bench's report", () => {
  it('makes rates of the medians of what a packet costs', () => {
    expect(rowsOf(answer).map(({ case: name, ours, peer, floor, ratio }) => [name, ours, peer, floor, ratio])).toEqual([
      ['DR established, 1024 flows, native XDP', 800_000, 200_000, 1_000_000, 4],
      ['DR established, 1024 flows, generic XDP', 500_000, 200_000, 1_000_000, 2.5],
      ['DR new connections, native XDP', 500_000, 125_000, 1_000_000, 4],
      ['DR new connections, generic XDP', 400_000, 125_000, 1_000_000, 3.2],
    ]);
  });

  it('says how the samples are spread', () => {
    const text = formatReport(answer, rowsOf(answer));
    expect(text).toContain('Linux 6.1.0-56-amd64');
    expect(text).toMatch(/^DR established, 1024 flows, native XDP +1000000 +800000 +200000 +4\.00$/m);
    expect(text).toMatch(/^DR established, 1024 flows, ours, native XDP +1240 \/ 1250 \/ 1600$/m);
  });
});
