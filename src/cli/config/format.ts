/** `vipwright config format FILE...`. */
import { formatConfiguration } from '../../config/index.ts';
import type { FileIo } from '../files/index.ts';

export interface FormatOptions {
  readonly write?: boolean;
  readonly check?: boolean;
}

/** 0: done; 1: with `check`, a file is laid out otherwise; 2: wrong usage, or a file that cannot be read or written. */
export function runFormat(files: readonly string[], options: FormatOptions, io: FileIo): number {
  if (options.write && options.check) return fail(io, '--write and --check exclude each other.');
  if (files.length > 1 && !options.write && !options.check) return fail(io, 'Several files can be written or checked, not printed.');
  let exitCode = 0;
  for (const file of files) {
    try {
      const text = io.readFile(file);
      const formatted = formatConfiguration(text);
      if (!options.write && !options.check) io.out(formatted);
      else if (formatted === text) continue;
      else if (options.check) {
        io.err(`${file} is laid out otherwise.\n`);
        exitCode = 1;
      } else {
        io.replaceFile(file, formatted);
        io.err(`${file}: written.\n`);
      }
    } catch (error) {
      return fail(io, `${file}: ${(error as Error).message}`);
    }
  }
  return exitCode;
}

function fail(io: FileIo, message: string): number {
  io.err(`vipwright config format: ${message}\n`);
  return 2;
}
