/**
 * Under load, what an operator does, and what befalls a director, costs connections that have nothing to do with it no request: by every
 * forwarding method at once, short connections and ones that last over everything.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CONFIG_FILE,
  compiled,
  installProduct,
  Lab,
  loadFigures,
  type Machine,
  projectRoot,
  type Service,
  sleep,
  startLoad,
  startNginx,
  startVipwrightd,
  type TableRow,
  tableBecomes,
  until,
} from '../../lab/index.ts';
import { compileChanged } from '../../tools/build-bpf.mjs';

const VIP = '10.1.0.100';
const LOCAL = '10.2.0.201';
const DIRECTOR_BACK = '10.2.0.1';
/** For each method: short connections of ten requests, forty of them a second, and connections that stay. */
const SHORT = { connections: 16, rate: 400, requestsEach: 10 };
const LONG = { connections: 64, rate: 128, requestsEach: 1_000_000_000 };
/** What the figures of a load that has gone on say of what happened before. */
const SETTLED_MS = 1500;
const SERVERS = [21, 22, 23];

/** Direct routing and tunnels do not map ports, and each service has its own. */
const TUN_PORT = 8080;

interface Method {
  readonly name: string;
  readonly port: number;
  readonly words: string;
  readonly serverPort: number;
}

const METHODS: readonly Method[] = [
  { name: 'DR', port: 80, words: 'lvs_method DR', serverPort: 80 },
  { name: 'TUN', port: TUN_PORT, words: 'lvs_method TUN', serverPort: TUN_PORT },
  { name: 'NAT', port: 8001, words: 'lvs_method NAT', serverPort: 80 },
  { name: 'full NAT', port: 8002, words: 'lvs_method FNAT\n    laddr_group_name back', serverPort: 80 },
];

/**
 * By direct routing and tunnels a director sees no server's FIN and remembers a connection for two minutes after its end. A client that takes
 * the same port again by then is sent to the same server, and would get no answer where that has been deleted.
 */
const SETTINGS = 'packet_path {\n    expire_nodest_conn\n}\n';

/** `weights` of the servers in their order; without one a server is not there. */
function configuration(weights: readonly (number | undefined)[], scheduler = 'rr'): string {
  const servers = (port: number): string =>
    weights
      .map((weight, at) => (weight === undefined ? '' : `    real_server 10.2.0.${SERVERS[at]} ${port} { weight ${weight} }\n`))
      .join('');
  const services = METHODS.map(
    ({ port, words, serverPort }) =>
      `virtual_server ${VIP} ${port} {\n    lvs_sched ${scheduler}\n    ${words}\n    protocol TCP\n${servers(serverPort)}}\n`,
  );
  return `${SETTINGS}local_address_group back {\n    ${LOCAL}\n}\n${services.join('')}`;
}

let lab: Lab;
let director: Machine;
let client: Machine;
let daemon: Service;
const loads: Service[] = [];

const log = (): string => daemon.lines.map((line) => line.text).join('\n');

beforeAll(async () => {
  lab = await Lab.create();
  client = await lab.addMachine({ name: 'client', address: '10.1.0.10/24' });
  director = await lab.addMachine({ name: 'director', address: '10.1.0.1/24', second: `${DIRECTOR_BACK}/24` });
  for (const address of [`${VIP}/32 dev eth0`, `${LOCAL}/32 dev eth1`]) {
    await director.runOrThrow(['ip', 'address', 'add', ...address.split(' ')]);
  }
  for (const last of SERVERS) await prepareServer(last);
  installProduct(director);
  director.writeFile(CONFIG_FILE, configuration([1, 1, undefined]));
  daemon = await startVipwrightd(director);
  expect(await tableBecomes(director, (rows) => rows.length === 2 * METHODS.length, 20_000), log()).toBe(true);
  for (const { port } of METHODS) {
    for (const kind of [SHORT, LONG]) loads.push(await startLoad(client, { target: `${VIP}:${port}`, ...kind }));
  }
});
afterAll(async () => {
  await lab?.destroy();
});

/** Answers from its own address go by the director, those under the VIP by the clients' segment. */
async function prepareServer(last: number): Promise<void> {
  const machine = await lab.addMachine({ name: `rs${last}`, address: `10.1.0.${last}/24`, second: `10.2.0.${last}/24` });
  installProduct(machine);
  await machine.runOrThrow(['ip', 'route', 'add', '10.2.0.0/24', 'dev', 'eth1', 'table', '100']);
  await machine.runOrThrow(['ip', 'route', 'add', 'default', 'via', DIRECTOR_BACK, 'table', '100']);
  await machine.runOrThrow(['ip', 'rule', 'add', 'from', `10.2.0.${last}`, 'table', '100']);
  await machine.runOrThrow(['vipwright', 'realserver', 'start', '--vip', VIP, '--mode', 'tun', '--director', DIRECTOR_BACK]);
  await startNginx(machine, { page: `server ${last}`, listen: [String(TUN_PORT)] });
}

