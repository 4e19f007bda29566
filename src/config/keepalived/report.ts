/** Collects diagnostics, filling in what the table of codes knows. Of each severity the first thousand are kept. */
import type { Diagnostic, Fix, Severity } from '../../base/index.ts';
import { DIAGNOSTIC_CODES, type DiagnosticCode } from '../codes.ts';
import type { SourceText } from './source.ts';

/** A stretch of a source text, as offsets. */
export interface Place {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

export interface ReportDetails {
  readonly help?: string;
  readonly fix?: { readonly description: string; readonly start: number; readonly end: number; readonly replacement: string };
  /** Where this case weighs differently from the code's usual severity. */
  readonly severity?: Severity;
}

/** Of each severity. Nobody reads more, and a file of noise must not fill the memory. */
const MAX_REPORTED = 1000;

export class Reporter {
  readonly diagnostics: Diagnostic[] = [];
  /**
   * Names that stood in blocks which could not be used. A later reference to one of them is not reported again:
   * one fault, one diagnostic.
   */
  readonly lostNames = new Set<string>();
  private readonly counts: Record<Severity, number> = { error: 0, warning: 0, info: 0 };

  report(code: DiagnosticCode, place: Place, message: string, details: ReportDetails = {}): void {
    const { source } = place;
    const severity = details.severity ?? DIAGNOSTIC_CODES[code].severity;
    if (++this.counts[severity] > MAX_REPORTED) return;
    const fix: Fix | undefined = details.fix && {
      description: details.fix.description,
      range: source.range(details.fix.start, details.fix.end),
      replacement: details.fix.replacement,
    };
    this.diagnostics.push({
      code,
      severity,
      message,
      file: source.file,
      range: source.range(place.start, place.end),
      ...(details.help !== undefined && { help: details.help }),
      ...(fix && { fix }),
    });
  }
}
