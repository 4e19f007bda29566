/** What the lab's machines can run. Each function starts one service and returns once it is ready for use. */
import { readFileSync } from 'node:fs';
import type { Machine } from './machine.ts';
import { compiled } from './paths.ts';
import { type Service, until } from './process.ts';

/** Generous, because a test machine may be busy; a service that is not ready by then never will be. */
const READY_WITHIN_MS = 20_000;
/** A million SYNs take some seconds. */
const FLOOD_WITHIN_MS = 60_000;

export const CONFIG_FILE = '/etc/keepalived/keepalived.conf';

/** True if something listens on that TCP port of the machine, on any address. */
export function listens(machine: Machine, port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['tcp', 'tcp6'].some((family) =>
    readFileSync(`/proc/${machine.pid}/net/${family}`, 'latin1')
      .split('\n')
      .some((line) => {
        const [, local, , state] = line.trim().split(/\s+/);
        return state === '0A' && local?.endsWith(wanted) === true; // 0A is LISTEN.
      }),
  );
}

async function ready(machine: Machine, service: Service, isReady: () => boolean): Promise<Service> {
  const answer = await until(() => (isReady() ? 'ready' : service.running ? undefined : 'ended'), READY_WITHIN_MS, 10);
  if (answer === 'ready') return service;
  const said = service.lines.map((line) => line.text).join('\n');
  await service.stop();
  throw new Error(`${service.name} on ${machine.name} ${answer === 'ended' ? 'ended at once' : 'did not become ready'}: ${said}`);
}

async function startProgram(machine: Machine, name: string, script: string, args: readonly string[]): Promise<Service> {
  const service = await machine.spawn(name, [process.execPath, compiled(`lab/programs/${script}`), ...args]);
  return service;
}

export interface NginxOptions {
  /** The page at `/`; default what the seeds' real servers show is up to the scenario. */
  readonly page: string;
  readonly workers?: number;
  /** Default 80. */
  readonly port?: number;
  /** What it listens on besides, in nginx's words. */
  readonly listen?: readonly string[];
  /** A file that gets a line for each request, the client's address first. */
  readonly accessLog?: string;
}

/** Debian's nginx with a configuration of its own, on port 80 (or another) of every address. Stopping it is graceful: requests under way are finished. */
export async function startNginx(machine: Machine, options: NginxOptions): Promise<Service> {
  machine.writeFile('/run/www/index.html', `${options.page}\n`);
  machine.writeFile('/run/nginx/nginx.conf', nginxConfiguration('', httpBlock(options), options.workers ?? 1));
  return startNginxWith(machine, options.port ?? 80);
}

/** nginx as a layer-4 proxy: the benchmark's peer. */
export async function startNginxStream(machine: Machine, servers: readonly string[], workers: number): Promise<Service> {
  const upstream = servers.map((server) => `server ${server};`).join(' ');
  const stream = `stream { upstream servers { ${upstream} } server { listen 80 backlog=4096; proxy_pass servers; } }`;
  machine.writeFile(
    '/run/nginx/nginx.conf',
    nginxConfiguration('load_module /usr/lib/nginx/modules/ngx_stream_module.so;', stream, workers),
  );
  return startNginxWith(machine, 80);
}

async function startNginxWith(machine: Machine, port: number): Promise<Service> {
  await machine.runOrThrow(['mkdir', '-p', '/var/log/nginx']);
  const argv = ['nginx', '-p', '/run/nginx', '-c', '/run/nginx/nginx.conf', '-g', 'daemon off;'];
  const service = await machine.spawn('nginx', argv, { stopSignal: 'SIGQUIT' });
  return ready(machine, service, () => listens(machine, port));
}

function nginxConfiguration(head: string, body: string, workers: number): string {
  return `${head}
user root;
worker_processes ${workers};
error_log stderr notice;
pid /run/nginx/nginx.pid;
events { worker_connections 4096; }
${body}
`;
}

