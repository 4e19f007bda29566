/**
 * The `vipwright` command. Each command lives in a folder of its own; here they are only named and given their arguments. A command
 * is loaded when it is asked for: `check` needs neither the HTTP client nor the native library, and loading them takes longer than it.
 */
import { basename } from 'node:path';
import { Command, CommanderError } from 'commander';
import { VERSION } from '../base/index.ts';
import type { CheckOptions } from './check/index.ts';
import type { FormatOptions } from './config/index.ts';
import type { DrainOptions } from './drain/index.ts';
import type { RealServerOptions } from './realserver/index.ts';
import type { TraceOptions } from './trace/index.ts';

/** Wrong usage, as commander reports it. */
const EXIT_USAGE = 2;
/** As keepalived spells it. */
const CONFIG_ID = ['-i, --config-id <id>', 'what @id lines are compared with; by default the host name up to its first dot'] as const;
/** The daemon is not there or does not answer. */
const EXIT_NO_DAEMON = 3;

const out = (text: string): void => void process.stdout.write(text);
const err = (text: string): void => void process.stderr.write(text);

/** The daemon's socket: of the environment for those who run several daemons, else the one place. */
async function socketPath(): Promise<string> {
  return process.env.VIPWRIGHT_SOCKET ?? (await import('../api/index.ts')).DEFAULT_SOCKET;
}

async function ipvsadm(argv: readonly string[]): Promise<number> {
  const command = await import('./ipvsadm.ts');
  return command.ipvsadm(argv, await socketPath());
}

