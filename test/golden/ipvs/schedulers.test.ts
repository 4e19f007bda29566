/** The reference schedulers, as the in-memory data plane runs them, against what Linux 6.1.192 chose, connection by connection. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Instant, IpAddress, seconds } from '../../../src/base/index.ts';
import { MemoryDataPlane } from '../../../src/dataplane/memory/index.ts';
import { type SchedulerName, type ServiceKey, serverKeyText } from '../../../src/model/index.ts';
import { SlotSchedule } from '../../../src/scheduler/index.ts';
import { describeHistories, RECORDED_CACHE_LIFETIME, type ReplayPacket, type Stage } from '../../compliance/histories.ts';

function memoryStage(): Stage & { readonly plane: MemoryDataPlane } {
  let now: Instant = 0;
  const settings = { lblcExpiration: RECORDED_CACHE_LIFETIME, lblcrExpiration: RECORDED_CACHE_LIFETIME };
  const plane = new MemoryDataPlane({ clock: { now: () => now }, settings });
  return {
    plane,
    send({ flags, ...packet }: ReplayPacket): string {
      const has = (letter: string): boolean => flags.includes(letter);
      const verdict = plane.receive({ ...packet, flags: { syn: has('S'), ack: has('A'), fin: has('F'), rst: has('R') } });
      return verdict.kind === 'forward' ? serverKeyText(verdict.server) : verdict.kind;
    },
    advance(count: number): void {
      for (let second = 0; second < count; second++) {
        now += seconds(1);
        plane.tick();
      }
    },
    close: () => plane.close(),
  };
}

interface Vector {
  readonly name: SchedulerName;
  readonly flags: readonly string[];
  readonly weights: readonly number[];
  readonly chosen: readonly string[];
}

const vectors: Vector[] = [
  ...read('scheduler-vectors-linux-6.1.192.txt').matchAll(/^RESULT (\w+) \[(?:-b )?(.*?)\] W=([\d ]+) : (.*)$/gm),
].map((match) => ({
  name: match[1] as SchedulerName,
  flags: (match[2] as string).split(',').filter((flag) => flag !== ''),
  weights: (match[3] as string).split(' ').map(Number),
  chosen: (match[4] as string).trim().split(' '),
}));

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

describe('recorded sequences', () => {
  const key: ServiceKey = { kind: 'address', protocol: 'tcp', address: IpAddress.parse('10.9.9.9')!, port: 80 };

  it('are 42', () => {
    expect(vectors).toHaveLength(42);
  });

  it.each(vectors)('$name $flags with weights $weights', ({ name, flags, weights, chosen }) => {
    const stage = memoryStage();
    const { plane } = stage;
    plane.addService({ key, scheduler: name, schedulerFlags: flags, onePacket: false });
    for (const [index, weight] of weights.entries()) {
      const address = IpAddress.fromV4Number(0x0a020001 + index);
      plane.addServer(key, { address, port: 80, method: 'dr', weight, upperThreshold: 0, lowerThreshold: 0 });
    }
    const ours = chosen.map((_, index) => {
      const client = IpAddress.fromV4Number(0x0a000064 + index);
      const addresses = { client, clientPort: 40_000 + index, virtual: key.address, virtualPort: key.port };
      const outcome = stage.send({ protocol: 'tcp', ...addresses, flags: 'S', chunks: [], mark: 0, length: 40 });
      return outcome === 'drop' ? '-' : outcome.replace(/^10\.2\.0\.(\d+):80$/, '$1');
    });
    expect(ours).toEqual(chosen);
  });

  it.each(vectors.filter((vector) => vector.name === 'rr' || vector.name === 'wrr'))(
    'slot list of $name with weights $weights',
    ({ name, weights, chosen }) => {
      const schedule = new SlotSchedule(name as 'rr' | 'wrr', []);
      const newestFirst: number[] = [];
      for (const weight of weights) {
        newestFirst.unshift(weight);
        schedule.change({ kind: 'added' }, newestFirst, 0);
      }
      const { slots, exact } = schedule.current;
      expect(exact).toBe(true);
      // Index 0 is the newest server, whose last octet is the number of servers.
      expect(chosen.map((_, i) => String(weights.length - slots[i % slots.length]!))).toEqual(chosen);
    },
  );
});

describeHistories(memoryStage);
