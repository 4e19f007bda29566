/**
 * What stands before the grammar: conditional lines, parameters, sequences and includes. Reads files line by line, as keepalived
 * does, and makes of each the text that the parser reads, with the way back to the file for every character.
 *
 * Three bounds hold for a whole configuration: lines, characters and files. What goes beyond one of them is left out, and said.
 */
import type { DiagnosticCode } from '../codes.ts';
import type { IncludeResolver } from './include.ts';
import { IncludeChecks, Includes } from './including.ts';
import { endOfLogicalLine, isContinued, isSpace } from './lexer.ts';
import { type DefinitionLine, Expansion, MappedText, type Piece, type Use } from './mapping.ts';
import { commentStart, type ParameterSettings, Parameters } from './parameters.ts';
import type { Place, Reporter } from './report.ts';
import { readSequence } from './sequences.ts';
import { SourceText } from './source.ts';

export interface ExpansionLimits {
  /** Lines that come out of sequences and of parameters with several lines. */
  readonly lines: number;
  /** Characters of all expanded texts. */
  readonly characters: number;
  /** Included files. */
  readonly files: number;
}

export const EXPANSION_LIMITS: ExpansionLimits = { lines: 1_000_000, characters: 1 << 26, files: 10_000 };

export interface ExpansionSettings extends ParameterSettings {
  /** Where relative file names start, for `${_PWD}`. */
  readonly workingDirectory: string;
  readonly limits: ExpansionLimits;
}

/** A line that may be more than grammar. A `$` may be a parameter wherever it stands. */
const SPECIAL = /^[^\S\n]*(?:[@~]|include|random_seed)|\$/m;
/** One of these is in every such line; to look for them takes a small part of the time. */
const SPECIAL_PARTS = ['$', '@', '~', 'include', 'random_seed'];
const INCLUDE = /^include([rmwba]?)[ \t]+(\S.*)$/s;
const DEFINITION = /^\$([A-Za-z_]\w*)=/;
const SEQUENCE = /^~(SEQx?|LST)(?![A-Za-z])/;
/** Conditions, sequences and parameters with several lines within each other. */
const MAX_NESTING = 64;

/** What all files of a configuration share. */
class Session {
  readonly parameters: Parameters;
  readonly includes: Includes;
  readonly settings: ExpansionSettings;
  readonly reporter: Reporter;
  private lines = 0;
  private characters = 0;
  exhausted = false;

  constructor(settings: ExpansionSettings, include: IncludeResolver | undefined, reporter: Reporter) {
    this.settings = settings;
    this.reporter = reporter;
    this.parameters = new Parameters(settings);
    this.includes = new Includes(include, reporter, settings.limits.files);
  }

  /** Counts a round of a sequence or an expanded line. False when there must be no more. */
  spend(characters: number, place: () => Place): boolean {
    if (this.exhausted) return false;
    const { limits } = this.settings;
    this.characters += characters;
    if (++this.lines <= limits.lines && this.characters <= limits.characters) return true;
    this.exhausted = true;
    this.reporter.report(
      'config/expansion-limit',
      place(),
      `Sequences and parameters expand to more than ${limits.lines} lines or ${limits.characters} characters. The rest is left out.`,
    );
    return false;
  }
}

/** Expands the files of one configuration, in the order in which they are to be read: a definition holds from there on. */
export class Expander {
  private readonly session: Session;
  private readonly onFile: (file: string, text: string) => void;

  /** `onFile` is told of every included file. */
  constructor(
    settings: ExpansionSettings,
    include: IncludeResolver | undefined,
    reporter: Reporter,
    onFile: (file: string, text: string) => void,
  ) {
    this.session = new Session(settings, include, reporter);
    this.onFile = onFile;
  }

  /** The names of all parameters that have been defined so far. */
  get parameterNames(): Iterable<string> {
    return this.session.parameters.names();
  }

  expand(file: string, text: string): SourceText {
    return this.file(file, text, [], undefined);
  }

  private file(file: string, text: string, outer: readonly string[], outerChecks: IncludeChecks | undefined): SourceText {
    if (!SPECIAL_PARTS.some((part) => text.includes(part)) || !SPECIAL.test(text)) return new SourceText(file, text);
    const open = [...outer, file];
    const checks = new IncludeChecks(outerChecks);
    return new FileExpander(this.session, new SourceText(file, text), checks, (pattern, letter, place) =>
      this.session.includes.find(pattern, checks.withLetter(letter), open, place).map((found) => {
        this.onFile(found.file, found.text);
        return this.file(found.file, found.text, open, checks);
      }),
    ).run();
  }
}

type ReadIncluded = (pattern: string, letter: string, place: Place) => SourceText[];

class FileExpander {
  private readonly session: Session;
  private readonly raw: SourceText;
  private readonly checks: IncludeChecks;
  private readonly readIncluded: ReadIncluded;
  private readonly out: Expansion;
  private readonly included = new Map<number, readonly SourceText[]>();
  private readonly directory: string;
  /** Whether the line of the file that is being read has given a line already. */
  private begun = false;
  private nesting = 0;

