/** Any frame at all: the packet path answers with one of three verdicts, and forwards nothing but packets of its virtual addresses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/index.ts';
import { internetChecksum } from '../../src/wire/index.ts';
import { ip, real, tcp, udp, VIP } from '../compliance/harness.ts';
import { fixtureFrames } from './fixture-table.ts';
import { buildFrame, buildPacket, EXTENSION, type FrameFields, PROTOCOL, pseudoChecksum, seeFrame } from './xdp-frames.ts';
import { real6, tcp6, udp6, VIP6 } from './xdp-ipv6-fixtures.ts';
import { macOf, Rig } from './xdp-support.ts';

const ETHERNET_HEADER = 14;
const OTHER_VIP = ip('10.9.9.200');
const OTHER_VIP6 = ip('fd00:9::200');
/** A long run: FRAMES=10000000. */
const FRAMES = Number(process.env.FRAMES ?? 20_000);
const LONGEST_MS = 3_600_000;
const PLAIN = { scheduler: 'rr', schedulerFlags: [], onePacket: false } as const;
const SERVERS = [1, 2, 3];
const FLAGS = ['S', 'A', 'FA', 'R', 'SA', 'PA', ''];

let rig: Rig;
beforeAll(() => {
  rig = new Rig({ connections: 4096 });
  const { plane } = rig;
  plane.addService({ key: tcp(80), ...PLAIN });
  plane.addService({ key: udp(53), ...PLAIN, scheduler: 'wrr' });
  plane.addService({ key: tcp(0, OTHER_VIP), ...PLAIN, persistence: { timeoutSeconds: 60, prefixLength: 24 } });
  plane.addService({ key: tcp6(80), ...PLAIN });
  plane.addService({ key: udp6(53), ...PLAIN, scheduler: 'sh' });
  plane.addService({ key: tcp6(0, OTHER_VIP6), ...PLAIN, persistence: { timeoutSeconds: 60, prefixLength: 64 } });
  for (const octet of SERVERS) {
    plane.addServer(tcp6(80), real6(octet, octet));
    plane.addServer(udp6(53), real6(octet, octet, { port: 53 }));
    plane.addServer(tcp6(0, OTHER_VIP6), real6(octet, 1, { port: 0 }));
    plane.addServer(tcp(80), real(octet, octet));
    plane.addServer(udp(53), real(octet, octet, { port: 53 }));
    plane.addServer(tcp(0, OTHER_VIP), real(octet, 1, { port: 0 }));
  }
});
afterAll(() => rig.close());

const EXTENSIONS = [EXTENSION.hopByHop, EXTENSION.routing, EXTENSION.destination];

/** Addresses and extension headers of a client of either family. */
function between(random: Random): FrameFields {
  const which = random.below(3);
  const [network, host] = [random.below(4), random.below(20)];
  if (random.below(2)) return { source: `10.0.${network}.${host}`, destination: String(which ? VIP : OTHER_VIP) };
  return {
    source: `fd00:0:0:${network}::${host}`,
    destination: String(which ? VIP6 : OTHER_VIP6),
    extensions: Array.from({ length: random.below(8) ? 0 : random.below(8) }, () => EXTENSIONS[random.below(3)] as number),
  };
}

/** A frame of a client that speaks properly, of a moderate number of connections. */
function proper(random: Random): Uint8Array {
  const fields: FrameFields = {
    ...between(random),
    sourcePort: 1024 + random.below(20),
    protocol: random.below(4) ? PROTOCOL.tcp : PROTOCOL.udp,
    destinationPort: [80, 53, 443][random.below(3)],
    flags: FLAGS[random.below(FLAGS.length)],
    ttl: random.below(8) ? 64 : random.below(256),
    identification: random.below(0x10000),
    moreFragments: random.below(16) === 0,
    payload: new Uint8Array(random.below(4) ? random.below(64) : random.below(1500)),
  };
  return buildFrame(fields);
}

const SEEDS = fixtureFrames();

function randomFrame(random: Random): Uint8Array {
  const kind = random.below(10);
  if (kind < 5) return proper(random);
  const frame = kind < 8 ? (SEEDS[random.below(SEEDS.length)] as Uint8Array).slice() : proper(random);
  for (let change = random.below(5); change > 0; change--) frame[random.below(Math.min(frame.length, 70))] = random.below(256);
  if (kind === 9) return frame.subarray(0, ETHERNET_HEADER + random.below(frame.length - ETHERNET_HEADER));
  if (random.below(8)) return frame;
  return Uint8Array.from([...frame, ...Array.from({ length: random.below(40) }, () => random.below(256))]);
}

function headerChecksum(frame: Uint8Array): number {
  const length = ((frame[ETHERNET_HEADER] as number) & 15) * 4;
  return internetChecksum(frame.subarray(ETHERNET_HEADER, ETHERNET_HEADER + length));
}

