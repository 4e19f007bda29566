/** Rows of the report, the targets, and the table for people. The floor is the direct connection: what no balancer can pass on veth. */
import { type Row, rounded } from '../report.ts';

export interface Rate {
  readonly name: string;
  readonly rate: number;
}

const OURS = 'vipwright';
const FLOOR = 'direct';

/** What we hold ourselves to: at least this ratio to that peer. */
const TARGETS: readonly { readonly case: string; readonly peerName: string; readonly ratio: number }[] = [
  { case: 'keep-alive', peerName: 'direct', ratio: 0.8 },
  { case: 'keep-alive', peerName: 'haproxy', ratio: 1.5 },
];

/** One row for each peer of ours in this case. */
export function rowsOf(name: string, rates: readonly Rate[]): Row[] {
  const rateOf = (wanted: string): number => {
    const found = rates.find((rate) => rate.name === wanted);
    if (found === undefined) throw new Error(`${wanted} was not measured`);
    return found.rate;
  };
  const ours = Math.round(rateOf(OURS));
  const floor = Math.round(rateOf(FLOOR));
  return rates
    .filter((rate) => rate.name !== OURS)
    .map((rate) => {
      const peer = Math.round(rate.rate);
      return { case: name, ours, peer, peerName: rate.name, floor, unit: 'requests/s', ratio: rounded(ours / peer) };
    });
}

/** The targets that these rows do not meet, each in a sentence. */
export function missedTargets(rows: readonly Row[]): string[] {
  return TARGETS.flatMap((target) => {
    const row = rows.find((candidate) => candidate.case === target.case && candidate.peerName === target.peerName);
    if (row === undefined) return [`${target.case}: ${target.peerName} was not measured`];
    if (row.ratio >= target.ratio) return [];
    return [`${target.case}: ${row.ratio.toFixed(2)} of ${target.peerName}, at least ${target.ratio} is wanted`];
  });
}

export function formatReport(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const target = TARGETS.find((candidate) => candidate.case === row.case && candidate.peerName === row.peerName);
    const verdict = target === undefined ? '' : `  (target ${target.ratio}: ${row.ratio >= target.ratio ? 'met' : 'missed'})`;
    const columns = [row.case.padEnd(28), String(row.ours).padStart(8), row.peerName.padEnd(13), String(row.peer).padStart(8)];
    return `${columns.join('  ')}  ${row.ratio.toFixed(2)}${verdict}`;
  });
  return `${['requests/s'.padEnd(28), 'ours'.padStart(8), 'peer'.padEnd(13), ''.padStart(8)].join('  ')}  ratio\n${lines.join('\n')}\n`;
}