function httpBlock({ port = 80, listen = [], accessLog = 'off' }: NginxOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path /run/nginx/${name};`).join(' ');
  return `http {
  ${temporary}
  default_type text/html;
  access_log ${accessLog};
  keepalive_requests 100000000;
  server { listen ${port} backlog=4096; ${listen.map((at) => `listen ${at};`).join(' ')} root /run/www; }
}`;
}

/** haproxy in TCP mode on port 80, round robin: the benchmark's peer. */
export async function startHaproxy(machine: Machine, servers: readonly string[], threads: number): Promise<Service> {
  const lines = servers.map((server, index) => `  server s${index} ${server}`).join('\n');
  machine.writeFile(
    '/run/haproxy.cfg',
    `global
  maxconn 4000
  nbthread ${threads}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen web
  bind :80 backlog 4096
  balance roundrobin
${lines}
`,
  );
  const service = await machine.spawn('haproxy', ['haproxy', '-db', '-f', '/run/haproxy.cfg']);
  return ready(machine, service, () => listens(machine, 80));
}

/** An echo over TCP and UDP at `192.0.2.1:7`, or at several such places. */
export async function startEcho(machine: Machine, ...at: readonly string[]): Promise<Service> {
  const service = await startProgram(machine, 'echo', 'echo.js', ['--listen', at.join(',')]);
  return ready(machine, service, () => service.lines.some((line) => line.text.includes('"ready"')));
}

/** An FTP server that keeps files in memory, at `192.0.2.1:21`. */
export async function startFtp(machine: Machine, at: string): Promise<Service> {
  const service = await startProgram(machine, 'ftp', 'ftp-server.js', ['--listen', at]);
  return ready(machine, service, () => service.lines.some((line) => line.text.includes('"ready"')));
}

export interface Exchange {
  readonly matched: boolean;
  /** Datagrams sent until an answer came; 1 for TCP. */
  readonly attempts: number;
  /** Why there is no answer. */
  readonly reason?: string;
  readonly received?: number;
}

/** Sends so many bytes to an echo and compares what comes back with them. */
export async function exchange(machine: Machine, protocol: 'tcp' | 'udp', target: string, bytes: number): Promise<Exchange> {
  return (await exchangeAll(machine, protocol, [target], bytes))[0] as Exchange;
}

/** The same with several echoes at once; the results are in their order. */
export async function exchangeAll(
  machine: Machine,
  protocol: 'tcp' | 'udp',
  targets: readonly string[],
  bytes: number,
): Promise<Exchange[]> {
  const words = ['--protocol', protocol, '--target', targets.join(','), '--bytes', String(bytes)];
  const { stdout, stderr } = await machine.run([process.execPath, compiled('lab/programs/exchange.js'), ...words]);
  if (stdout === '') throw new Error(`exchange on ${machine.name}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange);
}

