import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, millis, seconds } from '../base/index.ts';
import { isAuthentic } from './authentication-header.ts';
import { encodeVrrp, readVrrpAdvert, VRRP_AUTH_AH, type VrrpAdvert, vrrpChecksum } from './vrrp.ts';
import {
  decodeVrrpPacket,
  encodeAuthenticatedVrrpPacket,
  encodeVrrpPacket,
  openVrrpPacket,
  type VrrpEnvelope,
  vrrpMessageAt,
} from './vrrp-packet.ts';
import { VRRP_REJECT_REASONS } from './vrrp-reasons.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const ip = (text: string): IpAddress => IpAddress.parse(text) as IpAddress;

function opened(packet: Uint8Array): VrrpEnvelope {
  const envelope = openVrrpPacket(packet);
  if (!envelope.ok) throw new Error(envelope.reason);
  return envelope;
}

describe('version 3 as keepalived 2.2.7 sends it (recorded on a veth link)', () => {
  const multicast4 = hex('45c0002000010000ff70d090 0a090001e0000012 31369601000a43b5 0a090067');
  const unicast4 = hex('45c0002000010000ff70a698 0a0900010a090002 31379601000a19bb 0a090068');
  const multicast6 = hex(
    '6c0c52eb002870ff fe80000000000000d898fffffea9151e ff020000000000000000000000000012 31359602000a3fe0 fe800000000000000000000000001234 fd000000000000000000000000000099',
  );
  const unicast6 = hex(
    '6c06bd2e00287040 fd000000000000000000000000000001 fd000000000000000000000000000002 31389602000a41af fe800000000000000000000000000055 fd000000000000000000000000000098',
  );

  it.each([
    ['IPv4 multicast', multicast4, 54, ['10.9.0.103']],
    ['IPv4 unicast', unicast4, 55, ['10.9.0.104']],
    ['IPv6 multicast', multicast6, 53, ['fe80::1234', 'fd00::99']],
    ['IPv6 unicast', unicast6, 56, ['fe80::55', 'fd00::98']],
  ])('%s: the same message, read and written', (_, recorded, vrid, addresses) => {
    const { message, source, destination } = opened(recorded);
    const advert = readVrrpAdvert(message, source.family);
    expect(advert).toEqual({
      version: 3,
      vrid,
      priority: 150,
      interval: millis(100),
      addresses: addresses.map(ip),
      authType: 0,
      authData: new Uint8Array(0),
    });
    expect(vrrpChecksum(message, source, destination, 'rfc')).toBe(0);
    expect(encodeVrrp(advert, source, destination)).toEqual(Uint8Array.from(message));
  });

  it('IPv4: the same packet', () => {
    const { message, source, destination } = opened(multicast4);
    expect(encodeVrrpPacket(message, source, destination, 1)).toEqual(multicast4);
  });

  it('IPv6: the same packet but for the flow label, which the kernel chooses', () => {
    const { message, source, destination } = opened(unicast6);
    const packet = encodeVrrpPacket(message, source, destination, 0, 64);
    expect(packet.subarray(4)).toEqual(unicast6.subarray(4));
    expect(packet[0]).toBe(unicast6[0]);
  });
});

