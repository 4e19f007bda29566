/**
 * Every way of forwarding, with real sockets at both ends and every byte compared: a client, a two-armed director, and a real server for
 * each method. What is too long for the way to the servers is among it, and the tables' counters in the end.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CONFIG_FILE,
  type Exchange,
  exchange,
  installProduct,
  Lab,
  type Machine,
  startEcho,
  startNginx,
  startVipwrightd,
  tableBecomes,
} from '../../lab/index.ts';

const DIRECTOR_BACK = '10.2.0.1';
const CLIENT = '10.1.0.10';
const GUE_PORT = 6080;
const WEB_PORT = 8080;

interface Method {
  readonly name: string;
  /** As keepalived.conf says it. */
  readonly words: string;
  /** The last byte of the server's addresses. */
  readonly last: number;
  readonly port: number;
  /** Words of `vipwright realserver start`; none where the server needs nothing. */
  readonly realserver?: readonly string[];
}

const tunnel = (...words: string[]): string[] => ['--mode', 'tun', '--director', DIRECTOR_BACK, ...words];
const METHODS: readonly Method[] = [
  { name: 'DR', words: 'DR', last: 21, port: 7001, realserver: ['--mode', 'dr'] },
  { name: 'IPIP', words: 'TUN type ipip', last: 22, port: 7002, realserver: tunnel() },
  {
    name: 'GUE',
    words: `TUN type gue port ${GUE_PORT}`,
    last: 23,
    port: 7003,
    realserver: tunnel('--tun-type', 'gue', '--tun-port', String(GUE_PORT)),
  },
  { name: 'GRE', words: 'TUN type gre', last: 24, port: 7004, realserver: tunnel('--tun-type', 'gre') },
  { name: 'NAT', words: 'NAT', last: 25, port: 7005 },
];
/** Another port on the server than the virtual one: masquerading maps it. */
const NAT_PORT = 9005;

/** Families that the data plane forwards. */
const FAMILIES = [{ name: 'IPv4', vip: '10.1.0.100', serverAddress: (last: number) => `10.2.0.${last}` }] as const;
type Family = (typeof FAMILIES)[number];

const PROTOCOLS = ['tcp', 'udp'] as const;
const WAN_MTU = 1500;
const NARROW_MTU = 1300;

const serverPort = ({ name, port }: Method): number => (name === 'NAT' ? NAT_PORT : port);

function configuration(family: Family): string {
  const service = (address: string, port: number, protocol: string, method: string, server: string): string => `
virtual_server ${address} ${port} {
    lvs_sched rr
    lvs_method ${method}
    protocol ${protocol}
    real_server ${server} {
        weight 1
    }
}`;
  const echoes = METHODS.flatMap((method) =>
    PROTOCOLS.map((protocol) =>
      service(family.vip, method.port, protocol.toUpperCase(), method.words, `${family.serverAddress(method.last)} ${serverPort(method)}`),
    ),
  );
  return [...echoes, service(family.vip, 80, 'TCP', 'NAT', `${family.serverAddress(25)} ${WEB_PORT}`)].join('\n');
}

describe.each(FAMILIES)('$name', (family) => {
  let lab: Lab;
  let director: Machine;
  let client: Machine;

  async function prepareServer(method: Method): Promise<void> {
    const { last, realserver } = method;
    const machine = await lab.addMachine({ name: `rs${last}`, address: `10.1.0.${last}/24`, second: `10.2.0.${last}/24` });
    installProduct(machine);
    if (realserver) {
      await machine.runOrThrow(['vipwright', 'realserver', 'start', '--vip', family.vip, ...realserver]);
      await startEcho(machine, `${family.vip}:${method.port}`);
      return;
    }
    await machine.runOrThrow(['ip', 'link', 'set', 'eth0', 'down']);
    await machine.runOrThrow(['ip', 'route', 'replace', 'default', 'via', DIRECTOR_BACK]);
    await startEcho(machine, `${family.serverAddress(last)}:${NAT_PORT}`);
    await startNginx(machine, { page: 'behind NAT', port: WEB_PORT, accessLog: '/var/log/nginx/access.log' });
  }

  beforeAll(async () => {
    lab = await Lab.create();
    client = await lab.addMachine({ name: 'client', address: `${CLIENT}/24` });
    director = await lab.addMachine({ name: 'director', address: '10.1.0.1/24', second: `${DIRECTOR_BACK}/24` });
    await director.runOrThrow(['ip', 'address', 'add', `${family.vip}/32`, 'dev', 'eth0']);
    for (const method of METHODS) await prepareServer(method);
    installProduct(director);
    director.writeFile(CONFIG_FILE, configuration(family));
    await startVipwrightd(director);
    expect(await tableBecomes(director, (rows) => rows.length === 2 * METHODS.length + 1, 20_000)).toBe(true);
  });

  afterAll(async () => {
    await lab?.destroy();
  });

  /** The director, its side of the servers' segment, and what it has learnt of paths before. */
  async function setMtu(mtu: number): Promise<void> {
    await director.runOrThrow(['ip', 'link', 'set', 'eth1', 'mtu', String(mtu)]);
    await client.runOrThrow(['ip', 'route', 'flush', 'cache']);
  }

  const send = (method: Method, protocol: 'tcp' | 'udp', bytes: number): Promise<Exchange> =>
    exchange(client, protocol, `${family.vip}:${method.port}`, bytes);

  describe.each(METHODS)('$name', (method) => {
    it.each([
      ['tcp', 'small', 100, 1],
      ['tcp', '64 KB', 65_536, 1],
      ['udp', 'small', 100, 1],
      ['udp', 'in fragments', 4000, 1],
      ['udp', '64 KB in fragments', 65_000, 1],
    ] as const)('%s, %s', async (protocol, _, bytes, attempts) => {
      expect(await send(method, protocol, bytes)).toEqual({ event: 'summary', matched: true, attempts, received: bytes });
    });
  });

  describe(`a way to the servers of ${NARROW_MTU} bytes`, () => {
    beforeAll(() => setMtu(NARROW_MTU));
    afterAll(() => setMtu(WAN_MTU));

    it.each(METHODS)('$name: TCP learns it and goes on', async (method) => {
      expect(await send(method, 'tcp', 200_000)).toEqual({ event: 'summary', matched: true, attempts: 1, received: 200_000 });
      const learnt = await client.runOrThrow(['ip', 'route', 'get', family.vip]);
      expect(learnt).toMatch(/mtu 12\d\d|mtu 1300/);
    });
  });

  it('NAT maps the port, and the server sees the client', async () => {
    expect(await client.runOrThrow(['curl', '-s', '--max-time', '5', `http://${family.vip}/`])).toBe('behind NAT\n');
    const log = lab.machine('rs25').readFile('/var/log/nginx/access.log');
    expect(log).toMatch(new RegExp(`^${CLIENT} .*"GET / HTTP/1.1" 200`));
  });
});