export interface Mail {
  /** When the runner learnt of it, monotonic milliseconds. */
  readonly atMs: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The mail server on 127.0.0.1:25 that the seeds' configuration speaks to. */
export async function startMailSink(machine: Machine): Promise<Service> {
  const service = await startProgram(machine, 'mail', 'mail-sink.js', ['--listen', '127.0.0.1:25']);
  return ready(machine, service, () => listens(machine, 25));
}

/** The mails that arrived on a machine, oldest first. */
export function mailsOn(machine: Machine): Mail[] {
  return machine.services
    .filter((service) => service.name === 'mail')
    .flatMap((service) => service.lines)
    .flatMap((line): Mail[] => {
      const event = JSON.parse(line.text) as { event: string } & Omit<Mail, 'atMs'>;
      return event.event === 'mail' ? [{ ...event, atMs: line.atMs }] : [];
    });
}

/** Makes `vipwright`, `vipwrightd` and `ipvsadm` (ours) commands of the machine. */
export function installProduct(machine: Machine): void {
  machine.installCommand('vipwright', compiled('src/entry/vipwright.js'));
  machine.installCommand('vipwrightd', compiled('src/entry/vipwrightd.js'));
  machine.installCommand('ipvsadm', compiled('src/entry/vipwright.js'), 'ipvsadm');
}

/** Our daemon in the foreground. It counts as started once it runs; what it then does is for the caller to expect. */
export function startVipwrightd(machine: Machine, file = CONFIG_FILE): Promise<Service> {
  return machine.spawn('vipwrightd', [process.execPath, compiled('src/entry/vipwrightd.js'), '-D', '-f', file]);
}

/** Debian's keepalived, its VRRP part only: the LVS part needs kernel IPVS. */
export function startKeepalived(machine: Machine, file = CONFIG_FILE): Promise<Service> {
  return machine.spawn('keepalived', ['keepalived', '-P', '-n', '-l', '-D', '-f', file]);
}

export interface ProbeOptions {
  /** `192.168.18.200:80` */
  readonly target: string;
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
}

export interface Outage {
  readonly fromMs: number;
  readonly toMs: number;
  readonly outageMs: number;
  /** Probes that got no answer in it. */
  readonly failed: number;
}

/** The outage meter; ready with the first answer. */
export async function startProbe(machine: Machine, options: ProbeOptions): Promise<Service> {
  const args = [
    '--target',
    options.target,
    '--interval-ms',
    String(options.intervalMs ?? 5),
    '--timeout-ms',
    String(options.timeoutMs ?? 250),
  ];
  const service = await startProgram(machine, 'probe', 'probe.js', args);
  return ready(machine, service, () => service.lines.some((line) => line.text.includes('"ready"')));
}

/** What the probe knows: everything about probes sent up to `untilMs`, and whether the last of them had no answer. */
export function probeState(probe: Service): { readonly untilMs: number; readonly down: boolean } {
  const beat = probe.lines.findLast((line) => line.text.includes('"beat"'));
  return beat === undefined ? { untilMs: 0, down: true } : (JSON.parse(beat.text) as { untilMs: number; down: boolean });
}

/** The outages that ended after `sinceMs`, oldest first. */
export function outagesOf(probe: Service, sinceMs = 0): Outage[] {
  return probe.lines
    .map((line) => JSON.parse(line.text) as { event: string } & Outage)
    .filter((event) => event.event === 'outage' && event.toMs > sinceMs);
}

export interface LoadOptions {
  readonly target: string;
  readonly connections?: number;
  /** Requests per second in all. */
  readonly rate?: number;
  readonly requestsEach?: number;
  /** How long a request may take; default 5000. */
  readonly timeoutMs?: number;
}

export interface LoadFigures {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  readonly slowestMs: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** How often each page was the answer. */
  readonly answers: Readonly<Record<string, number>>;
}

export async function startLoad(machine: Machine, options: LoadOptions): Promise<Service> {
  const args = ['--target', options.target, '--connections', String(options.connections ?? 32), '--rate', String(options.rate ?? 3000)];
  args.push('--requests-each', String(options.requestsEach ?? 10), '--timeout-ms', String(options.timeoutMs ?? 5000));
  const service = await startProgram(machine, 'load', 'load.js', args);
  return ready(machine, service, () => service.lines.some((line) => line.text.includes('"second"')));
}

/** The newest figures of a load that runs, or the final ones of a load that was stopped. */
export function loadFigures(load: Service): LoadFigures {
  const line = load.lines.findLast((candidate) => /"event":"(second|summary)"/.test(candidate.text));
  if (line === undefined) throw new Error('the load generator has not said anything yet');
  return JSON.parse(line.text) as LoadFigures;
}

export interface FloodOptions {
  /** `192.168.18.200:80` */
  readonly target: string;
  /** Where the frames go. */
  readonly mac: string;
  readonly count: number;
}

/** SYNs from random sources, as many as are asked for and as fast as the kernel sends them; returns how many seconds that took. */
export async function flood(machine: Machine, { target, mac, count }: FloodOptions): Promise<number> {
  const words = ['--target', target, '--mac', mac, '--count', String(count)];
  const stdout = await machine.runOrThrow([process.execPath, compiled('lab/programs/flood.js'), ...words], { timeoutMs: FLOOD_WITHIN_MS });
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

/** tcpdump into a file of the machine; ready once it listens. */
export async function startCapture(machine: Machine, file: string, filter: string): Promise<Service> {
  const argv = ['tcpdump', '-i', 'eth0', '-U', '-Z', 'root', '-w', file, filter];
  const service = await machine.spawn('capture', argv, { stopSignal: 'SIGINT' });
  return ready(machine, service, () => service.lines.some((line) => line.text.includes('listening on')));
}
