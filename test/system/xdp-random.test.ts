/**
 * Any frame at all, to services of every forwarding method, protocol and family: the packet path answers with a verdict that it may give,
 * sends nothing that IPVS's rules forbid (random-oracle.ts), takes no more memory, and counts right.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/index.ts';
import type { RealServer, ServiceKey } from '../../src/model/index.ts';
import { serviceKeyText } from '../../src/model/index.ts';
import { errorAboutAnswer, FrameSource, ROUTERS } from './random-frames.ts';
import { type Fate, Oracle } from './random-oracle.ts';
import { type Behind, fillTables, LOCAL_PORTS, makeWorld } from './random-world.ts';
import { buildFrame, buildPacket, type FrameFields, seeFrame } from './xdp-frames.ts';
import { Rig, VERDICTS } from './xdp-support.ts';

/** A long run: FRAMES=10000000. */
const FRAMES = Number(process.env.FRAMES ?? 300_000);
const SEED = Number(process.env.SEED ?? 20_261_121);
const LONGEST_MS = 3_600_000;
/** Frames between two changes of the tables, and between two looks at the clock. */
const CHANGE_EVERY = 2000;
const HOLD_EVERY = 100;
const CONNECTIONS = 4096;

/** Entries that are allocated as they are needed. */
const MOST_BYTES = 1 << 20;

const both = (...names: string[]): string[] => names.flatMap((name) => [`${name} IPv4`, `${name} IPv6`]);
const METHODS = ['dr', 'ipip', 'gre', 'gue', 'nat', 'fullnat'];
/** What must have been among it. */
const FATES = [
  'PASS',
  'DROP',
  ...METHODS.flatMap((method) => both(`forwarded ${method}`, `error ${method}`)),
  ...both('replied nat', 'replied fullnat', 'rejected', 'told', 'cookie', 'challenge', 'handed over'),
];

const world = makeWorld();
let rig: Rig;
beforeAll(() => {
  rig = new Rig({ connections: CONNECTIONS, settings: { localPorts: LOCAL_PORTS } });
  seedTables(new Random(SEED));
  fillTables(rig.plane, world);
});
afterAll(() => rig.close());

const hex = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');

/** An operator's work while frames come in: servers go, return, and get weights; time passes. */
class Operator {
  private readonly random: Random;
  /** How many connections a server had opened when its weight became 0. */
  private readonly quiescent = new Map<Behind, bigint>();

  constructor(random: Random) {
    this.random = random;
  }

  work(): void {
    const { random } = this;
    rig.advance(1 + random.below(3));
    const behind = random.pick(world.servers);
    const { virtual, server } = behind;
    const { key } = virtual.service;
    if (!behind.present) {
      rig.plane.addServer(key, server);
      behind.present = true;
    } else if (random.below(3) === 0) {
      this.judge(behind);
      rig.plane.deleteServer(key, server);
      behind.present = false;
    } else {
      this.judge(behind);
      behind.server = { ...server, weight: random.below(4) };
      rig.plane.editServer(key, behind.server);
      // A template leads to a server of weight 0 as well.
      if (behind.server.weight === 0 && !virtual.service.persistence) this.quiescent.set(behind, openedBy(key, server));
    }
  }

  /** A server of weight 0 has got no new connection. */
  private judge(behind: Behind): void {
    const before = this.quiescent.get(behind);
    this.quiescent.delete(behind);
    if (before !== undefined) expect(openedBy(behind.virtual.service.key, behind.server)).toBe(before);
  }

  /** Everybody is there again. */
  finish(): void {
    for (const behind of world.servers) {
      if (behind.present) this.judge(behind);
      else rig.plane.addServer(behind.virtual.service.key, behind.server);
      behind.present = true;
    }
  }
}

/** The same frames then fall upon the same lines: what went wrong goes wrong again. The multipliers must be odd. */
function seedTables(random: Random): void {
  const { settings } = rig.plane.path;
  for (const field of ['hash_seed', 'hash6_seed']) {
    settings.setBytes(
      0,
      field,
      Uint8Array.from({ length: settings.sizeOf(field) }, (_, at) => random.below(256) | (at % 8 === 0 ? 1 : 0)),
    );
  }
}

function openedBy(key: ServiceKey, server: RealServer): bigint {
  const service = rig.plane.services().find((one) => serviceKeyText(one.key) === serviceKeyText(key));
  const found = service?.servers.find(({ address, port }) => address.equals(server.address) && port === server.port);
  if (!found) throw new Error(`${server.address} is not in the table`);
  return BigInt(found.counters.connections);
}

/** Bytes that the kernel holds for the maps of this process. */
function memoryOfMaps(): number {
  let bytes = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    const text = readIfThere(`/proc/self/fdinfo/${fd}`);
    if (text.includes('map_id')) bytes += Number(/memlock:\s*(\d+)/.exec(text)?.[1]);
  }
  return bytes;
}

