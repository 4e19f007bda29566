/** Rows, targets, and the table for people. */
import { median, type Row, rounded } from '../report.ts';
import type { Samples } from './samples.ts';

/** What we hold ourselves to. */
type Target =
  /** At most this share of the peer's cost, or of ours where the peer is ourselves. */
  | { readonly kind: 'share'; readonly limit: number }
  /** At most so many ns more than the peer. */
  | { readonly kind: 'more'; readonly limit: number }
  /** At most so many ns, or MB, whatever the peer costs. */
  | { readonly kind: 'cost'; readonly limit: number };

const TARGETS: Readonly<Record<string, Target>> = {
  'established, 1 flow': { kind: 'share', limit: 0.65 },
  'established, 16384 flows': { kind: 'share', limit: 0.65 },
  'established, 1048576 flows': { kind: 'share', limit: 0.6 },
  'IPv6 established, 1 flow': { kind: 'share', limit: 1.3 },
  'IPv6 established, 16384 flows': { kind: 'share', limit: 1.3 },
  'IPv6 established, 1048576 flows': { kind: 'share', limit: 1.3 },
  'tunnel (IPIP), 1 flow': { kind: 'more', limit: 20 },
  'NAT, requests, 1 flow': { kind: 'more', limit: 15 },
  'NAT, replies, 1 flow': { kind: 'more', limit: 15 },
  'new connections': { kind: 'share', limit: 0.3 },
  'new connections, wlc of 256 servers': { kind: 'cost', limit: 2000 },
  'memory of 1000000 connections': { kind: 'cost', limit: 64 },
};

/** The medians count: they forgive a disturbed round, and do not pick a lucky one. */
export function rowOf({ name, peerName, unit, ...samples }: Samples): Row {
  const [ours, peer, floor] = [median(samples.ours), median(samples.peer), median(samples.floor)];
  return { case: name, ours, peer, peerName, floor, unit, ratio: rounded((ours - floor) / (peer - floor)) };
}

/** The targets that these rows do not meet, each in a sentence. */
export function missedTargets(rows: readonly Row[]): string[] {
  return Object.entries(TARGETS).flatMap(([name, target]) => {
    const row = rows.find((candidate) => candidate.case === name);
    if (!row) return [`${name}: was not measured`];
    const figure = figureOf(row, target);
    return figure <= target.limit ? [] : [`${name}: ${inWords(figure, target, row)}, at most ${target.limit} is wanted`];
  });
}

function figureOf(row: Row, target: Target): number {
  return { share: row.ratio, more: row.ours - row.peer, cost: row.ours - row.floor }[target.kind];
}

function inWords(figure: number, target: Target, row: Row): string {
  switch (target.kind) {
    case 'share':
      return `${figure.toFixed(2)} of the cost of ${row.peerName}`;
    case 'more':
      return `${figure.toFixed(1)} ${row.unit} more than ${row.peerName}`;
    case 'cost':
      return `${figure.toFixed(1)} ${row.unit}`;
  }
}

export function formatReport(samples: readonly Samples[]): string {
  const names = samples.map(({ name }) => name.length);
  const head = 'min / median / max, ns/packet';
  const width = Math.max(head.length, ...names);
  const heads = ['floor', 'ours', 'peer'].map((text) => text.padEnd(20));
  const lines = samples.map((sample) => {
    const row = rowOf(sample);
    const columns = [sample.floor, sample.ours, sample.peer].map((values) => spread(values).padEnd(20));
    return `${sample.name.padEnd(width)}  ${columns.join('  ')}  ${row.ratio.toFixed(2)} of ${row.peerName}${verdict(row)}`;
  });
  return `${head.padEnd(width)}  ${heads.join('  ')}  ratio, floor subtracted\n${lines.join('\n')}\n`;
}

function verdict(row: Row): string {
  const target = TARGETS[row.case];
  if (!target) return '';
  const figure = figureOf(row, target);
  const met = figure <= target.limit ? '✓' : '✗';
  if (target.kind === 'share') return `  ${met} (at most ${target.limit})`;
  return `; ${figure.toFixed(1)} ${row.unit}${target.kind === 'more' ? ' more' : ''}  ${met} (at most ${target.limit})`;
}

function spread(values: readonly number[]): string {
  const figures = [Math.min(...values), median(values), Math.max(...values)].map((value) => Math.round(value * 10) / 10);
  return new Set(figures).size === 1 ? String(figures[0]) : figures.join(' / ');
}
