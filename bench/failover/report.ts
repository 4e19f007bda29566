/** Rows, targets, and the table for people. */
import { median, type Row, rounded } from '../report.ts';
import { protocolMs, type Samples } from './measure.ts';
import type { Soak } from './soak.ts';

const PEER = 'keepalived';
/** With 10 ms adverts a client shall not notice. */
const FAST_LIMIT_MS = 50;
const FAST_INTERVAL_MS = 10;

export function rowOf({ case: what, ours, peer }: Samples): Row {
  const [our, their] = [rounded(median(ours)), rounded(median(peer))];
  const max = { ours: rounded(Math.max(...ours)), peer: rounded(Math.max(...peer)) };
  return {
    case: what.name,
    ours: our,
    peer: their,
    peerName: PEER,
    floor: rounded(protocolMs(what)),
    unit: 'ms',
    ratio: rounded(our / their),
    max,
  };
}

export function soakRow({ minutes, ours, peer }: Soak): Row {
  // Two that are never wrong are equally good.
  const ratio = ours === peer ? 1 : rounded(ours / Math.max(peer, 1));
  return {
    case: `false takeovers in ${minutes} minutes, v3, 10 ms, a core busy`,
    ours,
    peer,
    peerName: PEER,
    floor: 0,
    unit: 'takeovers',
    ratio,
  };
}

export interface Difference {
  readonly from: number;
  readonly to: number;
}

/**
 * Where the median of the differences of pairs lies with 95 % confidence: between two of the sorted differences, by the sign test, which
 * assumes nothing about how they are spread. Few pairs tell little, and then it is all of them.
 */
export function differenceOf({ ours, peer }: Pick<Samples, 'ours' | 'peer'>): Difference {
  const sorted = ours.map((our, i) => our - (peer[i] as number)).sort((a, b) => a - b);
  const skipped = Math.max(0, Math.floor(sorted.length / 2 - 0.98 * Math.sqrt(sorted.length)));
  return { from: sorted[skipped] as number, to: sorted.at(-1 - skipped) as number };
}

type Verdict = 'met' | 'equal' | 'missed';

/** At most keepalived's median. One above it is `equal` where the pairs cannot tell the two apart, and `missed` where they can. */
export function verdictOn(samples: Samples): Verdict {
  if (median(samples.ours) <= median(samples.peer)) return 'met';
  return differenceOf(samples).from <= 0 ? 'equal' : 'missed';
}

const MARKS: Readonly<Record<Verdict, string>> = { met: '✓', equal: '≈', missed: '✗' };

/** The targets that these measurements do not meet, each in a sentence. */
export function missedTargets(samples: readonly Samples[], soak: Soak | undefined): string[] {
  const slower = samples.flatMap((sample) => {
    const row = rowOf(sample);
    const missed =
      verdictOn(sample) === 'missed'
        ? [`${row.case}: median ${row.ours.toFixed(2)} ms, at most ${PEER}'s ${row.peer.toFixed(2)} ms is wanted`]
        : [];
    if (sample.case.intervalMs > FAST_INTERVAL_MS || row.ours <= FAST_LIMIT_MS) return missed;
    return [...missed, `${row.case}: median ${row.ours.toFixed(1)} ms, at most ${FAST_LIMIT_MS} ms is wanted`];
  });
  return soak !== undefined && soak.ours > 0
    ? [...slower, `${soak.ours} false takeovers in ${soak.minutes} minutes, none is wanted`]
    : slower;
}

export function formatReport(samples: readonly Samples[], soak: Soak | undefined): string {
  const head = [
    'outage in ms, median / max'.padEnd(30),
    'protocol'.padStart(8),
    'ours'.padStart(19),
    PEER.padStart(19),
    'ratio',
    'difference (95 %)'.padStart(18),
  ];
  const lines = samples.map((sample) => {
    const row = rowOf(sample);
    const { from, to } = differenceOf(sample);
    const spread = (middle: number, max: number | undefined): string => `${middle.toFixed(2)} / ${(max ?? 0).toFixed(2)}`.padStart(19);
    const columns = [
      row.case.padEnd(30),
      row.floor.toFixed(2).padStart(8),
      spread(row.ours, row.max?.ours),
      spread(row.peer, row.max?.peer),
      row.ratio.toFixed(3),
      `${from.toFixed(2)} to ${to.toFixed(2)}`.padStart(18),
    ];
    return `${columns.join('  ')}  ${MARKS[verdictOn(sample)]}`;
  });
  const legend = `${MARKS.met} at most ${PEER}'s median; ${MARKS.equal} above it, but the pairs do not tell the two apart; ${MARKS.missed} missed`;
  const last =
    soak === undefined
      ? []
      : [`false takeovers in ${soak.minutes} minutes with 10 ms adverts and a busy core: ours ${soak.ours}, ${PEER} ${soak.peer}`];
  return `${[head.join('  '), ...lines, legend, ...last].join('\n')}\n`;
}
