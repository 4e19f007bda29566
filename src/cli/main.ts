/** The `vipwright` command. Each command lives in a folder of its own; here they are only named and given their arguments. */
import { basename } from 'node:path';
import { Command, CommanderError } from 'commander';
import { ConnectionError, DEFAULT_SOCKET } from '../api/index.ts';
import { VERSION } from '../base/index.ts';
import { linuxCheckIo, runCheck } from './check/index.ts';
import { ipvsadm } from './ipvsadm.ts';
import { runRealserver } from './realserver/index.ts';
import { runStatus } from './status/index.ts';

/** Wrong usage, as commander reports it. */
const EXIT_USAGE = 2;
/** The daemon is not there or does not answer. */
const EXIT_NO_DAEMON = 3;

const out = (text: string): void => void process.stdout.write(text);
const err = (text: string): void => void process.stderr.write(text);

/** The daemon's socket: of the environment for those who run several daemons, else the one place. */
const socketPath = (): string => process.env.VIPWRIGHT_SOCKET ?? DEFAULT_SOCKET;

/**
 * Runs the command line and returns the exit code: 0 done, 1 the answer is "no" (see each command), 2 wrong usage, 3 no daemon.
 * Called under the name `ipvsadm`, it is ipvsadm, with ipvsadm's own exit codes.
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  if (basename(argv[1] ?? '') === 'ipvsadm') return ipvsadm(argv.slice(2), socketPath());
  // ipvsadm's grammar is its own: commander must not look at what follows.
  if (argv[2] === 'ipvsadm') return ipvsadm(argv.slice(3), socketPath());
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    err(`vipwright: ${(error as Error).message}\n`);
    return error instanceof ConnectionError ? EXIT_NO_DAEMON : 1;
  }
}

function createProgram(exit: (code: number) => void): Command {
  const program = new Command('vipwright');
  program.description('A highly available layer-4 load balancer.').version(VERSION, '-v, --version').exitOverride();
  program
    .command('check')
    .description('say what is wrong with a configuration: 0 no errors, 1 errors, 2 cannot read it')
    .argument('<files...>', 'keepalived.conf')
    .option('--format <format>', 'text or json', 'text')
    .option('--json', 'the same as --format json')
    .action(async (files: string[], options: { format: string; json?: true }) => {
      exit(await runCheck(files, { format: options.json ? 'json' : options.format }, linuxCheckIo()));
    });
  program
    .command('status')
    .description('show what this director owns and forwards: 0 all well, 1 something is wrong, 3 no daemon')
    .option('--json', 'as JSON')
    .option('--socket <path>', "the daemon's socket", socketPath())
    .action(async (options: { json?: true; socket: string }) => {
      exit(await runStatus({ json: options.json === true, socket: options.socket }, out));
    });
  program
    .command('ipvsadm')
    .description('list and change the tables, exactly as ipvsadm 1.31 does')
    .argument('[arguments...]', "ipvsadm's own")
    .helpOption(false);
  program
    .command('realserver')
    .description('prepare this host as a real server: start, stop or status')
    .argument('<action>', 'start, stop or status')
    .option('--vip <addresses>', 'VIPs, separated by commas')
    .option('--mode <mode>', 'forwarding method: dr')
    .option('--state <file>', 'where start remembers what it changed')
    .option('--json', 'as JSON')
    .action(async (action: string, options: { vip?: string; mode?: string; state?: string; json?: true }) => {
      exit(await runRealserver(action, options, { out, err }));
    });
  return program;
}
