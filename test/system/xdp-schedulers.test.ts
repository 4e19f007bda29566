/** Schedulers of the real packet path, against what Linux did. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IpFamily } from '../../src/base/index.ts';
import { type SchedulerName, serverKeyText } from '../../src/model/index.ts';
import { type Outcome, real, tcp } from '../compliance/harness.ts';
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
    shared ??= new Rig({
      connections: 4096,
      settings: { lblcExpiration: RECORDED_CACHE_LIFETIME, lblcrExpiration: RECORDED_CACHE_LIFETIME },
    });
    const rig = shared;
    return {
      plane: rig.plane,
      send: (packet) => outcomeOf(rig, packet),
      advance: (count) => rig.advance(count),
      close: () => rig.reset(),
    };
  }

  describeHistories(stage);
});

let givenMark = 0;

/** Gives the mark to every packet from now on. Rules are written for each history, not for each packet. */
function markAll(rig: Rig, mark: number, family: IpFamily): void {
  if (mark === givenMark) return;
  givenMark = mark;
  rig.plane.setMarkRules(mark === 0 ? [] : [{ family, set: { value: mark, mask: 0xffff_ffff }, ends: false }]);
}

function outcomeOf(rig: Rig, { protocol, client, clientPort, virtual, virtualPort, flags, chunks, mark }: ReplayPacket): Outcome {
  const { family } = virtual;
  markAll(rig, mark, family);
  const ports = { sourcePort: clientPort, destinationPort: virtualPort };
  const addresses = { source: String(client), destination: String(virtual), ...ports };
  const { verdict, frame } = rig.run(buildFrame({ ...addresses, protocol: PROTOCOL[protocol], flags, chunks }));
  const seen = seeFrame(frame);
  if (verdict === 'DROP' || seen.protocol === PROTOCOL.icmp || seen.protocol === PROTOCOL.icmp6) return 'drop';
  const servers = rig.plane.services().flatMap((service) => service.servers);
  const server = servers.find((candidate) => macOf(candidate.address) === seen.destinationMac);
  return verdict === 'TX' && server ? serverKeyText(server) : verdict;
}
