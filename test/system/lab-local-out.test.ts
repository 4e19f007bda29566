/** What the director itself sends to its virtual services: real sockets on the director, every way to a server, and the tables' counts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CONFIG_FILE,
  exchange,
  installProduct,
  Lab,
  type Machine,
  type Service,
  startEcho,
  startNginx,
  startVipwrightd,
  tableBecomes,
  until,
} from '../../lab/index.ts';

const [VIP, VIP6, DIRECT_VIP] = ['10.1.0.100', 'fd00:1::100', '10.1.0.101'];
const DIRECTOR = '10.1.0.1';
const SERVERS = ['rs1', 'rs2'];
const addressOf = (name: string): string => `10.1.0.2${name.at(-1)}`;
const address6Of = (name: string): string => `fd00:1::2${name.at(-1)}`;
const [WEB_PORT, ECHO_PORT] = [8080, 9007];

function service(at: string, words: string, server: (name: string) => string, weight = 1): string {
  const servers = SERVERS.map((name) => `    real_server ${server(name)} {\n        weight ${weight}\n    }`).join('\n');
  return `virtual_server ${at} {\n    lvs_sched rr\n    ${words.replaceAll('; ', '\n    ')}\n${servers}\n}\n`;
}

const web = (name: string): string => `${addressOf(name)} ${WEB_PORT}`;
const echo = (name: string): string => `${addressOf(name)} ${ECHO_PORT}`;
const CONFIGURATION = [
  'local_address_group backend {\n    10.1.0.201\n}\n',
  service(`${VIP} 80`, 'lvs_method NAT; protocol TCP', web),
  service(`${VIP6} 7001`, 'lvs_method NAT; protocol TCP', (name) => `${address6Of(name)} ${ECHO_PORT}`),
  service(`${VIP} 81`, 'lvs_method FNAT; laddr_group_name backend; protocol TCP', web),
  service(`${VIP} 82`, 'lvs_method NAT; persistence_timeout 300; protocol TCP', web),
  service(`${VIP} 83`, 'lvs_method NAT; protocol TCP', web, 0),
  service(`${DIRECT_VIP} ${WEB_PORT}`, 'lvs_method DR; protocol TCP', web),
  service(`${VIP} 7001`, 'lvs_method NAT; protocol TCP', echo),
  service(`${VIP} 7001`, 'lvs_method NAT; protocol UDP', echo),
].join('\n');

let lab: Lab;
let director: Machine;
let daemon: Service;

async function addServer(name: string): Promise<void> {
  const server = await lab.addMachine({ name, address: `${addressOf(name)}/24` });
  installProduct(server);
  await server.runOrThrow(['ip', 'address', 'add', `${address6Of(name)}/64`, 'dev', 'eth0', 'nodad']);
  await server.runOrThrow(['vipwright', 'realserver', 'start', '--vip', DIRECT_VIP, '--mode', 'dr']);
  await startNginx(server, { page: name, port: WEB_PORT });
  for (const host of [addressOf(name), `[${address6Of(name)}]`]) await startEcho(server, `${host}:${ECHO_PORT}`);
}

beforeAll(async () => {
  lab = await Lab.create();
  director = await lab.addMachine({ name: 'director', address: `${DIRECTOR}/24` });
  for (const name of SERVERS) await addServer(name);
  for (const address of [`${VIP}/32`, `${DIRECT_VIP}/32`, '10.1.0.201/32']) {
    await director.runOrThrow(['ip', 'address', 'add', address, 'dev', 'eth0']);
  }
  for (const address of ['fd00:1::1/64', `${VIP6}/128`])
    await director.runOrThrow(['ip', 'address', 'add', address, 'dev', 'eth0', 'nodad']);
  installProduct(director);
  director.writeFile(CONFIG_FILE, CONFIGURATION);
  daemon = await startVipwrightd(director);
  expect(await tableBecomes(director, (rows) => rows.length === 16, 20_000), log()).toBe(true);
});
afterAll(async () => {
  await daemon?.stop();
  await lab?.destroy();
});

const log = (): string => daemon.lines.map((line) => line.text).join('\n');

async function fetch(at: string, ...words: string[]): Promise<string> {
  const { stdout, code } = await director.run(['curl', '--silent', '--max-time', '2', ...words, `http://${at}/`]);
  return code === 0 ? stdout.trim() : `curl ended with ${code}`;
}

async function fetches(at: string, ...words: string[]): Promise<string[]> {
  const pages: string[] = [];
  for (let i = 0; i < 4; i++) pages.push(await fetch(at, ...words));
  return pages;
}

/** Conns, InPkts, OutPkts, InBytes, OutBytes of a service's line. */
async function countersOf(flag: string, at: string): Promise<readonly number[]> {
  const table = await director.runOrThrow(['ipvsadm', '-L', '-n', '--stats', '--exact', flag, at]);
  const line = table.split('\n').find((text) => text.includes(at)) ?? '';
  return line.trim().split(/\s+/).slice(2).map(Number);
}

