import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IpAddress } from '../../base/index.ts';
import { formatRecord, parseRecord } from './record.ts';
import { TUNNEL_TYPES } from './tunnel.ts';

const address = fc.integer({ min: 0, max: 0xffffffff }).map((value) => IpAddress.fromV4Number(value));
const tunnel = fc.record({
  type: fc.constantFrom(...TUNNEL_TYPES),
  port: fc.nat(65_535),
  directors: fc.oneof(fc.constant('any' as const), fc.array(address)),
  interfaces: fc.array(fc.record({ name: fc.string(), madeDiscipline: fc.boolean() })),
});
const record = fc.record(
  {
    bootId: fc.string(),
    namespace: fc.string(),
    sysctls: fc.array(fc.record({ name: fc.string(), before: fc.string(), set: fc.string() })),
    vips: fc.array(fc.record({ address, mode: fc.constantFrom('dr' as const, 'tun' as const), added: fc.boolean() })),
    tunnel,
  },
  { requiredKeys: ['bootId', 'namespace', 'sysctls', 'vips'] },
);

it('reads back every record that it writes', () => {
  fc.assert(
    fc.property(record, (value) => {
      expect(formatRecord(parseRecord(formatRecord(value))!)).toBe(formatRecord(value));
    }),
  );
});

it('takes any text without throwing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(parseRecord(text)).toBeUndefined();
    }),
  );
});

it('refuses every truncated record', () => {
  const text = formatRecord({
    bootId: 'b',
    namespace: 'n',
    sysctls: [],
    vips: [{ address: IpAddress.parse('10.0.0.1')!, mode: 'dr', added: true }],
  });
  for (let length = 0; length < text.trimEnd().length; length++) expect(parseRecord(text.slice(0, length))).toBeUndefined();
});
