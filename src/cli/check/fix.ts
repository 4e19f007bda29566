/** `vipwright check --fix`: makes the changes that diagnostics offer, reads what came of them, and writes only what is no worse. */
import type { Diagnostic } from '../../base/index.ts';
import { applyFixes, type Fixable, isFixable } from '../../config/index.ts';
import { type CheckedFile, checkText, type FileIo, readConfigurationFile } from '../files/index.ts';

/** A fix may uncover another one. A reading that goes on offering fixes for ever must not keep us for ever. */
const MAX_ROUNDS = 10;
/** Where all together make it worse, each is tried alone; every trial is a reading of the whole configuration. */
const MAX_TRIALS = 100;

/**
 * Fixes a file and what it includes on the disk, tells on standard error what was changed, and returns how the result reads. No copy
 * of the old text is kept beside it: an `include` with a pattern would read that copy, too.
 */
export function fixFile(file: string, io: FileIo): CheckedFile {
  const original = readConfigurationFile(file, io);
  let current = original;
  const changes: Fixable[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const step = improve(current, io);
    if (step === undefined) break;
    changes.push(...step.applied);
    current = step.checked;
  }
  if (changes.length === 0) {
    io.err(`${file}: nothing that could be fixed without a person.\n`);
    return original;
  }
  const before = textsOf(original);
  for (const [name, text] of textsOf(current)) {
    if (before.get(name) === text) continue;
    write(name, text, io);
    io.err(`${name}: written.\n`);
  }
  for (const { file: name, range, fix, message } of changes)
    io.err(`  ${name}:${range.line}:${range.column}: ${fix.description}. (${message})\n`);
  return current;
}

function write(file: string, text: string, io: FileIo): void {
  try {
    io.replaceFile(file, text);
  } catch (error) {
    throw new Error(`${file} cannot be written: ${(error as Error).message}`);
  }
}

interface Step {
  readonly checked: CheckedFile;
  readonly applied: readonly Fixable[];
}

/** The configuration after the fixes that it offers, or after those of them that do no harm; undefined when there is none. */
function improve(checked: CheckedFile, io: FileIo): Step | undefined {
  const offered = checked.diagnostics.filter(isFixable);
  const together = attempt(checked, offered, io);
  if (together && !isWorse(together.checked.diagnostics, checked.diagnostics)) return together;
  for (const diagnostic of offered.slice(0, MAX_TRIALS)) {
    const alone = attempt(checked, [diagnostic], io);
    if (alone && !isWorse(alone.checked.diagnostics, checked.diagnostics)) return alone;
  }
  return undefined;
}

function attempt(checked: CheckedFile, fixes: readonly Fixable[], io: FileIo): Step | undefined {
  const texts = textsOf(checked);
  const applied: Fixable[] = [];
  for (const [file, text] of texts) {
    const step = applyFixes(
      text,
      fixes.filter((diagnostic) => diagnostic.file === file),
    );
    texts.set(file, step.text);
    applied.push(...step.applied);
  }
  if (applied.length === 0) return undefined;
  return { checked: checkText(checked.file, texts.get(checked.file) as string, io, texts), applied };
}

/** More errors; or as many, and not fewer complaints than before. Warnings that an error had hidden are no harm. */
function isWorse(after: readonly Diagnostic[], before: readonly Diagnostic[]): boolean {
  const errors = (list: readonly Diagnostic[]): number => list.filter(({ severity }) => severity === 'error').length;
  return errors(after) > errors(before) || (errors(after) === errors(before) && after.length >= before.length);
}

function textsOf({ sources }: CheckedFile): Map<string, string> {
  return new Map(sources.map(({ file, text }) => [file, text]));
}
