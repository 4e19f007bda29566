/** The reference schedulers against what Linux 6.1.192 chose, connection by connection. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/index.ts';
import type { SchedulerName } from '../../../src/model/index.ts';
import { SCHEDULERS, type SchedulableServer, SlotSchedule } from '../../../src/scheduler/index.ts';

interface Vector {
  readonly name: SchedulerName;
  readonly flags: readonly string[];
  readonly weights: readonly number[];
  readonly chosen: readonly string[];
}

interface Server extends SchedulableServer {
  readonly label: string;
}

const text = readFileSync(new URL('scheduler-vectors-linux-6.1.192.txt', import.meta.url), 'utf8');
const vectors: Vector[] = [...text.matchAll(/^RESULT (\w+) \[(?:-b )?(.*?)\] W=([\d ]+) : (.*)$/gm)].map((match) => ({
  name: match[1] as SchedulerName,
  flags: (match[2] as string).split(',').filter((flag) => flag !== ''),
  weights: (match[3] as string).split(' ').map(Number),
  chosen: (match[4] as string).trim().split(' '),
}));
const runnable = vectors.filter((vector) => SCHEDULERS.has(vector.name));

function server(octet: number, weight: number): Server {
  const address = IpAddress.fromV4Number(0x0a020000 + octet);
  return { label: String(octet), address, port: 80, weight, overloaded: false, activeConnections: 0, inactiveConnections: 0 };
}

describe('schedulers of Linux 6.1.192', () => {
  it('has three recorded sequences for every scheduler that this version runs', () => {
    expect(vectors).toHaveLength(42);
    for (const name of SCHEDULERS.keys()) expect(runnable.filter((vector) => vector.name === name).length).toBeGreaterThanOrEqual(3);
  });

  it.each(runnable)('$name $flags with weights $weights', ({ name, flags, weights, chosen }) => {
    const list: Server[] = [];
    const scheduler = SCHEDULERS.get(name)!(list, flags);
    for (const [index, weight] of weights.entries()) {
      list.unshift(server(index + 1, weight));
      scheduler.added(list[0]!);
    }
    const ours = chosen.map((_, index) => {
      const request = {
        client: IpAddress.fromV4Number(0x0a000064 + index),
        clientPort: 40_000 + index,
        virtual: IpAddress.parse('10.9.9.9')!,
        virtualPort: 80,
      };
      return scheduler.schedule(request)?.label ?? '-';
    });
    expect(ours).toEqual(chosen);
  });

  it.each(runnable.filter((vector) => vector.name === 'rr' || vector.name === 'wrr'))(
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
