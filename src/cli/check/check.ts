/** The door of `vipwright check`: files in, diagnostics and an exit code out. */
import { type Diagnostic, hasErrors } from '../../base/index.ts';
import {
  type ConfigurationSource,
  checkAgainstHost,
  createIncludeResolver,
  readKeepalived,
  renderDiagnostic,
  summarize,
} from '../../config/index.ts';

export type CheckFormat = 'text' | 'json';

export interface CheckOptions {
  readonly format?: string | undefined;
}

/** What the command needs of the machine it runs on. */
export interface CheckIo {
  out(text: string): void;
  err(text: string): void;
  /** Throws when the file cannot be read. */
  readFile(path: string): string;
  /** Throws when the directory cannot be read. */
  listDirectory(path: string): readonly string[];
  /** Names of the network interfaces of this host; without them nobody asks whether those of the file exist. */
  readonly hostInterfaces?: readonly string[] | undefined;
  readonly hostName?: string | undefined;
}

const EXIT_OK = 0;
const EXIT_ERRORS = 1;
const EXIT_USAGE = 2;

/**
 * Reads each file as a configuration of its own and says what is wrong with it. 0: no errors (there may be warnings); 1: errors,
 * with which the daemon would not start; 2: wrong usage, or a file that cannot be read.
 */
export async function runCheck(files: readonly string[], options: CheckOptions, io: CheckIo): Promise<number> {
  const format = options.format ?? 'text';
  if (format !== 'text' && format !== 'json') return usage(io, `--format takes text or json, not ${format}.`);
  if (files.length === 0) return usage(io, 'Name at least one configuration file.');
  const results: CheckedFile[] = [];
  for (const file of files) {
    try {
      results.push(checkFile(file, io.readFile(file), io));
    } catch (error) {
      return usage(io, `${file} cannot be read: ${(error as Error).message}`);
    }
  }
  const all = results.flatMap((result) => result.diagnostics);
  if (format === 'json') io.out(`${JSON.stringify(all.map(toJson), null, 2)}\n`);
  else io.out(results.map(toText).join(''));
  return hasErrors(all) ? EXIT_ERRORS : EXIT_OK;
}

function usage(io: CheckIo, message: string): number {
  io.err(`vipwright check: ${message}\n`);
  return EXIT_USAGE;
}

interface CheckedFile {
  readonly file: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: readonly ConfigurationSource[];
}

function checkFile(file: string, text: string, io: CheckIo): CheckedFile {
  const include = createIncludeResolver({
    readFile: (path) => orElse(() => io.readFile(path), undefined),
    listDirectory: (path) => orElse(() => io.listDirectory(path), []),
  });
  const reading = readKeepalived(text, { file, include, ...(io.hostName !== undefined && { hostName: io.hostName }) });
  const host = io.hostInterfaces ? checkAgainstHost(reading, { interfaces: io.hostInterfaces }) : [];
  return { file, diagnostics: [...reading.diagnostics, ...host], sources: reading.sources };
}

function orElse<T, U>(attempt: () => T, otherwise: U): T | U {
  try {
    return attempt();
  } catch {
    return otherwise;
  }
}

function toText({ file, diagnostics, sources }: CheckedFile): string {
  const texts = new Map(sources.map((source) => [source.file, source.text]));
  const parts = diagnostics.map((diagnostic) => `${renderDiagnostic(diagnostic, texts.get(diagnostic.file))}\n\n`);
  return `${parts.join('')}${file}: ${summarize(diagnostics)}\n`;
}

/** The documented shape: flat, and the same for every diagnostic. */
function toJson({ code, severity, message, file, range, fix }: Diagnostic): object {
  return {
    code,
    severity,
    message,
    file,
    ...range,
    ...(fix && { fix: { description: fix.description, ...fix.range, replacement: fix.replacement } }),
  };
}
