/** Full NAT: where the servers see connections come from, and what does not go with it. */
import { describe, expect, it } from 'vitest';
import { type Bed, type Context, ip, real, tcp, udp } from './harness.ts';

const LOCALS = [ip('10.2.0.201'), ip('10.2.0.202')];
const FULLNAT = { method: 'fullnat' } as const;

/** TCP port 80 with servers 1 to `count` by full NAT. */
function ready(b: Bed, count: number, localAddresses = LOCALS): Bed {
  b.service(tcp(80), { localAddresses });
  for (let octet = 1; octet <= count; octet++) b.plane.addServer(tcp(80), real(octet, 1, FULLNAT));
  return b;
}

const localsOf = (b: Bed): string[] => [...b.plane.connections()].map(({ local }) => `${local?.address} ${local?.port}`).sort();

export function describeFullNat({ bed, canAdvance }: Context): void {
  describe('full NAT', () => {
    it('gives each connection to a server a local endpoint of its own, from addresses that take turns', () => {
      const b = ready(bed(), 1);
      expect(b.newConnections(6)).toBe('1 1 1 1 1 1');
      const locals = localsOf(b);
      expect(new Set(locals).size).toBe(6);
      for (const address of LOCALS) expect(locals.filter((text) => text.startsWith(`${address} `))).toHaveLength(3);
    });

    it('keeps a connection’s local endpoint and server, whatever is added meanwhile', () => {
      const b = ready(bed(), 1);
      b.segment('S', 1);
      const before = localsOf(b);
      b.plane.addServer(tcp(80), real(2, 1, FULLNAT));
      b.plane.editService({ key: tcp(80), scheduler: 'rr', schedulerFlags: [], onePacket: false, localAddresses: LOCALS.slice(1) });
      expect([b.segment('A', 1), b.segment('A', 1)]).toEqual(['1', '1']);
      expect(localsOf(b)).toEqual(before);
    });

    it.each([
      ['S', 'SYN_RECV', [1, 0, 0]],
      ['S A', 'ESTABLISHED', [1, 0, 0]],
      ['S A R', 'CLOSE', [0, 1, 0]],
    ])('has the states of NAT: %s leads to %s', (segments, state, counts) => {
      const b = ready(bed(), 1);
      for (const flags of segments.split(' ')) expect(b.segment(flags, 1)).toBe('1');
      expect(b.state()).toBe(state);
      expect(b.counts(1)).toEqual(counts);
    });

    it('serves UDP', () => {
      const b = bed().service(udp(53), { localAddresses: LOCALS });
      b.plane.addServer(udp(53), real(1, 1, { ...FULLNAT, port: 53 }));
      expect([b.datagram(1), b.datagram(1), b.datagram(2)]).toEqual(['1', '1', '1']);
      expect(new Set(localsOf(b)).size).toBe(2);
    });

    it('drops connections that it has no local address for', () => {
      const b = ready(bed(), 1, []);
      expect(b.segment('S', 1)).toBe('drop');
      expect([...b.plane.connections()]).toEqual([]);
      expect(b.counts(1)).toEqual([0, 0, 0]);
    });

    it.runIf(canAdvance)('has local endpoints again when connections are forgotten', () => {
      const b = ready(bed(), 1);
      b.segment('S', 1);
      b.harness.advance(62);
      expect(localsOf(b)).toEqual([]);
      expect(b.segment('S', 1)).toBe('1');
      expect(localsOf(b)).toHaveLength(1);
    });

    it('takes local addresses of the service’s family only', () => {
      const b = bed();
      for (const text of ['fd00:2::201', '224.0.0.1'])
        b.refused('invalid', () => b.service(tcp(80), { localAddresses: [ip('10.2.0.201'), ip(text)] }));
    });

    it('does not go with one-packet scheduling, which keeps no connections', () => {
      const b = bed().service(udp(53), { onePacket: true, localAddresses: LOCALS });
      const server = real(1, 1, { port: 53 });
      b.refused('unsupported', () => b.plane.addServer(udp(53), { ...server, ...FULLNAT }));
      b.plane.addServer(udp(53), server);
      b.refused('unsupported', () => b.plane.editServer(udp(53), { ...server, ...FULLNAT }));
      const plain = { key: udp(53), scheduler: 'rr', schedulerFlags: [], localAddresses: LOCALS } as const;
      b.plane.editService({ ...plain, onePacket: false });
      b.plane.editServer(udp(53), { ...server, ...FULLNAT });
      b.refused('unsupported', () => b.plane.editService({ ...plain, onePacket: true }));
      expect(b.datagram(1)).toBe('1');
    });
  });
}
