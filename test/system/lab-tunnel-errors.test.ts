/**
 * A way to a real server that gets narrower behind a router: the router tells the director, whose tunnel it is, and the packet path tells the
 * client. Real sockets at both ends; nothing but the ICMP errors says how long packets may be.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CONFIG_FILE,
  exchange,
  installProduct,
  Lab,
  type Machine,
  type Service,
  startEcho,
  startVipwrightd,
  tableBecomes,
} from '../../lab/index.ts';

const [VIP, DIRECTOR, ROUTER, CLIENT] = ['10.1.0.100', '10.1.0.1', '10.1.0.254', '10.1.0.10'];
const NARROW = 1300;
const [IPIP_BYTES, GRE_BYTES] = [20, 24];

interface Way {
  readonly name: string;
  readonly words: string;
  readonly last: number;
  readonly port: number;
  readonly overhead: number;
}

const WAYS: readonly Way[] = [
  { name: 'ipip', words: 'TUN type ipip', last: 22, port: 7002, overhead: IPIP_BYTES },
  { name: 'gre', words: 'TUN type gre', last: 24, port: 7004, overhead: GRE_BYTES },
];

const CONFIGURATION = WAYS.map(
  ({ words, last, port }) => `
virtual_server ${VIP} ${port} {
    lvs_sched rr
    lvs_method ${words}
    protocol TCP
    real_server 10.2.0.${last} ${port} {
        weight 1
    }
}`,
).join('\n');

let lab: Lab;
let client: Machine;
let director: Machine;
let daemon: Service;

const log = (): string => daemon.lines.map((line) => line.text).join('\n');

async function addServer({ name, last, port }: Way): Promise<void> {
  const machine = await lab.addMachine({ name: `rs${last}`, address: `10.1.0.${last}/24`, second: `10.2.0.${last}/24` });
  await machine.runOrThrow(['ip', 'link', 'set', 'eth0', 'down']);
  await machine.runOrThrow(['ip', 'link', 'set', 'eth1', 'mtu', String(NARROW)]);
  await machine.runOrThrow(['ip', 'route', 'replace', 'default', 'via', '10.2.0.254']);
  installProduct(machine);
  await machine.runOrThrow(['vipwright', 'realserver', 'start', '--vip', VIP, '--mode', 'tun', '--director', DIRECTOR, '--tun-type', name]);
  await startEcho(machine, `${VIP}:${port}`);
}

beforeAll(async () => {
  lab = await Lab.create();
  client = await lab.addMachine({ name: 'client', address: `${CLIENT}/24` });
  const router = await lab.addMachine({ name: 'router', address: `${ROUTER}/24`, second: '10.2.0.254/24' });
  await router.sysctl({ 'net.ipv4.ip_forward': '1' });
  await router.runOrThrow(['ip', 'link', 'set', 'eth1', 'mtu', String(NARROW)]);
  director = await lab.addMachine({ name: 'director', address: `${DIRECTOR}/24` });
  await director.runOrThrow(['ip', 'address', 'add', `${VIP}/32`, 'dev', 'eth0']);
  await director.runOrThrow(['ip', 'route', 'add', '10.2.0.0/24', 'via', ROUTER]);
  for (const way of WAYS) await addServer(way);
  installProduct(director);
  director.writeFile(CONFIG_FILE, CONFIGURATION);
  daemon = await startVipwrightd(director);
  expect(await tableBecomes(director, (rows) => rows.length === WAYS.length, 20_000), log()).toBe(true);
});
afterAll(async () => {
  await daemon?.stop();
  await lab?.destroy();
});

describe('a narrow way behind a router', () => {
  it.each(WAYS)('is told to the client: $name', async ({ port, overhead }) => {
    await client.runOrThrow(['ip', 'route', 'flush', 'cache']);
    expect(await exchange(client, 'tcp', `${VIP}:${port}`, 200_000)).toMatchObject({ matched: true, received: 200_000 });
    expect(await client.runOrThrow(['ip', 'route', 'get', VIP])).toContain(`mtu ${NARROW - overhead}`);
    const status = JSON.parse(await director.runOrThrow(['vipwright', 'status', '--json'])) as {
      dataPlane: { reasons: Record<string, number> };
    };
    expect(status.dataPlane.reasons.REJECT_IN_TUNNEL, log()).toBeGreaterThan(0);
  });
});
