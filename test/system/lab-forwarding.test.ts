/**
 * Every way of forwarding, with real sockets at both ends and every byte compared: {TCP, UDP} by {IPv4, IPv6, each in the other} by {direct
 * routing, every tunnel, masquerading, full NAT} by {small, 64 KB, fragments, a narrow path}, and the figures that `ipvsadm --stats` gives of
 * the services and the servers. In the end it prints which cells of that matrix were seen, and why the others are empty.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../lab/index.ts';
import { type Column, Matrix } from './forwarding-matrix.ts';
import {
  CLIENT,
  ForwardingStage,
  isMixed,
  isTunnel,
  METHODS,
  type Method,
  type Outcome,
  overheadOf,
  ROUTER_MTU,
  WAYS,
  type Way,
  WEB_VIP,
} from './forwarding-stage.ts';

const CLIENT_MTU = 1500;
const NARROW_MTU = 1300;
/** What IPv6 asks of every link (RFC 8200 section 5), that of a tunnel among them. */
const IPV6_MIN_MTU = 1280;
const WIDEST_HEADERS = Math.max(...WAYS.map(overheadOf));
const UDP_HEADER = 8;
const FRAGMENT_HEADER6 = 8;

type Outcomes = ReadonlyMap<Way, Outcome>;

const matrix = new Matrix();
let stage: ForwardingStage;
beforeAll(async () => {
  stage = await ForwardingStage.build();
});
afterAll(async () => {
  await stage?.destroy();
});

const outcomeOf = (outcomes: Outcomes, way: Way): Outcome => outcomes.get(way) as Outcome;
const whole = (bytes: number, attempts = 1) => ({ event: 'summary', matched: true, attempts, received: bytes });

/** A datagram as the client's stack sends it: how many packets, and their bytes in all. */
function datagram({ families }: Way, bytes: number): readonly [number, number] {
  const header = families.inner === 4 ? 20 : 40;
  const length = UDP_HEADER + bytes;
  if (header + length <= CLIENT_MTU) return [1, header + length];
  const headers = header + (families.inner === 4 ? 0 : FRAGMENT_HEADER6);
  const pieces = Math.ceil(length / ((CLIENT_MTU - headers) & ~7));
  return [pieces, length + pieces * headers];
}

/** Of a connection that brought so many bytes there and back, in at least so many packets. */
function expectCounted(way: Way, { service, server }: Outcome, bytes: number, packets = 5): void {
  const [connections, inPackets = 0, outPackets = 0, inBytes = 0, outBytes = 0] = service;
  expect(connections).toBe(1);
  expect(inPackets).toBeGreaterThanOrEqual(packets);
  expect(inBytes).toBeGreaterThan(bytes);
  // Others answer the client directly.
  if (way.method.twoWay) {
    expect(outPackets).toBeGreaterThan(2);
    expect(outBytes).toBeGreaterThan(bytes);
  } else expect([outPackets, outBytes]).toEqual([0, 0]);
  expect(server).toEqual(service);
}

describe.each<{ bytes: number; column?: Column }>([
  { bytes: 100, column: 'small' },
  { bytes: 65_536, column: '64 KB' },
  { bytes: 1_000_000 },
])('TCP, $bytes bytes there and back', ({ bytes, column }) => {
  let outcomes: Outcomes;
  beforeAll(async () => {
    outcomes = await stage.send(WAYS, 'tcp', bytes);
  });

  it.each(WAYS)('$name', (way) => {
    const outcome = outcomeOf(outcomes, way);
    expect(outcome.exchange).toEqual(whole(bytes));
    expectCounted(way, outcome, bytes);
    if (column) matrix.fill('TCP', way, column);
  });
});

// The longest that go whole by either family are among them.
describe.each<{ bytes: number; column?: Column }>([
  { bytes: 100, column: 'small' },
  { bytes: 1452 },
  { bytes: 1472 },
  { bytes: 4000, column: 'fragments' },
  { bytes: 65_000, column: '64 KB' },
])('UDP, $bytes bytes there and back', ({ bytes, column }) => {
  let outcomes: Outcomes;
  beforeAll(async () => {
    outcomes = await stage.send(WAYS, 'udp', bytes);
  });

  it.each(WAYS)('$name', (way) => {
    const { exchange, service, server } = outcomeOf(outcomes, way);
    expect(exchange).toEqual(whole(bytes));
    const [packets, all] = datagram(way, bytes);
    expect(service).toEqual([1, packets, way.method.twoWay ? packets : 0, all, way.method.twoWay ? all : 0]);
    expect(server).toEqual(service);
    if (column) matrix.fill('UDP', way, column);
  });
});

describe(`TCP that a router on the way to the director cuts to ${ROUTER_MTU} bytes`, () => {
  const ways = WAYS.filter(({ families }) => families.inner === 4);
  const BYTES = 65_536;
  /** Each of them becomes two pieces. */
  const FULL_SEGMENTS = Math.floor(BYTES / (CLIENT_MTU - 40));
  let outcomes: Outcomes;
  let cut: number;
  beforeAll(async () => {
    await stage.setRouter('cut');
    const before = stage.cutByRouter();
    outcomes = await stage.send(ways, 'tcp', BYTES);
    cut = stage.cutByRouter() - before;
    await stage.setRouter('none');
  });

  it.each(ways)('$name', (way) => {
    const outcome = outcomeOf(outcomes, way);
    expect(outcome.exchange).toEqual(whole(BYTES));
    expectCounted(way, outcome, BYTES, 2 * FULL_SEGMENTS);
    expect(cut).toBeGreaterThanOrEqual(ways.length * FULL_SEGMENTS);
    matrix.fill('TCP', way, 'fragments');
  });
});

