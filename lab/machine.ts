/**
 * A machine of the lab: its own network, mount, host name, IPC and process namespaces, with private /run, /tmp, /var/log and /etc.
 *
 * Its first process (`cat`) reads a pipe whose other end only the runner holds, and the `unshare` above it dies with the runner
 * (PDEATHSIG): however the runner ends, SIGKILL included, the kernel ends every process of the machine and frees all the rest.
 * No name is registered anywhere, so any number of labs can run beside each other.
 */
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { projectRoot } from './paths.ts';
import { childrenOf, type Exit, killTree, launch, type Outcome, type RunOptions, run, Service, until } from './process.ts';

/** Where the lab puts the product's commands in each machine; first in PATH. */
const COMMANDS = '/run/lab/bin';
const PATH = `${COMMANDS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** Folders in whose place each machine has its own. */
const COVERED = ['/run', '/tmp', '/var/log'];

/** What a Debian server has after boot, said explicitly because a new namespace inherits the host's present values. */
const SERVER_SYSCTLS: Readonly<Record<string, string>> = {
  'net.ipv4.ip_forward': '0',
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.default.rp_filter': '2',
  'net.ipv4.conf.all.arp_ignore': '0',
  'net.ipv4.conf.default.arp_ignore': '0',
  'net.ipv4.conf.all.arp_announce': '0',
  'net.ipv4.conf.default.arp_announce': '0',
};

export interface SpawnOptions {
  /** What stop() sends; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
}

export class Machine {
  readonly name: string;
  /** The `unshare` process, whose death ends the machine. */
  readonly holderPid: number;
  /** The machine's first process as our own namespace numbers it: the target for nsenter. */
  readonly pid: number;
  readonly services: Service[] = [];
  readonly #holder: ChildProcess;
  readonly #exited: Promise<Exit>;

  private constructor(name: string, holder: ChildProcess, holderPid: number, pid: number) {
    this.name = name;
    this.holderPid = holderPid;
    this.pid = pid;
    this.#holder = holder;
    this.#exited = new Promise((resolve) => holder.on('close', (code, signal) => resolve({ code, signal })));
  }

  static async boot(name: string): Promise<Machine> {
    const holder = launch(
      ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--mount-proc'].concat(
        // Nobody waits for orphans in here; with SIGCHLD ignored the kernel buries them.
        ['--kill-child=KILL', 'env', '--ignore-signal=CHLD', 'cat'],
      ),
      ['pipe', 'ignore', 'pipe'],
    );
    let complaint = '';
    holder.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const holderPid = holder.pid;
    if (holderPid === undefined) throw new Error('cannot start unshare');
    const pid = await until(() => childrenOf(holderPid)[0] ?? (holder.exitCode === null ? undefined : -1), 10_000, 5);
    if (pid === undefined || pid < 0) {
      killTree(holderPid);
      throw new Error(`machine ${name} cannot be made: ${complaint.trim() || 'unshare did not start'}`);
    }
    const machine = new Machine(name, holder, holderPid, pid);
    try {
      await machine.#furnish();
    } catch (error) {
      await machine.halt();
      throw error;
    }
    return machine;
  }

  /** The argument vector that runs `argv` in this machine. */
  enter(argv: readonly string[]): string[] {
    const target = String(this.pid);
    return ['nsenter', '-t', target, '-m', '-u', '-i', '-n', '-p', '--', 'env', `PATH=${PATH}`, 'HOME=/root', 'LC_ALL=C.UTF-8', ...argv];
  }

  /** The same in this machine's network only: for `ip`, where process ids and files of the host are meant. */
  enterNetwork(argv: readonly string[]): string[] {
    return ['nsenter', '-t', String(this.pid), '-n', '--', ...argv];
  }

  run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run(this.enter(argv), options);
  }

  async runOrThrow(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const outcome = await this.run(argv, options);
    if (outcome.code !== 0) {
      const said = (outcome.stderr || outcome.stdout).trim();
      throw new Error(`${this.name}: ${argv.join(' ')} ended with ${outcome.code ?? outcome.signal}: ${said}`);
    }
    return outcome.stdout;
  }

  /** Starts a process that stays; it ends with the machine at the latest. */
  async spawn(name: string, argv: readonly string[], options: SpawnOptions = {}): Promise<Service> {
    const child = launch(this.enter(argv), ['ignore', 'pipe', 'pipe']);
    const outer = child.pid;
    if (outer === undefined) throw new Error(`${this.name}: cannot start ${name}`);
    let ended = false;
    child.once('exit', () => {
      ended = true;
    });
    // nsenter forks to enter the process namespace; the signals are for that child.
    const pid = await until(() => childrenOf(outer)[0] ?? (ended ? -1 : undefined), 10_000, 5);
    const service = new Service(name, child, pid ?? -1, options.stopSignal ?? 'SIGTERM');
    this.services.push(service);
    return service;
  }

  /** The newest service of that name. */
  service(name: string): Service | undefined {
    return this.services.findLast((service) => service.name === name);
  }

  /** A file of the machine as the runner can open it. */
  path(inside: string): string {
    return `/proc/${this.pid}/root${inside}`;
  }

  writeFile(inside: string, content: string, mode?: number): void {
    mkdirSync(dirname(this.path(inside)), { recursive: true });
    writeFileSync(this.path(inside), content);
    if (mode !== undefined) chmodSync(this.path(inside), mode);
  }

  readFile(inside: string): string {
    return readFileSync(this.path(inside), 'utf8');
  }

  /** Installs a command that runs a script of the project with this very Node. */
  installCommand(name: string, script: string, ...leading: string[]): void {
    const words = [process.execPath, script, ...leading].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    this.writeFile(`${COMMANDS}/${name}`, `#!/bin/sh\nexec ${words} "$@"\n`, 0o755);
  }

  async sysctl(values: Readonly<Record<string, string>>): Promise<void> {
    // /proc/sys/net shows the namespace of whoever opens it, so this has to happen inside.
    await this.runOrThrow(['sysctl', '-q', '-w', ...Object.entries(values).map(([key, value]) => `${key}=${value}`)]);
  }

  /** The command line for a person who wants to look around. */
  shellCommand(): string {
    return `nsenter -t ${this.pid} -m -u -i -n -p bash --rcfile /run/lab/bashrc`;
  }

  /** Ends every process of the machine; its network, mounts and files go with the last of them. */
  async halt(): Promise<void> {
    this.#holder.stdin?.destroy();
    killTree(this.holderPid);
    await this.#exited;
    await Promise.all(this.services.map((service) => service.exited));
  }

  async #furnish(): Promise<void> {
    const uncover = await this.#keepCovered();
    await this.runOrThrow(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'run', '/run']);
    for (const name of ['/run/lab/etc', '/run/lab/work', '/run/lock']) mkdirSync(this.path(name), { recursive: true });
    const etc = 'lowerdir=/etc,upperdir=/run/lab/etc,workdir=/run/lab/work';
    await Promise.all([
      this.runOrThrow(['mount', '-t', 'overlay', '-o', etc, 'etc', '/etc']),
      this.runOrThrow(['mount', '-t', 'tmpfs', 'tmp', '/tmp']),
      this.runOrThrow(['mount', '-t', 'tmpfs', 'log', '/var/log']),
      this.runOrThrow(['hostname', this.name]),
      this.sysctl(SERVER_SYSCTLS),
      this.#furnishSys(),
    ]);
    this.writeFile('/etc/hostname', `${this.name}\n`);
    this.writeFile('/run/lab/bashrc', `PATH=${PATH}\nPS1='[root@${this.name} \\W]# '\n`);
    mkdirSync(this.path(COMMANDS), { recursive: true });
    await uncover();
  }

  /**
   * A clone of the project (or a Node) below /tmp would be hidden by the machine's own /tmp: it is bound elsewhere before, and back in its
   * place after, which the returned function does.
   */
  async #keepCovered(): Promise<() => Promise<void>> {
    const needed = [projectRoot, dirname(process.execPath)].filter((folder) => COVERED.some((cover) => folder.startsWith(`${cover}/`)));
    if (needed.length === 0) return async () => undefined;
    await this.runOrThrow(['mount', '-t', 'tmpfs', 'keep', '/mnt']);
    const kept = needed.map((folder, index) => ({ folder, at: `/mnt/${index}` }));
    for (const { folder, at } of kept) {
      mkdirSync(this.path(at));
      await this.runOrThrow(['mount', '--bind', folder, at]);
    }
    return async () => {
      for (const { folder, at } of kept) {
        mkdirSync(this.path(folder), { recursive: true });
        await this.runOrThrow(['mount', '--bind', at, folder]);
      }
    };
  }

  /** A /sys that shows this machine's interfaces, and a bpf file system whose pins nobody else sees. */
  async #furnishSys(): Promise<void> {
    await this.runOrThrow(['mount', '-t', 'sysfs', 'sys', '/sys']);
    await this.runOrThrow(['mount', '-t', 'bpf', 'bpf', '/sys/fs/bpf']);
  }
}