describe('version 2 over IPv6 as keepalived 2.2.7 sends it (recorded on a veth link)', () => {
  const multicast = hex(
    '6c0916fc001870ff fe800000000000008cf83ffffe90195f ff020000000000000000000000000012 21339601000167c3 fd000000000000000000000000000100',
  );
  const unicast = hex(
    '6c06bd2e00187040 fd000000000000000000000000000001 fd000000000000000000000000000002 213396010001503c fd000000000000000000000000000100',
  );
  const withPassword = hex(
    '6c0c39b9002870ff fe80000000000000c057c7fffe72c48a ff020000000000000000000000000012 2133960201010243 fd000000000000000000000000000100 fd000000000000000000000000000101',
  );

  it.each([
    ['multicast', multicast, 255, 0, ['fd00::100']],
    ['unicast', unicast, 64, 0, ['fd00::100']],
    ['with a password, which is not in it', withPassword, 255, 1, ['fd00::100', 'fd00::101']],
  ])('%s: read, and written with the same bytes but for the flow label', (_, recorded, ttl, authType, addresses) => {
    const { message, source, destination } = opened(recorded);
    const advert = readVrrpAdvert(message, 6);
    expect(advert).toEqual({
      version: 2,
      vrid: 51,
      priority: 150,
      interval: seconds(1),
      addresses: addresses.map(ip),
      authType,
      authData: new Uint8Array(0),
    });
    expect(vrrpChecksum(message, source, destination, 'rfc')).toBe(0);
    const written = encodeVrrpPacket(encodeVrrp(advert, source, destination), source, destination, 0, ttl);
    expect(written.subarray(4)).toEqual(recorded.subarray(4));
    expect(decodeVrrpPacket(recorded).ok).toBe(ttl === 255);
  });
});

