/** Rows of the report, the targets, and the table for people. */
import type { Samples } from './measure.ts';

export interface Row {
  readonly case: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  readonly floor: number;
  readonly unit: 'ns/packet';
  /** (ours - floor) / (peer - floor), of the medians. */
  readonly ratio: number;
}

/** What we hold ourselves to: at most this ratio. */
const TARGETS: Readonly<Record<string, number>> = {
  'established, 1 flow': 0.7,
  'established, 16 Ki flows': 0.7,
  'established, 1 Mi flows': 0.75,
  'new connections': 0.4,
};

export function rowOf(samples: Samples): Row {
  const [floor, peer, ours] = [median(samples.floor), median(samples.textbook), median(samples.ours)];
  const ratio = Math.round(((ours - floor) / (peer - floor)) * 1000) / 1000;
  return { case: samples.case, ours, peer, peerName: 'textbook LRU_HASH', floor, unit: 'ns/packet', ratio };
}

/** The targets that these rows do not meet, each in a sentence. */
export function missedTargets(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const target = TARGETS[row.case];
    return target !== undefined && row.ratio > target ? [`${row.case}: ${row.ratio.toFixed(2)} of the textbook, at most ${target} is wanted`] : [];
  });
}

export function formatReport(all: readonly Samples[]): string {
  const header = `${'ns per packet, min / median / max'.padEnd(34)}${['floor', 'textbook', 'ours'].map((name) => name.padStart(18)).join('')}   ratio`;
  const lines = all.map((samples) => {
    const columns = [samples.floor, samples.textbook, samples.ours].map((values) => spread(values).padStart(18));
    const row = rowOf(samples);
    const target = TARGETS[row.case];
    const verdict = target === undefined ? '' : `  (target ${target}: ${row.ratio <= target ? 'met' : 'missed'})`;
    return `${samples.case.padEnd(34)}${columns.join('')}   ${row.ratio.toFixed(2)}${verdict}`;
  });
  return `${[header, ...lines].join('\n')}\nratio = (ours - floor) / (textbook - floor), of the medians\n`;
}

function spread(values: readonly number[]): string {
  return `${Math.min(...values)} / ${median(values)} / ${Math.max(...values)}`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}
