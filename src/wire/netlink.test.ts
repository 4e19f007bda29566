import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concat,
  decodeAck,
  decodeAttributes,
  decodeNetlinkMessages,
  encodeAttributes,
  encodeNetlinkMessage,
  HOST_IS_LITTLE_ENDIAN,
  isNetlinkSuccess,
  type NetlinkMessage,
  NLMSG_DONE,
  NLMSG_ERROR,
  numberNetlinkMessage,
  readText,
  readU32,
  text,
  u8,
  u16,
  u32,
  viewOf,
} from './netlink.ts';

const payload = fc.uint8Array({ maxLength: 64 });
const message: fc.Arbitrary<NetlinkMessage> = fc.record({
  type: fc.nat(0xffff),
  flags: fc.nat(0xffff),
  sequence: fc.nat(0xffffffff),
  portId: fc.nat(0xffffffff),
  payload,
});
const EPERM = 1;

function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

function ack(type: number, flags: number, ...parts: Uint8Array[]): NetlinkMessage {
  return { type, flags, sequence: 1, portId: 2, payload: concat(parts) };
}

describe('messages', () => {
  it('come back from one datagram in order', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        expect(decodeNetlinkMessages(concat(messages.map(encodeNetlinkMessage)))).toEqual({ ok: true, value: messages });
      }),
    );
  });

  it('are refused whole when the last one is cut', () => {
    fc.assert(
      fc.property(message, message, fc.nat(), (first, second, cut) => {
        const whole = encodeNetlinkMessage(first);
        const length = 16 + second.payload.length;
        const partial = encodeNetlinkMessage(second).subarray(0, 1 + (cut % (length - 1)));
        expect(decodeNetlinkMessages(concat([whole, partial]))).toEqual({ ok: false, reason: 'truncated' });
      }),
    );
  });

  it('are numbered after they were encoded', () => {
    fc.assert(
      fc.property(message, fc.nat(0xffffffff), (encoded, sequence) => {
        const bytes = encodeNetlinkMessage(encoded);
        numberNetlinkMessage(bytes, sequence);
        expect(bytes).toEqual(encodeNetlinkMessage({ ...encoded, sequence }));
      }),
    );
  });

  it('tell success only in answer to that request, and without an error', () => {
    const succeeds = (bytes: Uint8Array): boolean => isNetlinkSuccess(viewOf(bytes), 1, 2);
    const yes = encodeNetlinkMessage(ack(NLMSG_ERROR, 0, int32(0), new Uint8Array(16)));
    expect(succeeds(yes)).toBe(true);
    expect(succeeds(encodeNetlinkMessage(ack(NLMSG_ERROR, 0, int32(-EPERM), new Uint8Array(16))))).toBe(false);
    expect(succeeds(encodeNetlinkMessage(ack(NLMSG_DONE, 0, int32(0))))).toBe(false);
    expect(succeeds(encodeNetlinkMessage({ ...ack(NLMSG_ERROR, 0, int32(0)), sequence: 3 }))).toBe(false);
    expect(succeeds(encodeNetlinkMessage({ ...ack(NLMSG_ERROR, 0, int32(0)), portId: 3 }))).toBe(false);
    for (let length = 0; length < 20; length++) expect(succeeds(yes.subarray(0, length))).toBe(false);
  });

  it('answer any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof decodeNetlinkMessages(bytes).ok === 'boolean'));
  });

  it('refuse a length below the header, which would never end', () => {
    expect(decodeNetlinkMessages(new Uint8Array(32))).toEqual({ ok: false, reason: 'bad-length' });
  });
});

describe('attributes', () => {
  it('come back by type, nested ones included', () => {
    const attribute = fc.record({ type: fc.nat(0x3fff), value: payload });
    fc.assert(
      fc.property(fc.uniqueArray(attribute, { selector: ({ type }) => type, maxLength: 6 }), fc.nat(0x3fff), (inner, type) => {
        const outer = decodeAttributes(encodeAttributes([{ type, value: inner }]));
        if (!outer.ok) throw new Error(outer.reason);
        const nested = decodeAttributes(outer.value.get(type) as Uint8Array);
        expect(nested).toEqual({ ok: true, value: new Map(inner.map((item) => [item.type, item.value])) });
      }),
    );
  });

  it('answer any bytes from any offset', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(120),
        (bytes, offset) => typeof decodeAttributes(bytes, offset).ok === 'boolean',
      ),
    );
  });

  it('carry numbers in the machine order and strings with a NUL', () => {
    expect([...u8(7)]).toEqual([7]);
    expect([...u16(0x0102)]).toEqual(HOST_IS_LITTLE_ENDIAN ? [2, 1] : [1, 2]);
    expect(readU32(u32(0xfedcba98))).toBe(0xfedcba98);
    expect(readU32(u16(1))).toBeUndefined();
    expect([...text('lo')]).toEqual([0x6c, 0x6f, 0]);
    expect(readText(text('网卡0'))).toBe('网卡0');
    expect(readText(Uint8Array.of(0x6c, 0x6f))).toBe('lo');
  });
});

describe('decodeAck', () => {
  const request = encodeNetlinkMessage({ type: 20, flags: 5, sequence: 1, portId: 0, payload: new Uint8Array(9) });
  const words = encodeAttributes([
    { type: 1, value: text('Invalid prefix length') },
    { type: 2, value: u32(24) },
  ]);

  it('is done at 0', () => {
    expect(decodeAck(ack(NLMSG_ERROR, 0, int32(0), request.subarray(0, 16)))).toEqual({ ok: true, value: { errno: 0 } });
  });

  it('finds the words after the capped request, after the whole request, and in the end of a dump', () => {
    const value = { errno: EPERM, message: 'Invalid prefix length', offset: 24 };
    expect(decodeAck(ack(NLMSG_ERROR, 0x300, int32(-EPERM), request.subarray(0, 16), words))).toEqual({ ok: true, value });
    expect(decodeAck(ack(NLMSG_ERROR, 0x200, int32(-EPERM), request, words))).toEqual({ ok: true, value });
    expect(decodeAck(ack(NLMSG_DONE, 0x202, int32(-EPERM), words))).toEqual({ ok: true, value });
  });

  it('keeps the number when the words cannot be read', () => {
    const bad = Uint8Array.of(1, 0, 0, 0);
    expect(decodeAck(ack(NLMSG_DONE, 0x200, int32(-EPERM), bad))).toEqual({ ok: true, value: { errno: EPERM } });
  });

  it('answers any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(0xffff), fc.constantFrom(NLMSG_ERROR, NLMSG_DONE), (bytes, flags, type) => {
        const decoded = decodeAck(ack(type, flags, bytes));
        expect(decoded.ok).toBe(bytes.length >= 4);
      }),
    );
  });

  it('does not follow an echoed length that points outside', () => {
    const header = request.slice(0, 16);
    for (const length of [0x80000000, 0xffffffff, 0xfffffffc]) {
      header.set(u32(length), 0);
      expect(decodeAck(ack(NLMSG_ERROR, 0x200, int32(-EPERM), header, words))).toEqual({ ok: true, value: { errno: EPERM } });
    }
  });
});
