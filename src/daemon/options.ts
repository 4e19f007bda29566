/** The daemon's command line: keepalived's letters where they mean something here. */
import { parseArgs } from 'node:util';
import { signalNumber } from './signals.ts';

/** keepalived's own default. */
export const DEFAULT_FILE = '/etc/keepalived/keepalived.conf';

const DEFAULT_RUN_DIR = '/run/vipwright';

export interface DaemonOptions {
  readonly files: readonly string[];
  /** Test the configuration and exit. */
  readonly configTest: boolean;
  /** Log keepalived's detail lines (-D). */
  readonly detail: boolean;
  /** Virtual routers (-P) and virtual services with their checks (-C): both unless one is asked for alone. */
  readonly vrrp: boolean;
  readonly checks: boolean;
  /** Lock, socket and pinned maps live here. One daemon per directory. Undefined: where the configuration's names say. */
  readonly runDir: string | undefined;
}

export type ParsedOptions =
  | { readonly kind: 'run'; readonly options: DaemonOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** A number to be printed. */
  | { readonly kind: 'signal'; readonly number: number }
  /** keepalived's own words and exit code for a bad one. */
  | { readonly kind: 'unknown-signal'; readonly word: string }
  | { readonly kind: 'error'; readonly message: string };

export const DAEMON_USAGE = `Usage: vipwrightd [-f FILE]... [options]

  -f, --use-file FILE   the configuration (default ${DEFAULT_FILE}); may be given several times
  -t, --config-test     read and check the configuration, say what is wrong, exit
  -P, --vrrp            only virtual routers
  -C, --check           only virtual services and their health checks
  -D, --log-detail      log every detail, as keepalived -D does
      --run-dir DIR     lock, socket and pinned maps (default ${DEFAULT_RUN_DIR}, with
                        -INSTANCE and -NAMESPACE of the configuration after it)
      --signum WORD     print the signal number for STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON
  -v, --version
  -h, --help

-n (--dont-fork), -l (--log-console) and -G (--no-syslog) are accepted: the daemon always stays in the foreground and logs to
standard output, which systemd hands to the journal.

Signals: HUP reads the files again (a file with errors changes nothing), TERM and INT stop in order. USR1 writes everything about the
virtual routers to keepalived.data, USR2 their counters to keepalived.stats, RTMAX-1 the same and then clears them, RTMIN+2 both as JSON
to keepalived.json; in TMPDIR or /tmp unless the configuration names other files.
Exit codes: 0 stopped in order, 1 failed, 2 the configuration has errors or the command line is wrong.
`;

/**
 * As keepalived's pid files, the default directory carries the names that `instance` and `net_namespace` give, so that daemons with
 * different ones run side by side.
 */
export function runDirectory(
  { runDir }: Pick<DaemonOptions, 'runDir'>,
  { instance, networkNamespace }: { readonly instance?: string; readonly networkNamespace?: string },
): string {
  return runDir ?? [DEFAULT_RUN_DIR, instance, networkNamespace].filter((name) => name !== undefined).join('-');
}

export function parseOptions(argv: readonly string[]): ParsedOptions {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    return { kind: 'error', message: (error as Error).message };
  }
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  if (values.signum !== undefined) {
    const number = signalNumber(values.signum);
    return number === undefined ? { kind: 'unknown-signal', word: values.signum } : { kind: 'signal', number };
  }
  const only = values.vrrp !== values.check;
  return {
    kind: 'run',
    options: {
      files: values['use-file'] ?? [DEFAULT_FILE],
      configTest: values['config-test'] ?? false,
      detail: values['log-detail'] ?? false,
      vrrp: only ? values.vrrp === true : true,
      checks: only ? values.check === true : true,
      runDir: values['run-dir'],
    },
  };
}

function parse(argv: readonly string[]) {
  const flag = (short: string) => ({ type: 'boolean', short }) as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      'use-file': { type: 'string', short: 'f', multiple: true },
      'config-test': flag('t'),
      vrrp: flag('P'),
      check: flag('C'),
      'log-detail': flag('D'),
      'run-dir': { type: 'string' },
      signum: { type: 'string' },
      'dont-fork': flag('n'),
      'log-console': flag('l'),
      'no-syslog': flag('G'),
      version: flag('v'),
      help: flag('h'),
    },
  });
  return values;
}
