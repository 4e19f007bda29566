import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../base/index.ts';
import { decodeIpv4, encodeIpv4, type Ipv4Header, ipv4PseudoHeader } from './ipv4.ts';

const address = fc.nat(0xffffffff).map((value) => IpAddress.fromV4Number(value));
const header: fc.Arbitrary<Ipv4Header> = fc.record({
  typeOfService: fc.nat(255),
  identification: fc.nat(0xffff),
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentOffset: fc.nat(0x1fff),
  ttl: fc.nat(255),
  protocol: fc.nat(255),
  source: address,
  destination: address,
  options: fc.nat(10).chain((words) => fc.uint8Array({ minLength: words * 4, maxLength: words * 4 })),
});
const body = fc.uint8Array({ maxLength: 200 });

/** An advertisement of keepalived 2.2.7 as recorded on a veth pair: VRID 51, priority 150, PASS 1111, VIP 192.168.18.200. */
const RECORDED = Uint8Array.from(
  Buffer.from('45c000280001 0000ff7007 21c0a812c9e0000012213396010101 11f7c0a812c83131313100000000'.replaceAll(' ', ''), 'hex'),
);

describe('IPv4', () => {
  it('reads a recorded packet of keepalived and writes it again byte for byte', () => {
    const decoded = decodeIpv4(RECORDED);
    if (!decoded.ok) throw new Error(decoded.reason);
    expect(decoded.value.header).toMatchObject({ typeOfService: 0xc0, ttl: 255, protocol: 112, dontFragment: false });
    expect(`${decoded.value.header.source} > ${decoded.value.header.destination}`).toBe('192.168.18.201 > 224.0.0.18');
    expect(encodeIpv4(decoded.value.header, decoded.value.payload)).toEqual(RECORDED);
  });

  it('reads what it wrote, and leaves link-layer padding out', () => {
    fc.assert(
      fc.property(header, body, fc.nat(30), (fields, payload, padding) => {
        const packet = new Uint8Array([...encodeIpv4(fields, payload), ...new Uint8Array(padding)]);
        expect(decodeIpv4(packet)).toEqual({ ok: true, value: { header: fields, payload } });
      }),
    );
  });

  it('refuses every cut of a packet', () => {
    fc.assert(
      fc.property(header, body, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (fields, payload, part) => {
        const packet = encodeIpv4(fields, payload);
        expect(decodeIpv4(packet.subarray(0, Math.floor(packet.length * part))).ok).toBe(false);
      }),
    );
  });

  it('refuses any single changed bit after the header length', () => {
    fc.assert(
      fc.property(header, body, fc.integer({ min: 8, max: 159 }), (fields, payload, bit) => {
        const packet = encodeIpv4(fields, payload);
        packet[bit >> 3] = (packet[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(decodeIpv4(packet).ok).toBe(false);
      }),
    );
  });

  it.each([
    [0, 0x65, 'bad-version'],
    [0, 0x44, 'bad-header-length'],
    [3, 19, 'bad-length'],
    [10, 0, 'bad-checksum'],
  ])('counts byte %i = %i as %s', (index, value, reason) => {
    const packet = RECORDED.slice();
    packet[index] = value;
    expect(decodeIpv4(packet)).toEqual({ ok: false, reason });
  });

  it('answers any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => typeof decodeIpv4(bytes).ok === 'boolean'));
  });

  it('lays out the pseudo-header as RFC 793 draws it', () => {
    const [source, destination] = ['10.0.0.1', '224.0.0.18'].map((text) => IpAddress.parse(text) as IpAddress) as [IpAddress, IpAddress];
    expect([...ipv4PseudoHeader(source, destination, 112, 0x102)]).toEqual([10, 0, 0, 1, 224, 0, 0, 18, 0, 112, 1, 2]);
  });
});