describe('the authentication header as keepalived 2.2.7 sends it (recorded on a veth link)', () => {
  const multicast = hex(
    '45c0004000010000ff33d0ad0a090001e0000012 700400000a09000100000001eac37638cbd76bc16eddffbe 2133960102013c5d 0a090064 0000000000000000',
  );
  const unicast = hex(
    '45c0004400010000ff33a6b10a0900010a090002 700400000a090001000000017fac87d917ba12d61f06d8c4 21349602020131eb 0a0900650a090066 0000000000000000',
  );

  it.each([
    ['multicast', multicast, '1111', false],
    ['unicast', unicast, 'secret12', true],
  ])('%s: read, verified and written with the same bytes', (_, recorded, password, isUnicast) => {
    const key = Buffer.from(password);
    const { source, destination, message, authentication, headerLength } = opened(recorded);
    expect(authentication).toEqual({ nextHeader: 112, spi: 0x0a090001, sequence: 1 });
    expect(isAuthentic(recorded, headerLength, key, isUnicast)).toBe(true);
    expect(isAuthentic(recorded, headerLength, Buffer.from('1112'), isUnicast)).toBe(false);
    expect(readVrrpAdvert(message, 4)).toMatchObject({ authType: VRRP_AUTH_AH, authData: new Uint8Array(8) });
    const options = { key, sequence: 1, ttl: 255, unicast: isUnicast };
    expect(encodeAuthenticatedVrrpPacket(message, source, destination, options)).toEqual(recorded);
  });

  it('no bit of the packet can be altered unnoticed but those that routers alter', () => {
    const key = Buffer.from('secret12');
    const mutable = new Set([1, 6, 7, 8, 10, 11]);
    fc.assert(
      fc.property(fc.nat(unicast.length * 8 - 1), (bit) => {
        const packet = Uint8Array.from(unicast);
        packet[bit >> 3] = (packet[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(isAuthentic(packet, 20, key, true)).toBe(mutable.has(bit >> 3));
      }),
      { numRuns: 1000 },
    );
  });

  it('is refused when it is another one, or protects something else', () => {
    const rewritten = (at: number, value: number): Uint8Array => {
      const packet = Uint8Array.from(multicast);
      packet[at] = value;
      return packet;
    };
    expect(openVrrpPacket(rewritten(21, 5))).toMatchObject({ reason: 'ah-header' });
    expect(openVrrpPacket(rewritten(20, 6))).toMatchObject({ reason: 'protocol', found: 6 });
  });
});

const anyIpv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => IpAddress.fromBytes(bytes) as IpAddress);
const common6 = {
  vrid: fc.integer({ min: 1, max: 255 }),
  priority: fc.nat(255),
  addresses: fc.array(anyIpv6, { maxLength: 20 }),
  authData: fc.constant(new Uint8Array(0)),
};
const anyAdvert6: fc.Arbitrary<VrrpAdvert> = fc.oneof(
  fc.record({
    ...common6,
    version: fc.constant(2 as const),
    interval: fc.nat(255).map((count) => seconds(count)),
    authType: fc.nat(255),
  }),
  fc.record({
    ...common6,
    version: fc.constant(3 as const),
    interval: fc.nat(4095).map((count) => count * 10_000),
    authType: fc.constant(0),
  }),
);

describe('either version over IPv6', () => {
  it('survives the round trip, also with link-layer padding behind it', () => {
    fc.assert(
      fc.property(anyAdvert6, anyIpv6, anyIpv6, fc.nat(20), (advert, source, destination, padding) => {
        const packet = encodeVrrpPacket(encodeVrrp(advert, source, destination), source, destination);
        const padded = Uint8Array.from([...packet, ...new Uint8Array(padding)]);
        expect(decodeVrrpPacket(padded)).toEqual({ ok: true, packet: { source, destination, advert } });
      }),
    );
  });

  it('is rejected after a flip of any bit behind traffic class and flow label', () => {
    fc.assert(
      fc.property(anyAdvert6, anyIpv6, fc.nat(), (advert, source, position) => {
        const packet = encodeVrrpPacket(encodeVrrp(advert, source, ip('ff02::12')), source, ip('ff02::12'));
        const bit = 32 + (position % (packet.length * 8 - 32));
        packet[bit >> 3] = (packet[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(decodeVrrpPacket(packet).ok).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the checksum of version 3 without pseudo-header', () => {
  it('covers the message alone', () => {
    const advert: VrrpAdvert = {
      version: 3,
      vrid: 7,
      priority: 100,
      interval: seconds(1),
      addresses: [ip('10.0.0.1')],
      authType: 0,
      authData: new Uint8Array(0),
    };
    const message = encodeVrrp(advert, ip('10.0.0.2'), ip('224.0.0.18'), 'message');
    expect(vrrpChecksum(message, ip('10.9.9.9'), ip('224.0.0.18'), 'message')).toBe(0);
    expect(vrrpChecksum(message, ip('10.0.0.2'), ip('224.0.0.18'), 'rfc')).not.toBe(0);
  });

  it('is for IPv4: over IPv6 the kernel of the other side sees to it', () => {
    fc.assert(
      fc.property(anyAdvert6, anyIpv6, anyIpv6, (advert, source, destination) => {
        expect(encodeVrrp(advert, source, destination, 'message')).toEqual(encodeVrrp(advert, source, destination));
      }),
    );
  });
});

describe('opening a packet', () => {
  it('is total: an envelope whose message lies inside the packet, or a numbered reason', () => {
    const start = fc.constantFrom([0x45, 0xc0], [0x60, 0x00], [0x00, 0x00]);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 120 }), (head, rest) => {
        const bytes = Uint8Array.from([...head, ...rest]);
        const envelope = openVrrpPacket(bytes);
        if (envelope.ok) expect(envelope.message.byteOffset + envelope.message.length).toBeLessThanOrEqual(bytes.length);
        else expect(envelope.reason in VRRP_REJECT_REASONS).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('finds the message where the sender has put it', () => {
    const message = hex('31369601000a43b50a090067');
    for (const [source, destination] of [
      [ip('10.0.0.1'), ip('224.0.0.18')],
      [ip('fe80::1'), ip('ff02::12')],
    ] as const) {
      expect(encodeVrrpPacket(message, source, destination).subarray(vrrpMessageAt(source, false))).toEqual(message);
    }
    const options = { key: hex('00'), sequence: 0x10000, ttl: 255, unicast: false };
    const packet = encodeAuthenticatedVrrpPacket(message, ip('10.0.0.1'), ip('224.0.0.18'), options);
    expect(packet.subarray(vrrpMessageAt(ip('10.0.0.1'), true))).toEqual(message);
    // The kernel would replace an identification of 0, which the digest covers.
    expect([packet[4], packet[5]]).toEqual([0, 1]);
  });
});
