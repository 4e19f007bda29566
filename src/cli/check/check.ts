/** The door of `vipwright check`: files in, diagnostics and an exit code out. */
import { type Diagnostic, hasErrors, VERSION } from '../../base/index.ts';
import { KEEPALIVED_EXIT, keepalivedExitCode, renderDiagnostic, summarize, toSarif, verdictOf } from '../../config/index.ts';
import { type CheckedFile, type FileIo, readConfigurationFile } from '../files/index.ts';
import { explain } from './explain.ts';
import { fixFile } from './fix.ts';

export interface CheckOptions {
  /** `text` unless given. */
  readonly format?: string | undefined;
  /** Exit codes of `keepalived -t`. */
  readonly keepalived?: boolean | undefined;
  /** Makes the changes that diagnostics offer. */
  readonly fix?: boolean | undefined;
  /** A keyword or a diagnostic code to explain; no file is read. */
  readonly explain?: string | undefined;
}

const FORMATS = ['text', 'json', 'sarif'];
const EXIT_OK = 0;
const EXIT_ERRORS = 1;
const EXIT_USAGE = 2;

/**
 * Reads each file as a configuration of its own and says what is wrong with it. 0: no errors (there may be warnings); 1: errors,
 * with which the daemon would not start; 2: wrong usage, or a file that cannot be read. With `keepalived`: see `keepalivedExitCode`.
 */
export async function runCheck(files: readonly string[], options: CheckOptions, io: FileIo): Promise<number> {
  if (options.explain !== undefined) return runExplain(options.explain, files, io);
  const format = options.format ?? 'text';
  if (!FORMATS.includes(format)) return usage(io, `--format takes text, json or sarif, not ${format}.`);
  if (files.length === 0) return usage(io, 'Name at least one configuration file.');
  const results: CheckedFile[] = [];
  for (const file of files) {
    try {
      results.push(options.fix ? fixFile(file, io) : readConfigurationFile(file, io));
    } catch (error) {
      usage(io, (error as Error).message);
      return options.keepalived ? KEEPALIVED_EXIT.unreadable : EXIT_USAGE;
    }
  }
  const all = results.flatMap((result) => result.diagnostics);
  io.out(output(format, results, all));
  if (options.keepalived) return keepalivedExitCode(all);
  return hasErrors(all) ? EXIT_ERRORS : EXIT_OK;
}

function runExplain(word: string, files: readonly string[], io: FileIo): number {
  if (files.length > 0) return usage(io, `--explain takes one word and no file; left over: ${files.join(' ')}`);
  const { text, known } = explain(word);
  if (!known) return usage(io, text);
  io.out(text);
  return EXIT_OK;
}

function usage(io: FileIo, message: string): number {
  io.err(`vipwright check: ${message}\n`);
  return EXIT_USAGE;
}

function output(format: string, results: readonly CheckedFile[], all: readonly Diagnostic[]): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(all.map(toJson), null, 2)}\n`;
    case 'sarif':
      return `${JSON.stringify(toSarif(all, VERSION), null, 2)}\n`;
    default:
      return results.map(toText).join('');
  }
}

function toText({ file, diagnostics, sources }: CheckedFile): string {
  const texts = new Map(sources.map((source) => [source.file, source.text]));
  const parts = diagnostics.map((diagnostic) => `${renderDiagnostic(diagnostic, texts.get(diagnostic.file))}\n\n`);
  return `${parts.join('')}${file}: ${summarize(diagnostics)}. ${verdictOf(diagnostics)}\n`;
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
