/** dh, sh and mh, and the tables that let the packet path do the same. That they are the kernel's is shown in test/golden/ipvs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../base/index.ts';
import { Bed, ip, request, type Server, server } from './bed.test-helper.ts';
import { foldAddress, goldenHash, sipHash } from './hash.ts';
import type { SlotHash } from './hashed.ts';
import { PathSchedule } from './path.ts';
import type { ScheduleRequest } from './scheduler.ts';

describe('hashes', () => {
  it('fold IPv6 by exclusive or, and take an IPv4 address as it is', () => {
    expect(foldAddress(ip('10.0.0.1'), 4)).toBe(0x0a000001);
    expect(foldAddress(ip('1:2:3:4:5:6:7:8'), 6)).toBe((0x00010002 ^ 0x00030004 ^ 0x00050006 ^ 0x00070008) >>> 0);
    // A tunnel's server of the other family.
    expect(foldAddress(ip('1:2:3:4:5:6:7:8'), 4)).toBe(0x00010002);
    expect(foldAddress(ip('10.0.0.1'), 6)).toBe(0x0a000001);
  });

  it('multiply by the golden ratio', () => {
    expect(goldenHash(0x0a090909, 8)).toBe(251);
  });

  it('are SipHash-1-3 on 32 bits', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (value, key) => {
        expect(sipHash(value, key)).toBe(bigSipHash(BigInt(value), BigInt(key)));
      }),
    );
  });
});

describe('sh', () => {
  it('keeps a client with its server, and hashes the port only when told to', () => {
    const ports = (flags: readonly string[]): Set<string> => {
      const bed = new Bed('sh', flags).add('a').add('b').add('c');
      return new Set(Array.from({ length: 40 }, (_, port) => bed.pick(request('10.0.0.1', '10.9.9.9', port))));
    };
    expect(ports([]).size).toBe(1);
    expect(ports(['sh-port']).size).toBe(3);
    expect(ports(['flag-2']).size).toBe(3);
  });

  it('refuses the clients of an unusable server unless it may fall back', () => {
    const bed = (flags: readonly string[]): Bed => new Bed('sh', flags).add('a').add('b');
    const own = bed([]).pick();
    expect(bed([]).overload(own, true).pick()).toBe('-');
    expect(bed(['sh-fallback']).overload(own, true).pick()).toBe(own === 'a' ? 'b' : 'a');
    expect(bed(['flag-1']).overload('a', true).overload('b', true).pick()).toBe('-');
    expect(new Bed('sh', ['sh-fallback']).pick()).toBe('-');
  });
});

describe('mh', () => {
  const clients = Array.from({ length: 500 }, (_, index) => request(`10.0.${index >> 8}.${index & 255}`));
  const map = (bed: Bed): string[] => clients.map((client) => bed.pick(client));

  it('moves only the clients of a removed server, nearly', () => {
    const bed = new Bed('mh').add('a').add('b').add('c').add('d');
    const before = map(bed);
    const after = map(bed.remove('b'));
    const moved = before.filter((name, index) => name !== 'b' && name !== after[index]).length;
    expect(moved).toBeLessThan(40);
    expect(after).not.toContain('b');
  });

  it('keeps the table of a server that is drained, and gives its clients to others only when it may', () => {
    const bed = new Bed('mh').add('a', 3).add('b', 2);
    const before = map(bed);
    const drained = map(bed.edit('b', 0));
    expect(drained).toEqual(before.map((name) => (name === 'b' ? '-' : name)));
    expect(map(bed.edit('b', 2))).toEqual(before);
    const fallback = map(new Bed('mh', ['mh-fallback']).add('a', 3).add('b', 2).edit('b', 0));
    expect(new Set(fallback)).toEqual(new Set(['a']));
  });

  it('depends on the order of the servers as the kernel has it, but not with mh-identity', () => {
    const made = (flags: readonly string[], names: string): string[] => {
      const bed = new Bed('mh', flags);
      for (const name of names) bed.add(name, name.charCodeAt(0) - 96);
      return map(bed);
    };
    expect(made([], 'abcde')).not.toEqual(made([], 'cbeda'));
    expect(made(['mh-identity'], 'abcde')).toEqual(made(['flag-3'], 'cbeda'));
    // Comings and goings leave no trace either.
    const bed = new Bed('mh', ['mh-identity']).add('x', 7).add('d', 4).add('a').add('c', 3).remove('x').add('e', 5).add('b', 2);
    expect(map(bed)).toEqual(made(['mh-identity'], 'abcde'));
  });
});

describe('tables for the packet path', () => {
  const weights = fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 100_000 })), { maxLength: 6 });
  const flags = fc.subarray(['fallback', 'port']);

  it.each(['dh', 'sh', 'mh'] as const)('say what %s does', (name) => {
    fc.assert(
      fc.property(weights, flags, fc.nat(0xffff_ffff), fc.nat(0xffff), fc.nat(5), (of, words, client, clientPort, drained) => {
        const schedulerFlags = words.map((word) => `${name}-${word}`);
        const bed = new Bed(name, schedulerFlags);
        const schedule = new PathSchedule({ scheduler: name, schedulerFlags }, 4, []);
        for (const [index, weight] of of.entries()) {
          bed.add(String.fromCharCode(97 + index), weight);
          schedule.change({ kind: 'added' }, bed.list, 0);
        }
        const index = drained % Math.max(1, of.length);
        if (of.length > 0) {
          bed.edit((bed.list[index] as Server).name, 0);
          schedule.change({ kind: 'edited', index }, bed.list, 0);
        }
        const asked = { ...request(), client: IpAddress.fromV4Number(client), clientPort };
        const { current } = schedule;
        if (current.kind !== 'hash') throw new Error('not a table');
        expect(lookUp(current.slots, current.hash, bed.list, asked)).toBe(bed.pick(asked));
      }),
      { numRuns: 60 },
    );
  });

  it('are empty without servers, and without any server that ever had a weight', () => {
    const slots = (scheduler: 'sh' | 'mh', list: readonly Server[]): number => {
      const { current } = new PathSchedule({ scheduler, schedulerFlags: [] }, 4, list);
      return current.kind === 'hash' ? current.slots.length : Number.NaN;
    };
    expect([slots('sh', []), slots('mh', []), slots('mh', [server('a', 0)])]).toEqual([0, 0, 0]);
    expect([slots('sh', [server('a', 0)]), slots('mh', [server('a', 2)])]).toEqual([256, 4093]);
  });
});

/** What the packet path does with a table, written down a second time from its description. */
function lookUp(slots: readonly number[], hash: SlotHash, list: readonly Server[], asked: ScheduleRequest): string {
  if (slots.length === 0) return '-';
  const address = BigInt((hash.of === 'client' ? asked.client : asked.virtual).toV4Number());
  const value = (address + (hash.port ? BigInt(asked.clientPort) : 0n)) & 0xffff_ffffn;
  const slotAt = (offset: bigint): number => {
    if (hash.kind === 'golden') return Number((offset + (((value * 0x61c88647n) & 0xffff_ffffn) >> 24n)) & 255n);
    return bigSipHash((value + offset) & 0xffff_ffffn, BigInt(hash.key)) % hash.size;
  };
  const first = slotAt(0n);
  const offsets = hash.fallback ? Array.from({ length: hash.size }, (_, step) => BigInt((step + first) % hash.size)) : [];
  for (const slot of [first, ...offsets.map(slotAt)]) {
    const found = list[slots[slot] as number];
    if (found && found.weight > 0 && !found.overloaded) return found.name;
  }
  return '-';
}

/** SipHash-1-3 of four bytes with two equal key words, in whole 64-bit numbers. */
function bigSipHash(value: bigint, key: bigint): number {
  const mask = 0xffff_ffff_ffff_ffffn;
  const rotate = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (64n - by))) & mask;
  let [a, b, c, d] = [0x736f6d6570736575n ^ key, 0x646f72616e646f6dn ^ key, 0x6c7967656e657261n ^ key, 0x7465646279746573n ^ key];
  const round = (): void => {
    a = (a + b) & mask;
    b = rotate(b, 13n) ^ a;
    a = rotate(a, 32n);
    c = (c + d) & mask;
    d = rotate(d, 16n) ^ c;
    a = (a + d) & mask;
    d = rotate(d, 21n) ^ a;
    c = (c + b) & mask;
    b = rotate(b, 17n) ^ c;
    c = rotate(c, 32n);
  };
  const block = (4n << 56n) | value;
  d ^= block;
  round();
  a ^= block;
  c ^= 0xffn;
  for (let i = 0; i < 3; i++) round();
  return Number((a ^ b ^ c ^ d) & 0xffff_ffffn);
}