  constructor(session: Session, raw: SourceText, checks: IncludeChecks, readIncluded: ReadIncluded) {
    this.session = session;
    this.raw = raw;
    this.checks = checks;
    this.readIncluded = readIncluded;
    this.out = new Expansion(raw.text);
    this.directory = directoryOf(raw.file, session.settings.workingDirectory);
  }

  run(): SourceText {
    const { text } = this.raw;
    const special = new RegExp(SPECIAL, 'gm');
    let at = 0;
    for (let match = special.exec(text); match; match = special.exec(text)) {
      const start = Math.max(at, text.lastIndexOf('\n', match.index - 1) + 1);
      this.out.add(MappedText.of(text, at, start));
      at = endOfLogicalLine(text, start);
      this.begun = false;
      this.line(MappedText.of(text, start, at));
      special.lastIndex = at;
    }
    this.out.add(MappedText.of(text, at, text.length));
    return new SourceText(this.raw.file, this.out.text(), this.out, this.included);
  }

  /** One line, which may be the outcome of an expansion. Whatever happens, what comes out is one line or several. */
  private line(given: MappedText): void {
    if (this.nesting >= MAX_NESTING) return this.emit(EMPTY);
    this.nesting++;
    for (let line: MappedText | undefined = given; line; ) line = this.step(line);
    this.nesting--;
  }

  /** Takes one thing from the front of a line. Gives what is left of it, or undefined when it has been dealt with. */
  private step(line: MappedText): MappedText | undefined {
    const at = firstVisible(line.text);
    const rest = line.slice(at);
    const { text } = rest;
    if (text.startsWith('@')) {
      const taken = this.condition(rest);
      if (!taken) this.emit(EMPTY);
      return taken;
    }
    if (text.startsWith('#') || text.startsWith('!')) return this.emit(line);
    if (DEFINITION.test(text)) return this.define(rest);
    if (SEQUENCE.test(text)) return this.sequence(rest);
    const opened = this.firstWord(rest);
    if (opened) return opened;
    const substituted = this.session.parameters.substitute(line, this.directory);
    if (!substituted) return this.plain(line, at);
    if (substituted.tooLong) {
      this.report('config/expansion-limit', line, 'The line grows without end when its parameters are replaced. It is left out.');
      return this.emit(EMPTY);
    }
    if (substituted.lines.length === 1) {
      const [changed] = substituted.lines as [MappedText];
      // What a parameter brings may be a condition, a sequence or an include; anything else is done.
      return /^\s*(?:[@~$]|include)/.test(changed.text) && changed.text !== line.text
        ? changed
        : this.plain(changed, firstVisible(changed.text));
    }
    for (const part of substituted.lines) this.line(part);
    return undefined;
  }

  /** A line whose first word is a parameter, with that replaced alone: it may bring a condition or a sequence for the rest. */
  private firstWord(line: MappedText): MappedText | undefined {
    const word = /^\$(?:\{[^{}]*\}|\w+(?!\S))/.exec(line.text)?.[0];
    const value = word === undefined ? undefined : this.session.parameters.substitute(line.slice(0, word.length), this.directory);
    if (word === undefined || !value || value.tooLong || value.lines.length > 1) return undefined;
    const [first] = value.lines as [MappedText];
    return /^[@~]/.test(first.text) ? new MappedText([...first.pieces, ...line.slice(word.length).pieces]) : undefined;
  }

  /** A line with nothing left to replace. */
  private plain(line: MappedText, at: number): undefined {
    const end = commentStart(line.text);
    const text = line.text.slice(at, end).trimEnd();
    if (/^include[rmwba]?$/.test(text)) this.report('config/missing-value', line.slice(at, end), 'include needs the path of a file.');
    const include = INCLUDE.exec(text);
    if (include) {
      const [, letter = '', pattern = ''] = include;
      const files = this.readIncluded(withoutQuotes(pattern), letter, this.placeOf(line.slice(at, at + text.length)));
      this.emit(line, (offset) => this.included.set(offset + at, files));
      return;
    }
    if (text.startsWith('include_check')) this.checks.apply(text.split(/\s+/).slice(1));
    const seed = /^random_seed\s+(\d{1,10})$/.exec(text);
    if (seed) this.session.parameters.seed(Number(seed[1]));
    this.emit(line);
  }

