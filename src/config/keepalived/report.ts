/**
 * Collects diagnostics, filling in what the table of codes knows. Of each severity the first thousand are kept. A fault in a text
 * that is put in many times (a sequence, the value of a parameter) is reported where it is met first.
 */
import { type Diagnostic, didYouMean, type Fix, type Severity } from '../../base/index.ts';
import { DIAGNOSTIC_CODES, type DiagnosticCode } from '../codes.ts';
import { type Leftover, lastAtOrBefore } from './mapping.ts';
import type { SourceText } from './source.ts';

/** What is said about a single value. */
const VALUE_CODES: ReadonlySet<DiagnosticCode> = new Set<DiagnosticCode>(['config/bad-value', 'config/bad-address', 'config/out-of-range']);

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
/** Faults in expanded texts; whoever has more has been told enough. */
const MAX_REMEMBERED = 10_000;

export class Reporter {
  readonly diagnostics: Diagnostic[] = [];
  /**
   * Names that stood in blocks which could not be used. A later reference to one of them is not reported again:
   * one fault, one diagnostic.
   */
  readonly lostNames = new Set<string>();
  /** Grows with everything that is said: as long as it stays, what was read in the meantime was read without a word. */
  said = 0;
  private readonly counts: Record<Severity, number> = { error: 0, warning: 0, info: 0 };
  private readonly repeatable = new Set<string>();
  private readonly damaged = new Map<SourceText, { start: number; end: number }[]>();
  private wrongValue: Place | undefined;
  private readonly blamed = new Set<Leftover>();
  /** Names that parameters may have, for a guess at what was meant. */
  parameterNames: Iterable<string> = [];

  /** Nothing more is said about a stretch that was read by a guess, which has been said. */
  markDamaged({ source, start, end }: Place): void {
    this.said++;
    const known = this.damaged.get(source);
    if (known) known.push({ start, end });
    else this.damaged.set(source, [{ start, end }]);
  }

  private isDamaged({ source, start, end }: Place): boolean {
    const stretches = this.damaged.get(source);
    if (!stretches) return false;
    const index = lastAtOrBefore(stretches.length, (at) => (stretches[at] as { start: number }).start, start);
    return stretches.slice(index, index + 2).some((stretch) => stretch.start < end && stretch.end > start);
  }

  report(code: DiagnosticCode, place: Place, message: string, details: ReportDetails = {}): void {
    this.said++;
    if (this.isDamaged(place)) return;
    const leftover = place.source.expansion?.leftoverIn(place.start, place.end);
    if (leftover && (details.severity ?? DIAGNOSTIC_CODES[code].severity) !== 'info') {
      if (!this.blamed.has(leftover))
        this.reportLeftover(place.source, leftover, message, details.severity ?? DIAGNOSTIC_CODES[code].severity);
    } else if (!this.isSecondView(code, place)) this.once(code, place, message, details);
  }

  /** Whether a value has been found wrong already: one that is no address at all is not also one of the wrong kind. */
  private isSecondView(code: DiagnosticCode, place: Place): boolean {
    if (!VALUE_CODES.has(code)) return false;
    const { wrongValue } = this;
    this.wrongValue = place;
    return wrongValue !== undefined && wrongValue.source === place.source && wrongValue.start < place.end && wrongValue.end > place.start;
  }

  /** References that stayed in a text and that no other diagnostic has explained. In quotes they may be meant for a shell. */
  reportLeftovers(source: SourceText): void {
    for (const leftover of source.expansion?.leftovers ?? []) {
      const meantForShell = leftover.why === 'undefined' && leftover.quoted && this.suggestion(leftover) === undefined;
      if (!meantForShell && !this.blamed.has(leftover)) this.reportLeftover(source, leftover, '', undefined);
    }
    for (const files of source.included.values()) for (const file of files) this.reportLeftovers(file);
  }

