/**
 * One fault, one diagnostic: what a block amounts to is judged only where the block could be read. A misspelt check would otherwise
 * be reported as a check that is missing, too, and as one that differs from the others.
 */
import type { Diagnostic } from '../../base/index.ts';
import type { DiagnosticCode } from '../codes.ts';
import type { BoundBlock, BoundStatement } from './bind.ts';
import type { Statement } from './syntax.ts';

/** Judgements of one block. */
const OF_BLOCK = new Set<string>([
  'config/no-check',
  'config/no-effect',
  'config/no-address',
  'config/empty-service',
  'config/one-member-group',
] satisfies DiagnosticCode[]);
/** Judgements that compare blocks. */
const ACROSS_BLOCKS = new Set<string>(['config/checks-differ'] satisfies DiagnosticCode[]);
/** References to what may stand in a text that was lost. */
const REFERENCES = new Set<string>(['config/unknown-reference'] satisfies DiagnosticCode[]);
/** Faults that may take blocks with them. */
const LOSSES = new Set<string>([
  'config/missing-close-brace',
  'config/missing-open-brace',
  'config/unknown-block',
  'config/unexpected-brace',
  'config/include-not-found',
  'config/include-depth',
] satisfies DiagnosticCode[]);
/** Warnings that mean, as every error does, that something was not read as it was meant. */
const FAULTS = new Set<string>([
  'config/unknown-keyword',
  'config/extra-words',
  'config/repeated-keyword',
  'config/early-close-brace',
  'config/undefined-parameter',
  'config/unreplaced-parameter',
] satisfies DiagnosticCode[]);

/** What this version does not act on was read all the same. */
function isFault({ severity, code }: Diagnostic): boolean {
  return FAULTS.has(code) || (severity === 'error' && code !== 'config/unsupported');
}

/** Leaves out the judgements about blocks of the top level that hold a fault. */
export function withoutConsequences(diagnostics: readonly Diagnostic[], root: BoundBlock): readonly Diagnostic[] {
  const isJudgement = ({ code }: Diagnostic): boolean => OF_BLOCK.has(code) || ACROSS_BLOCKS.has(code) || REFERENCES.has(code);
  if (!diagnostics.some(isJudgement)) return diagnostics;
  const faults = diagnostics.filter((diagnostic) => !isJudgement(diagnostic) && isFault(diagnostic));
  if (faults.length === 0) return diagnostics;
  const damaged = root.statements.map(extentOf).filter((extent) => faults.some((fault) => contains(extent, fault)));
  const lossy = faults.some(({ code }) => LOSSES.has(code));
  return diagnostics.filter(
    (diagnostic) =>
      !(lossy && REFERENCES.has(diagnostic.code)) &&
      !(ACROSS_BLOCKS.has(diagnostic.code) && damaged.length > 0) &&
      !(OF_BLOCK.has(diagnostic.code) && damaged.some((extent) => contains(extent, diagnostic))),
  );
}

/** Lines of a file. */
interface Stretch {
  readonly file: string;
  readonly first: number;
  readonly last: number;
}

/** The lines of a block: those of its file, and those of the files that are included in it. */
function extentOf(bound: BoundStatement): readonly Stretch[] {
  const stretches = [stretchOf(bound)];
  const pending = [bound];
  for (let outer = pending.pop(); outer; outer = pending.pop()) {
    // A block that repeats another one includes nothing.
    if (outer.alike) continue;
    for (const inner of outer.block?.statements ?? []) {
      if (inner.source !== outer.source) stretches.push(stretchOf(inner));
      if (inner.block) pending.push(inner);
    }
  }
  return stretches;
}

function stretchOf({ statement, source }: BoundStatement): Stretch {
  const start = statement.words[0]?.start ?? 0;
  return { file: source.file, first: source.position(start).line, last: source.position(endOf(statement)).line };
}

function endOf(statement: Statement): number {
  const close = statement.block?.close;
  if (close) return close.start;
  const last = statement.block?.statements.at(-1);
  return last ? endOf(last) : (statement.words.at(-1)?.start ?? 0);
}

function contains(extent: readonly Stretch[], { file, range }: Diagnostic): boolean {
  return extent.some((stretch) => stretch.file === file && range.line >= stretch.first && range.line <= stretch.last);
}
