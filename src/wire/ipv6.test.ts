import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../base/index.ts';
import { decodeIpv6, encodeIpv6, type Ipv6Header, ipv6PseudoHeader } from './ipv6.ts';

const anyAddress = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => IpAddress.fromBytes(bytes) as IpAddress);
const anyHeader: fc.Arbitrary<Ipv6Header> = fc.record({
  trafficClass: fc.nat(255),
  flowLabel: fc.nat(0xfffff),
  nextHeader: fc.nat(255),
  hopLimit: fc.nat(255),
  source: anyAddress,
  destination: anyAddress,
});

describe('the IPv6 header', () => {
  it('survives the round trip, without link-layer padding', () => {
    fc.assert(
      fc.property(anyHeader, fc.uint8Array({ maxLength: 100 }), fc.nat(20), (header, payload, padding) => {
        const packet = Uint8Array.from([...encodeIpv6(header, payload), ...new Uint8Array(padding)]);
        expect(decodeIpv6(packet)).toEqual({ ok: true, value: { header, payload } });
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const decoded = decodeIpv6(bytes);
        expect(decoded.ok || ['truncated', 'bad-version'].includes(decoded.reason)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('says when there is less than it states, and when it is something else', () => {
    const packet = encodeIpv6(
      {
        trafficClass: 0,
        flowLabel: 0,
        nextHeader: 59,
        hopLimit: 1,
        source: IpAddress.fromBytes(new Uint8Array(16)) as IpAddress,
        destination: IpAddress.fromBytes(new Uint8Array(16)) as IpAddress,
      },
      new Uint8Array(8),
    );
    expect(decodeIpv6(packet.subarray(0, 47))).toEqual({ ok: false, reason: 'truncated' });
    packet[0] = 0x45;
    expect(decodeIpv6(packet)).toEqual({ ok: false, reason: 'bad-version' });
  });

  it('has the pseudo-header of RFC 8200', () => {
    const [source, destination] = [IpAddress.parse('fe80::1'), IpAddress.parse('ff02::12')] as [IpAddress, IpAddress];
    const bytes = ipv6PseudoHeader(source, destination, 112, 0x12345);
    expect(Array.from(bytes.subarray(32))).toEqual([0, 1, 0x23, 0x45, 0, 0, 0, 112]);
  });
});