  private reportLeftover(source: SourceText, leftover: Leftover, followed: string, severity: Severity | undefined): void {
    this.blamed.add(leftover);
    const { name, why, start, end } = leftover;
    const place = { source, start, end };
    const after = followed === '' ? '' : ` ${followed}`;
    const details = severity && { severity };
    if (why === 'undefined') {
      const meant = this.suggestion(leftover);
      const message = `$${name} is defined nowhere before this line, so it stays as it is written.${after}`;
      this.once('config/undefined-parameter', place, message, {
        ...details,
        help: meant === undefined ? `Define it on a line of its own: $${name}=VALUE` : `Did you mean $${meant}?`,
        ...(meant !== undefined && { fix: { description: `Write \${${meant}}`, start, end, replacement: `\${${meant}}` } }),
      });
    } else if (why === 'loop') {
      const message = `The value of $${name} contains $${name} itself, so it cannot be put in.`;
      this.once('config/parameter-loop', place, message, {});
    } else if (why === 'no-blank') {
      const fix = { description: `Write \${${name}}`, start, end, replacement: `\${${name}}` };
      const message = `$${name} is replaced only where a blank or the end of the line follows. Here it stays as it is written.${after}`;
      this.once('config/unreplaced-parameter', place, message, { ...details, help: `Write \${${name}}.`, fix });
    } else {
      const message = `The value of $${name} has several lines, so it is put in only at the end of a line. Here it stays as it is written.${after}`;
      this.once('config/unreplaced-parameter', place, message, { ...details, help: 'Give it a line of its own.' });
    }
  }

  private suggestion({ name }: Leftover): string | undefined {
    return didYouMean(name, this.parameterNames);
  }

  /** Whether the same has been said about a place in a file that is read several times. */
  private isRepetition(code: DiagnosticCode, { source, start, end }: Place, message: string): boolean {
    if (!source.expansion) return false;
    const use = source.expansion.useAt(start);
    const defined = use && use.definedAt >= 0 && use.use.definition.source;
    const where = defined
      ? `${defined.file}\0${use.definedAt}`
      : `${source.file}\0${source.expansion.fileStart(start)}\0${source.expansion.fileEnd(start, end)}`;
    const key = `${code}\0${where}\0${message.replaceAll(/[\da-f.:]*\d[\da-f.:]*/g, '#')}`;
    if (this.repeatable.has(key) || this.repeatable.size >= MAX_REMEMBERED) return true;
    this.repeatable.add(key);
    return false;
  }

  private once(code: DiagnosticCode, place: Place, message: string, details: ReportDetails): void {
    if (!this.isRepetition(code, place, message)) this.add(code, place, message, details);
  }

  private add(code: DiagnosticCode, place: Place, message: string, details: ReportDetails): void {
    const { source } = place;
    const severity = details.severity ?? DIAGNOSTIC_CODES[code].severity;
    if (++this.counts[severity] > MAX_REPORTED) return;
    this.diagnostics.push({
      code,
      severity,
      message: message + originOf(place),
      file: source.file,
      range: source.range(place.start, place.end),
      ...(details.help !== undefined && { help: details.help }),
      ...(details.fix && fixOf(source, details.fix)),
    });
  }
}

/** A change, where the text stands in the file as it is: what was put in cannot be changed where it was put. */
function fixOf(source: SourceText, fix: NonNullable<ReportDetails['fix']>): { fix?: Fix } {
  const { description, start, end, replacement } = fix;
  if (source.expansion && !source.expansion.isLiteral(start, end)) return {};
  return { fix: { description, range: source.range(start, end), replacement } };
}

/** Where a text was defined that stands in another place. */
function originOf({ source, start }: Place): string {
  const found = source.expansion?.useAt(start);
  const definition = found?.use.definition;
  if (!found || !definition?.source || found.definedAt < 0) return '';
  const { file } = definition.source;
  const line = definition.source.position(found.definedAt).line;
  return ` This is line ${line}${file === source.file ? '' : ` of ${file}`}, in the value of $${definition.name}.`;
}