/** The descriptor of the list itself is gone when it is read. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

describe('any frame', () => {
  const seen = new Map<string, number>();
  let memoryBefore = 0;
  beforeAll(() => {
    memoryBefore = memoryOfMaps();
  });
  const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);

  function show(source: FrameSource, oracle: Oracle, random: Random, count: number): void {
    const came = source.next();
    const { verdict, data: left } = rig.runNext(came);
    const name = VERDICTS[verdict];
    if (name === 'TX') {
      const fate = judged(() => oracle.check(came, left), count, came, left);
      note(fate);
      source.follow(left);
      const past = fate.startsWith('forwarded') && random.below(12) === 0 ? errorAboutAnswer(came, random) : undefined;
      if (past) source.push(past);
    } else if (name === 'PASS') {
      note(name);
      if (Buffer.compare(came, left) !== 0) throw new Error('it was changed and then passed on');
    } else if (name === 'DROP') {
      note(name);
      oracle.noteHalted(came);
    } else throw new Error(`the verdict is ${name ?? verdict}`);
  }

  function judged(check: () => Fate, count: number, came: Uint8Array, left: Uint8Array): Fate {
    try {
      return check();
    } catch (error) {
      throw new Error(`frame ${count}: ${(error as Error).message}: ${hex(came)} became ${hex(left)}`);
    }
  }

  it(`${FRAMES} proper, answering, changed and cut frames`, { timeout: LONGEST_MS }, () => {
    const random = new Random(SEED);
    const [source, oracle, operator] = [
      new FrameSource(random),
      new Oracle(world, ROUTERS, () => rig.plane.connections()),
      new Operator(random),
    ];
    for (let count = 0; count < FRAMES; count++) {
      if (count % HOLD_EVERY === 0) rig.hold();
      if (count % CHANGE_EVERY === CHANGE_EVERY - 1) operator.work();
      show(source, oracle, random, count);
    }
    operator.finish();
    const few = FATES.filter((fate) => (seen.get(fate) ?? 0) < FRAMES / 100_000);
    expect(few, [...seen].join('; ')).toEqual([]);
    // Tables of a fixed size, and what lies in those that are made as needed, of which there is a bound.
    expect(memoryOfMaps() - memoryBefore).toBeLessThan(MOST_BYTES);
  });

  it('leaves the counts of every server right', () => {
    rig.sweepAhead();
    const entries = [...rig.plane.connections()];
    expect(entries.length).toBeGreaterThan(100);
    expect(entries.length).toBeLessThan(4 * CONNECTIONS);
    const counts = new Map<string, number>();
    for (const { server, state } of entries) {
      // Templates alone are without a state; a client's port may be 0.
      const name = `${server} ${['NONE', 'ASSURED'].includes(state)}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const { servers } of rig.plane.services()) {
      for (const { address, activeConnections, inactiveConnections, persistentConnections } of servers) {
        expect([String(address), activeConnections + inactiveConnections]).toEqual([String(address), counts.get(`${address} false`) ?? 0]);
        expect([String(address), persistentConnections]).toEqual([String(address), counts.get(`${address} true`) ?? 0]);
      }
    }
  });

  it('comes down to nothing when all time-outs are up', () => {
    rig.advance(1500);
    expect([...rig.plane.connections()]).toEqual([]);
    for (const { servers } of rig.plane.services()) {
      for (const { activeConnections, inactiveConnections, persistentConnections } of servers) {
        expect([activeConnections, inactiveConnections, persistentConnections]).toEqual([0, 0, 0]);
      }
    }
    expect(memoryOfMaps()).toBe(memoryBefore);
  });
});

describe('the IP checksum', () => {
  it('is right after the TTL went down, also where the sum wraps', () => {
    const wanted = new Set([0x0000, 0x00ff, 0x0100, 0xfe00, 0xfeff, 0xff00, 0xff01, 0xfffe, 0xffff]);
    const found = new Set<number>();
    for (let identification = 0; identification < 0x10000; identification++) {
      const fields: FrameFields = { identification, flags: 'S', ttl: 200 };
      const checksum = new DataView(buildPacket(fields).buffer).getUint16(10);
      if (!wanted.has(checksum)) continue;
      found.add(checksum);
      const { verdict, frame } = rig.run(buildFrame(fields));
      expect([verdict, seeFrame(frame).ttl, seeFrame(frame).checksumRight]).toEqual(['TX', 199, true]);
    }
    // A header with a non-zero word never has the checksum 0xffff.
    expect([...wanted].filter((checksum) => !found.has(checksum))).toEqual([0xffff]);
  });
});