  /** `@id` and `@^id`. What follows it when the line is to be read, undefined when it is not. */
  private condition(line: MappedText): MappedText | undefined {
    const [word, not, id] = /^@(\^?)([^\s{}"']*)/.exec(line.text) as unknown as [string, string, string];
    if (id === '') {
      this.report('config/bad-condition', line.slice(0, word.length), 'There is no id directly after @, so the line is never read.', {
        help: 'Write the id without a blank before it: @id.',
      });
      return undefined;
    }
    const rest = line.slice(word.length);
    if (rest.text.trim() === '' || (id === this.session.settings.configId) === (not === '^')) return undefined;
    return rest;
  }

  private define(line: MappedText): undefined {
    const [whole, name] = DEFINITION.exec(line.text) as unknown as [string, string];
    const lines: DefinitionLine[] = [];
    let at = whole.length;
    for (let more = true; more; ) {
      const newline = line.text.indexOf('\n', at);
      const end = newline < 0 ? line.text.length : newline;
      const text = line.text.slice(at, end);
      more = newline >= 0 && isContinued(text);
      const value = valueIn(text);
      // Lines after the first keep their indentation, which says what belongs together when a brace is missing.
      const from = at > whole.length ? 0 : firstVisible(text);
      if (value.trim() !== '' || (!more && lines.length === 0))
        lines.push({ text: value.slice(from), offset: this.definedAt(line, at + from) });
      at = end + 1;
    }
    this.session.parameters.define({ name, lines, source: this.raw });
    this.emit(EMPTY);
  }

  /** Where a character of a line stands in the file, if it stands there as it is. */
  private definedAt(line: MappedText, at: number): number {
    const piece = line.slice(at, at + 1).pieces[0];
    return piece && !piece.use ? piece.start : -1;
  }

  private sequence(line: MappedText): undefined {
    const close = line.text.indexOf(')');
    const open = line.text.indexOf('(');
    const head = line.slice(0, close < 0 ? undefined : close + 1);
    const kind = (SEQUENCE.exec(line.text) as RegExpExecArray)[1] as string;
    const words = this.session.parameters.substitute(line.slice(open + 1, Math.max(close, open + 1)), this.directory);
    const body = words && !words.tooLong ? (words.lines[0] as MappedText).text : line.text.slice(open + 1, close);
    const sequence = open < 0 || close < open ? { problem: 'its parentheses are not complete' } : readSequence(kind, body);
    if ('problem' in sequence) {
      this.report('config/bad-sequence', head, `This ~${kind} cannot be read: ${sequence.problem}. The line is left out.`);
      return this.emit(EMPTY);
    }
    const rest = line.slice(close + 1);
    for (const values of sequence.rounds) {
      if (!this.session.spend(0, () => this.placeOf(head))) break;
      sequence.names.forEach((name, index) => {
        this.session.parameters.define({ name, lines: [{ text: values[index] ?? '', offset: -1 }] });
      });
      this.line(rest);
    }
    if (!this.begun) this.emit(EMPTY);
    return undefined;
  }

  /** Puts out a line. `onPlace` is told where in the expanded text it begins. */
  private emit(line: MappedText, onPlace?: (offset: number) => void): undefined {
    const grown = this.begun || line.pieces.some((piece) => piece.use);
    const refused = grown && !this.session.spend(line.text.length, () => this.placeOf(line));
    if (!refused && this.begun) this.out.add(lineBreakAt(line.pieces.at(-1)));
    this.begun = true;
    if (refused) return;
    const offset = this.out.length;
    onPlace?.(offset);
    for (const leftover of this.session.parameters.leftovers(line))
      this.out.leftovers.push({ ...leftover, start: offset + leftover.start, end: offset + leftover.end });
    this.out.add(line);
  }

  private placeOf(line: MappedText): Place {
    return { source: this.raw, ...line.fileRange(0, line.text.length) };
  }

  private report(code: DiagnosticCode, line: MappedText, message: string, details: { help?: string } = {}): void {
    this.session.reporter.report(code, this.placeOf(line), message, details);
  }
}

const EMPTY = new MappedText([]);
const NO_USE: Use = { definition: { name: '', lines: [] }, outer: undefined };

/** A line break that the file does not have. */
function lineBreakAt(piece: Piece | undefined): MappedText {
  const at = piece?.end ?? 0;
  return new MappedText([{ text: '\n', start: at, end: at, use: piece?.use ?? NO_USE, definedAt: -1 }]);
}

function firstVisible(text: string): number {
  let at = 0;
  while (at < text.length && text[at] !== '\n' && isSpace(text[at] as string)) at++;
  return at;
}

/** The value on one line of a definition: without the comment, the backslash that continues it, and the blanks at the end. */
function valueIn(line: string): string {
  const continued = isContinued(line) ? line.trimEnd().slice(0, -1) : line;
  return continued.slice(0, commentStart(continued)).trimEnd();
}

function withoutQuotes(pattern: string): string {
  return /^(["']).*\1$/s.test(pattern) ? pattern.slice(1, -1) : pattern;
}

/** The directory of a file, from the root where that is known. */
function directoryOf(file: string, workingDirectory: string): string {
  const slash = file.lastIndexOf('/');
  const directory = slash > 0 ? file.slice(0, slash) : slash === 0 ? '/' : '';
  if (directory.startsWith('/') || workingDirectory === '') return directory === '' ? '.' : directory;
  return directory === '' ? workingDirectory : `${workingDirectory}/${directory}`;
}