/** The whole command: runs the command line and ends the process with its exit code. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  process.exitCode = await runCli(argv);
  // To wait for what the engine's own threads have begun, which nobody needs any more, takes longer than most commands. What a slow
  // reader has not taken yet must go out first.
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
}

/**
 * Runs the command line and returns the exit code: 0 done, 1 the answer is "no" (see each command), 2 wrong usage, 3 no daemon.
 * Called under the name `ipvsadm`, it is ipvsadm, with ipvsadm's own exit codes.
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  if (basename(argv[1] ?? '') === 'ipvsadm') return ipvsadm(argv.slice(2));
  // ipvsadm's grammar is its own: commander must not look at what follows.
  if (argv[2] === 'ipvsadm') return ipvsadm(argv.slice(3));
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
    return (error as Error).name === 'ConnectionError' ? EXIT_NO_DAEMON : 1;
  }
}

function createProgram(exit: (code: number) => void): Command {
  const program = new Command('vipwright');
  program.description('A highly available layer-4 load balancer.').version(VERSION, '-v, --version').exitOverride();
  program
    .command('check')
    .description('say what is wrong with a configuration: 0 no errors, 1 errors, 2 cannot read it')
    .argument('[files...]', 'keepalived.conf')
    .option('--format <format>', 'text, json or sarif', 'text')
    .option('--json', 'the same as --format json')
    .option('--keepalived', 'exit codes of keepalived -t: 0, 2, 4, 5, 6')
    .option('--fix', 'make the changes that need no person, and say which')
    .option('--explain <word>', 'explain a keyword or a diagnostic code, and read no file')
    .option(...CONFIG_ID)
    .action(async (files: string[], options: CheckOptions & { json?: true; configId?: string }) => {
      const { runCheck } = await import('./check/index.ts');
      const { linuxFileIo } = await import('./files/index.ts');
      exit(await runCheck(files, { ...options, format: options.json ? 'json' : options.format }, linuxFileIo(options.configId)));
    });
  addConfigCommands(program, exit);
  program
    .command('status')
    .description('show what this director owns and forwards: 0 all well, 1 something is wrong, 3 no daemon')
    .option('--json', 'as JSON')
    .option('--socket <path>', "the daemon's socket")
    .action(async (options: { json?: true; socket?: string }) => {
      const { runStatus } = await import('./status/index.ts');
      exit(await runStatus({ json: options.json === true, socket: options.socket ?? (await socketPath()) }, out));
    });
  addTraceCommand(program, exit);
  addDrainCommand(program, exit);
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
    .option('--mode <mode>', 'forwarding method: dr, tun or fullnat')
    .option('--tun-type <type>', 'tunnel: ipip, gue or gre')
    .option('--tun-port <port>', "GUE's UDP port")
    .option('--director <addresses>', 'who may send tunnelled packets, separated by commas, or any')
    .option('--interface <names>', 'where they come in, separated by commas')
    .option('--local-address <prefixes>', 'full NAT: addresses that directors send from, separated by commas')
    .option('--state <file>', 'where start remembers what it changed')
    .option('--json', 'as JSON')
    .action(async (action: string, options: RealServerOptions) => {
      const { runRealserver } = await import('./realserver/index.ts');
      exit(await runRealserver(action, options, { out, err }));
    });
  return program;
}

function addTraceCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('trace')
    .description('say where a packet would go, and why, and change nothing: 0 forwarded, 1 not forwarded, 3 no daemon')
    .argument('<protocol>', 'tcp, udp, sctp or icmp (an echo request)')
    .argument('<source>', 'ADDRESS:PORT, with IPv6 [ADDRESS]:PORT; of icmp the address alone')
    .argument('<destination>', 'the same')
    .option('--syn', 'a TCP segment that opens a connection; what is taken where the connection is not known')
    .option('--ack', 'one in the middle; what is taken where it is known')
    .option('--fin', 'one that ends it')
    .option('--rst', 'one that breaks it off')
    .option('--interface <name>', 'where it comes in')
    .option('--length <bytes>', 'of the IP packet')
    .option('--ttl <hops>', 'TTL or hop limit')
    .option('--json', 'as JSON')
    .option('--socket <path>', "the daemon's socket")
    .action(async (protocol: string, source: string, destination: string, options: TraceOptions & { json?: true; socket?: string }) => {
      const { runTrace } = await import('./trace/index.ts');
      const socket = options.socket ?? (await socketPath());
      exit(await runTrace([protocol, source, destination], { ...options, socket }, { out, err }));
    });
}

function addDrainCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('drain')
    .description('take a real server out of service: no new connections now, the end of those that are left at the deadline')
    .argument('<service>', 'ADDRESS:PORT of the virtual service, with IPv6 [ADDRESS]:PORT; /udp or /sctp behind it where it is not TCP')
    .argument('<server>', 'ADDRESS:PORT of the real server')
    .option('--deadline <time>', 'when its connections end: 60, 60s, 5m, 1h; without it they have as long as they want')
    .option('--restore', 'take it into service again')
    .option('--no-wait', 'do not follow the connections until they have ended')
    .option('--json', 'as JSON')
    .option('--socket <path>', "the daemon's socket")
    .action(async (service: string, server: string, options: Omit<DrainOptions, 'socket'> & { socket?: string }) => {
      const { runDrain } = await import('./drain/index.ts');
      const socket = options.socket ?? (await socketPath());
      const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
      exit(await runDrain(service, server, { ...options, socket }, { out, err, sleep }));
    });
}

function addConfigCommands(program: Command, exit: (code: number) => void): void {
  const config = program.command('config').description('show, compare and format configurations');
  config
    .command('show')
    .description('print the effective configuration: every default, and where each setting comes from')
    .argument('<file>', 'keepalived.conf')
    .option('--json', 'as JSON')
    .option(...CONFIG_ID)
    .action(async (file: string, options: { json?: true; configId?: string }) => {
      const { runShow } = await import('./config/index.ts');
      const { linuxFileIo } = await import('./files/index.ts');
      exit(runShow(file, { json: options.json === true }, linuxFileIo(options.configId)));
    });
  config
    .command('diff')
    .description('say what a reload from one file to another would change: 0 nothing, 1 something, 2 cannot tell')
    .argument('<before>', 'the configuration that runs')
    .argument('<after>', 'the configuration that would be loaded')
    .option('--json', 'as JSON')
    .option(...CONFIG_ID)
    .action(async (before: string, after: string, options: { json?: true; configId?: string }) => {
      const { runDiff } = await import('./config/index.ts');
      const { linuxFileIo } = await import('./files/index.ts');
      exit(runDiff(before, after, { json: options.json === true }, linuxFileIo(options.configId)));
    });
  config
    .command('format')
    .description('print a file with an even layout; comments and meaning stay')
    .argument('<files...>', 'keepalived.conf')
    .option('--write', 'replace the files')
    .option('--check', 'only say which files are laid out otherwise: 0 none, 1 some')
    .action(async (files: string[], options: FormatOptions) => {
      const { runFormat } = await import('./config/index.ts');
      const { linuxFileIo } = await import('./files/index.ts');
      exit(runFormat(files, options, linuxFileIo()));
    });
}
