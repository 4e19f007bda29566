import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../base/index.ts';
import { type ArpPacket, decodeArp, encodeArp, encodeGratuitousArp } from './arp.ts';
import { decodeEthernet, encodeEthernet, formatMac, parseMac } from './ethernet.ts';

const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const address = fc.nat(0xffffffff).map((value) => IpAddress.fromV4Number(value));
const packet: fc.Arbitrary<ArpPacket> = fc.record({
  operation: fc.constantFrom('request', 'reply'),
  senderMac: mac,
  senderAddress: address,
  targetMac: mac,
  targetAddress: address,
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('encodeGratuitousArp', () => {
  const vip = IpAddress.parse('192.168.18.200') as IpAddress;
  const own = parseMac('12:0a:25:3e:d7:c5') as Uint8Array;

  it('is byte for byte what keepalived 2.2.7 broadcasts (recorded on a veth pair)', () => {
    expect(hex(encodeGratuitousArp(own, vip))).toBe('ffffffffffff120a253ed7c508060001080006040001120a253ed7c5c0a812c8ffffffffffffc0a812c8');
  });

  it('has a reply form that differs in the operation only', () => {
    const request = encodeGratuitousArp(own, vip, 'request');
    const reply = encodeGratuitousArp(own, vip, 'reply');
    expect(reply[21]).toBe(2);
    reply[21] = 1;
    expect(reply).toEqual(request);
  });
});

describe('decodeArp', () => {
  it('reads what encodeArp wrote, padded or not', () => {
    fc.assert(
      fc.property(packet, fc.nat(18), (value, padding) => {
        const bytes = new Uint8Array([...encodeArp(value), ...new Uint8Array(padding)]);
        expect(decodeArp(bytes)).toEqual({ ok: true, value });
      }),
    );
  });

  it.each([
    [0, 'bad-hardware-type'],
    [4, 'bad-hardware-type'],
    [2, 'bad-protocol-type'],
    [5, 'bad-protocol-type'],
    [7, 'bad-operation'],
  ])('refuses a wrong byte %i as %s', (index, reason) => {
    const bytes = encodeArp({
      operation: 'reply',
      senderMac: new Uint8Array(6),
      senderAddress: IpAddress.fromV4Number(1),
      targetMac: new Uint8Array(6),
      targetAddress: IpAddress.fromV4Number(2),
    });
    bytes[index] = 0x77;
    expect(decodeArp(bytes)).toEqual({ ok: false, reason });
  });

  it('answers any bytes, and every cut as truncated', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const decoded = decodeArp(bytes);
        if (bytes.length < 28) expect(decoded).toEqual({ ok: false, reason: 'truncated' });
      }),
    );
  });
});

describe('Ethernet', () => {
  it('gives back header and payload', () => {
    fc.assert(
      fc.property(mac, mac, fc.nat(0xffff), fc.uint8Array({ maxLength: 100 }), (destination, source, etherType, payload) => {
        const decoded = decodeEthernet(encodeEthernet({ destination, source, etherType }, payload));
        expect(decoded).toEqual({ ok: true, value: { destination, source, etherType, payload } });
      }),
    );
  });

  it('refuses less than a header', () => {
    expect(decodeEthernet(new Uint8Array(13))).toEqual({ ok: false, reason: 'truncated' });
  });

  it('prints and reads hardware addresses', () => {
    fc.assert(
      fc.property(mac, (bytes) => {
        expect(parseMac(formatMac(bytes))).toEqual(bytes);
      }),
    );
    expect(formatMac(Uint8Array.of(0, 0, 0x5e, 0, 1, 0x33))).toBe('00:00:5e:00:01:33');
  });

  it.each(['', '00:11:22:33:44', '00:11:22:33:44:55:66', '00-11-22-33-44-55', '0:1:2:3:4:g', '000:1:2:3:4:5'])('refuses %j', (text) => {
    expect(parseMac(text)).toBeUndefined();
  });
});
