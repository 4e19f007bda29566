/** Rows, targets, and the table for people. */
import { median, type Row, rounded } from '../report.ts';
import type { Samples } from './measure.ts';

const PEER = 'textbook LRU';

/** What we hold ourselves to: at most this share of the peer's cost. */
const TARGETS: Readonly<Record<string, number>> = {
  'established, 1 flow': 0.7,
  'established, 16384 flows': 0.7,
  'established, 1048576 flows': 0.75,
  'new connections': 0.4,
};

/** The medians count: they forgive a disturbed round, and do not pick a lucky one. */
export function rowOf({ name, ...samples }: Samples): Row {
  const [ours, peer, floor] = [median(samples.ours), median(samples.peer), median(samples.floor)];
  return { case: name, ours, peer, peerName: PEER, floor, unit: 'ns/packet', ratio: rounded((ours - floor) / (peer - floor)) };
}

/** The targets that these rows do not meet, each in a sentence. */
export function missedTargets(rows: readonly Row[]): string[] {
  return Object.entries(TARGETS).flatMap(([name, target]) => {
    const row = rows.find((candidate) => candidate.case === name);
    if (!row) return [`${name}: was not measured`];
    return row.ratio <= target ? [] : [`${name}: ${row.ratio.toFixed(2)} of the ${PEER}'s cost, at most ${target} is wanted`];
  });
}

export function formatReport(samples: readonly Samples[]): string {
  const width = 29;
  const head = ['ns/packet, min / median / max'.padEnd(width), 'floor', 'ours', PEER].map((text) => text.padEnd(20));
  const lines = samples.map((sample) => {
    const row = rowOf(sample);
    const target = TARGETS[sample.name];
    const verdict = target === undefined ? '' : `  ${row.ratio <= target ? '✓' : '✗'} (at most ${target})`;
    const columns = [sample.floor, sample.ours, sample.peer].map((values) => spread(values).padEnd(20));
    return `${sample.name.padEnd(width + 2)}  ${columns.join('  ')}  ${row.ratio.toFixed(2)}${verdict}`;
  });
  return `${head.join('  ')}  ratio, floor subtracted\n${lines.join('\n')}\n`;
}

function spread(values: readonly number[]): string {
  return [Math.min(...values), median(values), Math.max(...values)].join(' / ');
}
