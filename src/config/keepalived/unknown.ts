/** Says what was probably meant by a word that is no keyword where it stands. */
import { didYouMean, editDistance } from '../../base/index.ts';
import { type Token, tokenEnd, wordValue } from './lexer.ts';
import type { ReportDetails, Reporter } from './report.ts';
import type { Scope } from './scope.ts';
import type { SourceText } from './source.ts';
import { type Statement, statementPlace, tokenPlace } from './syntax.ts';
import { keywordPaths } from './table.ts';

/** A keyword that the words may stand for, and the words that it would replace. */
interface Guess {
  readonly name: string;
  readonly from: Token;
  readonly to: Token;
  /** What to write in their place. */
  readonly replacement: string;
}

/**
 * Reports a statement without a keyword: an unknown word, or an unknown block, which is skipped whole.
 * `present` are the keywords that its block has already: a guess at one of them is named but never applied by a tool.
 * Returns the present name of the keyword that was meant, so that its absence is not reported as well. If the block cannot work
 * without it, this is the error.
 */
export function reportUnknown(
  statement: Statement,
  source: SourceText,
  scope: Scope,
  present: ReadonlySet<string>,
  reporter: Reporter,
): string | undefined {
  const first = statement.words[0] as Token;
  const guess = findGuess(statement, scope);
  const meant = guess && scope.children.get(guess.name);
  const name = meant && (meant.aliasOf ?? meant.name);
  const details = guess && detailsOf(guess, present);
  const hint = guess ? '' : otherHome(wordValue(first));
  if (statement.block) {
    const message = `${first.text} is no block that belongs here. The whole block is skipped.${hint}`;
    reporter.report('config/unknown-block', statementPlace(source, statement), message, details);
    return name;
  }
  const words = guess && guess.to !== first ? `${guess.from.text} ${guess.to.text}` : first.text;
  const needed = name !== undefined && scope.children.get(name)?.required !== undefined && !present.has(name);
  reporter.report(
    'config/unknown-keyword',
    guess ? { source, start: guess.from.start, end: tokenEnd(guess.to) } : tokenPlace(source, first),
    `${words} is no keyword of this block. The line is ignored.${hint}`,
    { ...(details ?? wrappedComment(first)), ...(needed && { severity: 'error' as const }) },
  );
  return name;
}

function findGuess(statement: Statement, scope: Scope): Guess | undefined {
  const candidates = [...scope.children.values()].filter((keyword) => !statement.block || keyword.block).map((keyword) => keyword.name);
  const [first, second] = statement.words as [Token, Token | undefined];
  const single = wordValue(first);
  const direct = didYouMean(single, candidates);
  const directDistance = direct === undefined ? Number.POSITIVE_INFINITY : editDistance(single, direct, single.length + direct.length);
  if (second) {
    const joined = `${single}_${wordValue(second)}`;
    const meant = didYouMean(joined, candidates);
    if (meant?.includes('_') && editDistance(joined, meant, joined.length) <= Math.min(directDistance, 2))
      return { name: meant, from: first, to: second, replacement: meant };
  }
  if (direct !== undefined) return { name: direct, from: first, to: first, replacement: direct };
  const swapped = second && candidates.includes(wordValue(second)) ? second : undefined;
  return swapped && { name: wordValue(swapped), from: first, to: swapped, replacement: `${swapped.text} ${first.text}` };
}

function detailsOf(guess: Guess, present: ReadonlySet<string>): ReportDetails {
  const help = `Did you mean ${guess.replacement}?`;
  if (present.has(guess.name)) return { help };
  return {
    help,
    fix: { description: `Write ${guess.replacement}`, start: guess.from.start, end: tokenEnd(guess.to), replacement: guess.replacement },
  };
}

/** Where a word of the language would belong instead. */
function otherHome(text: string): string {
  const homes = keywordPaths()
    .filter(({ keyword }) => keyword.name === text)
    .map(({ path }) => parentOf(path, text));
  if (homes.length === 0) return '';
  const [first] = homes as [string];
  return first === '' ? ` ${text} belongs at the top level.` : ` ${text} belongs in ${first.replaceAll('.', ' → ')}.`;
}

function parentOf(path: string, name: string): string {
  return path.slice(0, -name.length).replace(/\.$/, '');
}

/** A word that no keyword could ever be (keywords are plain ASCII) is usually the rest of a comment that a page has wrapped. */
function wrappedComment(first: Token): ReportDetails {
  if (!/[^\x20-\x7e]/.test(first.text)) return {};
  return {
    help: 'If it is the rest of a comment, put # before it.',
    fix: { description: 'Make it a comment', start: first.start, end: first.start, replacement: '# ' },
  };
}
