import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, seconds } from '../base/index.ts';
import {
  decodeVrrpPacket,
  encodeVrrp,
  encodeVrrpPacket,
  passAuthData,
  sameAuthData,
  VRRP_AUTH_NONE,
  VRRP_AUTH_PASS,
  VRRP_REJECT_REASONS,
  type VrrpAdvert,
} from './index.ts';

const SOURCE = IpAddress.parse('10.9.0.1') as IpAddress;
const GROUP = IpAddress.parse('224.0.0.18') as IpAddress;

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const anyAddress = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => IpAddress.fromBytes(bytes) as IpAddress);
const common = {
  vrid: fc.integer({ min: 1, max: 255 }),
  priority: fc.integer({ min: 0, max: 255 }),
  addresses: fc.array(anyAddress, { maxLength: 255 }),
};
const anyVersion2 = fc.record({
  ...common,
  version: fc.constant(2 as const),
  interval: fc.integer({ min: 0, max: 255 }).map((count) => seconds(count)),
  authType: fc.integer({ min: 0, max: 255 }),
  authData: fc.uint8Array({ minLength: 8, maxLength: 8 }),
});
const anyVersion3 = fc.record({
  ...common,
  version: fc.constant(3 as const),
  interval: fc.integer({ min: 0, max: 4095 }).map((count) => count * 10_000),
  authType: fc.constant(VRRP_AUTH_NONE),
  authData: fc.constant(new Uint8Array(0)),
});
const anyAdvert: fc.Arbitrary<VrrpAdvert> = fc.oneof(anyVersion2, anyVersion3);

function packetOf(advert: VrrpAdvert, source = SOURCE): Uint8Array {
  return encodeVrrpPacket(encodeVrrp(advert, source, GROUP), source, GROUP);
}

describe('VRRP version 2 as keepalived 2.2.7 sends it (recorded on a veth link)', () => {
  const withPassword = hex('45c0002800010000ff70d0880a090001e0000012 213396010101dafa 0a090064 3131313100000000');
  const without = hex('45c0002800010000ff70d0880a090001e0000012 2134960100013e5b 0a090065 0000000000000000');

  it('reads a PASS advertisement', () => {
    expect(decodeVrrpPacket(withPassword)).toEqual({
      ok: true,
      packet: {
        source: SOURCE,
        destination: GROUP,
        advert: {
          version: 2,
          vrid: 51,
          priority: 150,
          interval: seconds(1),
          addresses: [IpAddress.parse('10.9.0.100')],
          authType: VRRP_AUTH_PASS,
          authData: passAuthData(Buffer.from('1111')),
        },
      },
    });
  });

  it.each([
    ['with a password', withPassword],
    ['without authentication', without],
  ])('writes the same bytes %s', (_, recorded) => {
    const decoded = decodeVrrpPacket(recorded);
    expect(decoded.ok && encodeVrrpPacket(encodeVrrp(decoded.packet.advert, SOURCE, GROUP), SOURCE, GROUP, 1)).toEqual(recorded);
  });
});

describe('any advertisement', () => {
  it('survives the round trip, also with link-layer padding behind it', () => {
    fc.assert(
      fc.property(anyAdvert, anyAddress, fc.integer({ min: 0, max: 20 }), (advert, source, padding) => {
        const padded = Uint8Array.from([...packetOf(advert, source), ...new Uint8Array(padding)]);
        expect(decodeVrrpPacket(padded)).toEqual({ ok: true, packet: { source, destination: GROUP, advert } });
      }),
    );
  });

  it('is rejected after any single bit flip, header included', () => {
    fc.assert(
      fc.property(anyAdvert, fc.nat(), (advert, position) => {
        const packet = packetOf(advert);
        const bit = position % (packet.length * 8);
        packet[bit >> 3] = (packet[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(decodeVrrpPacket(packet).ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('is rejected when cut short at any place', () => {
    fc.assert(
      fc.property(anyAdvert, fc.nat(), (advert, position) => {
        const packet = packetOf(advert);
        expect(decodeVrrpPacket(packet.subarray(0, position % packet.length)).ok).toBe(false);
      }),
    );
  });
});

describe('anything else', () => {
  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const decoded = decodeVrrpPacket(bytes);
        expect(decoded.ok || decoded.reason in VRRP_REJECT_REASONS).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  const good: VrrpAdvert = {
    version: 2,
    vrid: 51,
    priority: 100,
    interval: seconds(1),
    addresses: [SOURCE],
    authType: 0,
    authData: new Uint8Array(8),
  };
  /** Alters message bytes and repairs the VRRP checksum, so that only the alteration can be the reason. */
  const altered = (change: (message: Uint8Array) => void): Uint8Array => {
    const message = encodeVrrp(good, SOURCE, GROUP);
    change(message);
    message.fill(0, 6, 8);
    let sum = 0;
    for (let i = 0; i < message.length; i += 2) sum += (message[i] as number) * 256 + (message[i + 1] as number);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    message[6] = (~sum >> 8) & 255;
    message[7] = ~sum & 255;
    return encodeVrrpPacket(message, SOURCE, GROUP);
  };
  const lowTtl = (): Uint8Array => {
    const packet = packetOf(good);
    // One less in the TTL byte is 0x100 more in the header checksum.
    packet[8] = 254;
    packet[10] = (packet[10] as number) + 1;
    return packet;
  };
  it.each([
    ['an empty packet', new Uint8Array(0), { reason: 'ip-header' }],
    ['a TTL below 255', lowTtl(), { reason: 'ttl', vrid: 51, found: 254, expected: 255 }],
    ['version 4', altered((message) => message.fill(0x41, 0, 1)), { reason: 'version', vrid: 51, found: 4 }],
    ['type 2', altered((message) => message.fill(0x22, 0, 1)), { reason: 'type', vrid: 51, found: 2, expected: 1 }],
    ['a wrong count', altered((message) => message.fill(2, 3, 4)), { reason: 'length', vrid: 51, found: 20, expected: 24 }],
    ['VRID 0', altered((message) => message.fill(0, 1, 2)), { reason: 'vrid' }],
  ])('refuses %s and says why', (_, packet, expected) => {
    expect(decodeVrrpPacket(packet)).toEqual({ ok: false, ...expected });
  });

  it('gives every reason its own number and a sentence', () => {
    const reasons = Object.values(VRRP_REJECT_REASONS);
    expect(new Set(reasons.map((reason) => reason.number)).size).toBe(reasons.length);
    expect(reasons.every((reason) => reason.doc.endsWith('.') || reason.doc.endsWith(').'))).toBe(true);
  });
});

describe('PASS authentication', () => {
  it('cuts or pads the password to eight bytes', () => {
    expect(passAuthData(Buffer.from('1111'))).toEqual(Uint8Array.of(49, 49, 49, 49, 0, 0, 0, 0));
    expect(passAuthData(Buffer.from('123456789'))).toEqual(Uint8Array.from(Buffer.from('12345678')));
  });

  it('compares whole contents', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
        expect(sameAuthData(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(sameAuthData(a, Uint8Array.from(a))).toBe(true);
      }),
    );
  });
});
