/** Counters and rates. */
import { describe, expect, it } from 'vitest';
import { type Context, real, tcp, udp } from './harness.ts';

const NOTHING = { connections: 0n, inPackets: 0n, outPackets: 0n, inBytes: 0n, outBytes: 0n };

export function describeStatistics({ bed, canAdvance }: Context): void {
  describe('statistics', () => {
    it('counts connections, packets and bytes from the IP header on', () => {
      const b = bed().web(2);
      b.segment('S', 1, 1000, 80, 60);
      b.segment('A', 1, 1000, 80, 52);
      b.segment('A', 1, 1000, 80, 1500);
      b.segment('S', 2, 1000, 80, 60);
      expect(b.server(2).counters).toEqual({ ...NOTHING, connections: 1n, inPackets: 3n, inBytes: 1612n });
      expect(b.server(1).counters).toEqual({ ...NOTHING, connections: 1n, inPackets: 1n, inBytes: 60n });
      expect(b.plane.services()[0]?.counters).toEqual({ ...NOTHING, connections: 2n, inPackets: 4n, inBytes: 1672n });
    });

    it('does not count what was refused or dropped', () => {
      const b = bed().web(1);
      b.segment('S', 1);
      b.plane.deleteServer(tcp(80), real(1));
      b.segment('A', 1);
      b.segment('S', 2);
      expect(b.plane.services()[0]?.counters).toMatchObject({ connections: 1n, inPackets: 1n });
    });

    it('keeps the counters of a service when its servers go, and of a server over an edit', () => {
      const b = bed().web(1);
      b.segment('S', 1);
      b.plane.editServer(tcp(80), real(1, 5));
      expect(b.server(1).counters.connections).toBe(1n);
      b.plane.deleteServer(tcp(80), real(1));
      expect(b.plane.services()[0]?.counters.connections).toBe(1n);
    });

    it('zeroes one service or all, and keeps the connections', () => {
      const b = bed().web(1).service(udp(53));
      b.plane.addServer(udp(53), real(1, 1, { port: 53 }));
      b.segment('S', 1);
      b.datagram(1);
      b.plane.zero(tcp(80));
      expect([b.server(1).counters, b.server(1, udp(53)).counters.connections]).toEqual([NOTHING, 1n]);
      expect(b.counts(1)).toEqual([1, 0, 0]);
      b.segment('A', 1);
      expect(b.server(1).counters.inPackets).toBe(1n);
      b.plane.zero();
      expect(b.plane.services().map((service) => service.counters)).toEqual([NOTHING, NOTHING]);
      expect(b.server(1, udp(53)).counters).toEqual(NOTHING);
    });

    it.runIf(canAdvance)('rates rise to a steady load and fall to nothing after it', () => {
      const b = bed().web(1);
      b.segment('S', 1);
      for (let second = 0; second < 60; second++) {
        for (let packet = 0; packet < 10; packet++) b.segment('A', 1, 40_000, 80, 100);
        b.harness.advance(1);
      }
      expect(b.server(1).rates).toMatchObject({ connections: 0, inPackets: 10, inBytes: 1000, outPackets: 0, outBytes: 0 });
      expect(b.plane.services()[0]?.rates.inPackets).toBe(10);
      b.harness.advance(120);
      expect(b.server(1).rates).toMatchObject({ connections: 0, inPackets: 0, inBytes: 0 });
    });
  });
}
