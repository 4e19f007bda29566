/**
 * The one shape in which anything wrong with a person's input is reported, from the parser to the CLI, JSON and the API.
 */

/**
 * `error`: the configuration is refused, nothing is started or changed.
 * `warning`: it works, and the part named is ignored or corrected as the message says.
 * `info`: worth knowing, nothing is ignored.
 */
export type Severity = 'error' | 'warning' | 'info';

/** A place in a source text. Lines and columns count from 1, columns in characters (code points); `end` is exclusive. */
export interface SourceRange {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** A change that a tool can make by itself. */
export interface Fix {
  readonly description: string;
  readonly range: SourceRange;
  readonly replacement: string;
}

export interface Diagnostic {
  /** Stable and documented, for example `config/unknown-keyword`. */
  readonly code: string;
  readonly severity: Severity;
  /** What is wrong and what it means for the running system, in one or two full sentences. */
  readonly message: string;
  readonly file: string;
  readonly range: SourceRange;
  /** What to write instead, for a person. */
  readonly help?: string;
  readonly fix?: Fix;
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error');
}
