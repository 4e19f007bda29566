/**
 * A million SYNs from random sources at the lab's full rate, while real clients talk to an nginx through the same director: with the SYN
 * proxy they lose nothing and nobody else gets into the table; without it the table takes what it has room for, and no more.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CONFIG_FILE,
  flood,
  installProduct,
  Lab,
  loadFigures,
  type Machine,
  type Service,
  startLoad,
  startNginx,
  startVipwrightd,
  tableBecomes,
} from '../../lab/index.ts';

const MILLION = 1_000_000;
/** Fewer than were sent arrive: the kernel drops what its queues have no room for while others have the processor. */
const MOST = 0.5;
const CLIENTS = 16;
const DIRECTOR_MAC = '02:00:0a:01:00:01';
const [NAT_VIP, DIRECT_VIP] = ['10.1.0.100', '10.1.0.101'];
const [NAT_SERVER, DIRECT_SERVER] = ['10.2.0.21', '10.1.0.22'];
/** Of which half are ways back; and the smaller table beside it. */
const ENTRIES = 1024;
const OVERFLOWING = 1024;

const service = (at: string, words: string, server: string): string => `
virtual_server ${at} {
    lvs_sched rr
    protocol TCP
    ${words}
    real_server ${server} 80 {
        weight 1
    }
}`;
const CONFIGURATION = [
  `packet_path {\n    connections ${ENTRIES}\n}`,
  service(`${NAT_VIP} 80`, 'lvs_method NAT\n    syn_proxy', NAT_SERVER),
  service(`${DIRECT_VIP} 80`, 'lvs_method DR\n    syn_proxy', DIRECT_SERVER),
  service(`${NAT_VIP} 81`, 'lvs_method NAT', NAT_SERVER),
].join('\n');

let lab: Lab;
let client: Machine;
let attacker: Machine;
let director: Machine;
let daemon: Service;

const log = (): string => daemon.lines.map((line) => line.text).join('\n');

beforeAll(async () => {
  lab = await Lab.create();
  client = await lab.addMachine({ name: 'client', address: '10.1.0.10/24' });
  attacker = await lab.addMachine({ name: 'attacker', address: '10.1.0.66/24' });
  await lab.openForFloods('attacker');
  director = await lab.addMachine({ name: 'director', address: '10.1.0.1/24', second: '10.2.0.1/24' });
  for (const vip of [NAT_VIP, DIRECT_VIP]) await director.runOrThrow(['ip', 'address', 'add', `${vip}/32`, 'dev', 'eth0']);
  const behind = await lab.addMachine({ name: 'rs1', address: '10.1.0.21/24', second: `${NAT_SERVER}/24` });
  await behind.runOrThrow(['ip', 'link', 'set', 'eth0', 'down']);
  await behind.runOrThrow(['ip', 'route', 'replace', 'default', 'via', '10.2.0.1']);
  const beside = await lab.addMachine({ name: 'rs2', address: `${DIRECT_SERVER}/24` });
  installProduct(beside);
  await beside.runOrThrow(['vipwright', 'realserver', 'start', '--vip', DIRECT_VIP, '--mode', 'dr']);
  for (const machine of [behind, beside]) await startNginx(machine, { page: 'a page' });
  installProduct(director);
  director.writeFile(CONFIG_FILE, CONFIGURATION);
  daemon = await startVipwrightd(director);
  expect(await tableBecomes(director, (rows) => rows.length === 3, 20_000), log()).toBe(true);
});
afterAll(async () => {
  await daemon?.stop();
  await lab?.destroy();
});

async function reasons(): Promise<Readonly<Record<string, number>>> {
  const report = await director.runOrThrow(['vipwright', 'status', '--json']);
  return (JSON.parse(report) as { dataPlane: { reasons: Record<string, number> } }).dataPlane.reasons;
}

async function connections(endpoint: string): Promise<number> {
  const listing = await director.runOrThrow(['ipvsadm', '-L', '-n', '-c']);
  return listing.split('\n').filter((line) => line.startsWith('TCP') && line.includes(` ${endpoint} `)).length;
}

/** Clients with connections that stay go on while the flood runs. Returns how often the reason came up, and what is in the table then. */
async function underFlood(target: string, count: number, counter: string): Promise<{ counted: number; listed: number }> {
  const served = target.startsWith(DIRECT_VIP) ? `${DIRECT_VIP}:80` : `${NAT_VIP}:80`;
  const load = await startLoad(client, { target: served, connections: CLIENTS, rate: 400, requestsEach: 1_000_000 });
  const before = await reasons();
  const seconds = await flood(attacker, { target, mac: DIRECTOR_MAC, count });
  const counted = ((await reasons())[counter] ?? 0) - (before[counter] ?? 0);
  const listed = await connections(target);
  await load.stop();
  const { requests, failed, answers } = loadFigures(load);
  const figures = `${counter} ${counted}; ${requests} requests, ${failed} failed`;
  process.stdout.write(`${count} SYNs to ${target} in ${seconds.toFixed(1)} s: ${figures}\n`);
  expect({ failed, answers }, log()).toEqual({ failed: 0, answers: { 'a page': requests } });
  expect(requests).toBeGreaterThan(0);
  return { counted, listed };
}

describe('SYNs from random sources', { timeout: 120_000 }, () => {
  it.each([
    ['by cookies', `${NAT_VIP}:80`, MILLION, 'ANSWER_COOKIE'],
    ['by challenges', `${DIRECT_VIP}:80`, MILLION / 4, 'ANSWER_CHALLENGE'],
  ] as const)('to a service behind the SYN proxy take nothing from its clients, and no place in the table: %s', async (...parts) => {
    const [, target, count, counter] = parts;
    const { counted, listed } = await underFlood(target, count, counter);
    expect(counted).toBeGreaterThan(MOST * count);
    expect(listed).toBe(CLIENTS);
  });

  it('to a service without it fill the table to its bound, and the clients of others go on', async () => {
    const count = MILLION / 10;
    const { counted, listed } = await underFlood(`${NAT_VIP}:81`, count, 'DROP_TABLE_FULL');
    expect(counted).toBeGreaterThan(MOST * count - ENTRIES - OVERFLOWING);
    expect(listed).toBeGreaterThan(ENTRIES / 4);
    expect(listed).toBeLessThanOrEqual(ENTRIES + OVERFLOWING);
  });
});
