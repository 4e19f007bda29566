/** What was found of each virtual router of the matrix, and the tables made of that. */
import { CELLS, type Cell, labelOf, type MatrixRouter, type Peer, ROUTERS, reasonFor, titleOf } from './matrix-cells.ts';

export const COLUMNS = ['election', 'kill', 'stop', 'link', 'cable', 'script', 'quiet', 'wire'] as const;
export type Column = (typeof COLUMNS)[number];

const PEERS: Readonly<Record<Peer, string>> = { keepalived: 'keepalived', frr: 'FRR’s vrrpd' };

export class Outcomes {
  /** The first fault in each column of each router; undefined where there was none. */
  private readonly found = new Map<MatrixRouter, Map<Column, string | undefined>>();

  /** A column may be recorded several times: it is passed when none of them had a fault. */
  record(router: MatrixRouter, column: Column, fault: string | undefined): void {
    const columns = this.found.get(router) ?? new Map<Column, string | undefined>();
    this.found.set(router, columns.set(column, columns.get(column) ?? fault));
  }

  /** False also when the column was never reached. */
  passed(router: MatrixRouter, column: Column): boolean {
    const columns = this.found.get(router);
    return columns?.has(column) === true && columns.get(column) === undefined;
  }

  faults(column: Column): readonly string[] {
    return ROUTERS.flatMap((router) => {
      const fault = this.found.get(router)?.get(column);
      return fault === undefined ? [] : [`${labelOf(router)}: ${fault}`];
    });
  }

  /** For people who watch the test: a line for each cell, two marks for each column (we preferred, the peer preferred). */
  text(): string {
    const width = Math.max(...CELLS.map((cell) => titleOf(cell).length));
    const lines = CELLS.map((cell) => {
      const reason = reasonFor(cell);
      const marks = COLUMNS.map((column) => this.marks(cell, column).padEnd(column.length));
      return `${titleOf(cell).padEnd(width)}  ${reason ? `- ${reason.text}` : marks.join('  ')}`;
    });
    return [`${''.padEnd(width)}  ${COLUMNS.join('  ')}`, ...lines].join('\n');
  }

  private marks(cell: Cell, column: Column): string {
    return routersIn(cell)
      .map((router) => (this.passed(router, column) ? '✓' : '✗'))
      .join('');
  }

  /** For docs/interop.md: a table for each peer, `preempt` and `nopreempt` in one cell. */
  markdown(): string {
    return (['keepalived', 'frr'] as const).map((peer) => this.table(peer)).join('\n\n');
  }

  private table(peer: Peer): string {
    const rows = CELLS.filter((cell) => cell.peer === peer && cell.preempt).map((cell) => {
      const reason = reasonFor(cell);
      const way = `| ${cell.version} | ${cell.family} | ${cell.way} | ${cell.authentication} |`;
      if (reason) return `${way} — | — | ${reason.text} |`;
      const marks = [cell, ...CELLS.filter((other) => sameButPreempt(cell, other))].map((each) => this.mark(each));
      return `${way} ${marks.join(' | ')} | |`;
    });
    return [
      `### ${PEERS[peer]}`,
      '',
      '| VRRP | addresses | sent by | authentication | preempt | nopreempt | why not |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows,
    ].join('\n');
  }

  private mark(cell: Cell): string {
    return routersIn(cell).every((router) => COLUMNS.every((column) => this.passed(router, column))) ? '✓' : '✗';
  }
}

function routersIn(cell: Cell): readonly MatrixRouter[] {
  return ROUTERS.filter((router) => router.cell === cell);
}

function sameButPreempt(cell: Cell, other: Cell): boolean {
  return titleOf({ ...other, preempt: true }) === titleOf(cell) && !other.preempt;
}
