import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addToChecksum, finishChecksum, internetChecksum } from './checksum.ts';

describe('internetChecksum', () => {
  it('gives the sum of the example in RFC 1071 §3', () => {
    expect(internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(~0xddf2 & 0xffff);
  });

  it('is all ones for nothing', () => {
    expect(internetChecksum(new Uint8Array(0))).toBe(0xffff);
  });

  it('gives zero over a message that carries its own checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 1501 }), (bytes) => {
        bytes[0] = 0;
        bytes[1] = 0;
        const checksum = internetChecksum(bytes);
        bytes[0] = checksum >> 8;
        bytes[1] = checksum & 0xff;
        expect(internetChecksum(bytes)).toBe(0);
      }),
    );
  });

  it('does not depend on where an even part ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(150), (bytes, half) => {
        const cut = Math.min(half * 2, bytes.length & ~1);
        const sum = addToChecksum(addToChecksum(0, bytes.subarray(0, cut)), bytes.subarray(cut));
        expect(finishChecksum(sum)).toBe(internetChecksum(bytes));
      }),
    );
  });
});
