/** A keepalived.conf as the daemon needs it: the model, and everything that a person should know about the text. */
import type { Diagnostic } from '../../base/index.ts';
import type { Configuration } from '../../model/index.ts';
import { Binder, BoundBlock, type IncludeResolver } from './bind.ts';
import type { Context, InterfaceUse } from './context.ts';
import { mergeGlobals, readGlobals, readMail, readScripts, readTimeouts } from './lower-global.ts';
import { readServices } from './lower-service.ts';
import { readGroups, readRouters } from './lower-vrrp.ts';
import { parse } from './parser.ts';
import { Reporter } from './report.ts';
import { SourceText } from './source.ts';
import { ROOT_SCOPE } from './table.ts';

/** One text with the name that diagnostics carry and that includes are relative to. */
export interface ConfigurationSource {
  readonly file: string;
  readonly text: string;
}

export interface ReadOptions {
  /** For defaults that contain it, such as the sender of mail. */
  readonly hostName?: string;
  /** Finds the files of an `include`. Without it an include is an error, because what it says would be missing. */
  readonly include?: IncludeResolver;
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
}

/** Reads any text, never throws, and reports each fault once. */
export function readKeepalived(text: string, options: ReadOptions & { readonly file: string }): KeepalivedReading {
  return readKeepalivedFiles([{ file: options.file, text }], options);
}

/** Reads several texts as one configuration, as if the first one included the others at its end. */
export function readKeepalivedFiles(files: readonly ConfigurationSource[], options: ReadOptions = {}): KeepalivedReading {
  const reporter = new Reporter();
  const sources: ConfigurationSource[] = [...files];
  const binder = new Binder(reporter, options.include && remembering(options.include, sources));
  const root = new BoundBlock();
  for (const { file, text } of files) binder.bind(parse(new SourceText(file, text), ROOT_SCOPE, reporter), ROOT_SCOPE, root);
  const globalBlock = mergeGlobals(root);
  const globals = readGlobals(globalBlock, reporter);
  const context: Context = { reporter, globals, interfaces: [] };
  const mail = readMail(globalBlock, options.hostName ?? 'localhost', reporter);
  const routerId = globalBlock.text('router_id');
  const scripts = readScripts(root, context);
  const routers = readRouters(root, scripts, context);
  const configuration: Configuration = {
    ...(routerId !== undefined && { routerId }),
    mail,
    scriptSecurity: globalBlock.has('enable_script_security'),
    ...(globals.scriptUser !== undefined && { scriptUser: globals.scriptUser }),
    ...(globals.scriptGroup !== undefined && { scriptGroup: globals.scriptGroup }),
    startupDelay: globals.startupDelay,
    scripts,
    routers,
    groups: readGroups(root, routers, scripts, context),
    services: readServices(root, context),
    timeouts: readTimeouts(globalBlock, reporter),
  };
  return { configuration, diagnostics: inOrder(reporter.diagnostics, sources), interfaces: context.interfaces, sources };
}

function remembering(include: IncludeResolver, sources: ConfigurationSource[]): IncludeResolver {
  return (pattern, fromFile) => {
    const found = include(pattern, fromFile);
    sources.push(...found);
    return found;
  };
}

/** By file in the order in which they were met, then by place. */
function inOrder(diagnostics: readonly Diagnostic[], sources: readonly ConfigurationSource[]): Diagnostic[] {
  const rank = new Map([...sources].reverse().map(({ file }, index) => [file, sources.length - index]));
  const order = ({ file }: Diagnostic): number => rank.get(file) ?? 0;
  return diagnostics.toSorted((a, b) => order(a) - order(b) || a.range.line - b.range.line || a.range.column - b.range.column);
}
