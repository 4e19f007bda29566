import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, maxPrefixLength } from '../../base/index.ts';
import { decodeRule, encodeRule, type RuleSpec } from './rule.ts';

const v4 = fc.nat(0xffffffff).map((value) => IpAddress.fromV4Number(value));
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => IpAddress.fromBytes(bytes) as IpAddress);

describe('rules', () => {
  const range = fc.record({ from: fc.nat(0xffff), to: fc.nat(0xffff) });
  const name = fc.stringMatching(/^[a-z0-9.]{1,15}$/);
  const u31 = fc.nat(0x7fffffff);
  const rule: fc.Arbitrary<RuleSpec> = fc.constantFrom<4 | 6>(4, 6).chain((family) => {
    const own = (family === 4 ? v4 : v6).chain((ip) =>
      fc.record({ address: fc.constant(ip), length: fc.integer({ min: 1, max: maxPrefixLength(family) }) }),
    );
    return fc.record(
      {
        family: fc.constant(family),
        action: fc.constantFrom<RuleSpec['action']>('table', 'goto', 'nop', 'blackhole', 'unreachable', 'prohibit'),
        table: u31,
        target: u31,
        inverted: fc.boolean(),
        from: own,
        to: own,
        inputInterface: name,
        outputInterface: name,
        mark: fc.record({ value: u31, mask: u31 }),
        typeOfService: fc.integer({ min: 1, max: 255 }),
        priority: u31,
        ipProtocol: fc.nat(255),
        sourcePorts: range,
        destinationPorts: range,
        uids: range,
        tunnelId: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
        realm: u31,
        suppressPrefixLength: u31,
        suppressInterfaceGroup: u31,
        l3mdev: fc.boolean(),
        protocol: fc.nat(255),
      },
      { requiredKeys: ['family', 'action', 'table', 'inverted', 'l3mdev', 'protocol'] },
    );
  });

  it('come back as they were written', () => {
    fc.assert(
      fc.property(rule, (spec) => {
        expect(decodeRule(encodeRule(spec))).toEqual({ ok: true, value: spec });
      }),
    );
  });
});
