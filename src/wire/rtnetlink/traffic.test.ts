import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, encodeAttributes, HOST_IS_LITTLE_ENDIAN, text, viewOf } from '../netlink.ts';
import { CLSACT_INGRESS, decodeTraffic, encodeTrafficQuery } from './traffic.ts';

const message = (interfaceIndex: number, handle: number, parent: number, kind: string): Uint8Array => {
  const header = encodeTrafficQuery(interfaceIndex, parent);
  viewOf(header).setUint32(8, handle, HOST_IS_LITTLE_ENDIAN);
  return concat([header, encodeAttributes([{ type: 1, value: text(kind) }])]);
};

describe('traffic control', () => {
  it('asks for the filters of one hook, in struct tcmsg', () => {
    const query = encodeTrafficQuery(7, CLSACT_INGRESS);
    expect(query.length).toBe(20);
    expect([viewOf(query).getInt32(4, HOST_IS_LITTLE_ENDIAN), viewOf(query).getUint32(12, HOST_IS_LITTLE_ENDIAN)]).toEqual([7, 0xfffffff2]);
  });

  it('reads what a filter is and where', () => {
    const value = { interfaceIndex: 7, handle: 0x7670, parent: CLSACT_INGRESS, kind: 'bpf' };
    expect(decodeTraffic(message(7, 0x7670, CLSACT_INGRESS, 'bpf'))).toEqual({ ok: true, value });
  });

  it('takes any bytes without throwing, and none that end in the header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(bytes.length < 20 ? decodeTraffic(bytes).ok : false).toBe(false);
        decodeTraffic(bytes);
      }),
    );
  });
});