describe('connections of the director to its own virtual services', () => {
  it.each([
    ['NAT', `${VIP}:80`],
    ['full NAT', `${VIP}:81`],
  ])('alternate between the servers and are counted: %s', async (_, at) => {
    await until(async () => ((await fetch(at)).startsWith('rs') ? true : undefined), 10_000);
    await director.runOrThrow(['ipvsadm', '-Z']);
    const pages = await fetches(at);
    expect([...pages].sort(), log()).toEqual(['rs1', 'rs1', 'rs2', 'rs2']);
    expect(pages[0]).not.toBe(pages[1]);
    const [connections, inPackets = 0, outPackets = 0] = await countersOf(
      '-t',
      at.replace(/:80$|:81$/, (port) => port),
    );
    expect(connections).toBe(4);
    expect(inPackets).toBeGreaterThanOrEqual(4 * 5);
    expect(outPackets).toBeGreaterThanOrEqual(4 * 3);
  });

  it('alternate and are counted over IPv6', async () => {
    const answered = async () => (await exchange(director, 'tcp', `[${VIP6}]:7001`, 50_000)).matched;
    await until(async () => ((await answered()) ? true : undefined), 10_000);
    await director.runOrThrow(['ipvsadm', '-Z']);
    expect([await answered(), await answered()]).toEqual([true, true]);
    const table = await director.runOrThrow(['ipvsadm', '-L', '-n', '--stats', '-t', `[${VIP6}]:7001`]);
    for (const name of SERVERS) expect(table).toMatch(new RegExp(`-> \\[${address6Of(name)}\\]:${ECHO_PORT} +1 `));
  });

  it('have their states and their client in the table', async () => {
    await fetch(`${VIP}:80`);
    const table = await director.runOrThrow(['ipvsadm', '-L', '-n', '-c']);
    expect(table).toMatch(new RegExp(`TCP +\\S+ +\\w+ +${VIP}:\\d+ +${VIP}:80 +10[.]1[.]0[.]2[12]:${WEB_PORT}`));
  });

  it('stay with one server where the service is persistent', async () => {
    const pages = await fetches(`${VIP}:82`);
    expect(new Set(pages).size, log()).toBe(1);
    expect(pages[0]).toMatch(/^rs[12]$/);
  });

  it('are refused at once where no server is there', async () => {
    // curl's 7: could not connect. 28 would be the end of its patience.
    expect(await fetch(`${VIP}:83`)).toBe('curl ended with 7');
  });

  it('by direct routing work from another address than the virtual one, on a host that takes packets from its own addresses', async () => {
    expect(await fetch(`${DIRECT_VIP}:${WEB_PORT}`, '--interface', DIRECTOR)).toBe('curl ended with 28');
    for (const name of ['accept_local', 'rp_filter']) {
      await director.runOrThrow(['sysctl', '-w', `net.ipv4.conf.eth0.${name}=${name === 'accept_local' ? 1 : 0}`]);
    }
    expect([...(await fetches(`${DIRECT_VIP}:${WEB_PORT}`, '--interface', DIRECTOR))].sort()).toEqual(['rs1', 'rs1', 'rs2', 'rs2']);
  });

  it.each([100, 65_536, 1_000_000])('TCP, %i bytes there and back', async (bytes) => {
    expect(await exchange(director, 'tcp', `${VIP}:7001`, bytes)).toEqual({
      event: 'summary',
      matched: true,
      attempts: 1,
      received: bytes,
    });
  });

  it.each([100, 1472])('UDP, %i bytes there and back', async (bytes) => {
    expect(await exchange(director, 'udp', `${VIP}:7001`, bytes)).toEqual({
      event: 'summary',
      matched: true,
      attempts: 1,
      received: bytes,
    });
  });
});

describe('what is no service', () => {
  it('stays on the director', async () => {
    const own = await startNginx(director, { page: 'the director', port: WEB_PORT });
    const address = `${VIP}:${WEB_PORT}`;
    expect(await fetch(address)).toBe('the director');
    const packets = async (): Promise<string> => director.runOrThrow(['ip', '-s', '-j', 'link', 'show', 'vipwright-out']);
    // A late packet of a connection before this may come between; one to this port would come with every fetch.
    const isUncounted = async (): Promise<true | undefined> => {
      const before = await packets();
      expect(await fetch(address)).toBe('the director');
      return (await packets()) === before ? true : undefined;
    };
    expect(await until(isUncounted, 10_000)).toBe(true);
    await own.stop();
  });
});

describe('local_out off', () => {
  it('leaves everything with the director and takes the interfaces away, and a stop does', async () => {
    const links = () => director.runOrThrow(['ip', '-o', 'link', 'show']);
    director.writeFile(CONFIG_FILE, `packet_path {\n    local_out off\n}\n${CONFIGURATION}`);
    process.kill(daemon.pid, 'SIGHUP');
    expect(await until(async () => ((await links()).includes('vipwright') ? undefined : true), 10_000), log()).toBe(true);
    expect(await fetch(`${VIP}:80`)).toBe('curl ended with 7');
    director.writeFile(CONFIG_FILE, CONFIGURATION);
    process.kill(daemon.pid, 'SIGHUP');
    expect(await until(async () => ((await fetch(`${VIP}:80`)).startsWith('rs') ? true : undefined), 10_000), log()).toBe(true);
    await daemon.stop();
    expect(await links()).not.toContain('vipwright');
    expect(await director.runOrThrow(['tc', 'qdisc', 'show', 'dev', 'lo'])).not.toContain('clsact');
  });
});
