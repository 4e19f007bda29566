import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, u16, u32 } from './netlink.ts';
import { decodeProcessEvent, encodeProcessSubscription } from './process-events.ts';

/** An event as the kernel sends it: connector header, event header (kind, processor, time), data. */
function event(kind: number, ...words: readonly number[]): Uint8Array {
  const data = concat([u32(kind), u32(0), u32(0), u32(0), ...words.map(u32)]);
  return concat([u32(1), u32(1), u32(7), u32(0), u16(data.length), u16(0), data]);
}

describe('process events', () => {
  it('are asked for by the connector’s operation 1', () => {
    expect(encodeProcessSubscription()).toEqual(concat([u32(1), u32(1), u32(0), u32(0), u16(4), u16(0), u32(1)]));
  });

  it('tell of processes that fork, run a program, change their name and end', () => {
    expect(decodeProcessEvent(event(1, 10, 10, 11, 11))).toEqual({ ok: true, value: { kind: 'forked', parent: 10, pid: 11 } });
    expect(decodeProcessEvent(event(2, 11, 11))).toEqual({ ok: true, value: { kind: 'executed', pid: 11 } });
    expect(decodeProcessEvent(event(0x200, 11, 11, 0, 0, 0, 0))).toEqual({ ok: true, value: { kind: 'renamed', pid: 11 } });
    expect(decodeProcessEvent(event(0x80000000, 11, 11, 0, 17))).toEqual({ ok: true, value: { kind: 'ended', pid: 11 } });
  });

  it('of threads, and of kinds that nobody asks about, are nothing', () => {
    expect(decodeProcessEvent(event(1, 10, 10, 12, 10))).toEqual({ ok: true, value: undefined });
    expect(decodeProcessEvent(event(0x80000000, 12, 10, 0, 17))).toEqual({ ok: true, value: undefined });
    expect(decodeProcessEvent(event(0x200, 12, 10, 0, 0, 0, 0))).toEqual({ ok: true, value: undefined });
    expect(decodeProcessEvent(event(4, 11, 11, 0, 0))).toEqual({ ok: true, value: undefined });
    expect(decodeProcessEvent(event(0, 0))).toEqual({ ok: true, value: undefined });
  });

  it('answer any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => ['boolean'].includes(typeof decodeProcessEvent(bytes).ok)));
    expect(decodeProcessEvent(event(2, 11))).toEqual({ ok: false, reason: 'truncated' });
    expect(decodeProcessEvent(new Uint8Array(40))).toEqual({ ok: false, reason: 'bad-protocol-type' });
  });
});
