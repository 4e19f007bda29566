/**
 * The stage on which every way of forwarding is shown with real sockets: a client, a router before the director, a two-armed director, and a
 * real server for each method. All machines speak both families, and tunnels carry each in each.
 */
import { readFileSync } from 'node:fs';
import {
  CONFIG_FILE,
  type Exchange,
  exchangeAll,
  installProduct,
  Lab,
  type Machine,
  type Service,
  startEcho,
  startNginx,
  startVipwrightd,
  tableBecomes,
} from '../../lab/index.ts';

type Protocol = 'tcp' | 'udp';
type Family = 4 | 6;

export interface Method {
  readonly name: string;
  /** As keepalived.conf says it. */
  readonly words: string;
  /** Bytes between the two IP headers of a tunnel. */
  readonly between?: number;
  /** The last byte, or group, of the server's addresses. */
  readonly last: number;
  readonly port: number;
  /** Where it differs from the virtual one: these methods map ports. */
  readonly serverPort?: number;
  /** Whether replies come by the director. */
  readonly twoWay?: true;
  /** Words of `vipwright realserver start`; none where the server needs nothing. */
  readonly realserver?: readonly string[];
}

/** How packets of one family get to servers with addresses of another, or the same. */
export interface Families {
  readonly name: string;
  /** The client's. */
  readonly inner: Family;
  /** The servers'. */
  readonly outer: Family;
}

/** A virtual service for TCP and one for UDP, with one real server. */
export interface Way {
  readonly name: string;
  readonly method: Method;
  readonly families: Families;
  /** Its own: a client remembers what he learns of a path by the address. */
  readonly vip: string;
}

const DIRECTOR_BACK = { 4: '10.2.0.1', 6: 'fd00:2::1' } as const;
const LOCAL = { 4: '10.2.0.201', 6: 'fd00:2::201' } as const;
export const CLIENT = '10.1.0.10';
const ROUTER = '10.1.0.2';
const GUE_PORT = 6080;
/** Masqueraded too, from port 80. */
export const WEB_VIP = '10.1.0.99';
const WEB_PORT = 8080;

const tunnel = (...words: string[]): string[] => ['--mode', 'tun', '--director', Object.values(DIRECTOR_BACK).join(','), ...words];
export const METHODS: readonly Method[] = [
  { name: 'DR', words: 'DR', last: 21, port: 7001, realserver: ['--mode', 'dr'] },
  { name: 'IPIP', words: 'TUN type ipip', between: 0, last: 22, port: 7002, realserver: tunnel() },
  {
    name: 'GUE',
    words: `TUN type gue port ${GUE_PORT}`,
    between: 12,
    last: 23,
    port: 7003,
    realserver: tunnel('--tun-type', 'gue', '--tun-port', String(GUE_PORT)),
  },
  { name: 'GRE', words: 'TUN type gre', between: 4, last: 24, port: 7004, realserver: tunnel('--tun-type', 'gre') },
  { name: 'NAT', words: 'NAT', last: 25, port: 7005, serverPort: 9005, twoWay: true },
  { name: 'full NAT', words: 'FNAT', last: 26, port: 7006, serverPort: 9006, twoWay: true },
];

export const FAMILIES: readonly Families[] = [
  { name: 'IPv4', inner: 4, outer: 4 },
  { name: 'IPv6', inner: 6, outer: 6 },
  { name: 'IPv4 in IPv6', inner: 4, outer: 6 },
  { name: 'IPv6 in IPv4', inner: 6, outer: 4 },
];

export const isMixed = ({ inner, outer }: Families): boolean => inner !== outer;
export const isTunnel = ({ between }: Method): boolean => between !== undefined;

export const WAYS: readonly Way[] = FAMILIES.flatMap((families) =>
  METHODS.filter((method) => isTunnel(method) || !isMixed(families)).map((method) => ({
    name: `${method.name}, ${families.name}`,
    method,
    families,
    vip: (families.inner === 4 ? '10.1.0.' : 'fd00:1::') + (method.last + (isMixed(families) ? 200 : 100)),
  })),
);
const WAYS4 = WAYS.filter(({ families }) => families.inner === 4);

/** Bytes that the method puts before a packet. */
export const overheadOf = ({ method, families }: Way): number =>
  method.between === undefined ? 0 : method.between + (families.outer === 6 ? 40 : 20);

/** Room for the headers of tunnels on the servers' segment: packets of 1500 bytes go through. */
const ROOMY_MTU = 1600;
const CLIENT_MTU = 1500;
/** What the router cuts IPv4 packets to that may be cut. */
export const ROUTER_MTU = 1300;

const endpoint = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
const targetOf = ({ method, vip }: Way): string => endpoint(vip, method.port);
const serverAddress = ({ method, families }: Way): string => (families.outer === 4 ? '10.2.0.' : 'fd00:2::') + method.last;
const waysOf = (method: Method): readonly Way[] => WAYS.filter((way) => way.method === method);

