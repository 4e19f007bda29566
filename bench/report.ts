/** What every benchmark reports: the rows of its JSON, and figures made of samples. */

export interface Row {
  readonly case: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** What remains where nothing is balanced at all (an empty program, a direct connection); of an outage what the protocol itself takes. */
  readonly floor: number;
  readonly unit: 'ns/packet' | 'packets/s' | 'requests/s' | 'ms' | 'MB' | 'MiB' | 'takeovers' | '% of a core' | 'routers';
  /** (ours - floor) / (peer - floor) for costs, ours / peer for rates, outages and counts. */
  readonly ratio: number;
  /** The worst samples, where they matter as much as the middle ones. */
  readonly max?: { readonly ours: number; readonly peer: number };
}

/** The one line that `--json` prints. */
export function jsonReport(bench: string, rows: readonly Row[]): string {
  return `${JSON.stringify({ bench, rows })}\n`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted.length % 2 === 0 ? sorted[middle - 1] : upper;
  if (upper === undefined || lower === undefined) throw new Error('nothing was measured');
  return (lower + upper) / 2;
}

/** To three digits behind the point. */
export function rounded(ratio: number): number {
  return Math.round(ratio * 1000) / 1000;
}
