import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmacMd5, Md5 } from './md5.ts';

function md5(...pieces: Uint8Array[]): string {
  const digest = new Md5();
  for (const piece of pieces) digest.update(piece);
  return digest.hex();
}

describe('MD5', () => {
  // RFC 1321, appendix A.5.
  it.each([
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    ['abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
    ['12345678901234567890123456789012345678901234567890123456789012345678901234567890', '57edf4a22be3c955ac49da2e2107b67a'],
  ])('of %j', (text, digest) => {
    expect(md5(new TextEncoder().encode(text))).toBe(digest);
  });

  it('agrees with OpenSSL however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
        const reference = createHash('md5');
        for (const piece of pieces) reference.update(piece);
        expect(md5(...pieces)).toBe(reference.digest('hex'));
      }),
    );
  });
});

describe('HMAC-MD5', () => {
  it('agrees with the platform for any key and message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), fc.uint8Array({ maxLength: 300 }), (key, message) => {
        expect(Buffer.from(hmacMd5(key, message)).toString('hex')).toBe(createHmac('md5', key).update(message).digest('hex'));
      }),
    );
  });
});
