/** The composition root: two processes made of engines, sockets and maps. */
import { VERSION } from '../base/index.ts';
import { runDirector } from './director/process.ts';
import { Failover, load } from './failover/failover.ts';
import { createLogger } from './log.ts';
import { DAEMON_USAGE, type DaemonOptions, parseOptions } from './options.ts';

/** The whole of `vipwrightd`; resolves with the exit code when the process should end. `director` is the inner process. */
export async function runDaemon(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'director') return runDirector();
  const parsed = parseOptions(argv);
  switch (parsed.kind) {
    case 'help':
      process.stdout.write(DAEMON_USAGE);
      return 0;
    case 'version':
      process.stdout.write(`vipwrightd v${VERSION}\n`);
      return 0;
    case 'signal':
      process.stdout.write(`${parsed.number}\n`);
      return 0;
    case 'unknown-signal':
      process.stderr.write(`Unknown sigfunc ${parsed.word}\n`);
      return 1;
    case 'error':
      process.stderr.write(`vipwrightd: ${parsed.message}\n\n${DAEMON_USAGE}`);
      return 2;
    case 'run':
      return runFailover(parsed.options);
  }
}

async function runFailover(options: DaemonOptions): Promise<number> {
  const logger = createLogger({ detail: options.detail });
  if (options.configTest) return load(options, logger)?.usable ? 0 : 2;
  if (process.geteuid?.() !== 0) {
    logger.log('error', 'vipwrightd must be started as root: it opens raw sockets, changes addresses and loads BPF programs');
    return 1;
  }
  return Failover.run(options, logger);
}
