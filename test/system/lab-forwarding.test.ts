/**
 * Every way of forwarding, with real sockets at both ends and every byte compared: a client, a two-armed director, and a real server for
 * each method. What is too long for the way to the servers is among it, and the tables' counters in the end.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
  until,
} from '../../lab/index.ts';

const DIRECTOR_BACK = '10.2.0.1';
const CLIENT = '10.1.0.10';
const GUE_PORT = 6080;
const WEB_PORT = 8080;

interface Method {
  readonly name: string;
  /** As keepalived.conf says it. */
  readonly words: string;
  /** Bytes that it puts before a packet. */
  readonly overhead: number;
  /** The last byte of the server's addresses. */
  readonly last: number;
  readonly port: number;
  /** Words of `vipwright realserver start`; none where the server needs nothing. */
  readonly realserver?: readonly string[];
}

const tunnel = (...words: string[]): string[] => ['--mode', 'tun', '--director', DIRECTOR_BACK, ...words];
const METHODS: readonly Method[] = [
  { name: 'DR', words: 'DR', overhead: 0, last: 21, port: 7001, realserver: ['--mode', 'dr'] },
  { name: 'IPIP', words: 'TUN type ipip', overhead: 20, last: 22, port: 7002, realserver: tunnel() },
  {
    name: 'GUE',
    words: `TUN type gue port ${GUE_PORT}`,
    overhead: 32,
    last: 23,
    port: 7003,
    realserver: tunnel('--tun-type', 'gue', '--tun-port', String(GUE_PORT)),
  },
  { name: 'GRE', words: 'TUN type gre', overhead: 24, last: 24, port: 7004, realserver: tunnel('--tun-type', 'gre') },
  { name: 'NAT', words: 'NAT', overhead: 0, last: 25, port: 7005 },
];
/** Another port on the server than the virtual one: masquerading maps it. */
const NAT_PORT = 9005;

/** Families that the data plane forwards. */
const FAMILIES = [{ name: 'IPv4', vip: '10.1.0.100', serverAddress: (last: number) => `10.2.0.${last}` }] as const;
type Family = (typeof FAMILIES)[number];

