/** Schedulers and TCP states of the real packet path, against what Linux did and against the in-memory tables. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toSeconds } from '../../src/base/index.ts';
import { isActiveTcpState, nextTcpState, TCP_STATES, type TcpState, tcpTimeout } from '../../src/dataplane/memory/index.ts';
import { DEFAULT_TIMEOUTS, type SchedulerName, serverKeyText } from '../../src/model/index.ts';
import { expectAbout, type Outcome, real, tcp } from '../compliance/harness.ts';
import { describeHistories, RECORDED_CACHE_LIFETIME, type ReplayPacket, type Stage } from '../compliance/histories.ts';
import { buildFrame, PROTOCOL, seeFrame } from './xdp-frames.ts';
import { macOf, Rig } from './xdp-support.ts';

const recording = readFileSync(new URL('../golden/ipvs/scheduler-vectors-linux-6.1.192.txt', import.meta.url), 'utf8');
const vectors = [...recording.matchAll(/^RESULT (\w+) \[(?:-b )?(.*?)\] W=([\d ]+) : (.*)$/gm)].map((match) => ({
  scheduler: match[1] as SchedulerName,
  flags: (match[2] as string).split(',').filter((flag) => flag !== ''),
  weights: (match[3] as string).split(' ').map(Number),
  chosen: (match[4] as string).trim(),
}));

const EVENTS = ['S', 'FA', 'F', 'A', 'R', 'RA', 'SA', ''] as const;
const CELLS = TCP_STATES.flatMap((state) => EVENTS.map((flags) => ({ state, flags })));

describe('the packet path schedules as Linux 6.1.192 did', () => {
  let rig: Rig;
  beforeAll(() => {
    rig = new Rig();
  });
  afterAll(() => rig.close());

  it('has the recorded sequences', () => {
    expect(vectors).toHaveLength(42);
  });

  it.each(vectors)('$scheduler $flags with weights $weights', ({ scheduler, flags, weights, chosen }) => {
    try {
      rig.plane.addService({ key: tcp(80), scheduler, schedulerFlags: flags, onePacket: false });
      for (const [index, weight] of weights.entries()) rig.plane.addServer(tcp(80), real(index + 1, weight));
      // Servers are 10.2.0.N, and a server's MAC address ends with N.
      const ours = chosen.split(' ').map((_, client) => {
        const { frame, verdict } = rig.run(buildFrame({ source: `10.0.0.${100 + client}`, sourcePort: 40_000 + client }));
        expect(verdict).toBe('TX');
        return seeFrame(frame).protocol === PROTOCOL.tcp ? frame[5] : '-';
      });
      expect(ours.join(' ')).toBe(chosen);
    } finally {
      rig.reset();
    }
  });
});

describe('in long', () => {
  let shared: Rig | undefined;
  afterAll(() => shared?.close());

  function stage(): Stage {
    shared ??= new Rig({ connections: 4096, settings: { cacheLifetime: RECORDED_CACHE_LIFETIME } });
    const rig = shared;
    return {
      plane: rig.plane,
      send: (packet) => outcomeOf(rig, packet),
      advance: (count) => rig.advance(count),
      close: () => rig.reset(),
    };
  }

  // What the packet path has: TCP and UDP, no firewall marks.
  describeHistories(stage, ({ protocol, marked }) => protocol !== 'sctp' && !marked);
});

function outcomeOf(rig: Rig, { protocol, client, clientPort, virtual, virtualPort, flags }: ReplayPacket): Outcome {
  const ports = { sourcePort: clientPort, destinationPort: virtualPort };
  const addresses = { source: String(client), destination: String(virtual), ...ports };
  const { verdict, frame } = rig.run(buildFrame({ ...addresses, protocol: PROTOCOL[protocol as 'tcp' | 'udp'], flags }));
  const seen = seeFrame(frame);
  if (verdict === 'DROP' || seen.protocol === PROTOCOL.icmp || seen.protocol === PROTOCOL.icmp6) return 'drop';
  const servers = rig.plane.services().flatMap((service) => service.servers);
  const server = servers.find((candidate) => macOf(candidate.address) === seen.destinationMac);
  return verdict === 'TX' && server ? serverKeyText(server) : verdict;
}

describe('TCP states of a director that sees only the client', () => {
  let rig: Rig;
  beforeAll(() => {
    rig = new Rig();
    rig.plane.addService({ key: tcp(80), scheduler: 'rr', schedulerFlags: [], onePacket: false });
    rig.plane.addServer(tcp(80), real(1));
  });
  afterAll(() => rig.close());

  /** Puts the only connection, opened where there is none, into a state: the entry and its server's counts. */
  function force(state: TcpState): void {
    const { path } = rig.plane;
    const { loads, numbers } = path;
    const connections = path.tables[0].entries;
    const { META_VALID, META_STATE, META_INACTIVE } = numbers.meta as Record<'META_VALID' | 'META_STATE' | 'META_INACTIVE', number>;
    rig.run(buildFrame());
    const index = Array.from({ length: path.tableSize(4) }, (_, slot) => slot).find((slot) => connections.u32(slot, 'meta') & META_VALID);
    if (index === undefined) throw new Error('the SYN opened no connection');
    const active = isActiveTcpState(state);
    const rest = connections.u32(index, 'meta') & ~(META_STATE | META_INACTIVE);
    connections.setU32(index, 'meta', (rest | (numbers.state[`STATE_${state}`] as number) | (active ? 0 : META_INACTIVE)) >>> 0);
    loads.setU32(connections.u32(index, 'server'), 'connections', 1);
    // The upper half of the same word.
    const at = loads.at(connections.u32(index, 'server'), 'connections') + 4;
    new DataView(loads.bytes.buffer, loads.bytes.byteOffset).setUint32(at, active ? 1 : 0, true);
  }

  it.each(CELLS)('$state and a segment with "$flags"', ({ state, flags }) => {
    force(state);
    const [before] = [...rig.plane.connections()];
    expect(before?.state).toBe(state);
    const { verdict, frame } = rig.run(buildFrame({ flags }));
    expect([verdict, seeFrame(frame).ttl]).toEqual(['TX', 63]);
    const has = (letter: string): boolean => flags.includes(letter);
    const next = nextTcpState(state, { syn: has('S'), ack: has('A'), fin: has('F'), rst: has('R') }, 'input-only');
    const [after, ...others] = [...rig.plane.connections()];
    expect(others).toEqual([]);
    expect(after?.state).toBe(next);
    expectAbout(after?.expiresSeconds ?? 0, toSeconds(tcpTimeout(next, DEFAULT_TIMEOUTS)));
    const active = isActiveTcpState(next);
    const [server] = rig.plane.services()[0]?.servers ?? [];
    expect([server?.activeConnections, server?.inactiveConnections]).toEqual(active ? [1, 0] : [0, 1]);
  });
});
