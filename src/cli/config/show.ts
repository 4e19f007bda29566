/** `vipwright config show FILE`. */
import { showConfiguration, shownText } from '../../config/index.ts';
import type { FileIo } from '../files/index.ts';
import { readUsable } from './read-usable.ts';

/** 0: shown; 2: the file cannot be read, or has errors. */
export function runShow(file: string, options: { readonly json: boolean }, io: FileIo): number {
  const checked = readUsable(file, 'show', io);
  if (!checked) return 2;
  const { header, statements } = showConfiguration(checked.reading, file);
  io.out(options.json ? `${JSON.stringify(statements, null, 2)}\n` : shownText(header, statements));
  return 0;
}
