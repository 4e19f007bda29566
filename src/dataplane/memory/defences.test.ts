import { describe, expect, it } from 'vitest';
import { Bed, FOR_ALL, ip, tcp, VIP } from './bed.test-helper.ts';
import type { Packet } from './index.ts';

const UDP = { protocol: 'udp', virtualPort: 53 } as const;
const udp = { kind: 'address', protocol: 'udp', address: VIP, port: 53 } as const;

/** What becomes of so many new connections: `+` forwarded, `-` refused. */
function attempt(bed: Bed, count: number, firstPort: number): string {
  const verdicts = Array.from({ length: count }, (_, at) => bed.send({ clientPort: firstPort + at }));
  return verdicts.map((verdict) => (verdict === 'every-nth' ? '-' : '+')).join('');
}

describe('drop_packet', () => {
  it('3 refuses one of am_droprate new connections, the first among them, and nothing else', () => {
    const bed = new Bed({ dropPacket: 3, dropRate: 3 }).service(tcp(80), ['10.2.0.1']);
    expect(attempt(bed, 9, 1000)).toBe('-++-++-++');
    expect([bed.send({ clientPort: 1001 }, { ack: true }), bed.send({ clientPort: 1000 }, { ack: true })]).toEqual([
      '10.2.0.1:80>80',
      'pass',
    ]);
  });

  it('1 begins while memory is scarce, with one of as many as that makes, and counts anew each second', () => {
    const bed = new Bed({ dropPacket: 1 }).service(tcp(80), ['10.2.0.1']);
    expect(attempt(bed, 4, 1000)).toBe('++++');
    bed.freePages = 768;
    bed.advance(1);
    expect([attempt(bed, 9, 2000), bed.plane.settings().dropPacket]).toEqual(['+++-+++-+', 2]);
    bed.advance(1);
    expect(attempt(bed, 4, 3000)).toBe('+++-');
    bed.freePages = 1024;
    bed.advance(1);
    expect([attempt(bed, 4, 4000), bed.plane.settings().dropPacket]).toEqual(['++++', 1]);
  });
});

describe('secure_tcp', () => {
  it('1 takes the other table while memory is scarce', () => {
    const bed = new Bed({ secureTcp: 1 }).service(tcp(80), ['10.2.0.1'], {}, 'nat');
    bed.freePages = 0;
    bed.advance(1);
    bed.send();
    bed.send({}, { ack: true });
    expect([bed.states(), bed.plane.settings().secureTcp]).toEqual(['SYN_RECV', 2]);
    bed.freePages = 2000;
    bed.advance(1);
    bed.send({}, { ack: true });
    expect([bed.states(), bed.plane.settings().secureTcp]).toEqual(['ESTABLISHED', 1]);
  });
});

describe('drop_entry', () => {
  const CLIENTS = 640;

  /** A bed with connections of one kind each, and how many of them are left after so many seconds. */
  function left(seconds: number, open: (bed: Bed, client: Partial<Packet>) => void, dropEntry: 0 | 3 = 3): number {
    const bed = new Bed().service(tcp(80), ['10.2.0.1']).service(udp, ['10.2.0.2']);
    for (let clientPort = 1000; clientPort < 1000 + CLIENTS; clientPort++) open(bed, { clientPort });
    bed.plane.setSettings({ dropEntry });
    bed.advance(seconds);
    return [...bed.plane.connections()].length;
  }
  const halfOpen = (bed: Bed, client: Partial<Packet>): void => void bed.send(client);
  const established = (bed: Bed, client: Partial<Packet>): void => {
    bed.send(client);
    bed.send(client, { ack: true });
  };

  it('ends about one in 32 of the half-open connections in a second, and none when it is off', () => {
    expect(left(1, halfOpen)).toBeGreaterThan(CLIENTS - 60);
    expect(left(1, halfOpen)).toBeLessThan(CLIENTS);
    expect(left(55, halfOpen)).toBeLessThan(CLIENTS / 3);
    expect(left(55, halfOpen, 0)).toBe(CLIENTS);
  });

  it('spares established connections for a minute; of idle ones with two packets it ends every second that it looks at', () => {
    expect(left(58, established)).toBe(CLIENTS);
    const after = left(59 + 32, established);
    expect(after).toBeGreaterThan(CLIENTS / 2);
    expect(after).toBeLessThan(CLIENTS * 0.8);
  });

  it('spares connections of more than eight packets', () => {
    const busy = (packets: number) => (bed: Bed, client: Partial<Packet>) => {
      for (let packet = 0; packet < packets; packet++) bed.send({ ...client, ...UDP });
    };
    expect([left(200, busy(9)), left(200, busy(1)) < CLIENTS / 20]).toEqual([CLIENTS, true]);
  });

  it('ends templates that no established connection stands for, but those of one-packet scheduling', () => {
    const bed = new Bed().service(tcp(80), ['10.2.0.1'], { persistence: FOR_ALL });
    bed.service(udp, ['10.2.0.2'], { persistence: FOR_ALL, onePacket: true });
    for (let host = 1; host <= 200; host++) {
      bed.send({ client: ip(`10.0.1.${host}`) });
      bed.send({ client: ip(`10.0.2.${host}`), ...UDP });
      established(bed, { client: ip(`10.0.3.${host}`) });
    }
    bed.plane.setSettings({ dropEntry: 3 });
    bed.advance(95);
    const templates = [...bed.plane.connections()].filter(({ clientPort }) => clientPort === 0);
    const [unproven, onePacket, proven] = [1, 2, 3].map(
      (network) => templates.filter(({ client }) => String(client).startsWith(`10.0.${network}.`)).length,
    );
    expect([onePacket, proven]).toEqual([200, 200]);
    expect(unproven).toBeLessThan(100);
  });
});
