/**
 * Bypass (cache_bypass): a director that is its clients' router gives web requests to a transparent cache by a firewall mark, and lets them go
 * where they were going while there is none. Real sockets on all machines.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CONFIG_FILE,
  installProduct,
  Lab,
  loadFigures,
  type Machine,
  type Service,
  sleep,
  startLoad,
  startNginx,
  startVipwrightd,
  tableBecomes,
  until,
} from '../../lab/index.ts';

const CLIENT = '10.1.0.10';
const [ORIGIN, ORIGIN6] = ['10.2.0.30', 'fd00:2::30'];
const CACHE = '10.2.0.21';
/** curl's word for a connection that was refused. */
const REFUSED = 'curl ended with 7';
const SERVICES = `
virtual_server fwmark 1 {
    lvs_sched rr
    lvs_method NAT
    real_server ${CACHE} 80 {
        weight 0
    }
}
`;
const RULES = [
  'table ip lb {',
  `  chain pre { type filter hook prerouting priority mangle; ip saddr ${CLIENT} tcp dport 80 meta mark set 1; }`,
  '  chain past { type filter hook forward priority filter; }',
  '}',
  'table ip6 lb {',
  '  chain pre { type filter hook prerouting priority mangle; tcp dport 80 meta mark set 2; }',
  '}',
].join('\n');

let lab: Lab;
let client: Machine;
let director: Machine;
let daemon: Service;

const log = (): string => daemon.lines.map((line) => line.text).join('\n');
const listed = (): Promise<string> => director.runOrThrow(['ipvsadm', '-L', '-n', '-c']);

async function addBehind(name: string, last: number, page: string): Promise<void> {
  const machine = await lab.addMachine({ name, address: `10.1.0.${last}/24`, second: `10.2.0.${last}/24` });
  await machine.runOrThrow(['ip', 'link', 'set', 'eth0', 'down']);
  await machine.runOrThrow(['ip', 'route', 'replace', 'default', 'via', '10.2.0.1']);
  await machine.runOrThrow(['ip', 'address', 'add', `fd00:2::${last}/64`, 'dev', 'eth1', 'nodad']);
  await machine.runOrThrow(['ip', 'route', 'replace', 'default', 'via', 'fd00:2::1']);
  await startNginx(machine, { page, listen: ['[::]:80'] });
}

beforeAll(async () => {
  lab = await Lab.create();
  client = await lab.addMachine({ name: 'client', address: `${CLIENT}/24` });
  director = await lab.addMachine({ name: 'director', address: '10.1.0.1/24', second: '10.2.0.1/24' });
  await director.sysctl({ 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '1' });
  for (const [machine, address, card] of [
    [client, 'fd00:1::10/64', 'eth0'],
    [director, 'fd00:1::1/64', 'eth0'],
    [director, 'fd00:2::1/64', 'eth1'],
  ] as const)
    await machine.runOrThrow(['ip', 'address', 'add', address, 'dev', card, 'nodad']);
  for (const router of ['10.1.0.1', 'fd00:1::1']) await client.runOrThrow(['ip', 'route', 'replace', 'default', 'via', router]);
  await addBehind('origin', 30, 'the origin');
  await addBehind('cache', 21, 'the cache');
  await startNginx(director, { page: 'the director' });
  await director.runOrThrow(['nft', '-f', '-'], { input: RULES });
  installProduct(director);
  director.writeFile(CONFIG_FILE, SERVICES);
  daemon = await startVipwrightd(director);
  expect(await tableBecomes(director, (rows) => rows.length === 1, 20_000), log()).toBe(true);
});
afterAll(async () => {
  await daemon?.stop();
  await lab?.destroy();
});

async function fetch(host: string): Promise<string> {
  const { stdout, code } = await client.run(['curl', '--silent', '--max-time', '2', `http://${host}/`]);
  return code === 0 ? stdout.trim() : `curl ended with ${code}`;
}

const becomes = (host: string, page: string): Promise<true | undefined> =>
  until(async () => ((await fetch(host)) === page ? true : undefined), 10_000);

describe('requests that a firewall mark gives to a cache', () => {
  it('are refused without the cache, as long as nobody asks for a bypass', async () => {
    expect(await becomes(ORIGIN, REFUSED), log()).toBe(true);
  });

  it('go where they were going, and their connections are in the table', async () => {
    director.writeFile(CONFIG_FILE, `packet_path {\n    cache_bypass\n}\n${SERVICES}`);
    process.kill(daemon.pid, 'SIGHUP');
    expect(await becomes(ORIGIN, 'the origin'), log()).toBe(true);
    expect(await listed()).toMatch(new RegExp(`TCP +\\S+ +\\w+ +${CLIENT}:\\d+ +${ORIGIN}:80 +0[.]0[.]0[.]0:0`));
  });

  it('do so without the stack, once it knows the neighbour', async () => {
    await director.runOrThrow(['nft', `add rule ip lb past ip saddr ${CLIENT} drop`]);
    expect(await fetch(ORIGIN)).toBe('the origin');
    await director.runOrThrow(['nft', 'flush chain ip lb past']);
  });

  it('are refused where they are for the director itself', async () => {
    expect(await fetch('10.2.0.1')).toBe(REFUSED);
  });

  it('do so over IPv6', async () => {
    await director.runOrThrow(['ipvsadm', '-A', '-f', '2', '-6', '-s', 'rr']);
    expect(await becomes(`[${ORIGIN6}]`, 'the origin'), log()).toBe(true);
    expect(await listed()).toMatch(new RegExp(`\\[${ORIGIN6}\\]:80 +\\[::\\]:0`));
  });

  it('go to the cache when it is there, but those under way go on', async () => {
    const load = await startLoad(client, { target: `${ORIGIN}:80`, connections: 4, rate: 200, requestsEach: 1_000_000 });
    await director.runOrThrow(['ipvsadm', '-e', '-f', '1', '-r', `${CACHE}:80`, '-m', '-w', '1']);
    expect(await becomes(ORIGIN, 'the cache'), log()).toBe(true);
    await sleep(1500);
    await load.stop();
    const { failed, answers } = loadFigures(load);
    expect([failed, Object.keys(answers)]).toEqual([0, ['the origin']]);
  });
});
