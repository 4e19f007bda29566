/** What the bench says of the machine's answer. */
import { median, type Row, rounded } from '../report.ts';
import { type Answer, CASES, type Case, CONTENDERS, type ContenderName } from './plan.ts';

const NAMES: Readonly<Record<Case, string>> = { established: 'DR established, 1024 flows', opening: 'DR new connections' };
const MODES = ['native', 'generic'] as const;
const TITLES: Readonly<Record<ContenderName, string>> = {
  floor: 'dropped by the director',
  native: 'ours, native XDP',
  generic: 'ours, generic XDP',
  ipvs: 'kernel IPVS',
};
const CASE_WIDTH = 52;
const HEADINGS = ['floor', 'ours', 'kernel IPVS', 'ratio'];
const NOTE = `Frames are made by XDP in the client's namespace and end at an XDP program on the server's interface: both are in every figure.
`;

/** Rates: as many packets as there are in 10^9 instructions; the floor is the generator and the receiver alone. */
export function rowsOf({ figures }: Answer): Row[] {
  return CASES.flatMap((what) =>
    MODES.map((mode) => {
      const rate = (name: ContenderName): number => Math.round(1e9 / median(figures[what][name]));
      const [ours, peer] = [rate(mode), rate('ipvs')];
      const ratio = rounded(ours / peer);
      return { case: `${NAMES[what]}, ${mode} XDP`, ours, peer, peerName: 'kernel IPVS', floor: rate('floor'), unit: 'packets/s', ratio };
    }),
  );
}

export function formatReport({ release, figures }: Answer, rows: readonly Row[]): string {
  const head = `${`Linux ${release}, packets/s`.padEnd(CASE_WIDTH)}${HEADINGS.map((text) => text.padStart(13)).join('')}`;
  const lines = rows.map(({ case: name, floor, ours, peer, ratio }) => {
    const columns = [floor, ours, peer, ratio.toFixed(2)].map((value) => String(value).padStart(13));
    return `${name.padEnd(CASE_WIDTH)}${columns.join('')}`;
  });
  const costs = CASES.flatMap((what) =>
    CONTENDERS.map((name) => `${`${NAMES[what]}, ${TITLES[name]}`.padEnd(CASE_WIDTH)}${spread(figures[what][name]).padStart(26)}`),
  );
  return `${[head, ...lines, '', 'Instructions per packet (min / median / max), of which a second of the machine has 10^9:', ...costs].join('\n')}\n${NOTE}`;
}

function spread(values: readonly number[]): string {
  return [Math.min(...values), median(values), Math.max(...values)].map(Math.round).join(' / ');
}
