/** `vipwright config diff BEFORE AFTER`. */
import { changeText, diffConfigurations } from '../../config/index.ts';
import type { FileIo } from '../files/index.ts';
import { readUsable } from './read-usable.ts';

/** As diff(1): 0 nothing changes, 1 something does, 2 a file cannot be read or has errors. */
export function runDiff(before: string, after: string, options: { readonly json: boolean }, io: FileIo): number {
  const files = [before, after].map((file) => readUsable(file, 'diff', io));
  const [from, to] = files;
  if (!from || !to) return 2;
  const changes = diffConfigurations(from.reading.configuration, to.reading.configuration);
  if (options.json) io.out(`${JSON.stringify(changes, null, 2)}\n`);
  else io.out(changes.length === 0 ? 'A reload changes nothing.\n' : changes.map((change) => `${changeText(change)}\n`).join(''));
  return changes.length === 0 ? 0 : 1;
}
