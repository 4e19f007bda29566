import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis } from '../base/index.ts';
import { BFD_REJECT_REASONS, type BfdPacket, type BfdState, decodeBfd, encodeBfd } from './index.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const anyPacket: fc.Arbitrary<BfdPacket> = fc
  .record({
    diagnostic: fc.integer({ min: 0, max: 31 }),
    state: fc.constantFrom<BfdState>('admin-down', 'down', 'init', 'up'),
    poll: fc.boolean(),
    final: fc.boolean(),
    controlPlaneIndependent: fc.boolean(),
    demand: fc.boolean(),
    multiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffffffff }),
    yourDiscriminator: uint32,
    desiredMinTx: uint32,
    requiredMinRx: uint32,
    requiredMinEchoRx: uint32,
  })
  .map((packet) => ({ ...packet, yourDiscriminator: packet.yourDiscriminator || 1 }));

const SAMPLE: BfdPacket = {
  diagnostic: 3,
  state: 'up',
  poll: true,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  multiplier: 5,
  myDiscriminator: 0x01020304,
  yourDiscriminator: 0xa1a2a3a4,
  desiredMinTx: millis(10),
  requiredMinRx: millis(20),
  requiredMinEchoRx: 0,
};
// Laid out by hand from the figure in RFC 5880 §4.1.
const SAMPLE_BYTES = hex('23 e0 05 18 01020304 a1a2a3a4 00002710 00004e20 00000000');

describe('BFD control packets', () => {
  it('have the layout of RFC 5880 §4.1', () => {
    expect(encodeBfd(SAMPLE)).toEqual(SAMPLE_BYTES);
    expect(decodeBfd(SAMPLE_BYTES)).toEqual({ ok: true, packet: SAMPLE });
  });

  it('come back as they went', () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        expect(decodeBfd(encodeBfd(packet))).toEqual({ ok: true, packet });
      }),
    );
  });

  it('may be longer than their length field says, not shorter', () => {
    expect(decodeBfd(Uint8Array.from([...SAMPLE_BYTES, 0, 0])).ok).toBe(true);
    for (let length = 0; length < SAMPLE_BYTES.length; length++) {
      expect(decodeBfd(SAMPLE_BYTES.subarray(0, length))).toEqual({ ok: false, reason: 'length' });
    }
  });

  it.each([
    ['length', 3, 23],
    ['length', 3, 25],
    ['version', 0, 0x43],
    ['multiplier', 2, 0],
    ['multipoint', 1, 0xc1],
    ['authentication', 1, 0xc4],
  ])('are refused for %s', (reason, position, value) => {
    expect(decodeBfd(SAMPLE_BYTES.with(position, value))).toEqual({ ok: false, reason });
  });

  it('must give their own discriminator, and ours unless they are down', () => {
    const without = (changes: Partial<BfdPacket>) => decodeBfd(encodeBfd({ ...SAMPLE, ...changes }));
    expect(without({ myDiscriminator: 0 })).toEqual({ ok: false, reason: 'my-discriminator' });
    expect(without({ yourDiscriminator: 0 })).toEqual({ ok: false, reason: 'your-discriminator' });
    expect(without({ yourDiscriminator: 0, state: 'init' })).toEqual({ ok: false, reason: 'your-discriminator' });
    expect(without({ yourDiscriminator: 0, state: 'down' }).ok).toBe(true);
    expect(without({ yourDiscriminator: 0, state: 'admin-down' }).ok).toBe(true);
  });

  it('are read or refused, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const decoded = decodeBfd(bytes);
        expect(decoded.ok || decoded.reason in BFD_REJECT_REASONS).toBe(true);
      }),
    );
  });

  it('have reasons with numbers of their own', () => {
    const numbers = Object.values(BFD_REJECT_REASONS).map((reason) => reason.number);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