const virtuals = new Set([VIP, OTHER_VIP, VIP6, OTHER_VIP6].map(String));
const serverMacs = new Set(SERVERS.flatMap((octet) => [macOf(real(octet).address), macOf(real6(octet).address)]));

function isOfIp6(frame: Uint8Array): boolean {
  return frame[12] === 0x86;
}

/** Of an IPv6 frame. */
function addressesOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(ETHERNET_HEADER + 8, ETHERNET_HEADER + 40);
}

/** Throws when the frame that left breaks a rule. */
function checkSent(sent: Uint8Array, left: Uint8Array): 'forwarded' | 'answered' {
  const [before, after] = [seeFrame(sent), seeFrame(left)];
  expect(virtuals).toContain(before.destination);
  if (after.destinationMac === before.sourceMac) {
    expect([after.source, after.destination, after.checksumRight]).toEqual([before.destination, before.source, true]);
    expect(after.protocol).toBe(isOfIp6(left) ? PROTOCOL.icmp6 : PROTOCOL.icmp);
    expect(isOfIp6(left) ? pseudoChecksum(addressesOf(left), PROTOCOL.icmp6, after.body) : internetChecksum(after.body)).toBe(0);
    return 'answered';
  }
  expect(serverMacs).toContain(after.destinationMac);
  expect([after.destination, after.source, after.ttl]).toEqual([before.destination, before.source, before.ttl - 1]);
  expect(left.length).toBe(sent.length);
  // A header that was wrong stays as wrong as it was.
  if (!isOfIp6(left)) expect(headerChecksum(left) === 0).toBe(headerChecksum(sent) === 0);
  return 'forwarded';
}

describe('any frame', () => {
  it(`${FRAMES} proper, changed and cut frames`, { timeout: LONGEST_MS }, () => {
    const random = new Random(20_261_121);
    const seen = { PASS: 0, DROP: 0, forwarded: 0, answered: 0 };
    for (let count = 0; count < FRAMES; count++) {
      const sent = randomFrame(random);
      const { verdict, frame } = rig.run(sent);
      if (verdict === 'TX') seen[checkSent(sent, frame)]++;
      else if (verdict === 'PASS' || verdict === 'DROP') {
        seen[verdict]++;
        if (Buffer.compare(frame, sent) !== 0)
          throw new Error(`frame ${count} was changed and then not sent: ${Buffer.from(sent).toString('hex')}`);
      } else throw new Error(`frame ${count}: ${verdict}: ${Buffer.from(sent).toString('hex')}`);
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });

  it('leaves the counts of every server right', () => {
    const { plane } = rig;
    const entries = [...plane.connections()];
    const count = (address: string, protocol: string, virtual: string, template: boolean): number =>
      entries.filter(
        (entry) =>
          String(entry.server) === address &&
          entry.protocol === protocol &&
          String(entry.virtual) === virtual &&
          // Templates alone are without a state; a client's port may be 0.
          ['NONE', 'ASSURED'].includes(entry.state) === template,
      ).length;
    expect(entries.length).toBeGreaterThan(100);
    for (const { key, servers } of plane.services()) {
      if (key.kind !== 'address') continue;
      for (const { address, activeConnections, inactiveConnections, persistentConnections } of servers) {
        const [name, virtual] = [String(address), String(key.address)];
        expect(activeConnections + inactiveConnections).toBe(count(name, key.protocol, virtual, false));
        expect(persistentConnections).toBe(count(name, key.protocol, virtual, true));
      }
    }
  });

  it('comes down to nothing when all time-outs are up', () => {
    rig.advance(1500);
    expect([...rig.plane.connections()]).toEqual([]);
    for (const { servers } of rig.plane.services()) {
      for (const { activeConnections, inactiveConnections, persistentConnections } of servers) {
        expect([activeConnections, inactiveConnections, persistentConnections]).toEqual([0, 0, 0]);
      }
    }
  });
});

describe('the IP checksum', () => {
  it('is right after the TTL went down, also where the sum wraps', () => {
    const wanted = new Set([0x0000, 0x00ff, 0x0100, 0xfe00, 0xfeff, 0xff00, 0xff01, 0xfffe, 0xffff]);
    const found = new Set<number>();
    for (let identification = 0; identification < 0x10000; identification++) {
      const fields: FrameFields = { identification, flags: 'S', ttl: 200 };
      const checksum = new DataView(buildPacket(fields).buffer).getUint16(10);
      if (!wanted.has(checksum)) continue;
      found.add(checksum);
      const { verdict, frame } = rig.run(buildFrame(fields));
      expect([verdict, seeFrame(frame).ttl, seeFrame(frame).checksumRight]).toEqual(['TX', 199, true]);
    }
    // A header with a non-zero word never has the checksum 0xffff.
    expect([...wanted].filter((checksum) => !found.has(checksum))).toEqual([0xffff]);
  });
});
