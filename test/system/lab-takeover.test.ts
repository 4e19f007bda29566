/**
 * The other director takes over, and connections by direct routing and by tunnel go on to the servers that they had, though nobody told it of
 * them: the scheduler `mh` chooses the same ones again, and `sloppy_tcp` lets a connection be entered by a packet of its middle.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  CONFIG_FILE,
  installProduct,
  Lab,
  loadFigures,
  type Machine,
  type Service,
  startLoad,
  startNginx,
  startVipwrightd,
  tableBecomes,
  until,
} from '../../lab/index.ts';

const VIP = '10.1.0.100';
const DIRECTORS = { first: '10.1.0.1', second: '10.1.0.2' } as const;
const SERVERS = [21, 22, 23];
const PORTS = { DR: 80, TUN: 8080 } as const;
const CONNECTIONS = 24;
/** Longer than a takeover, and than the client's TCP may sleep over its last try meanwhile. */
const PATIENCE_MS = 30_000;

function configuration(priority: number): string {
  const service = (method: string, port: number): string =>
    `virtual_server ${VIP} ${port} {
    lvs_sched mh
    mh-port
    lvs_method ${method}
    protocol TCP
${SERVERS.map((last) => `    real_server 10.1.0.${last} ${port} { weight 1 }`).join('\n')}
}`;
  return `packet_path {
    sloppy_tcp on
}
vrrp_instance VI_1 {
    interface eth0
    version 3
    virtual_router_id 51
    priority ${priority}
    advert_int 0.3
    virtual_ipaddress { ${VIP} }
}
${Object.entries(PORTS)
  .map(([method, port]) => service(method, port))
  .join('\n')}
`;
}

let lab: Lab;
let client: Machine;
const directors: Machine[] = [];
const daemons: Service[] = [];
const log = (): string => daemons.map((daemon) => daemon.lines.map((line) => line.text).join('\n')).join('\n--- second\n');

beforeAll(async () => {
  lab = await Lab.create();
  client = await lab.addMachine({ name: 'client', address: '10.1.0.10/24' });
  for (const last of SERVERS) {
    const machine = await lab.addMachine({ name: `rs${last}`, address: `10.1.0.${last}/24` });
    installProduct(machine);
    const from = Object.values(DIRECTORS).join(',');
    await machine.runOrThrow(['vipwright', 'realserver', 'start', '--vip', VIP, '--mode', 'tun', '--director', from]);
    await startNginx(machine, { page: `server ${last}`, listen: [String(PORTS.TUN)] });
  }
  for (const [name, address] of Object.entries(DIRECTORS)) {
    const machine = await lab.addMachine({ name, address: `${address}/24` });
    installProduct(machine);
    machine.writeFile(CONFIG_FILE, configuration(name === 'first' ? 150 : 100));
    directors.push(machine);
    daemons.push(await startVipwrightd(machine));
    expect(await tableBecomes(machine, (rows) => rows.length === SERVERS.length * 2, 20_000), log()).toBe(true);
  }
  expect(await until(async () => ((await holds(0)) ? true : undefined), 20_000), log()).toBe(true);
});
afterAll(async () => {
  await lab?.destroy();
});

async function holds(director: number): Promise<boolean> {
  return (await (directors[director] as Machine).runOrThrow(['ip', '-4', 'address', 'show', 'eth0'])).includes(`inet ${VIP}/`);
}

/** Connections that are open, by server. */
async function activeOn(director: number): Promise<Readonly<Record<string, number>>> {
  const table = await (directors[director] as Machine).runOrThrow(['ipvsadm', '-L', '-n']);
  return Object.fromEntries([...table.matchAll(/^ {2}-> (\S+) +\w+ +\d+ +(\d+)/gm)].map((match) => [match[1], Number(match[2])]));
}

it('keeps every connection, with the server that it had', async () => {
  const loads = [];
  for (const port of Object.values(PORTS)) {
    const steady = { connections: CONNECTIONS, rate: 10 * CONNECTIONS, requestsEach: 1_000_000_000, timeoutMs: PATIENCE_MS };
    loads.push(await startLoad(client, { target: `${VIP}:${port}`, ...steady }));
  }
  const all = async (director: number): Promise<true | undefined> =>
    Object.values(await activeOn(director)).reduce((sum, count) => sum + count, 0) === 2 * CONNECTIONS ? true : undefined;
  expect(await until(() => all(0), 10_000), log()).toBe(true);
  const before = await activeOn(0);
  // Each server has some, by each method.
  for (const count of Object.values(before)) expect(count).toBeGreaterThan(0);
  expect(await all(1)).toBeUndefined();

  await lab.powerOff('first');
  expect(await until(async () => ((await holds(1)) ? true : undefined), 10_000), log()).toBe(true);
  expect(await until(() => all(1), PATIENCE_MS), log()).toBe(true);
  expect(await activeOn(1)).toEqual(before);

  // A server that does not know a connection resets it: that no request was lost says that each got its own.
  for (const load of loads) {
    const { requests } = loadFigures(load);
    expect(await until(() => (loadFigures(load).requests > requests + 10 * CONNECTIONS ? true : undefined), 10_000)).toBe(true);
    await load.stop();
    const { failed, reasons, slowestMs } = loadFigures(load);
    expect([failed, reasons], log()).toEqual([0, {}]);
    // The takeover was felt: the connections did go on by the other director.
    expect(slowestMs).toBeGreaterThan(300);
  }
});