const PROTOCOLS = ['tcp', 'udp'] as const;
/** Room for the headers of tunnels on the servers' segment: packets of 1500 bytes go through. */
const ROOMY_MTU = 1600;
const CLIENT_MTU = 1500;
const NARROW_MTU = 1300;
const IP_HEADER = 20;
const UDP_HEADER = 8;
const FRAGMENT_PAYLOAD = 1480;

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
      await setMtu(machine, ROOMY_MTU);
      await lab.onSwitch(['ip', 'link', 'set', `q-rs${last}`, 'mtu', String(ROOMY_MTU)]);
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
    await setMtu(director, ROOMY_MTU);
    await lab.onSwitch(['ip', 'link', 'set', 'q-director', 'mtu', String(ROOMY_MTU)]);
    await lab.onSwitch(['ip', 'link', 'set', 'br1', 'mtu', String(ROOMY_MTU)]);
    installProduct(director);
    director.writeFile(CONFIG_FILE, configuration(family));
    await startVipwrightd(director);
    expect(await tableBecomes(director, (rows) => rows.length === 2 * METHODS.length + 1, 20_000)).toBe(true);
  });

  afterAll(async () => {
    await lab?.destroy();
  });

  const setMtu = (machine: Machine, mtu: number): Promise<string> => machine.runOrThrow(['ip', 'link', 'set', 'eth1', 'mtu', String(mtu)]);

  const send = (method: Method, protocol: 'tcp' | 'udp', bytes: number): Promise<Exchange> =>
    exchange(client, protocol, `${family.vip}:${method.port}`, bytes);

  /** Conns, InPkts, OutPkts, InBytes, OutBytes of a service. */
  async function countersOf(method: Method, protocol: 'tcp' | 'udp'): Promise<readonly number[]> {
    const flag = protocol === 'tcp' ? '-t' : '-u';
    const table = await director.runOrThrow(['ipvsadm', '-L', '-n', '--stats', '--exact', flag, `${family.vip}:${method.port}`]);
    const line = table.split('\n').find((text) => text.includes(`${family.vip}:${method.port}`)) ?? '';
    return line.trim().split(/\s+/).slice(2).map(Number);
  }

  /** What the client has learnt of paths before would help a later test. */
  beforeEach(async () => {
    await client.runOrThrow(['ip', 'route', 'flush', 'cache']);
    await director.runOrThrow(['ipvsadm', '-Z']);
  });

  describe.each(METHODS)('$name', (method) => {
    const isNat = method.name === 'NAT';

    it.each([100, 65_536, 1_000_000])('TCP, %i bytes there and back', async (bytes) => {
      expect(await send(method, 'tcp', bytes)).toEqual({ event: 'summary', matched: true, attempts: 1, received: bytes });
      const [connections, inPackets = 0, outPackets = 0, inBytes = 0, outBytes = 0] = await countersOf(method, 'tcp');
      expect(connections).toBe(1);
      expect(inPackets).toBeGreaterThan(4);
      expect(inBytes).toBeGreaterThan(bytes);
      // Only masqueraded replies come this way.
      if (isNat) expect(outBytes).toBeGreaterThan(bytes);
      else expect([outPackets, outBytes]).toEqual([0, 0]);
    });

    it.each([100, 1472, 4000, 65_000])('UDP, %i bytes there and back', async (bytes) => {
      expect(await send(method, 'udp', bytes)).toEqual({ event: 'summary', matched: true, attempts: 1, received: bytes });
      const fragments = Math.ceil((UDP_HEADER + bytes) / FRAGMENT_PAYLOAD);
      const all = UDP_HEADER + bytes + fragments * IP_HEADER;
      expect(await countersOf(method, 'udp')).toEqual([1, fragments, isNat ? fragments : 0, all, isNat ? all : 0]);
    });
  });

  describe(`a way to the servers of ${NARROW_MTU} bytes`, () => {
    // Masqueraded replies take the same way. The server's MSS is as if it did not know, or the client would never send anything too long.
    const narrowReplies = (mtu: number): Promise<string> =>
      lab.machine('rs25').runOrThrow(['ip', 'route', 'replace', 'default', 'via', DIRECTOR_BACK, 'mtu', String(mtu), 'advmss', '1460']);
    beforeAll(() => Promise.all([setMtu(director, NARROW_MTU), narrowReplies(NARROW_MTU)]));
    afterAll(() => Promise.all([setMtu(director, ROOMY_MTU), narrowReplies(CLIENT_MTU)]));

    it.each(METHODS)('$name: TCP learns it and goes on', async (method) => {
      expect(await send(method, 'tcp', 200_000)).toEqual({ event: 'summary', matched: true, attempts: 1, received: 200_000 });
      expect(await client.runOrThrow(['ip', 'route', 'get', family.vip])).toContain(`mtu ${NARROW_MTU - method.overhead}`);
    });

    it.each(METHODS)('$name: the second datagram gets through', async (method) => {
      expect(await send(method, 'udp', 1400)).toEqual({ event: 'summary', matched: true, attempts: 2, received: 1400 });
    });

    it.each(METHODS)('$name: a client who cuts his datagrams himself learns to cut them smaller', async (method) => {
      expect(await send(method, 'udp', 4000)).toMatchObject({ event: 'summary', matched: true, received: 4000 });
    });
  });

  describe('checksums that the client leaves to its card', () => {
    // Between network namespaces no card ever puts them in: what masquerading changed would stay wrong (see the manual), tunnels carry them.
    async function offload(state: 'on' | 'off'): Promise<void> {
      const words = (port: string): string[] => ['ethtool', '-K', port, 'tx', state, 'tso', 'off', 'gso', 'off'];
      await client.runOrThrow(words('eth0'));
      // The switch would put them in on the way out of a port that cannot.
      for (const port of ['p-director', ...METHODS.map(({ last }) => `q-rs${last}`)]) await lab.onSwitch(words(port));
    }
    beforeAll(() => offload('on'));
    afterAll(() => offload('off'));

    it.each(METHODS.filter(({ name }) => name !== 'NAT'))('$name carries them', async (method) => {
      expect(await send(method, 'tcp', 65_536)).toMatchObject({ matched: true });
      expect(await send(method, 'udp', 1000)).toMatchObject({ matched: true, attempts: 1 });
    });
  });

  describe('a real server that puts segments together before they are taken out of the tunnel', () => {
    const TUNNELS = METHODS.filter(({ overhead }) => overhead > 0);
    const putTogether = async (state: 'on' | 'off'): Promise<void> => {
      for (const { last } of TUNNELS) await lab.machine(`rs${last}`).runOrThrow(['ethtool', '-K', 'eth1', 'gro', state]);
    };
    beforeAll(() => putTogether('on'));
    afterAll(() => putTogether('off'));

    /** What its program has taken out of tunnels. */
    async function takenBy({ last }: Method): Promise<number> {
      const status = await lab.machine(`rs${last}`).runOrThrow(['vipwright', 'realserver', 'status', '--json']);
      return (JSON.parse(status) as { decapsulators: { counts: { taken: number } }[] }).decapsulators[0]?.counts.taken ?? 0;
    }

    it.each(TUNNELS)('$name', async (method) => {
      const before = await takenBy(method);
      expect(await send(method, 'tcp', 3_000_000)).toMatchObject({ matched: true });
      const [, inPackets = 0] = await countersOf(method, 'tcp');
      const taken = (await takenBy(method)) - before;
      // Nobody puts GUE's datagrams together where no socket waits for them.
      if (method.name === 'GUE') expect(taken).toBe(inPackets);
      else expect(taken).toBeLessThan(inPackets);
    });
  });

  it('NAT maps the port, and the server sees the client', async () => {
    expect(await client.runOrThrow(['curl', '-s', '--max-time', '5', `http://${family.vip}/`])).toBe('behind NAT\n');
    // nginx writes the line after the answer.
    const line = await until(() => lab.machine('rs25').readFile('/var/log/nginx/access.log') || undefined, 5000);
    expect(line).toMatch(new RegExp(`^${CLIENT} .*"GET / HTTP/1.1" 200`));
  });
});