function configuration(): string {
  const service = (address: string, port: number, protocol: string, method: string, server: string): string =>
    `virtual_server ${address} ${port} {
    lvs_sched rr
    lvs_method ${method}
    protocol ${protocol}
    real_server ${server} {
        weight 1
    }
}`;
  const echoes = WAYS.flatMap((way) => {
    const { method, families, vip } = way;
    const words = method.words === 'FNAT' ? `FNAT\n    laddr_group_name back${families.outer}` : method.words;
    const server = `${serverAddress(way)} ${method.serverPort ?? method.port}`;
    return ['TCP', 'UDP'].map((protocol) => service(vip, method.port, protocol, words, server));
  });
  const groups = Object.entries(LOCAL).map(([family, address]) => `local_address_group back${family} {\n    ${address}\n}`);
  return [...groups, ...echoes, service(WEB_VIP, 80, 'TCP', 'NAT', `10.2.0.25 ${WEB_PORT}`)].join('\n');
}

/** Conns, InPkts, OutPkts, InBytes, OutBytes. */
type Counters = readonly number[];

export interface Outcome {
  readonly exchange: Exchange;
  /** By how much the virtual service's figures grew, and its real server's. */
  readonly service: Counters;
  readonly server: Counters;
}

export class ForwardingStage {
  readonly #lab: Lab;
  #daemon: Service | undefined;

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  static async build(): Promise<ForwardingStage> {
    const stage = new ForwardingStage(await Lab.create());
    try {
      await stage.#furnish();
    } catch (error) {
      await stage.destroy();
      throw error;
    }
    return stage;
  }

  get client(): Machine {
    return this.#lab.machine('client');
  }

  server({ last }: Method): Machine {
    return this.#lab.machine(`rs${last}`);
  }

