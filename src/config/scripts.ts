/** The programs that a configuration wants run, held against the host that would run them. */
import type { Diagnostic } from '../base/index.ts';
import {
  type ArgumentForm,
  type BoundBlock,
  type BoundStatement,
  type KeepalivedReading,
  Reporter,
  tokenPlace,
  wordValue,
} from './keepalived/index.ts';

/** A program as it lies on the host. */
export interface ProgramFacts {
  readonly executable: boolean;
  /** The file or folder on the way to it that others than root can alter, if there is one. */
  readonly alterable?: string;
}

/** Finds a program by path or by name in the usual folders; undefined when there is none. */
export type ProgramLookup = (program: string) => ProgramFacts | undefined;

/** Reports each program once, where it is named first; and once that scripts run unguarded, if they do. */
export function checkScripts(reading: Pick<KeepalivedReading, 'configuration' | 'tree'>, lookup: ProgramLookup): Diagnostic[] {
  const reporter = new Reporter();
  const reported = new Set<string>();
  const guarded = reading.configuration.scriptSecurity;
  let first: BoundStatement | undefined;
  for (const bound of commandsOf(reading.tree)) {
    const program = programOf(bound);
    if (program === undefined) continue;
    const facts = lookup(program);
    if (facts?.executable && first === undefined) first = bound;
    if (reported.has(program)) continue;
    reported.add(program);
    reportProgram(bound, program, facts, guarded, reporter);
  }
  if (first && !guarded)
    reporter.report('config/script-security', placeOfCommand(first), 'Scripts run although enable_script_security is not written.', {
      help: 'Write enable_script_security and a script_user without rights into global_defs.',
    });
  return reporter.diagnostics;
}

function reportProgram(
  bound: BoundStatement,
  program: string,
  facts: ProgramFacts | undefined,
  guarded: boolean,
  reporter: Reporter,
): void {
  const place = placeOfCommand(bound);
  const code = bound.keyword.name === 'script' ? 'config/track-script-missing' : 'config/script-missing';
  if (facts === undefined) reporter.report(code, place, `There is no program ${program} on this host.`);
  else if (!facts.executable)
    reporter.report(code, place, `${program} is not executable, so it cannot be run.`, { help: `chmod +x ${program}` });
  else if (facts.alterable !== undefined)
    reporter.report(
      'config/script-alterable',
      place,
      `Others than root can alter ${facts.alterable}, and with it what ${program} does${guarded ? ', so it is not run' : ''}.`,
      { help: `chown root ${facts.alterable}; chmod go-w ${facts.alterable}` },
    );
}

/** Every statement of the tree that is a command, in the order of the text; of blocks that say the same, those of the first. */
function commandsOf(block: BoundBlock, into: BoundStatement[] = []): readonly BoundStatement[] {
  for (const bound of block.statements) {
    if (isCommand(bound.keyword.form) && bound.keyword.support === 'acted') into.push(bound);
    if (!bound.alike && bound.block) commandsOf(bound.block, into);
  }
  return into;
}

/** `notify_deleted` may stand without its command. */
function isCommand(form: ArgumentForm): boolean {
  return form.kind === 'command' || (form.kind === 'optional' && isCommand(form.form));
}

/**
 * The first word of the command; of shell text, what the shell would run first. Undefined for words of the shell itself, and for a
 * command that begins with `<`, by which the file asks that nobody looks.
 */
function programOf({ value }: BoundStatement): string | undefined {
  if (typeof value !== 'object' || !('token' in value) || wordValue(value.token).startsWith('<')) return undefined;
  const text = value.text.trim();
  const word = /^(?:"([^"]*)"|'([^']*)'|([^\s"';|&<>()$`]+))/.exec(text);
  const program = word?.[1] ?? word?.[2] ?? word?.[3];
  return program === undefined || SHELL_WORDS.has(program) || program.includes('=') ? undefined : program;
}

const SHELL_WORDS: ReadonlySet<string> = new Set(
  'exit if while until for case cd export set unset source . : exec eval ! [[ { trap return read command type ulimit umask wait'.split(' '),
);

function placeOfCommand(bound: BoundStatement) {
  const token = bound.statement.words[1] ?? bound.statement.words[0];
  return token ? tokenPlace(bound.source, token) : { source: bound.source, start: 0, end: 0 };
}
