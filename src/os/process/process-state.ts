/** What another process is doing, as the kernel tells it. */
import { readFileSync } from 'node:fs';

/**
 * The letter of proc(5): `R` running, `S` and `D` asleep, `T` stopped by a signal, `t` stopped by a debugger, `Z` dead and not yet
 * waited for. Undefined when there is no such process.
 */
export function processState(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The third field, after the name in parentheses, which may contain any byte.
    return stat[stat.lastIndexOf(')') + 2];
  } catch {
    return undefined;
  }
}