  log(): string {
    return (this.#daemon?.lines ?? []).map((line) => line.text).join('\n');
  }

  async destroy(): Promise<void> {
    await this.#lab.destroy();
  }

  /** Sends so many bytes by all these ways at once. */
  async send(ways: readonly Way[], protocol: Protocol, bytes: number): Promise<ReadonlyMap<Way, Outcome>> {
    const before = await this.#statistics();
    const exchanges = await exchangeAll(this.client, protocol, ways.map(targetOf), bytes);
    const after = await this.#statistics();
    return new Map(
      ways.map((way, at) => {
        const key = `${protocol.toUpperCase()} ${targetOf(way)}`;
        const grown = (line: number): Counters =>
          (after.get(key)?.[line] ?? []).map((value, column) => value - (before.get(key)?.[line]?.[column] ?? 0));
        return [way, { exchange: exchanges[at] as Exchange, service: grown(0), server: grown(1) }];
      }),
    );
  }

  /** The figures of each service, and of its one server. */
  async #statistics(): Promise<ReadonlyMap<string, Counters[]>> {
    const table = await this.#lab.machine('director').runOrThrow(['ipvsadm', '-L', '-n', '--stats', '--exact']);
    const figures = new Map<string, Counters[]>();
    let current: Counters[] = [];
    for (const [, kind, at = '', rest = ''] of table.matchAll(/^(TCP|UDP| {2}->) +([\d[]\S+) +(\d.*)$/gm)) {
      if (kind?.endsWith('P')) {
        current = [];
        figures.set(`${kind} ${at}`, current);
      }
      current.push(rest.trim().split(/\s+/).map(Number));
    }
    return figures;
  }

  /** What the client believes to be the largest packet that gets to a VIP. */
  async pathMtu({ vip }: Way): Promise<number> {
    return Number(/ mtu (\d+)/.exec(await this.client.runOrThrow(['ip', 'route', 'get', vip]))?.[1] ?? CLIENT_MTU);
  }

  async forgetPaths(): Promise<void> {
    for (const family of ['-4', '-6']) await this.client.runOrThrow(['ip', family, 'route', 'flush', 'cache']);
  }

  /**
   * The director's way to the servers gets narrower; so does that of replies that come back by it. The servers' MSS is as if they did not
   * know, or the client would never send anything too long.
   */
  async setWay(mtu: number | undefined): Promise<void> {
    const words = mtu === undefined ? [] : ['mtu', String(mtu)];
    for (const method of METHODS.filter(({ twoWay }) => twoWay)) {
      for (const family of [4, 6] as const) {
        const advmss = ['advmss', String(CLIENT_MTU - (family === 4 ? 40 : 60))];
        const route = method.words === 'NAT' ? ['default', 'via', DIRECTOR_BACK[family]] : [LOCAL[family], 'dev', 'eth1'];
        await this.server(method).runOrThrow(['ip', `-${family}`, 'route', 'replace', ...route, ...words, ...advmss]);
      }
    }
    await setMtu(this.#lab.machine('director'), mtu ?? ROOMY_MTU);
  }

  /** With `cut` the client's IPv4 segments may be cut, and go by a router that does so. */
  async setRouter(state: 'cut' | 'none'): Promise<void> {
    await this.client.sysctl({ 'net.ipv4.ip_no_pmtu_disc': state === 'cut' ? '1' : '0' });
    await batch(
      this.client,
      WAYS4.map(({ vip }) => (state === 'cut' ? `route add ${vip} via ${ROUTER}` : `route delete ${vip}`)),
    );
  }

  /** Packets that the router has cut in pieces. */
  cutByRouter(): number {
    const [names = [], values = []] = readFileSync(`/proc/${this.#lab.machine('router').pid}/net/snmp`, 'latin1')
      .split('\n')
      .filter((line) => line.startsWith('Ip: '))
      .map((line) => line.split(' '));
    return Number(values[names.indexOf('FragOKs')]);
  }

  /**
   * Between network namespaces no card ever puts in a checksum that was left to it: what masquerading changed would stay wrong (see the
   * manual), the other methods carry it.
   */
  async setOffload(state: 'on' | 'off'): Promise<void> {
    const words = (port: string): string[] => ['ethtool', '-K', port, 'tx', state, 'tso', 'off', 'gso', 'off'];
    await this.client.runOrThrow(words('eth0'));
    // The switch would put them in on the way out of a port that cannot.
    for (const port of ['p-director', ...METHODS.map(({ last }) => `q-rs${last}`)]) await this.#lab.onSwitch(words(port));
  }

  async #furnish(): Promise<void> {
    const lab = this.#lab;
    const client = await lab.addMachine({ name: 'client', address: `${CLIENT}/24` });
    const router = await lab.addMachine({ name: 'router', address: `${ROUTER}/24` });
    const director = await lab.addMachine({ name: 'director', address: '10.1.0.1/24', second: `${DIRECTOR_BACK[4]}/24` });
    await addAddresses(client, 'eth0', 'fd00:1::10/64');
    await addAddresses(director, 'eth0', 'fd00:1::1/64', WEB_VIP, ...WAYS.map(({ vip }) => vip));
    // Nothing else may start from a local address; of two IPv6 ones the kernel would choose it.
    await addAddresses(director, 'eth1', `${DIRECTOR_BACK[6]}/64`, ...Object.values(LOCAL).map((address) => `${address} preferred_lft 0`));
    await router.sysctl({ 'net.ipv4.ip_forward': '1', 'net.ipv4.conf.all.send_redirects': '0', 'net.ipv4.conf.eth0.send_redirects': '0' });
    await batch(
      router,
      WAYS4.map(({ vip }) => `route add ${vip} dev eth0 mtu lock ${ROUTER_MTU}`),
    );
    await setMtu(director, ROOMY_MTU);
    for (const port of ['q-director', 'br1']) await lab.onSwitch(['ip', 'link', 'set', port, 'mtu', String(ROOMY_MTU)]);
    for (const method of METHODS) await this.#addServer(method);
    installProduct(director);
    director.writeFile(CONFIG_FILE, configuration());
    this.#daemon = await startVipwrightd(director);
    if (!(await tableBecomes(director, (rows) => rows.length === 2 * WAYS.length + 1, 20_000))) throw new Error(this.log());
  }

  async #addServer(method: Method): Promise<void> {
    const { last, realserver, port, serverPort } = method;
    const lab = this.#lab;
    const machine = await lab.addMachine({ name: `rs${last}`, address: `10.1.0.${last}/24`, second: `10.2.0.${last}/24` });
    installProduct(machine);
    await addAddresses(machine, 'eth1', `fd00:2::${last}/64`);
    const ways = waysOf(method);
    if (realserver) {
      await addAddresses(machine, 'eth0', `fd00:1::${last}/64`);
      await setMtu(machine, ROOMY_MTU);
      await lab.onSwitch(['ip', 'link', 'set', `q-rs${last}`, 'mtu', String(ROOMY_MTU)]);
      const vips = ways.map(({ vip }) => vip);
      await machine.runOrThrow(['vipwright', 'realserver', 'start', '--vip', vips.join(','), ...realserver]);
      await startEcho(machine, ...vips.map((vip) => endpoint(vip, port)));
      return;
    }
    // A masqueraded server's way to the client is the director; behind full NAT a server has none.
    await machine.runOrThrow(['ip', 'link', 'set', 'eth0', 'down']);
    if (method.words === 'NAT') {
      for (const family of [4, 6] as const) {
        await machine.runOrThrow(['ip', `-${family}`, 'route', 'replace', 'default', 'via', DIRECTOR_BACK[family]]);
      }
      await startNginx(machine, { page: 'behind NAT', port: WEB_PORT, accessLog: '/var/log/nginx/access.log' });
    }
    await startEcho(machine, ...ways.map((way) => endpoint(serverAddress(way), serverPort ?? port)));
  }
}

function addAddresses(machine: Machine, card: string, ...addresses: readonly string[]): Promise<string> {
  return batch(
    machine,
    addresses.map((address) => `address add dev ${card} ${address}${address.includes(':') ? ' nodad' : ''}`),
  );
}

function batch(machine: Machine, lines: readonly string[]): Promise<string> {
  return machine.runOrThrow(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

function setMtu(machine: Machine, mtu: number): Promise<string> {
  return machine.runOrThrow(['ip', 'link', 'set', 'eth1', 'mtu', String(mtu)]);
}
