/**
 * Full NAT with real sockets at both ends and every byte compared: a client, a two-armed director, and a real server that knows no way to
 * the client, with an nginx that is told nothing of load balancers and yet logs the client's own address.
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

interface Family {
  readonly name: string;
  readonly vip: string;
  readonly client: string;
  readonly server: string;
  readonly local: string;
  /** A prefix with the local address in it, and one without. */
  readonly believed: string;
  readonly other: string;
  /** Bytes of the IP header, and how much of a datagram goes into a fragment, with what the header of such a one takes. */
  readonly header: number;
  readonly fragment: { readonly payload: number; readonly header: number };
  /** The server's route to the local address, and the largest segment on it while the way is as wide as any. */
  readonly route: readonly string[];
  readonly segment: number;
}

const FAMILIES: readonly Family[] = [
  {
    name: 'IPv4',
    vip: '10.1.0.100',
    client: '10.1.0.10',
    server: '10.2.0.21',
    local: '10.2.0.201',
    believed: '10.2.0.200/29',
    other: '10.2.0.208/29',
    header: 20,
    fragment: { payload: 1480, header: 20 },
    route: ['10.2.0.0/24', 'dev', 'eth1', 'proto', 'kernel', 'scope', 'link', 'src', '10.2.0.21'],
    segment: 1460,
  },
  {
    name: 'IPv6',
    vip: 'fd00:1::100',
    client: 'fd00:1::10',
    server: 'fd00:2::21',
    local: 'fd00:2::201',
    believed: 'fd00:2::200/120',
    other: 'fd00:2::300/120',
    header: 40,
    fragment: { payload: 1448, header: 48 },
    route: ['fd00:2::/64', 'dev', 'eth1', 'proto', 'kernel', 'metric', '256'],
    segment: 1440,
  },
];

const ECHO_PORT = 7000;
const SERVER_ECHO_PORT = 9000;
const WEB_PORT = 8080;
/** Where one socket takes both families' connections: an IPv4 client is an IPv6 address to it. */
const DUAL_PORT = 8081;
const VIRTUAL_DUAL_PORT = 81;
/** Behind the SYN proxy. */
const PROXIED_ECHO_PORT = 7001;
const PROXIED_WEB_PORT = 82;
const PAGE_BYTES = 65_536;
const UDP_HEADER = 8;
const MTU = 1500;
const NARROW_MTU = 1300;
const ACCESS_LOG = '/var/log/nginx/access.log';

const endpoint = (address: string, port: number): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);

function configuration({ vip, server, local }: Family): string {
  const service = (port: number, protocol: string, serverPort: number, more = ''): string => `
virtual_server ${vip} ${port} {
    lvs_sched rr
    lvs_method FNAT
    laddr_group_name of_${port}_${protocol}
    protocol ${protocol}
    ${more}
    real_server ${server} ${serverPort} {
        weight 1
    }
}
local_address_group of_${port}_${protocol} {
    ${local}
}`;
  return [
    service(ECHO_PORT, 'TCP', SERVER_ECHO_PORT),
    service(ECHO_PORT, 'UDP', SERVER_ECHO_PORT),
    service(80, 'TCP', WEB_PORT),
    service(VIRTUAL_DUAL_PORT, 'TCP', DUAL_PORT),
    service(PROXIED_ECHO_PORT, 'TCP', SERVER_ECHO_PORT, 'syn_proxy'),
    service(PROXIED_WEB_PORT, 'TCP', WEB_PORT, 'syn_proxy'),
  ].join('\n');
}