/** Where a tunnel of so little leaves IPv6 less than it asks for, the link has room for the tunnel's headers besides. */
const linkOf = (way: Way): number =>
  way.families.inner === 6 && NARROW_MTU - overheadOf(way) < IPV6_MIN_MTU ? NARROW_MTU + WIDEST_HEADERS : NARROW_MTU;

describe.each([NARROW_MTU, NARROW_MTU + WIDEST_HEADERS])('a way to the servers of %i bytes', (mtu) => {
  const ways = WAYS.filter((way) => linkOf(way) === mtu);
  const learnt = new Map<Way, number>();
  let tcp: Outcomes;
  let udp: Outcomes;
  let cut: Outcomes;
  beforeAll(async () => {
    await stage.setWay(mtu);
    await stage.forgetPaths();
    tcp = await stage.send(ways, 'tcp', 200_000);
    for (const way of ways) learnt.set(way, await stage.pathMtu(way));
    await stage.forgetPaths();
    udp = await stage.send(ways, 'udp', 1400);
    await stage.forgetPaths();
    cut = await stage.send(ways, 'udp', 4000);
    await stage.setWay(undefined);
    await stage.forgetPaths();
  });

  it.each(ways)('$name: TCP learns it and goes on', (way) => {
    expect(outcomeOf(tcp, way).exchange).toEqual(whole(200_000));
    expect(learnt.get(way)).toBe(mtu - overheadOf(way));
    matrix.fill('TCP', way, 'path MTU 1300');
  });

  it.each(ways)('$name: the second datagram gets through, and a client who cuts his himself cuts them smaller', (way) => {
    expect(outcomeOf(udp, way).exchange).toEqual(whole(1400, 2));
    expect(outcomeOf(cut, way).exchange).toMatchObject({ matched: true, received: 4000 });
    matrix.fill('UDP', way, 'path MTU 1300');
  });
});

describe('checksums that the client leaves to its card', () => {
  const ways = WAYS.filter(({ method }) => !method.twoWay);
  let tcp: Outcomes;
  let udp: Outcomes;
  beforeAll(async () => {
    await stage.setOffload('on');
    tcp = await stage.send(ways, 'tcp', 65_536);
    udp = await stage.send(ways, 'udp', 1000);
    await stage.setOffload('off');
  });

  it.each(ways)('$name carries them', (way) => {
    expect(outcomeOf(tcp, way).exchange).toEqual(whole(65_536));
    expect(outcomeOf(udp, way).exchange).toEqual(whole(1000));
  });
});

describe('a real server that puts segments together before they are taken out of the tunnel', () => {
  const BYTES = 3_000_000;
  const tunnels = METHODS.filter(isTunnel);
  const putTogether = async (state: 'on' | 'off'): Promise<void> => {
    for (const method of tunnels) await stage.server(method).runOrThrow(['ethtool', '-K', 'eth1', 'gro', state]);
  };
  beforeAll(() => putTogether('on'));
  afterAll(() => putTogether('off'));

  /** What its program has taken out of tunnels. */
  async function takenBy(method: Method): Promise<number> {
    const status = await stage.server(method).runOrThrow(['vipwright', 'realserver', 'status', '--json']);
    return (JSON.parse(status) as { decapsulators: { counts: { taken: number } }[] }).decapsulators[0]?.counts.taken ?? 0;
  }

  it.each(tunnels)('$name', async (method) => {
    const way = WAYS.find((each) => each.method === method && !isMixed(each.families)) as Way;
    const before = await takenBy(method);
    const { exchange, service } = outcomeOf(await stage.send([way], 'tcp', BYTES), way);
    expect(exchange).toEqual(whole(BYTES));
    const taken = (await takenBy(method)) - before;
    // Nobody puts GUE's datagrams together where no socket waits for them.
    if (method.name === 'GUE') expect(taken).toBe(service[1]);
    else expect(taken).toBeLessThan(service[1] as number);
  });
});

it('NAT maps the port, and the server sees the client', async () => {
  expect(await stage.client.runOrThrow(['curl', '-s', '--max-time', '5', `http://${WEB_VIP}/`])).toBe('behind NAT\n');
  const server = stage.server(METHODS.find(({ name }) => name === 'NAT') as Method);
  // nginx writes the line after the answer.
  const line = await until(() => server.readFile('/var/log/nginx/access.log') || undefined, 5000);
  expect(line).toMatch(new RegExp(`^${CLIENT} .*"GET / HTTP/1.1" 200`));
});

it('the matrix has no cell that is empty without a reason', () => {
  process.stdout.write(`\n${matrix}`);
  expect(matrix.holes()).toEqual([]);
});