function reloadWith(text: string): void {
  director.writeFile(CONFIG_FILE, text);
  daemon.signal('SIGHUP');
}

const becomes = (wanted: (rows: readonly TableRow[]) => boolean): Promise<boolean> => tableBecomes(director, wanted, 20_000);
const isServer = (last: number) => (row: TableRow) => row.server.startsWith(`10.2.0.${last}:`);

/** Nothing was lost up to now, and every load goes on. */
async function expectNoLoss(): Promise<void> {
  const before = loads.map(loadFigures);
  await sleep(SETTLED_MS);
  const after = loads.map(loadFigures);
  expect(
    after.map(({ reasons }) => reasons),
    log(),
  ).toEqual(loads.map(() => ({})));
  // Nor was anything kept back that clients had to send again, but for the first packets to a new server, whose MAC address is still asked for.
  expect(await director.runOrThrow(['vipwright', 'status'])).not.toMatch(/DROP_(?!NO_NEXT_HOP)|REJECT_/);
  for (const [at, { requests, failed }] of after.entries()) {
    expect(failed).toBe(0);
    expect(requests, `load ${at}`).toBeGreaterThan((before[at]?.requests ?? 0) + 20);
  }
}

/** The director process: the daemon's only lasting child. */
function directorPid(): number | undefined {
  const children = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8').trim();
  return children === '' ? undefined : Number(children.split(' ')[0]);
}

async function killDirector(): Promise<void> {
  const before = directorPid() as number;
  process.kill(before, 'SIGKILL');
  const isBack = async (): Promise<true | undefined> => {
    const now = directorPid();
    return now !== undefined && now !== before && (await director.run(['vipwright', 'status'])).code === 0 ? true : undefined;
  };
  expect(await until(isBack, 30_000), log()).toBe(true);
  expect(await becomes((rows) => rows.length === 2 * METHODS.length), log()).toBe(true);
}

/** What the kernel calls the program on eth0: the same for the same code. */
async function programTag(): Promise<string | undefined> {
  return / tag ([0-9a-f]{16})/.exec(await director.runOrThrow(['ip', '-d', 'link', 'show', 'eth0']))?.[1];
}

describe('under load', () => {
  it('goes to both servers by every method', async () => {
    await expectNoLoss();
    for (const load of loads) expect(Object.keys(loadFigures(load).answers).sort()).toEqual(['server 21', 'server 22']);
  });

  it('other weights cost no request', async () => {
    for (const weights of [
      [3, 1],
      [0, 1],
      [1, 0],
      [1, 1],
    ]) {
      reloadWith(configuration([...weights, undefined], 'wrr'));
      expect(await becomes((rows) => rows.filter(isServer(21)).every((row) => row.weight === weights[0])), log()).toBe(true);
      await sleep(500);
    }
    await expectNoLoss();
  });

  it('a real server that comes, runs empty and goes costs no request', async () => {
    reloadWith(configuration([1, 1, 1], 'wrr'));
    expect(await becomes((rows) => rows.some((row) => isServer(23)(row) && row.active + row.inactive > 5)), log()).toBe(true);
    reloadWith(configuration([1, 1, 0], 'wrr'));
    expect(await becomes((rows) => rows.filter(isServer(23)).every((row) => row.weight === 0 && row.active === 0)), log()).toBe(true);
    // One that is being made, or closing, is counted as inactive, and the rest of it still on the way.
    await sleep(2000);
    reloadWith(configuration([1, 1, undefined], 'wrr'));
    expect(await becomes((rows) => !rows.some(isServer(23))), log()).toBe(true);
    await expectNoLoss();
    // Each method's short connections met it.
    for (const [at, load] of loads.entries()) if (at % 2 === 0) expect(loadFigures(load).answers['server 23']).toBeGreaterThan(0);
  });

  it('a reload of an edited configuration costs no request', async () => {
    for (const scheduler of ['wlc', 'mh', 'rr']) {
      reloadWith(configuration([1, 1, undefined], scheduler));
      await sleep(1000);
    }
    await expectNoLoss();
  });

  it('a director process that is killed and started again costs no request', async () => {
    await killDirector();
    await expectNoLoss();
  });

  it('another packet path in the place of the pinned one costs no request', async () => {
    const before = await programTag();
    expect(before).toBeDefined();
    const object = compiled('bpf/director.bpf.o');
    const next = join(projectRoot, 'dist/bpf/next.bpf.o');
    // Another instruction that does nothing.
    const change = (source: string): string =>
      source.replaceAll('struct packet packet;\n', 'struct packet packet;\n\tasm volatile("goto +0");\n');
    compileChanged('bpf/director.bpf.c', next, change);
    try {
      await director.runOrThrow(['mount', '--bind', next, object]);
      await killDirector();
      const after = await programTag();
      expect(after).toBeDefined();
      expect(after).not.toBe(before);
    } finally {
      rmSync(next);
    }
    await expectNoLoss();
  });
});