describe.each(FAMILIES)('$name', (family) => {
  const { vip, server, local, believed, other } = family;
  const all = FAMILIES.map((each) => each.believed).join(',');
  let lab: Lab;
  let director: Machine;
  let client: Machine;
  let realServer: Machine;

  beforeAll(async () => {
    lab = await Lab.create();
    client = await lab.addMachine({ name: 'client', address: '10.1.0.10/24' });
    director = await lab.addMachine({ name: 'director', address: '10.1.0.1/24', second: '10.2.0.1/24' });
    realServer = await lab.addMachine({ name: 'server', address: '10.1.0.21/24', second: '10.2.0.21/24' });
    await addIpv6(client, 'eth0', 'fd00:1::10/64');
    await addIpv6(director, 'eth0', 'fd00:1::1/64');
    await addIpv6(director, 'eth1', 'fd00:2::1/64');
    await addIpv6(realServer, 'eth1', 'fd00:2::21/64');
    // Nothing leads from the server to the client.
    await realServer.runOrThrow(['ip', 'link', 'set', 'eth0', 'down']);
    expect((await realServer.run(['ip', 'route', 'get', family.client])).code).not.toBe(0);
    for (const [address, card] of [
      [vip, 'eth0'],
      [local, 'eth1'],
    ] as const)
      await director.runOrThrow(['ip', 'address', 'add', address, 'dev', card, ...(address.includes(':') ? ['nodad'] : [])]);
    installProduct(realServer);
    await startEcho(realServer, endpoint(server, SERVER_ECHO_PORT));
    const listen = [`[::]:${WEB_PORT}`, `[::]:${DUAL_PORT} ipv6only=off`];
    await startNginx(realServer, { page: page(), port: WEB_PORT, listen, accessLog: ACCESS_LOG });
    installProduct(director);
    director.writeFile(CONFIG_FILE, configuration(family));
    await startVipwrightd(director);
    expect(await tableBecomes(director, (rows) => rows.length === 6, 20_000)).toBe(true);
  });

  afterAll(async () => {
    await lab?.destroy();
  });

  const addIpv6 = (machine: Machine, card: string, prefix: string): Promise<string> =>
    machine.runOrThrow(['ip', 'address', 'add', prefix, 'dev', card, 'nodad']);
  const page = (): string => 'behind full NAT '.repeat(PAGE_BYTES / 16 - 1);
  const realserver = (...words: string[]): Promise<string> => realServer.runOrThrow(['vipwright', 'realserver', ...words]);
  const startReader = (prefixes: string): Promise<string> =>
    realserver('start', '--mode', 'fullnat', '--vip', vip, '--local-address', prefixes);
  const counts = async (): Promise<Record<string, number> | undefined> => {
    const { stdout } = await realServer.run(['vipwright', 'realserver', 'status', '--json']);
    return (JSON.parse(stdout) as { toaReader?: { counts: Record<string, number> } }).toaReader?.counts;
  };

  /** Fetches the page, and gives the address that nginx logs for it. */
  async function addressLogged(port = 80): Promise<string | undefined> {
    await realServer.runOrThrow(['truncate', '-s', '0', ACCESS_LOG]);
    const answer = await client.runOrThrow(['curl', '-s', '-g', '--max-time', '5', `http://${endpoint(vip, port)}/`]);
    expect(answer).toBe(`${page()}\n`);
    // nginx writes the line after the answer.
    return (await until(() => realServer.readFile(ACCESS_LOG) || undefined, 5000))?.split(' ')[0];
  }

  const send = (protocol: 'tcp' | 'udp', bytes: number): Promise<Exchange> => exchange(client, protocol, endpoint(vip, ECHO_PORT), bytes);

  /** Conns, InPkts, OutPkts, InBytes, OutBytes of the echo service. */
  async function countersOf(protocol: 'tcp' | 'udp'): Promise<readonly number[]> {
    const at = endpoint(vip, ECHO_PORT);
    const table = await director.runOrThrow(['ipvsadm', '-L', '-n', '--stats', '--exact', protocol === 'tcp' ? '-t' : '-u', at]);
    const line = table.split('\n').find((text) => text.includes(at)) ?? '';
    return line.trim().split(/\s+/).slice(2).map(Number);
  }

  describe('what goes there and back', () => {
    beforeEach(() => director.runOrThrow(['ipvsadm', '-Z']));

    it.each([100, 65_536, 1_000_000])('TCP, %i bytes', async (bytes) => {
      expect(await send('tcp', bytes)).toEqual({ event: 'summary', matched: true, attempts: 1, received: bytes });
      const [connections, inPackets, , inBytes, outBytes] = await countersOf('tcp');
      expect(connections).toBe(1);
      expect(inPackets).toBeGreaterThan(4);
      expect(inBytes).toBeGreaterThan(bytes);
      expect(outBytes).toBeGreaterThan(bytes);
    });

    it.each([100, 1400, 4000, 65_000])('UDP, %i bytes', async (bytes) => {
      expect(await send('udp', bytes)).toEqual({ event: 'summary', matched: true, attempts: 1, received: bytes });
      const { header, fragment } = family;
      const packets = UDP_HEADER + bytes + header > MTU ? Math.ceil((UDP_HEADER + bytes) / fragment.payload) : 1;
      const all = UDP_HEADER + bytes + packets * (packets === 1 ? header : fragment.header);
      expect(await countersOf('udp')).toEqual([1, packets, packets, all, all]);
    });
  });

  describe(`a way to the server of ${NARROW_MTU} bytes`, () => {
    // Replies take the same way. The server's MSS is as if it did not know, or the client would never send anything too long.
    const narrow = (mtu: number): Promise<unknown> =>
      Promise.all([
        director.runOrThrow(['ip', 'link', 'set', 'eth1', 'mtu', String(mtu)]),
        realServer.runOrThrow(['ip', 'route', 'replace', ...family.route, 'mtu', String(mtu), 'advmss', String(family.segment)]),
      ]);
    beforeAll(() => narrow(NARROW_MTU));
    afterAll(() => narrow(MTU));
    // What the client has learnt of the path before would help a later test.
    beforeEach(() => client.runOrThrow(['ip', family.header === 40 ? '-6' : '-4', 'route', 'flush', 'cache']));

    it('TCP learns it and goes on', async () => {
      expect(await send('tcp', 200_000)).toEqual({ event: 'summary', matched: true, attempts: 1, received: 200_000 });
      expect(await client.runOrThrow(['ip', 'route', 'get', vip])).toContain(`mtu ${NARROW_MTU}`);
    });

    it('the second datagram gets through', async () => {
      expect(await send('udp', 1400)).toEqual({ event: 'summary', matched: true, attempts: 2, received: 1400 });
    });

    it('a client who cuts his datagrams himself learns to cut them smaller', async () => {
      expect(await send('udp', 4000)).toMatchObject({ event: 'summary', matched: true, received: 4000 });
    });
  });

  it('the server logs the local address where nobody tells it the client', async () => {
    expect(await addressLogged()).toBe(local);
  });

  it('the server logs the client, by whatever socket, as soon as the programs are there, and no longer', async () => {
    await startReader(all);
    expect(await addressLogged()).toBe(family.client);
    expect(await addressLogged(VIRTUAL_DUAL_PORT)).toBe(family.client.includes(':') ? family.client : `::ffff:${family.client}`);
    expect(await counts()).toEqual({ taken: 2, absent: 0, stranger: 0, refused: 0 });
    expect(await realserver('status')).toContain('LVS-FULLNAT real server running');
    await realserver('stop');
    expect(await addressLogged()).toBe(local);
  });

  it('keep-alive: one connection has one client, over all its requests', async () => {
    await startReader(believed);
    await realServer.runOrThrow(['truncate', '-s', '0', ACCESS_LOG]);
    const url = `http://${endpoint(vip, 80)}/`;
    await client.runOrThrow(['curl', '-s', '-g', '--max-time', '5', '-o', '/dev/null', '-o', '/dev/null', url, url]);
    const lines = await until(() => {
      const text = realServer.readFile(ACCESS_LOG).trim().split('\n');
      return text.length === 2 ? text : undefined;
    }, 5000);
    expect(lines?.map((line) => line.split(' ')[0])).toEqual([family.client, family.client]);
    expect(await counts()).toMatchObject({ taken: 1 });
    await realserver('stop');
  });

  it.each([100, 65_536, 1_000_000])('the SYN proxy: TCP, %i bytes there and back', async (bytes) => {
    const echoed = await exchange(client, 'tcp', endpoint(vip, PROXIED_ECHO_PORT), bytes);
    expect(echoed).toEqual({ event: 'summary', matched: true, attempts: 1, received: bytes });
  });

  it('the SYN proxy: the server knows its client all the same', async () => {
    await startReader(believed);
    expect(await addressLogged(PROXIED_WEB_PORT)).toBe(family.client);
    expect(await counts()).toEqual({ taken: 1, absent: 0, stranger: 0, refused: 0 });
    await realserver('stop');
  });

  it('who is not among the local addresses is not believed; start again changes by whom', async () => {
    await startReader(other);
    expect(await addressLogged()).toBe(local);
    expect(await counts()).toEqual({ taken: 0, absent: 0, stranger: 1, refused: 0 });
    await startReader(believed);
    expect(await addressLogged()).toBe(family.client);
    expect(await counts()).toEqual({ taken: 1, absent: 0, stranger: 1, refused: 0 });
    await realserver('stop');
  });

  it('a connection of the director’s own, without the option, is the director’s', async () => {
    await startReader(believed);
    await realServer.runOrThrow(['truncate', '-s', '0', ACCESS_LOG]);
    const url = `http://${endpoint(server, WEB_PORT)}/`;
    await director.runOrThrow(['curl', '-s', '-g', '--max-time', '5', '-o', '/dev/null', '--interface', local, url]);
    const line = await until(() => realServer.readFile(ACCESS_LOG) || undefined, 5000);
    expect(line?.split(' ')[0]).toBe(local);
    expect(await counts()).toMatchObject({ taken: 0, absent: 1 });
    await realserver('stop');
  });
});
