/** A keepalived.conf as the daemon needs it: the model, and everything that a person should know about the text. */
import type { Diagnostic } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';
import { Binder, BoundBlock } from './bind.ts';
import type { InterfaceUse } from './context.ts';
import { EXPANSION_LIMITS, Expander, type ExpansionSettings } from './expand.ts';
import type { IncludeResolver } from './include.ts';
import { withoutConsequences } from './judgements.ts';
import { type LowerOptions, lower } from './lower.ts';
import { parseSharing } from './parser.ts';
import { Reporter } from './report.ts';
import type { SourceText } from './source.ts';
import { ROOT_SCOPE } from './table.ts';

/** One text with the name that diagnostics carry and that includes are relative to. */
export interface ConfigurationSource {
  readonly file: string;
  readonly text: string;
}

export interface ReadOptions extends LowerOptions {
  /** Finds the files of an `include`. Without it an include is an error, because what it says would be missing. */
  readonly include?: IncludeResolver;
  /** What `@id` lines are compared with (`-i`); by default the host name up to its first dot, as in keepalived. */
  readonly configId?: string;
  /** For `${_ENV NAME}`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where relative file names start, for `${_PWD}`. */
  readonly workingDirectory?: string;
  /** For `${_RANDOM}`: the same seed gives the same numbers, and so does no seed. */
  readonly randomSeed?: number;
}

export interface KeepalivedReading {
  /** Everything that could be used, with all defaults. Not to be run when a diagnostic is an error. */
  readonly configuration: Configuration;
  /** In the order of the text, included files after the one that includes them. */
  readonly diagnostics: readonly Diagnostic[];
  /** Every network interface that the text names, and where: what `checkAgainstHost` looks at. */
  readonly interfaces: readonly InterfaceUse[];
  /** Every text that was read, includes among them, in the order in which they were met; for code frames. */
  readonly sources: readonly ConfigurationSource[];
  /** Every statement in its block, with its keyword and its place: where each setting of the configuration comes from. */
  readonly tree: BoundBlock;
}

/** Reads any text, never throws, and reports each fault once. */
export function readKeepalived(text: string, options: ReadOptions & { readonly file: string }): KeepalivedReading {
  return readKeepalivedFiles([{ file: options.file, text }], options);
}

/** Reads several texts as one configuration, as if the first one included the others at its end. */
export function readKeepalivedFiles(files: readonly ConfigurationSource[], options: ReadOptions = {}): KeepalivedReading {
  const reporter = new Reporter();
  const sources: ConfigurationSource[] = [...files];
  const { root, expanded } = bindFiles(files, options, reporter, sources);
  const { configuration, interfaces } = lower(root, reporter, options);
  for (const source of expanded) reporter.reportLeftovers(source);
  return { configuration, diagnostics: inOrder(withoutConsequences(reporter.diagnostics, root), sources), interfaces, sources, tree: root };
}

/** Every statement of all files in its block. `sources` gets the included files. */
function bindFiles(
  files: readonly ConfigurationSource[],
  options: ReadOptions,
  reporter: Reporter,
  sources: ConfigurationSource[],
): { root: BoundBlock; expanded: readonly SourceText[] } {
  const binder = new Binder(reporter);
  const root = new BoundBlock();
  const expander = new Expander(expansionSettings(options), options.include, reporter, (file, text) => sources.push({ file, text }));
  const expanded = files.map(({ file, text }) => expander.expand(file, text));
  reporter.parameterNames = expander.parameterNames;
  for (const source of expanded) binder.bind(parseSharing(source, ROOT_SCOPE, reporter).statements, source, ROOT_SCOPE, root);
  return { root, expanded };
}

function expansionSettings(options: ReadOptions): ExpansionSettings {
  const hostName = options.hostName ?? 'localhost';
  return {
    configId: options.configId ?? (hostName.split('.')[0] as string),
    environment: options.environment ?? {},
    workingDirectory: options.workingDirectory ?? '',
    randomSeed: options.randomSeed ?? 0,
    limits: EXPANSION_LIMITS,
  };
}

/** By file in the order in which they were met, then by place. */
function inOrder(diagnostics: readonly Diagnostic[], sources: readonly ConfigurationSource[]): Diagnostic[] {
  const rank = new Map([...sources].reverse().map(({ file }, index) => [file, sources.length - index]));
  const order = ({ file }: Diagnostic): number => rank.get(file) ?? 0;
  return diagnostics.toSorted((a, b) => order(a) - order(b) || a.range.line - b.range.line || a.range.column - b.range.column);
}
