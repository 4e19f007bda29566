/**
 * What must be put back should both processes die at once, with nobody left to do it: noted in the run directory for whoever starts
 * next. Addresses, routes and macvlans need no note: the next start knows them from its configuration.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNftSync } from '../../os/nftables/index.ts';
import { restoreSysctls, type SavedSysctl } from '../../os/sysctl/index.ts';
import type { Logger } from '../../ports/index.ts';
import { removalScript } from './firewall.ts';

interface Note {
  readonly sysctls: readonly SavedSysctl[];
  /** The nftables table of ours that stands. */
  readonly table?: string;
}

const NOTHING: Note = { sysctls: [] };

export class Leftovers {
  private readonly path: string;
  private note: Note = NOTHING;

  constructor(runDir: string) {
    this.path = leftoversPath(runDir);
  }

  /** We run: until `clear`, whoever finds the note knows that we did not end in order. */
  begin(): void {
    this.write(NOTHING);
  }

  setSysctls(sysctls: readonly SavedSysctl[]): void {
    this.write({ ...this.note, sysctls });
  }

  setTable(table: string | undefined): void {
    const { sysctls } = this.note;
    this.write(table === undefined ? { sysctls } : { sysctls, table });
  }

  /** Everything has been put back. */
  clear(): void {
    rmSync(this.path, { force: true });
  }

  private write(note: Note): void {
    this.note = note;
    writeFileSync(this.path, `${JSON.stringify(note)}\n`, { mode: 0o600 });
  }
}

/** Puts back what a predecessor noted and could not put back itself. False when it ended in order, or there was none. */
export function undoLeftovers(runDir: string, logger: Logger): boolean {
  const path = leftoversPath(runDir);
  const note = readNote(path);
  if (!note) return false;
  logger.log('warning', 'The daemon before this one was killed: putting back what it changed');
  restoreSysctls(note.sysctls, (problem) => logger.log('error', `Cannot put a kernel setting back: ${problem}`));
  const problem = note.table === undefined ? undefined : runNftSync(removalScript({ table: note.table }));
  if (problem) logger.log('error', `Cannot remove the nftables table ${note.table}: ${problem}`);
  rmSync(path, { force: true });
  return true;
}

/** Undefined when there is no note, or half of one. */
function readNote(path: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Note;
  } catch {
    return undefined;
  }
}

function leftoversPath(runDir: string): string {
  return join(runDir, 'leftovers.json');
}
