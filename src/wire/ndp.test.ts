import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../base/index.ts';
import { ETHERNET_HEADER_LENGTH } from './ethernet.ts';
import { decodeNeighbourAdvertisement, encodeUnsolicitedAdvertisement } from './ndp.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const anyAddress = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => IpAddress.fromBytes(bytes) as IpAddress);
const anyMac = fc.uint8Array({ minLength: 6, maxLength: 6 });

describe('an unsolicited neighbour advertisement', () => {
  it.each([
    [
      'fe80::1234',
      '333300000001da98ffa9151e86dd 6000000000203aff fe800000000000000000000000001234 ff020000000000000000000000000001 880045d520000000 fe800000000000000000000000001234 0201da98ffa9151e',
    ],
    [
      'fd00::99',
      '333300000001da98ffa9151e86dd 6000000000203aff fd000000000000000000000000000099 ff020000000000000000000000000001 88006c0b20000000 fd000000000000000000000000000099 0201da98ffa9151e',
    ],
  ])('for %s has the bytes that keepalived 2.2.7 sent (recorded on a veth link)', (address, frame) => {
    const target = IpAddress.parse(address) as IpAddress;
    expect(encodeUnsolicitedAdvertisement({ target, mac: hex('da98ffa9151e'), isRouter: false })).toEqual(hex(frame));
  });

  it('survives the round trip', () => {
    fc.assert(
      fc.property(anyAddress, anyMac, fc.boolean(), (target, mac, isRouter) => {
        const packet = encodeUnsolicitedAdvertisement({ target, mac, isRouter }).subarray(ETHERNET_HEADER_LENGTH);
        expect(decodeNeighbourAdvertisement(packet)).toEqual({ ok: true, value: { target, mac, isRouter } });
      }),
    );
  });

  it('is refused after a flip of any bit that its checksum covers, and never throws', () => {
    fc.assert(
      fc.property(anyAddress, anyMac, fc.nat(), (target, mac, position) => {
        const packet = encodeUnsolicitedAdvertisement({ target, mac, isRouter: true }).subarray(ETHERNET_HEADER_LENGTH);
        const bit = 8 * 8 + (position % ((packet.length - 8) * 8));
        packet[bit >> 3] = (packet[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(decodeNeighbourAdvertisement(packet).ok).toBe(false);
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
        expect(decodeNeighbourAdvertisement(bytes).ok).toBe(false);
      }),
    );
  });
});
