/** Which protocol, family and method was seen to carry what; and for every cell that is empty, why. */
import { readFileSync } from 'node:fs';
import { FAMILIES, type Families, isMixed, isTunnel, METHODS, type Method, type Way } from './forwarding-stage.ts';

const COLUMNS = ['small', '64 KB', 'fragments', 'path MTU 1300'] as const;
export type Column = (typeof COLUMNS)[number];
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
type MatrixProtocol = (typeof PROTOCOLS)[number];

interface Row {
  readonly protocol: MatrixProtocol;
  readonly method: Method;
  readonly families: Families;
}

const ROWS: readonly Row[] = PROTOCOLS.flatMap((protocol) =>
  FAMILIES.flatMap((families) => METHODS.map((method) => ({ protocol, method, families }))),
);

const NAME_WIDTH = 30;
const COLUMN_WIDTH = 15;

/** Why nothing can be there; undefined where something can. */
function reasonOf({ protocol, method, families }: Row, column: Column): string | undefined {
  if (isMixed(families) && !isTunnel(method)) return 'Only a tunnel can join the two families.';
  if (protocol === 'SCTP') {
    return kernelHasSctp()
      ? 'Node.js has no SCTP sockets. Test runs of the programs have it: test/system/fixtures, xdp-states.test.ts.'
      : 'The kernel has no SCTP sockets (CONFIG_IP_SCTP). Test runs of the programs have it: test/system/fixtures, xdp-states.test.ts.';
  }
  if (protocol === 'TCP' && families.inner === 6 && column === 'fragments') {
    return 'TCP fits its segments to the path, and routers cut no IPv6 packet.';
  }
  return undefined;
}

function kernelHasSctp(): boolean {
  return /^SCTP/m.test(readFileSync('/proc/net/protocols', 'latin1'));
}

export class Matrix {
  readonly #filled = new Set<string>();

  fill(protocol: MatrixProtocol, { method, families }: Way, column: Column): void {
    this.#filled.add(keyOf({ protocol, method, families }, column));
  }

  /** Cells that are neither filled nor excused. */
  holes(): string[] {
    return ROWS.flatMap((row) =>
      COLUMNS.filter((column) => !this.#filled.has(keyOf(row, column)) && reasonOf(row, column) === undefined).map((column) =>
        keyOf(row, column),
      ),
    );
  }

  /** The whole of it, for people. */
  toString(): string {
    const reasons: string[] = [];
    const cell = (row: Row, column: Column): string => {
      if (this.#filled.has(keyOf(row, column))) return 'yes';
      const reason = reasonOf(row, column);
      if (reason === undefined) return 'NO';
      if (!reasons.includes(reason)) reasons.push(reason);
      return `(${reasons.indexOf(reason) + 1})`;
    };
    const line = (name: string, cells: readonly string[]): string =>
      name.padEnd(NAME_WIDTH) + cells.map((text) => text.padEnd(COLUMN_WIDTH)).join('');
    const lines = ROWS.map((row) =>
      line(
        `${row.protocol} ${row.method.name}, ${row.families.name}`,
        COLUMNS.map((column) => cell(row, column)),
      ).trimEnd(),
    );
    return [line('', COLUMNS).trimEnd(), ...lines, ...reasons.map((reason, at) => `(${at + 1}) ${reason}`), ''].join('\n');
  }
}

function keyOf({ protocol, method, families }: Row, column: Column): string {
  return `${protocol} ${method.name}, ${families.name}: ${column}`;
}
