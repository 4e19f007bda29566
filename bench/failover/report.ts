/** Rows, targets, and the table for people. */
import { median, type Row, rounded } from '../report.ts';
import { protocolMs, type Samples } from './measure.ts';
import type { Soak } from './soak.ts';

const PEER = 'keepalived';
/** The client asks every millisecond: less it cannot tell apart. */
const RESOLUTION_MS = 1;
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

/** At most keepalived's, as far as the client can tell. */
function isMet({ ours, peer }: Row): boolean {
  return ours <= peer + RESOLUTION_MS;
}

/** The targets that these measurements do not meet, each in a sentence. */
export function missedTargets(samples: readonly Samples[], soak: Soak | undefined): string[] {
  const slower = samples.flatMap((sample) => {
    const row = rowOf(sample);
    const missed = isMet(row)
      ? []
      : [`${row.case}: median ${row.ours.toFixed(1)} ms, at most ${PEER}'s ${row.peer.toFixed(1)} ms (and the probe's 1 ms) is wanted`];
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
    'ours'.padStart(17),
    PEER.padStart(17),
    'ratio of medians',
  ];
  const lines = samples.map((sample) => {
    const row = rowOf(sample);
    const spread = (middle: number, max: number | undefined): string => `${middle.toFixed(1)} / ${(max ?? 0).toFixed(1)}`.padStart(17);
    const verdict = isMet(row) ? '✓' : '✗';
    const columns = [
      row.case.padEnd(30),
      row.floor.toFixed(1).padStart(8),
      spread(row.ours, row.max?.ours),
      spread(row.peer, row.max?.peer),
    ];
    return `${columns.join('  ')}  ${row.ratio.toFixed(2)} ${verdict}`;
  });
  const last =
    soak === undefined
      ? []
      : [`false takeovers in ${soak.minutes} minutes with 10 ms adverts and a busy core: ours ${soak.ours}, ${PEER} ${soak.peer}`];
  return `${[head.join('  '), ...lines, ...last].join('\n')}\n`;
}
