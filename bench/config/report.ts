/** Rows, the target, and the table for people. */
import { median, type Row, rounded } from '../report.ts';
import type { AllSamples, Samples } from './measure.ts';

const PEER = 'keepalived -t';
/** What we hold ourselves to: at most this many times keepalived's time, Node's start subtracted. Memory is told and not judged. */
const TARGET = 2;

export function rowsOf(servers: number, { vipwright, keepalived, node }: AllSamples): Row[] {
  const row = (what: string, unit: Row['unit'], key: keyof Samples): Row => {
    const [ours, peer, floor] = [middle(vipwright[key]), middle(keepalived[key]), middle(node[key])];
    return { case: `${servers} real servers, ${what}`, ours, peer, peerName: PEER, floor, unit, ratio: rounded((ours - floor) / peer) };
  };
  return [row('time', 'ms', 'milliseconds'), row('memory', 'MiB', 'mebibytes')];
}

function middle(values: readonly number[]): number {
  return Math.round(median(values) * 10) / 10;
}

/** The targets that these rows do not meet, each in a sentence. */
export function missedTargets(rows: readonly Row[]): string[] {
  return rows
    .filter(({ unit, ratio }) => unit === 'ms' && ratio > TARGET)
    .map(({ case: name, ratio }) => `${name}: ${ratio.toFixed(2)} times that of ${PEER}, at most ${TARGET} is wanted`);
}

export function formatReport(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const verdict = row.unit === 'ms' ? `  ${row.ratio <= TARGET ? '✓' : '✗'} (at most ${TARGET})` : '';
    const columns = [row.floor, row.ours, row.peer].map((value) => `${value} ${row.unit}`.padStart(14));
    return `${row.case.padEnd(30)}${columns.join('')}  ${row.ratio.toFixed(2)}${verdict}`;
  });
  const head = ['node -e 0', 'ours', PEER].map((text) => text.padStart(14));
  return `${''.padEnd(30)}${head.join('')}  (ours - node) / peer\n${lines.join('\n')}\n`;
}
